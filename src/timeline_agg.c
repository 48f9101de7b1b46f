/*-------------------------------------------------------------------------
 *
 * timeline_agg.c
 *	  The aggregate timeline_agg(), of events and of timelines.
 *
 * Both collect what they are given and make the timeline at the end.  The
 * order of the input does not matter; input that is in order already, as a
 * log mostly is, is not sorted again.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include "libpq/pqformat.h"
#include "utils/memutils.h"

/* Events so far */
typedef struct EventsState
{
	int64		nevents;
	int64		capacity;
	TimelineEvent *events;
} EventsState;

/* The memory of the aggregate that calls */
MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function %u called in non-aggregate context",
			 fcinfo->flinfo->fn_oid);
	return context;
}

/*
 * Append an array to the state that goes to another process of the query.  The
 * length of a message is an int there: it must not wrap around.
 */
void
send_array(StringInfo message, const void *array, int64 n, size_t each)
{
	if (n > (int64) (MaxAllocSize / each))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("state of an aggregate is too large to go to another process"),
				 errhint("Set max_parallel_workers_per_gather to 0.")));
	if (n > 0)
		pq_sendbytes(message, array, (int) (n * (int64) each));
}

/*----------
 * timeline_agg(occurred_at, event_type_id, page_id, event_id)
 *----------
 */

/* Make room for more events */
static void
events_reserve(EventsState *state, MemoryContext context, int64 more)
{
	if (state->nevents + more <= state->capacity)
		return;
	state->capacity = Max(state->nevents + more, Max(8, 2 * state->capacity));
	if (state->events == NULL)
		state->events = MemoryContextAllocHuge(context,
											   state->capacity * sizeof(TimelineEvent));
	else
		state->events = repalloc_huge(state->events,
									  state->capacity * sizeof(TimelineEvent));
}

static EventsState *
events_state(MemoryContext context)
{
	return MemoryContextAllocZero(context, sizeof(EventsState));
}

/* Check that an event can be in a timeline */
void
timeline_check_event(const TimelineEvent *event)
{
	if (TIMESTAMP_NOT_FINITE(event->at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("occurred_at must be finite")));
	if (event->type < 0 || event->page < 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s must not be negative, but is %d",
						event->type < 0 ? "event_type_id" : "page_id",
						event->type < 0 ? event->type : event->page)));
}

/* Read the event of this row */
static void
event_from_args(FunctionCallInfo fcinfo, TimelineEvent *event)
{
	static const char *const names[] = {"occurred_at", "event_type_id", NULL, "event_id"};

	for (int i = 0; i < 4; i++)
		if (PG_ARGISNULL(i + 1) && names[i] != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be null", names[i]),
					 errhint("Leave such rows out with FILTER (WHERE ...).")));
	event->at = PG_GETARG_TIMESTAMPTZ(1);
	event->type = PG_GETARG_INT32(2);
	event->page = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3);
	event->id = PG_GETARG_INT64(4);
	timeline_check_event(event);
}

