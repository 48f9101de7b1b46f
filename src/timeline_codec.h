/*-------------------------------------------------------------------------
 *
 * timeline_codec.h
 *	  The byte format of a timeline.
 *
 * A timeline is a version byte followed by blocks.  A block holds up to
 * TIMELINE_BLOCK_EVENTS events in the order (time, event id), column by
 * column, so that a reader decodes only the columns that it needs; its header
 * gives the first and the last time, so that a reader skips what lies outside
 * its period.  Blocks follow each other in time and do not overlap.
 *
 *	block :=
 *		uint16	size of the rest of the block, in bytes
 *		uint16	(number of events - 1) | time unit << 14
 *		int64	time of the first event, in microseconds since 2000-01-01 UTC
 *		varint	(last time - first time) / unit
 *		uint16	size of the time column
 *		varint	number of pauses, bytes of them
 *		varint	number of event types, bytes of their dictionary
 *		varint	number of pages, bytes of their dictionary
 *		pauses	three octet coded columns: their lengths; how many events
 *				the run before each has; how long that run is
 *		times	the n - 1 differences of successive times, octet coded, with
 *				0 for a pause
 *		types	dictionary: ascending ids, as varint differences, then how many
 *				events have each, as varints, but for the last one; then one
 *				index an event, packed at the fewest bits that hold it
 *		pages	likewise, without the numbers; page 0 stands for "no page"
 *		ids		int64 first event id, then n - 1 zigzag differences, octet coded
 *
 * A pause is a difference of more than TIMELINE_PAUSE, a run is what lies
 * between two pauses.  Sessions consist of runs, for any timeout that is not
 * shorter than a pause.  So they are found without a look at single events: of
 * twenty events, one or two follow a pause.
 *
 * Octet coding: a 3-bit length code a value (0, 1, 2, 3, 4, 5, 6 or 8 bytes),
 * all codes first, then the bytes.  Lengths do not depend on the data bytes,
 * so decoding is free of branches and of long dependency chains.  Everything
 * is little-endian.  The encoding of a block is canonical: the same events
 * give the same bytes.
 *
 * This file and timeline_codec.c are plain C without anything of PostgreSQL,
 * so that they can be fuzzed by themselves.  Every reader stays within the
 * bytes that it was given, whatever they hold.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef TIMELINE_CODEC_H
#define TIMELINE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMELINE_VERSION		1
#define TIMELINE_BLOCK_EVENTS	1024

/* Most bytes that a block of n events can take */
#define TIMELINE_BLOCK_BYTES(n) (64 + (size_t) 43 * (n))

/* Longest difference of successive times, in microseconds, that is no pause */
#define TIMELINE_PAUSE			INT64_C(300000000)

/* The times that a timestamptz can have, in microseconds since 2000-01-01 */
#define TIMELINE_MIN_TIME		(-INT64_C(211813488000000000))
#define TIMELINE_END_TIME		INT64_C(9223371331200000000)

typedef struct TimelineEvent
{
	int64_t		at;				/* microseconds since 2000-01-01 UTC */
	int64_t		id;
	int32_t		type;			/* >= 0 */
	int32_t		page;			/* > 0, or 0: no page */
} TimelineEvent;

/* Where the columns of one block lie */
typedef struct TimelineBlock
{
	const uint8_t *start;		/* the block, with its header */
	const uint8_t *end;
	int			nevents;
	int64_t		unit;			/* microseconds a time unit */
	int64_t		first_at;
	int64_t		last_at;
	uint64_t	span;			/* between them, in time units */
	int			npauses;
	const uint8_t *pauses;
	const uint8_t *times;
	const uint8_t *times_end;
	int			ntypes;
	const uint8_t *type_dict;
	const uint8_t *types;
	int			npages;
	const uint8_t *page_dict;
	const uint8_t *pages;
	const uint8_t *ids;
} TimelineBlock;

/* Events of a block between which there is no pause */
typedef struct TimelineRun
{
	int			first;			/* its first event */
	int64_t		first_at;
	int64_t		last_at;
} TimelineRun;

/* A position between two blocks */
typedef struct TimelineCursor
{
	const uint8_t *next;
	const uint8_t *end;
} TimelineCursor;

typedef enum TimelineResult
{
	TIMELINE_OK,
	TIMELINE_END,				/* no more blocks */
	TIMELINE_BAD				/* malformed */
} TimelineResult;

/* Order of events within a timeline */
static inline int
timeline_event_cmp(const TimelineEvent *a, const TimelineEvent *b)
{
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return 0;
}

extern bool timeline_cursor_init(TimelineCursor *cursor, const uint8_t *bytes, size_t size);
extern TimelineResult timeline_next_block(TimelineCursor *cursor, TimelineBlock *block);

/* Each fills out[0 .. nevents - 1] and returns false where the bytes are malformed */
extern bool timeline_block_times(const TimelineBlock *block, int64_t *out);
extern int	timeline_block_runs(const TimelineBlock *block, TimelineRun *out);
extern bool timeline_block_gaps(const TimelineBlock *block, uint64_t timeout,
								int64_t *ngaps, uint64_t *active);
extern bool timeline_block_ids(const TimelineBlock *block, int64_t *out);
extern bool timeline_block_types(const TimelineBlock *block, uint16_t *out);
extern bool timeline_block_pages(const TimelineBlock *block, uint16_t *out);

/* The ids that the indexes of the two calls above stand for */
extern bool timeline_block_type_dict(const TimelineBlock *block, int32_t *out);
extern bool timeline_block_type_counts(const TimelineBlock *block, int32_t *dict,
									   uint32_t *counts);
extern bool timeline_block_page_dict(const TimelineBlock *block, int32_t *out);

extern bool timeline_block_events(const TimelineBlock *block, TimelineEvent *out);

extern size_t timeline_encode_block(const TimelineEvent *events, int nevents, uint8_t *out);
extern const char *timeline_validate(const uint8_t *bytes, size_t size);

#endif							/* TIMELINE_CODEC_H */
