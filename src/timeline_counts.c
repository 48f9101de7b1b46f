/*-------------------------------------------------------------------------
 *
 * timeline_counts.c
 *	  How often each event type or page occurred in a period: in one timeline,
 *	  and in many together.
 *
 * Both share one state, a hash table by id.  Within a block an id is a small
 * index into the block's dictionary, so that events are counted there first
 * and the table is asked once for each id of a block.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "utils/memutils.h"

/* How often an id occurred; visits are the page views among the events */
typedef struct IdCount
{
	int32		id;
	int64		events;
	int64		visits;
	int64		last_at;
} IdCount;

/*
 * The counts in the order in which their ids were met, and an open-addressing
 * hash table whose slots hold 1 + the position of a count.
 */
typedef struct IdCounts
{
	MemoryContext context;
	Period		period;
	bool		pages;			/* are pages counted, or event types? */
	uint32		ncounts;
	uint32		capacity;		/* a power of two; there are twice as many
								 * slots */
	IdCount    *counts;
	uint32	   *slots;
} IdCounts;

#define FIRST_CAPACITY	64
#define MOST_CAPACITY	(UINT32_C(1) << 30)

/* The counts of one block, by the indexes of its dictionary */
typedef struct BlockCounts
{
	BlockColumns columns;
	uint8		is_view[TIMELINE_BLOCK_EVENTS]; /* by event type */
	uint32		events[TIMELINE_BLOCK_EVENTS];
	uint32		visits[TIMELINE_BLOCK_EVENTS];
	uint16		last[TIMELINE_BLOCK_EVENTS];	/* position of the last event */
} BlockCounts;

