/*-------------------------------------------------------------------------
 *
 * timeline.c
 *	  libFuzzer harness of the timeline codec.
 *
 * Each input is used twice:
 *	1. as the bytes of a timeline.  Reading them unvalidated must stay within
 *	   them, whatever they hold (they are copied to a malloc of their exact
 *	   size, so that AddressSanitizer sees the first byte too far); if they are
 *	   valid, decoding and encoding again must give the same bytes.
 *	2. as a recipe for events.  Encoding them must give a valid timeline of
 *	   which decoding gives the same events, and every truncation and one
 *	   damage of it must be told from it, or be read without harm.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

/* What the fuzzer's compiler must not optimize away */
static volatile uint64_t sink;

/* Runs and gaps: within the block and in order, whatever the bytes hold */
static void
check_runs(const TimelineBlock *block)
{
	static const uint64_t timeouts[] = {0, 1000000, TIMELINE_PAUSE - 1, TIMELINE_PAUSE,
	2 * TIMELINE_PAUSE, UINT64_C(1) << 60};
	static TimelineRun runs[TIMELINE_BLOCK_EVENTS];
	int			nruns = timeline_block_runs(block, runs);

	CHECK(nruns >= 0 && nruns <= block->nevents);
	for (int i = 0; i < nruns; i++)
	{
		CHECK(runs[i].first == 0 ? i == 0 : runs[i].first > runs[i - 1].first);
		CHECK(runs[i].first < block->nevents);
		CHECK(i == 0 ? runs[i].first_at == block->first_at :
			  runs[i].first_at >= runs[i - 1].last_at);
		CHECK(runs[i].first_at <= runs[i].last_at && runs[i].last_at <= block->last_at);
	}
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++)
	{
		int64_t		gaps;
		uint64_t	active;

		if (timeline_block_gaps(block, timeouts[i], &gaps, &active))
		{
			CHECK(gaps >= 0 && gaps < 2 * block->nevents);
			CHECK(active <= (uint64_t) block->last_at - (uint64_t) block->first_at);
		}
	}
}

/* Runs and gaps of a valid block: those that its events have */
static void
check_runs_of_events(const TimelineBlock *block, const TimelineEvent *events)
{
	static const uint64_t timeouts[] = {0, 999999, 60000000, TIMELINE_PAUSE - 1, TIMELINE_PAUSE,
	UINT64_C(1800000000), UINT64_C(1) << 55};
	static TimelineRun runs[TIMELINE_BLOCK_EVENTS];
	int			nruns = timeline_block_runs(block, runs);
	int			n = 0;

	for (int i = 0; i < block->nevents; i++)
	{
		if (i == 0 || (uint64_t) events[i].at - (uint64_t) events[i - 1].at > TIMELINE_PAUSE)
		{
			CHECK(n < nruns && runs[n].first == i && runs[n].first_at == events[i].at);
			CHECK(i == 0 || runs[n - 1].last_at == events[i - 1].at);
			n++;
		}
	}
	CHECK(n == nruns && runs[n - 1].last_at == block->last_at);
	for (size_t k = 0; k < sizeof(timeouts) / sizeof(timeouts[0]); k++)
	{
		int64_t		gaps = 0;
		uint64_t	active = 0;
		int64_t		found_gaps;
		uint64_t	found_active;

		for (int i = 1; i < block->nevents; i++)
		{
			uint64_t	gap = (uint64_t) events[i].at - (uint64_t) events[i - 1].at;

			gaps += gap > timeouts[k];
			active += gap > timeouts[k] ? 0 : gap;
		}
		CHECK(timeline_block_gaps(block, timeouts[k], &found_gaps, &found_active));
		CHECK(found_gaps == gaps && found_active == active);
	}
}

/*
 * Read every column of every block, in the way that SQL functions do: a
 * dictionary entry for each index of an event, where both were accepted.
 */
static void
read_all(const uint8_t *bytes, size_t size)
{
	static int64_t times[TIMELINE_BLOCK_EVENTS];
	static int64_t ids[TIMELINE_BLOCK_EVENTS];
	static uint16_t indexes[TIMELINE_BLOCK_EVENTS];
	static int32_t dict[TIMELINE_BLOCK_EVENTS];
	static uint32_t counts[TIMELINE_BLOCK_EVENTS];
	static TimelineEvent events[TIMELINE_BLOCK_EVENTS];
	TimelineCursor cursor;
	TimelineBlock block;

	if (!timeline_cursor_init(&cursor, bytes, size))
		return;
	while (timeline_next_block(&cursor, &block) == TIMELINE_OK)
	{
		CHECK(block.nevents >= 1 && block.nevents <= TIMELINE_BLOCK_EVENTS);
		CHECK(block.first_at >= TIMELINE_MIN_TIME && block.last_at < TIMELINE_END_TIME);
		CHECK(block.first_at <= block.last_at);
		if (timeline_block_times(&block, times))
			for (int i = 0; i < block.nevents; i++)
				sink += (uint64_t) times[i];
		check_runs(&block);
		if (timeline_block_ids(&block, ids))
			for (int i = 0; i < block.nevents; i++)
				sink += (uint64_t) ids[i];
		if (timeline_block_types(&block, indexes) && timeline_block_type_dict(&block, dict))
			for (int i = 0; i < block.nevents; i++)
			{
				CHECK(indexes[i] < block.ntypes);
				sink += (uint64_t) dict[indexes[i]];
			}
		if (timeline_block_type_counts(&block, dict, counts))
		{
			uint64_t	total = 0;

			for (int i = 0; i < block.ntypes; i++)
				total += counts[i];
			CHECK(total == (uint64_t) block.nevents);
		}
		if (timeline_block_pages(&block, indexes) && timeline_block_page_dict(&block, dict))
			for (int i = 0; i < block.nevents; i++)
			{
				CHECK(indexes[i] < block.npages);
				sink += (uint64_t) dict[indexes[i]];
			}
		if (timeline_block_events(&block, events))
			sink += (uint64_t) events[block.nevents - 1].at;
	}
}

