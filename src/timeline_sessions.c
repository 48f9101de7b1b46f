/*-------------------------------------------------------------------------
 *
 * timeline_sessions.c
 *	  The aggregate timelines_sessions(): sessions of many users, all time.
 *
 * The number of sessions and the sum of their lengths need no session: one is
 * the number of gaps longer than the timeout, the other the sum of all others.
 * So this reads nothing but the differences of the times.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include <math.h>

#include "libpq/pqformat.h"

typedef struct SessionTotals
{
	int64		timeout;
	int64		sessions;
	int64		usecs;
} SessionTotals;

PG_FUNCTION_INFO_V1(timelines_sessions_transfn);
Datum
timelines_sessions_transfn(PG_FUNCTION_ARGS)
{
	SessionTotals *totals = PG_ARGISNULL(0) ? NULL : (SessionTotals *) PG_GETARG_POINTER(0);
	TimelineCursor cursor;
	TimelineBlock block;
	bool		first = true;
	int64		previous_at = 0;

	if (totals == NULL)
	{
		totals = MemoryContextAllocZero(aggregate_context(fcinfo), sizeof(SessionTotals));
		totals->timeout = timeout_from_arg(fcinfo, 2);
	}
	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(totals);

	timeline_begin(&cursor, PG_GETARG_TIMELINE_P(1));
	while (timeline_read(&cursor, &block))
	{
		int64		gaps;
		uint64		active;
		uint64		before = (uint64) block.first_at - (uint64) previous_at;

		if (!timeline_block_gaps(&block, (uint64) totals->timeout, &gaps, &active) ||
			active > PG_INT64_MAX)
			timeline_report_damage();
		if (first || before > (uint64) totals->timeout)
			gaps++;
		else
			active += before;
		totals->sessions += gaps;
		add_length(&totals->usecs, (int64) active);
		previous_at = block.last_at;
		first = false;
	}
	PG_RETURN_POINTER(totals);
}

PG_FUNCTION_INFO_V1(timelines_sessions_finalfn);
Datum
timelines_sessions_finalfn(PG_FUNCTION_ARGS)
{
	SessionTotals none = {0};
	SessionTotals *totals = PG_ARGISNULL(0) ? &none : (SessionTotals *) PG_GETARG_POINTER(0);
	TupleDesc	tupdesc;
	Datum		values[3] = {0};
	bool		nulls[3] = {false, totals->sessions == 0, totals->sessions == 0};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(totals->sessions);
	if (totals->sessions > 0)
	{
		double		average = (double) totals->usecs / (double) totals->sessions;

		values[1] = PointerGetDatum(make_duration(totals->usecs));
		values[2] = PointerGetDatum(make_duration((int64) rint(average)));
	}
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

PG_FUNCTION_INFO_V1(timelines_sessions_combinefn);
Datum
timelines_sessions_combinefn(PG_FUNCTION_ARGS)
{
	SessionTotals *into = PG_ARGISNULL(0) ? NULL : (SessionTotals *) PG_GETARG_POINTER(0);
	SessionTotals *from = PG_ARGISNULL(1) ? NULL : (SessionTotals *) PG_GETARG_POINTER(1);

	if (into == NULL)
		into = MemoryContextAllocZero(aggregate_context(fcinfo), sizeof(SessionTotals));
	if (from != NULL)
	{
		into->timeout = from->timeout;
		into->sessions += from->sessions;
		add_length(&into->usecs, from->usecs);
	}
	PG_RETURN_POINTER(into);
}

PG_FUNCTION_INFO_V1(timelines_sessions_serialfn);
Datum
timelines_sessions_serialfn(PG_FUNCTION_ARGS)
{
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, PG_GETARG_POINTER(0), sizeof(SessionTotals));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(timelines_sessions_deserialfn);
Datum
timelines_sessions_deserialfn(PG_FUNCTION_ARGS)
{
	SessionTotals *totals = palloc(sizeof(SessionTotals));

	memcpy(totals, VARDATA_ANY(PG_GETARG_BYTEA_PP(0)), sizeof(SessionTotals));
	PG_RETURN_POINTER(totals);
}