/* Make room for more ids */
static void
id_counts_grow(IdCounts *state)
{
	uint32		capacity = Max(FIRST_CAPACITY, 2 * state->capacity);
	uint32		mask = 2 * capacity - 1;

	if (state->capacity == MOST_CAPACITY)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many different events or pages to count")));
	if (state->counts == NULL)
		state->counts = MemoryContextAlloc(state->context, capacity * sizeof(IdCount));
	else
	{
		state->counts = repalloc_huge(state->counts, (Size) capacity * sizeof(IdCount));
		pfree(state->slots);
	}
	state->slots = MemoryContextAllocExtended(state->context,
											  ((Size) mask + 1) * sizeof(uint32),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	state->capacity = capacity;
	for (uint32 i = 0; i < state->ncounts; i++)
	{
		uint32		slot = murmurhash32(state->counts[i].id) & mask;

		while (state->slots[slot] != 0)
			slot = (slot + 1) & mask;
		state->slots[slot] = i + 1;
	}
}

/* Find or make the count of an id; valid until the next one is looked for */
static IdCount *
id_counts_find(IdCounts *state, int32 id)
{
	uint32		mask = 2 * state->capacity - 1;
	uint32		slot;
	IdCount    *count;

	if (state->ncounts == state->capacity)
	{
		id_counts_grow(state);
		mask = 2 * state->capacity - 1;
	}
	slot = murmurhash32(id) & mask;
	while (state->slots[slot] != 0)
	{
		count = &state->counts[state->slots[slot] - 1];
		if (count->id == id)
			return count;
		slot = (slot + 1) & mask;
	}
	count = &state->counts[state->ncounts++];
	state->slots[slot] = state->ncounts;
	count->id = id;
	count->events = 0;
	count->visits = 0;
	count->last_at = PG_INT64_MIN;
	return count;
}

static void
id_counts_init(IdCounts *state, MemoryContext context, Period period, bool pages)
{
	memset(state, 0, sizeof(*state));
	state->context = context;
	state->period = period;
	state->pages = pages;
}

/* Forget all counts, and the memory that only an exceptional timeline needs */
static void
id_counts_reset(IdCounts *state, Period period)
{
	if (state->capacity > 16 * FIRST_CAPACITY)
	{
		pfree(state->counts);
		pfree(state->slots);
		id_counts_init(state, state->context, period, state->pages);
		return;
	}
	if (state->ncounts > 0)
		memset(state->slots, 0, (size_t) 2 * state->capacity * sizeof(uint32));
	state->ncounts = 0;
	state->period = period;
}

/* Find where among the events [from, to) of a block each id comes last */
static void
id_counts_index(const IdCounts *state, BlockCounts *scratch, const TimelineBlock *block,
				int from, int to)
{
	const uint16 *indexes = state->pages ? scratch->columns.pages : scratch->columns.types;

	timeline_columns(block, state->pages ? COLUMN_TYPES | COLUMN_PAGES : COLUMN_TYPES,
					 &scratch->columns);

	/* Damaged bytes may count events of a type that none has */
	memset(scratch->last, 0, (state->pages ? block->npages : block->ntypes) *
		   sizeof(scratch->last[0]));
	for (int i = from; i < to; i++)
		scratch->last[indexes[i]] = (uint16) i;
}

/* Count the events [from, to) of a block */
static void
id_counts_add_events(IdCounts *state, BlockCounts *scratch, const TimelineBlock *block,
					 int from, int to)
{
	BlockColumns *columns = &scratch->columns;
	const uint16 *types = columns->types;
	const uint16 *indexes = state->pages ? columns->pages : columns->types;
	const int32 *dict = state->pages ? columns->page_dict : columns->type_dict;
	int			size = state->pages ? block->npages : block->ntypes;

	bool		indexed = false;

	/* How many events of a whole block have each type is written in it */
	if (!state->pages && from == 0 && to == block->nevents)
	{
		if (!timeline_block_type_counts(block, columns->type_dict, scratch->events))
			timeline_report_damage();
	}
	else
	{
		id_counts_index(state, scratch, block, from, to);
		memset(scratch->events, 0, size * sizeof(scratch->events[0]));
		for (int i = from; i < to; i++)
			scratch->events[indexes[i]]++;
		indexed = true;
	}
	if (state->pages)
	{
		memset(scratch->visits, 0, size * sizeof(scratch->visits[0]));
		for (int i = 0; i < block->ntypes; i++)
			scratch->is_view[i] = EVENT_KIND(columns->type_dict[i]) == KIND_PAGE_VIEW;
		for (int i = from; i < to; i++)
			scratch->visits[indexes[i]] += scratch->is_view[types[i]];
	}

	for (int i = 0; i < size; i++)
	{
		IdCount    *count;

		/* Page 0 is no page */
		if (scratch->events[i] == 0 || (state->pages && dict[i] == 0))
			continue;
		count = id_counts_find(state, dict[i]);
		count->events += scratch->events[i];
		if (state->pages)
			count->visits += scratch->visits[i];

		/* Of many timelines, few blocks have a last event that is news */
		if (block->last_at > count->last_at)
		{
			const int64 *times = timeline_times(block, columns);

			if (!indexed)
				id_counts_index(state, scratch, block, from, to);
			indexed = true;
			count->last_at = Max(count->last_at, times[scratch->last[i]]);
		}
	}
}

/* Add one timeline, or a part of one */
static void
id_counts_add(IdCounts *state, BlockCounts *scratch, const Timeline *timeline)
{
	const Period period = state->period;
	TimelineCursor cursor;
	TimelineBlock block;

	timeline_begin(&cursor, timeline);
	while (timeline_read(&cursor, &block))
	{
		int			from = 0;
		int			to = block.nevents;

		if (block.last_at < period.lower)
			continue;
		if (block.first_at >= period.upper)
			break;
		scratch->columns.timed = false;
		if (block.first_at < period.lower || block.last_at >= period.upper)
		{
			timeline_runs(&block, TIMELINE_PAUSE, &scratch->columns);
			if (!timeline_clip_runs(&block, period, &scratch->columns, &from, &to))
				continue;
		}
		id_counts_add_events(state, scratch, &block, from, to);
	}
}

/* Fill the columns of an event type or of a page; returns how many there are */
static int
id_count_values(const IdCount *count, bool pages, Datum *values)
{
	int			n = 0;

	values[n++] = Int32GetDatum(count->id);
	if (pages)
		values[n++] = Int64GetDatum(count->visits);
	values[n++] = Int64GetDatum(count->events);
	values[n++] = TimestampTzGetDatum(count->last_at);
	return n;
}

/*----------
 * Of one timeline
 *----------
 */

/* What a set-returning function keeps between its calls in a query */
typedef struct CountsCall
{
	IdCounts	state;
	BlockCounts scratch;
} CountsCall;

static Datum
timeline_counts(FunctionCallInfo fcinfo, bool pages)
{
	Period		period = period_from_arg(fcinfo, 1);
	CountsCall *call = fcinfo->flinfo->fn_extra;
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	if (call == NULL)
	{
		call = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(CountsCall));
		id_counts_init(&call->state, fcinfo->flinfo->fn_mcxt, period, pages);
		fcinfo->flinfo->fn_extra = call;
	}
	id_counts_reset(&call->state, period);
	id_counts_add(&call->state, &call->scratch, PG_GETARG_TIMELINE_P(0));
	for (uint32 i = 0; i < call->state.ncounts; i++)
	{
		Datum		values[4];
		bool		nulls[4] = {0};

		id_count_values(&call->state.counts[i], pages, values);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(timeline_event_counts);
Datum
timeline_event_counts(PG_FUNCTION_ARGS)
{
	return timeline_counts(fcinfo, false);
}

PG_FUNCTION_INFO_V1(timeline_page_counts);
Datum
timeline_page_counts(PG_FUNCTION_ARGS)
{
	return timeline_counts(fcinfo, true);
}

/*----------
 * Of many: the aggregates timelines_event_counts(), timelines_page_counts()
 *----------
 */

/* Transition: the period of a group's first row is that of the group */
static Datum
timelines_counts_transfn(FunctionCallInfo fcinfo, bool pages)
{
	MemoryContext context = aggregate_context(fcinfo);
	IdCounts   *state = PG_ARGISNULL(0) ? NULL : (IdCounts *) PG_GETARG_POINTER(0);

	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt,
													  sizeof(BlockCounts));
	if (state == NULL)
	{
		state = MemoryContextAlloc(context, sizeof(IdCounts));
		id_counts_init(state, context, period_from_arg(fcinfo, 2), pages);
	}
	if (!PG_ARGISNULL(1))
		id_counts_add(state, fcinfo->flinfo->fn_extra, PG_GETARG_TIMELINE_P(1));
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(timelines_event_counts_transfn);
Datum
timelines_event_counts_transfn(PG_FUNCTION_ARGS)
{
	return timelines_counts_transfn(fcinfo, false);
}

PG_FUNCTION_INFO_V1(timelines_page_counts_transfn);
Datum
timelines_page_counts_transfn(PG_FUNCTION_ARGS)
{
	return timelines_counts_transfn(fcinfo, true);
}

/* Result: a row for each id */
static Datum
timelines_counts_finalfn(FunctionCallInfo fcinfo, bool pages)
{
	IdCounts   *state;
	TupleDesc	tupdesc;
	Datum	   *rows;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (IdCounts *) PG_GETARG_POINTER(0);
	tupdesc = result_row_type(fcinfo, pages ? 4 : 3);
	rows = MemoryContextAllocHuge(CurrentMemoryContext,
								  Max(state->ncounts, 1) * sizeof(Datum));
	for (uint32 i = 0; i < state->ncounts; i++)
	{
		Datum		values[4];
		bool		nulls[4] = {0};

		id_count_values(&state->counts[i], pages, values);
		rows[i] = HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
	}
	return rows_to_array(tupdesc, rows, state->ncounts);
}

PG_FUNCTION_INFO_V1(timelines_event_counts_finalfn);
Datum
timelines_event_counts_finalfn(PG_FUNCTION_ARGS)
{
	return timelines_counts_finalfn(fcinfo, false);
}

PG_FUNCTION_INFO_V1(timelines_page_counts_finalfn);
Datum
timelines_page_counts_finalfn(PG_FUNCTION_ARGS)
{
	return timelines_counts_finalfn(fcinfo, true);
}

PG_FUNCTION_INFO_V1(timelines_counts_combinefn);
Datum
timelines_counts_combinefn(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	IdCounts   *into = PG_ARGISNULL(0) ? NULL : (IdCounts *) PG_GETARG_POINTER(0);
	IdCounts   *from = PG_ARGISNULL(1) ? NULL : (IdCounts *) PG_GETARG_POINTER(1);

	if (from != NULL && into == NULL)
	{
		into = MemoryContextAlloc(context, sizeof(IdCounts));
		id_counts_init(into, context, from->period, from->pages);
	}
	for (uint32 i = 0; from != NULL && i < from->ncounts; i++)
	{
		const IdCount *other = &from->counts[i];
		IdCount    *count = id_counts_find(into, other->id);

		count->events += other->events;
		count->visits += other->visits;
		count->last_at = Max(count->last_at, other->last_at);
	}
	if (into == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(into);
}

/* Between processes of one query, the state travels as its bytes */
PG_FUNCTION_INFO_V1(timelines_counts_serialfn);
Datum
timelines_counts_serialfn(PG_FUNCTION_ARGS)
{
	IdCounts   *state = (IdCounts *) PG_GETARG_POINTER(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, (char *) state, sizeof(*state));
	send_array(&message, state->counts, state->ncounts, sizeof(IdCount));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* The result is only ever read */
PG_FUNCTION_INFO_V1(timelines_counts_deserialfn);
Datum
timelines_counts_deserialfn(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	const char *p = VARDATA_ANY(bytes);
	IdCounts   *state = palloc(sizeof(IdCounts));

	memcpy(state, p, sizeof(*state));
	state->context = CurrentMemoryContext;
	state->slots = NULL;
	state->counts = NULL;
	state->capacity = 0;
	if (state->ncounts > 0)
	{
		state->counts = MemoryContextAllocHuge(CurrentMemoryContext,
											   state->ncounts * sizeof(IdCount));
		memcpy(state->counts, p + sizeof(*state), state->ncounts * sizeof(IdCount));
	}
	PG_RETURN_POINTER(state);
}
