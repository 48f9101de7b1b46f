/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *	  What the harnesses share: checks, and events from bytes.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "../../src/timeline_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* A copy without a byte to spare */
static inline uint8_t *
exact_copy(const uint8_t *bytes, size_t size)
{
	uint8_t    *copy = malloc(size > 0 ? size : 1);

	CHECK(copy != NULL);
	if (size > 0)
		memcpy(copy, bytes, size);
	return copy;
}

typedef struct Recipe
{
	const uint8_t *next;
	const uint8_t *end;
} Recipe;

static inline uint8_t
take(Recipe *recipe)
{
	return recipe->next < recipe->end ? *recipe->next++ : 0;
}

/* A number of up to n bytes */
static inline uint64_t
take_number(Recipe *recipe, int n)
{
	uint64_t	v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | take(recipe);
	return v;
}

static inline int
compare_events(const void *a, const void *b)
{
	return timeline_event_cmp(a, b);
}

/*
 * A first byte: how coarse the times are, whether to repeat the recipe from its
 * start when it ends, whether there are many events.  Then their number, and
 * for each event a byte of widths and the numbers themselves.
 */
static inline int
make_events(const uint8_t *data, size_t size, TimelineEvent *events)
{
	Recipe		recipe = {data, data + size};
	uint8_t		head = take(&recipe);
	const uint8_t *start = recipe.next;
	int64_t		unit = (int64_t[]) {1, 1000, 1000000, 1}[head & 3];
	int			nevents = 1 + (int) take_number(&recipe, 2) %
	((head & 8) != 0 ? TIMELINE_BLOCK_EVENTS : 24);
	const uint64_t range = (uint64_t) TIMELINE_END_TIME - (uint64_t) TIMELINE_MIN_TIME;
	uint64_t	at = take_number(&recipe, 8) % range;
	uint64_t	id = take_number(&recipe, 8);

	for (int i = 0; i < nevents; i++)
	{
		uint8_t		widths;

		if (recipe.next == recipe.end && (head & 4) != 0)
			recipe.next = start;
		widths = take(&recipe);
		at += take_number(&recipe, widths & 7) * (uint64_t) unit;
		id += take_number(&recipe, widths >> 3 & 7) * ((widths & 0x80) != 0 ? UINT64_MAX : 1);
		at %= range;
		events[i].at = (int64_t) ((uint64_t) TIMELINE_MIN_TIME + at);
		events[i].id = (int64_t) id;
		events[i].type = (int32_t) (take_number(&recipe, (widths & 0x40) != 0 ? 4 : 1) & INT32_MAX);
		events[i].page = (int32_t) (take_number(&recipe, (widths & 0x20) != 0 ? 4 : 1) & INT32_MAX);
	}
	qsort(events, (size_t) nevents, sizeof(*events), compare_events);
	return nevents;
}

#endif							/* FUZZ_H */