PG_FUNCTION_INFO_V1(timeline_agg_transfn);
Datum
timeline_agg_transfn(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	EventsState *state = PG_ARGISNULL(0) ? events_state(context) :
	(EventsState *) PG_GETARG_POINTER(0);
	TimelineEvent event;

	event_from_args(fcinfo, &event);
	if (state->nevents == state->capacity)
		events_reserve(state, context, 1);
	state->events[state->nevents++] = event;
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(timeline_agg_finalfn);
Datum
timeline_agg_finalfn(PG_FUNCTION_ARGS)
{
	EventsState *state;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();

	/* Sorting the state in place changes nothing that it stands for */
	state = (EventsState *) PG_GETARG_POINTER(0);
	timeline_sort_events(state->events, state->nevents);
	PG_RETURN_POINTER(timeline_from_events(state->events, state->nevents));
}

PG_FUNCTION_INFO_V1(timeline_agg_combinefn);
Datum
timeline_agg_combinefn(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	EventsState *into = PG_ARGISNULL(0) ? events_state(context) :
	(EventsState *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
	{
		EventsState *from = (EventsState *) PG_GETARG_POINTER(1);

		events_reserve(into, context, from->nevents);
		memcpy(into->events + into->nevents, from->events,
			   from->nevents * sizeof(TimelineEvent));
		into->nevents += from->nevents;
	}
	PG_RETURN_POINTER(into);
}

PG_FUNCTION_INFO_V1(timeline_agg_serialfn);
Datum
timeline_agg_serialfn(PG_FUNCTION_ARGS)
{
	EventsState *state = (EventsState *) PG_GETARG_POINTER(0);
	StringInfoData message;

	pq_begintypsend(&message);
	send_array(&message, state->events, state->nevents, sizeof(TimelineEvent));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(timeline_agg_deserialfn);
Datum
timeline_agg_deserialfn(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	EventsState *state = events_state(CurrentMemoryContext);
	int64		nevents = VARSIZE_ANY_EXHDR(bytes) / sizeof(TimelineEvent);

	events_reserve(state, CurrentMemoryContext, nevents);
	memcpy(state->events, VARDATA_ANY(bytes), nevents * sizeof(TimelineEvent));
	state->nevents = nevents;
	PG_RETURN_POINTER(state);
}

/*----------
 * timeline_agg(timeline)
 *----------
 */

PG_FUNCTION_INFO_V1(timeline_agg_parts_transfn);
Datum
timeline_agg_parts_transfn(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	TimelineList *state = PG_ARGISNULL(0) ? NULL : (TimelineList *) PG_GETARG_POINTER(0);

	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = MemoryContextAllocZero(context, sizeof(TimelineList));
	timeline_list_add(state, context, PG_GETARG_TIMELINE_P(1));
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(timeline_agg_parts_finalfn);
Datum
timeline_agg_parts_finalfn(PG_FUNCTION_ARGS)
{
	TimelineList *state;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (TimelineList *) PG_GETARG_POINTER(0);
	if (state->n == 1)
		PG_RETURN_POINTER(state->timelines[0]);
	PG_RETURN_POINTER(timeline_union(state->timelines, state->n));
}

PG_FUNCTION_INFO_V1(timeline_agg_parts_combinefn);
Datum
timeline_agg_parts_combinefn(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	TimelineList *into = PG_ARGISNULL(0) ? NULL : (TimelineList *) PG_GETARG_POINTER(0);
	TimelineList *from = PG_ARGISNULL(1) ? NULL : (TimelineList *) PG_GETARG_POINTER(1);

	if (into == NULL)
		into = MemoryContextAllocZero(context, sizeof(TimelineList));
	for (int i = 0; from != NULL && i < from->n; i++)
		timeline_list_add(into, context, from->timelines[i]);
	PG_RETURN_POINTER(into);
}

PG_FUNCTION_INFO_V1(timeline_agg_parts_serialfn);
Datum
timeline_agg_parts_serialfn(PG_FUNCTION_ARGS)
{
	TimelineList *state = (TimelineList *) PG_GETARG_POINTER(0);
	StringInfoData message;

	pq_begintypsend(&message);
	for (int i = 0; i < state->n; i++)
	{
		int32		size = VARSIZE_ANY_EXHDR(state->timelines[i]);

		pq_sendint32(&message, size);
		pq_sendbytes(&message, VARDATA_ANY(state->timelines[i]), size);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(timeline_agg_parts_deserialfn);
Datum
timeline_agg_parts_deserialfn(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	TimelineList *state = palloc0(sizeof(TimelineList));
	StringInfoData message;

	message.data = VARDATA_ANY(bytes);
	message.len = message.maxlen = VARSIZE_ANY_EXHDR(bytes);
	message.cursor = 0;
	while (message.cursor < message.len)
	{
		int32		size = pq_getmsgint(&message, 4);
		Timeline   *part = palloc(VARHDRSZ + size);

		SET_VARSIZE(part, VARHDRSZ + size);
		memcpy(VARDATA(part), pq_getmsgbytes(&message, size), size);
		timeline_list_add(state, CurrentMemoryContext, part);
		pfree(part);
	}
	PG_RETURN_POINTER(state);
}
