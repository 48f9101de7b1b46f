/*-------------------------------------------------------------------------
 *
 * timeline_build.c
 *	  Make timelines: from events, and from other timelines.
 *
 * Joining timelines copies the blocks that stand alone in time and encodes
 * anew only those that overlap, so that joining the parts of a user costs a
 * memcpy in the usual case.  What is to be stored is encoded as a whole instead
 * (fold.c), as many small blocks would waste space.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#define ST_SORT sort_events
#define ST_ELEMENT_TYPE TimelineEvent
#define ST_COMPARE(a, b) timeline_event_cmp(a, b)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#define ST_DECLARE
#include "lib/sort_template.h"

#define ST_SORT sort_blocks
#define ST_ELEMENT_TYPE TimelineBlock
#define ST_COMPARE(a, b) \
	((a)->first_at != (b)->first_at ? ((a)->first_at < (b)->first_at ? -1 : 1) : \
	 (a)->last_at != (b)->last_at ? ((a)->last_at < (b)->last_at ? -1 : 1) : 0)
#define ST_SCOPE static
#define ST_DEFINE
#define ST_DECLARE
#include "lib/sort_template.h"

/*
 * Sort events into timeline order.  They mostly are, but for some that are
 * late: those are taken out, sorted, and merged into the others.
 */
void
timeline_sort_events(TimelineEvent *events, int64 nevents)
{
	int64		nlate = 0;
	int64		kept = 0;
	int64		last = 0;
	TimelineEvent *late;

	for (int64 i = 1; i < nevents; i++)
	{
		if (timeline_event_cmp(&events[last], &events[i]) <= 0)
			last = i;
		else
			nlate++;
	}
	if (nlate == 0)
		return;

	late = MemoryContextAllocHuge(CurrentMemoryContext, nlate * sizeof(TimelineEvent));
	nlate = 0;
	for (int64 i = 0; i < nevents; i++)
	{
		if (kept == 0 || timeline_event_cmp(&events[kept - 1], &events[i]) <= 0)
			events[kept++] = events[i];
		else
			late[nlate++] = events[i];
	}
	sort_events(late, nlate);
	for (int64 i = nevents; nlate > 0;)
	{
		if (kept > 0 && timeline_event_cmp(&events[kept - 1], &late[nlate - 1]) > 0)
			events[--i] = events[--kept];
		else
			events[--i] = late[--nlate];
	}
	pfree(late);
}

/* Make room for more bytes */
static void
writer_reserve(TimelineWriter *writer, size_t more)
{
	size_t		needed = writer->size + more;

	if (needed > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("timeline is too large"),
				 errdetail("A timeline takes at most one gigabyte.")));
	if (needed <= writer->capacity)
		return;
	writer->capacity = Min(Max(needed, 2 * writer->capacity), MaxAllocSize);
	writer->data = repalloc(writer->data, writer->capacity);
}

static void
writer_begin(TimelineWriter *writer, size_t expected)
{
	writer->capacity = Min(VARHDRSZ + 1 + expected, MaxAllocSize);
	writer->data = palloc(writer->capacity);
	writer->data[VARHDRSZ] = TIMELINE_VERSION;
	writer->size = VARHDRSZ + 1;
}

/* Encode events into as few blocks as hold them, of about equal size */
static void
writer_add_events(TimelineWriter *writer, const TimelineEvent *events, int64 nevents)
{
	int64		nblocks = (nevents + TIMELINE_BLOCK_EVENTS - 1) / TIMELINE_BLOCK_EVENTS;
	int64		done = 0;

	for (int64 i = 0; i < nblocks; i++)
	{
		int			n = (int) (nevents * (i + 1) / nblocks - done);

		CHECK_FOR_INTERRUPTS();
		writer_reserve(writer, TIMELINE_BLOCK_BYTES(n));
		writer->size += timeline_encode_block(events + done, n,
											  writer->data + writer->size);
		done += n;
	}
}

static Timeline *
writer_end(TimelineWriter *writer)
{
	SET_VARSIZE(writer->data, writer->size);
	return (Timeline *) writer->data;
}

/* Encode events, which are in timeline order */
Timeline *
timeline_from_events(const TimelineEvent *events, int64 nevents)
{
	TimelineWriter writer;

	/* Small timelines are frequent: reserve what they need at once */
	writer_begin(&writer, TIMELINE_BLOCK_BYTES(Min(nevents, 64)));
	writer_add_events(&writer, events, nevents);
	return writer_end(&writer);
}

/* Decode blocks to an array of events in timeline order, with room for more */
static TimelineEvent *
blocks_to_events(const TimelineBlock *blocks, int64 nblocks, int64 room, int64 *nevents)
{
	TimelineEvent *events;
	int64		total = room;
	int64		n = 0;

	for (int64 i = 0; i < nblocks; i++)
		total += blocks[i].nevents;
	events = MemoryContextAllocHuge(CurrentMemoryContext,
									Max(total, 1) * sizeof(TimelineEvent));
	for (int64 i = 0; i < nblocks; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!timeline_block_events(&blocks[i], events + n))
			timeline_report_damage();
		n += blocks[i].nevents;
	}
	timeline_sort_events(events, n);
	*nevents = n;
	return events;
}

