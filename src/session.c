/*-------------------------------------------------------------------------
 *
 * session.c
 *	  session_number(): sessions of any table, as a window function.
 *
 * A session is a run of rows, in the order of the window, of which none lies
 * further from its predecessor than the timeout.  Rows with a null time get
 * null and are passed over.  Distances are taken without sign, so that a
 * descending window splits at the same places.
 *
 * The planner is not told that the number never falls (PostgreSQL would then
 * end a partition at the first row that fails "session_number <= 3"): the null
 * of a row without time would end it too early.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include "windowapi.h"

/* Where we are in the partition */
typedef struct SessionState
{
	int64		number;			/* of the current session; 0: none yet */
	int64		previous_at;
	int64		timeout;
} SessionState;

/* Read the timeout, which is the same for the whole partition */
static int64
window_timeout(WindowObject winobj, FunctionCallInfo fcinfo)
{
	Datum		value;
	bool		isnull = true;
	int64		usecs;

	value = PG_NARGS() < 2 ? (Datum) 0 : WinGetFuncArgCurrent(winobj, 1, &isnull);
	if (isnull)
		return timeout_from_arg(fcinfo, PG_NARGS());
	if (!timeout_from_interval(DatumGetIntervalP(value), &usecs))
		report_timeout();
	return usecs;
}

PG_FUNCTION_INFO_V1(session_number);
Datum
session_number(PG_FUNCTION_ARGS)
{
	WindowObject winobj = PG_WINDOW_OBJECT();
	SessionState *state;
	TimestampTz at;
	bool		isnull;

	if (!WindowObjectIsValid(winobj))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("session_number() is a window function"),
				 errhint("Call it with OVER (PARTITION BY ... ORDER BY ...).")));

	/* Rows behind the current one are never needed again */
	WinSetMarkPosition(winobj, WinGetCurrentPosition(winobj));
	at = DatumGetTimestampTz(WinGetFuncArgCurrent(winobj, 0, &isnull));
	if (isnull)
		PG_RETURN_NULL();
	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("session_number() needs finite times")));

	/* Zeroed at the start of each partition */
	state = WinGetPartitionLocalMemory(winobj, sizeof(SessionState));
	if (state->number == 0)
	{
		state->timeout = window_timeout(winobj, fcinfo);
		state->number = 1;
	}
	else
	{
		uint64		gap = at >= state->previous_at ?
		(uint64) at - (uint64) state->previous_at :
		(uint64) state->previous_at - (uint64) at;

		if (gap > (uint64) state->timeout)
			state->number++;
	}
	state->previous_at = at;
	PG_RETURN_INT64(state->number);
}