/* Valid bytes: events in order, and the same bytes when they are encoded again */
static void
check_valid(const uint8_t *bytes, size_t size)
{
	static TimelineEvent events[TIMELINE_BLOCK_EVENTS];
	static uint8_t encoded[TIMELINE_BLOCK_BYTES(TIMELINE_BLOCK_EVENTS)];
	static uint16_t indexes[TIMELINE_BLOCK_EVENTS];
	static int32_t dict[TIMELINE_BLOCK_EVENTS];
	static uint32_t counts[TIMELINE_BLOCK_EVENTS];
	TimelineCursor cursor;
	TimelineBlock block;
	TimelineResult result;
	TimelineEvent last = {INT64_MIN, INT64_MIN, 0, 0};
	size_t		at = 1;

	CHECK(timeline_cursor_init(&cursor, bytes, size));
	while ((result = timeline_next_block(&cursor, &block)) == TIMELINE_OK)
	{
		size_t		length;

		CHECK(timeline_block_events(&block, events));
		CHECK(events[0].at == block.first_at);
		CHECK(events[block.nevents - 1].at == block.last_at);
		check_runs_of_events(&block, events);
		CHECK(timeline_block_type_counts(&block, dict, counts));
		CHECK(timeline_block_types(&block, indexes));
		for (int i = 0; i < block.nevents; i++)
		{
			CHECK(dict[indexes[i]] == events[i].type);
			counts[indexes[i]]--;
		}
		for (int k = 0; k < block.ntypes; k++)
			CHECK(counts[k] == 0);
		for (int i = 0; i < block.nevents; i++)
		{
			CHECK(timeline_event_cmp(&last, &events[i]) <= 0);
			CHECK(events[i].type >= 0 && events[i].page >= 0);
			last = events[i];
		}
		length = timeline_encode_block(events, block.nevents, encoded);
		CHECK(length <= TIMELINE_BLOCK_BYTES((size_t) block.nevents));
		CHECK(length <= size - at && memcmp(encoded, bytes + at, length) == 0);
		at += length;
	}
	CHECK(result == TIMELINE_END);
	CHECK(at == size);
}

/* Encode, validate, decode */
static void
check_events(const uint8_t *data, size_t size)
{
	static TimelineEvent events[TIMELINE_BLOCK_EVENTS];
	static TimelineEvent decoded[TIMELINE_BLOCK_EVENTS];
	int			nevents = make_events(data, size, events);
	uint8_t    *out = malloc(1 + TIMELINE_BLOCK_BYTES((size_t) nevents));
	uint8_t    *bytes;
	size_t		length;
	TimelineCursor cursor;
	TimelineBlock block;

	CHECK(out != NULL);
	out[0] = TIMELINE_VERSION;
	length = 1 + timeline_encode_block(events, nevents, out + 1);
	CHECK(length <= 1 + TIMELINE_BLOCK_BYTES((size_t) nevents));
	bytes = exact_copy(out, length);
	free(out);

	CHECK(timeline_validate(bytes, length) == NULL);
	CHECK(timeline_cursor_init(&cursor, bytes, length));
	CHECK(timeline_next_block(&cursor, &block) == TIMELINE_OK);
	CHECK(block.nevents == nevents);
	CHECK(timeline_block_events(&block, decoded));
	for (int i = 0; i < nevents; i++)
		CHECK(decoded[i].at == events[i].at && decoded[i].id == events[i].id &&
			  decoded[i].type == events[i].type && decoded[i].page == events[i].page);
	check_runs_of_events(&block, events);
	CHECK(timeline_next_block(&cursor, &block) == TIMELINE_END);

	/* Cut it somewhere: between version and end nothing is a whole timeline */
	if (size > 0)
	{
		size_t		cut = 2 + data[size - 1] % (length - 2);
		uint8_t    *part = exact_copy(bytes, cut);

		CHECK(timeline_validate(part, cut) != NULL);
		read_all(part, cut);
		free(part);

		/* Change one byte: it is another valid timeline, or none */
		bytes[data[size / 2] % length] ^= (uint8_t) (1 << (data[0] & 7));
		if (timeline_validate(bytes, length) == NULL)
			check_valid(bytes, length);
		read_all(bytes, length);
	}
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t    *bytes = exact_copy(data, size);

	read_all(bytes, size);
	if (timeline_validate(bytes, size) == NULL)
		check_valid(bytes, size);
	free(bytes);
	check_events(data, size);
	return 0;
}