/* Find all blocks of some timelines */
static TimelineBlock *
collect_blocks(Timeline *const *timelines, int ntimelines, int64 *nblocks)
{
	int64		capacity = 2 * (int64) ntimelines;
	int64		n = 0;
	TimelineBlock *blocks = palloc(Max(capacity, 1) * sizeof(TimelineBlock));

	for (int i = 0; i < ntimelines; i++)
	{
		TimelineCursor cursor;
		TimelineBlock block;

		timeline_begin(&cursor, timelines[i]);
		while (timeline_read(&cursor, &block))
		{
			if (n == capacity)
			{
				capacity *= 2;
				blocks = repalloc_huge(blocks, capacity * sizeof(TimelineBlock));
			}
			blocks[n++] = block;
		}
	}
	*nblocks = n;
	return blocks;
}

/* All events of some timelines, in timeline order, in an array with room for more */
TimelineEvent *
timeline_to_events(Timeline *const *timelines, int ntimelines, int64 room, int64 *nevents)
{
	int64		nblocks;
	TimelineBlock *blocks = collect_blocks(timelines, ntimelines, &nblocks);

	return blocks_to_events(blocks, nblocks, room, nevents);
}

/* Add a copy of a timeline */
void
timeline_list_add(TimelineList *list, MemoryContext context, const Timeline *timeline)
{
	Timeline   *copy;

	if (list->n == list->capacity)
	{
		list->capacity = Max(2, 2 * list->capacity);
		if (list->timelines == NULL)
			list->timelines = MemoryContextAlloc(context, list->capacity * sizeof(Timeline *));
		else
			list->timelines = repalloc(list->timelines, list->capacity * sizeof(Timeline *));
	}
	copy = MemoryContextAlloc(context, VARSIZE_ANY(timeline));
	memcpy(copy, timeline, VARSIZE_ANY(timeline));
	list->timelines[list->n++] = copy;
}

/*
 * Join timelines into one.  Blocks that overlap no other are copied as they
 * are; each run of blocks that overlap is encoded anew.
 */
Timeline *
timeline_union(Timeline *const *timelines, int ntimelines)
{
	TimelineWriter writer;
	TimelineBlock *blocks;
	int64		nblocks;
	size_t		expected = 0;

	for (int i = 0; i < ntimelines; i++)
		expected += VARSIZE_ANY_EXHDR(timelines[i]);
	blocks = collect_blocks(timelines, ntimelines, &nblocks);
	sort_blocks(blocks, nblocks);

	writer_begin(&writer, expected);
	for (int64 i = 0; i < nblocks;)
	{
		int64		last_at = blocks[i].last_at;
		int64		end = i + 1;

		/* Equal times count as an overlap, as the event ids decide there */
		while (end < nblocks && blocks[end].first_at <= last_at)
		{
			last_at = Max(last_at, blocks[end].last_at);
			end++;
		}
		if (end == i + 1)
		{
			size_t		size = blocks[i].end - blocks[i].start;

			writer_reserve(&writer, size);
			memcpy(writer.data + writer.size, blocks[i].start, size);
			writer.size += size;
		}
		else
		{
			int64		nevents;
			TimelineEvent *events = blocks_to_events(blocks + i, end - i, 0, &nevents);

			writer_add_events(&writer, events, nevents);
			pfree(events);
		}
		i = end;
	}
	pfree(blocks);
	return writer_end(&writer);
}

/*
 * Join timelines that come one after the other, mostly in the order of time:
 * the blocks of those that do are appended as they are.  Others are kept, and
 * joined in the end.  One that ends before some time is passed over.
 */
void
timeline_join_add(TimelineJoin *join, const Timeline *timeline, int64 since)
{
	size_t		size = VARSIZE_ANY_EXHDR(timeline);
	TimelineCursor cursor;
	TimelineBlock block;
	int64		first_at = PG_INT64_MAX;
	int64		last_at = PG_INT64_MIN;

	timeline_begin(&cursor, timeline);
	while (timeline_read(&cursor, &block))
	{
		first_at = Min(first_at, block.first_at);
		last_at = block.last_at;
	}
	if (last_at < since)
		return;
	if (join->writer.data == NULL)
	{
		writer_begin(&join->writer, 2 * size);
		join->last_at = PG_INT64_MIN;
	}
	if (first_at > join->last_at)
	{
		writer_reserve(&join->writer, size - 1);
		memcpy(join->writer.data + join->writer.size, VARDATA_ANY(timeline) + 1, size - 1);
		join->writer.size += size - 1;
		join->last_at = Max(join->last_at, last_at);
		return;
	}
	timeline_list_add(&join->others, CurrentMemoryContext, timeline);
}

/* What was joined; NULL where nothing was added */
Timeline *
timeline_join_end(TimelineJoin *join)
{
	int			nothers = join->others.n;
	Timeline   *joined;
	Timeline  **all;

	if (join->writer.data == NULL)
		return NULL;
	joined = writer_end(&join->writer);
	if (nothers == 0)
		return joined;
	all = repalloc(join->others.timelines, (nothers + 1) * sizeof(Timeline *));
	all[nothers] = joined;
	joined = timeline_union(all, nothers + 1);
	for (int i = 0; i <= nothers; i++)
		pfree(all[i]);
	pfree(all);
	return joined;
}
