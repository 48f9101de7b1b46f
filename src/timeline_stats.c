/*-------------------------------------------------------------------------
 *
 * timeline_stats.c
 *	  Figures of a period: of one timeline, and of many together.
 *
 * timeline_stats() and the aggregate timelines_stats() share one state.  Each
 * timeline is added whole: sessions are formed over all of its events, and
 * count where they start within the period, with their whole length.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

/* The local days on which there were events, one bit each from base on */
typedef struct DaySet
{
	int64		base;			/* a multiple of 64 */
	int64		nwords;
	uint64	   *words;
} DaySet;

typedef struct StatsState
{
	MemoryContext context;
	Period		period;
	int64		timeout;
	int64		first_needed;

	int64		kinds[EVENT_KINDS];
	int64		session_usecs;
	int64		active_users;
	int64		first_at;
	int64		last_at;

	int64	   *durations;		/* of the sessions, for the median */
	int64		sessions;
	int64		capacity;

	DaySet		days;
} StatsState;

/*
 * Where a timeline is decoded: one for a query, as a state for each of many
 * groups must stay small.
 */
typedef struct StatsScratch
{
	TupleDesc	tupdesc;		/* of the result, where it is needed */
	DayClock	clock;
	BlockColumns columns;
} StatsScratch;

/* The scratch space of this call site */
static StatsScratch *
stats_scratch(FunctionCallInfo fcinfo)
{
	StatsScratch *scratch = fcinfo->flinfo->fn_extra;

	if (scratch == NULL)
	{
		scratch = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(StatsScratch));
		scratch->tupdesc = NULL;
		scratch->clock.timezone = NULL;
		fcinfo->flinfo->fn_extra = scratch;
	}
	if (scratch->clock.timezone != session_timezone)
		day_clock_init(&scratch->clock, session_timezone);
	return scratch;
}

static void
stats_init(StatsState *state, Period period, int64 timeout)
{
	memset(state, 0, sizeof(*state));
	state->context = CurrentMemoryContext;
	state->period = period;
	state->timeout = timeout;
	state->first_needed = period_first_needed(period, timeout);
	state->first_at = PG_INT64_MAX;
	state->last_at = PG_INT64_MIN;
}

/* Make the set of days reach from first to last */
static void
day_set_cover(StatsState *state, int64 first, int64 last)
{
	DaySet	   *days = &state->days;
	int64		base = first & ~INT64CONST(63);
	int64		end = (last | 63) + 1;
	uint64	   *words;

	if (days->nwords > 0 && base >= days->base && end <= days->base + 64 * days->nwords)
		return;
	if (days->nwords > 0)
	{
		base = Min(base, days->base);
		end = Max(end, days->base + 64 * days->nwords);
	}
	words = MemoryContextAllocZero(state->context, (end - base) / 64 * sizeof(uint64));
	if (days->nwords > 0)
	{
		memcpy(words + (days->base - base) / 64, days->words, days->nwords * sizeof(uint64));
		pfree(days->words);
	}
	days->words = words;
	days->base = base;
	days->nwords = (end - base) / 64;
}

static inline void
day_set_add(StatsState *state, int64 day)
{
	DaySet	   *days = &state->days;

	if (day < days->base || day >= days->base + 64 * days->nwords)
		day_set_cover(state, day, day);
	days->words[(day - days->base) / 64] |= UINT64CONST(1) << ((day - days->base) & 63);
}

/* Count one session */
static void
stats_add_session(StatsState *state, int64 started_at, int64 ended_at)
{
	int64		duration = session_length(started_at, ended_at);

	if (state->sessions == state->capacity)
	{
		state->capacity = Max(64, 2 * state->capacity);
		if (state->durations == NULL)
			state->durations = MemoryContextAlloc(state->context,
												  state->capacity * sizeof(int64));
		else
			state->durations = repalloc_huge(state->durations,
											 state->capacity * sizeof(int64));
	}
	state->durations[state->sessions++] = duration;
	add_length(&state->session_usecs, duration);
}

/*
 * Add the local days of a run.  No gap in it is longer than TIMELINE_PAUSE, so
 * there is an event on each day that it spans for longer than that.  False
 * where a day is shorter, or not known to be longer: where the clock changes.
 */
static bool
stats_add_days_of_run(StatsState *state, DayClock *clock, const TimelineRun *run)
{
	if (run->first_at >= clock->until)
	{
		day_clock_advance(clock, run->first_at);
		day_set_add(state, clock->day);
	}
	while (run->last_at >= clock->until)
	{
		int64		from = clock->until;

		day_clock_advance(clock, from);
		if (run->last_at >= clock->until && clock->until - from <= TIMELINE_PAUSE)
			return false;
		day_set_add(state, clock->day);
	}
	return true;
}

/* Add the local days of some times */
static void
stats_add_days_of_times(StatsState *state, DayClock *clock, const int64 *times, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (times[i] >= clock->until)
		{
			day_clock_advance(clock, times[i]);
			day_set_add(state, clock->day);
		}
	}
}

/* Count the events [from, to) of a block, which are those within the period, and of its runs */
static void
stats_add_events(StatsState *state, StatsScratch *scratch,
				 const TimelineBlock *block, int from, int to)
{
	BlockColumns *columns = &scratch->columns;
	const uint16 *types = columns->types;
	uint32		counts[TIMELINE_BLOCK_EVENTS];

	if (from == 0 && to == block->nevents)
	{
		/* How many events of a whole block have each type is written in it */
		if (!timeline_block_type_counts(block, columns->type_dict, counts))
			timeline_report_damage();
	}
	else
	{
		memset(counts, 0, block->ntypes * sizeof(counts[0]));
		timeline_columns(block, COLUMN_TYPES, columns);
		for (int i = from; i < to; i++)
			counts[types[i]]++;
	}
	for (int i = 0; i < block->ntypes; i++)
		state->kinds[EVENT_KIND(columns->type_dict[i])] += counts[i];

	for (int i = columns->first_run; i < columns->end_run; i++)
	{
		const TimelineRun *run = &columns->runs[i];
		int			end = i + 1 < columns->end_run ? run[1].first : to;

		if (stats_add_days_of_run(state, &scratch->clock, run))
			continue;
		day_clock_reset(&scratch->clock);
		stats_add_days_of_times(state, &scratch->clock,
								timeline_times(block, columns) + run->first, end - run->first);
	}
	state->first_at = Min(state->first_at, columns->runs[columns->first_run].first_at);
	state->last_at = Max(state->last_at, columns->runs[columns->end_run - 1].last_at);
}

/* Add one timeline */
static void
stats_add(StatsState *state, StatsScratch *scratch, const Timeline *timeline)
{
	const Period period = state->period;
	const uint64 timeout = (uint64) state->timeout;
	BlockColumns *columns = &scratch->columns;
	TimelineCursor cursor;
	TimelineBlock block;
	bool		any_before = false; /* is there an event before this run? */
	bool		active = false;
	bool		counting = false;	/* did the current session start in the
									 * period? */
	int64		started_at = 0;
	int64		previous_at = 0;

	day_clock_reset(&scratch->clock);
	timeline_begin(&cursor, timeline);
	while (timeline_read(&cursor, &block))
	{
		int			from;
		int			to;

		if (block.last_at < state->first_needed)
			continue;
		if (block.first_at >= period.upper && !counting)
			break;
		timeline_runs(&block, state->timeout, columns);
		for (int i = 0; i < columns->end_run; i++)
		{
			const TimelineRun *run = &columns->runs[i];

			if (!any_before || (uint64) run->first_at - (uint64) previous_at > timeout)
			{
				if (counting)
					stats_add_session(state, started_at, previous_at);
				counting = PERIOD_HAS(period, run->first_at);
				started_at = run->first_at;
				any_before = true;
			}
			previous_at = run->last_at;
		}
		if (timeline_clip_runs(&block, period, columns, &from, &to))
		{
			stats_add_events(state, scratch, &block, from, to);
			active = true;
		}
	}
	if (counting)
		stats_add_session(state, started_at, previous_at);
	if (active)
		state->active_users++;
}

/*
 * Put the k-th smallest value in its place, with nothing larger before it
 * (quickselect, median of three).
 */
static int64
select_kth(int64 *values, int64 n, int64 k)
{
	int64		low = 0;
	int64		high = n - 1;

	while (low < high)
	{
		int64		a = values[low];
		int64		b = values[low + (high - low) / 2];
		int64		c = values[high];
		int64		pivot = Max(Min(a, b), Min(Max(a, b), c));
		int64		i = low;
		int64		j = high;

		while (i <= j)
		{
			while (values[i] < pivot)
				i++;
			while (values[j] > pivot)
				j--;
			if (i <= j)
			{
				int64		swap = values[i];

				values[i++] = values[j];
				values[j--] = swap;
			}
		}
		if (k <= j)
			high = j;
		else if (k >= i)
			low = i;
		else
			break;
	}
	return values[k];
}

/* Median of the session lengths: for an even number, between the middle two */
static int64
stats_median(StatsState *state)
{
	int64		n = state->sessions;
	int64		high = select_kth(state->durations, n, n / 2);
	int64		low;

	if (n % 2 == 1)
		return high;
	low = state->durations[0];
	for (int64 i = 1; i < n / 2; i++)
		low = Max(low, state->durations[i]);
	return low + (int64) rint((double) (high - low) * 0.5);
}

/* Make the result row */
static Datum
stats_result(FunctionCallInfo fcinfo, StatsState *state)
{
	enum
	{
		EVENTS, TOTAL, TRACKED, LABELED, FEATURE_TAG, PAGE_VIEWS, CONTENT,
		SESSIONS, SESSION_TIME, AVG_SESSION, MEDIAN_SESSION,
		ACTIVE_DAYS, ACTIVE_USERS, FIRST_AT, LAST_AT, NCOLUMNS
	};
	StatsScratch *scratch = stats_scratch(fcinfo);
	Datum		values[NCOLUMNS] = {0};
	bool		nulls[NCOLUMNS] = {0};
	int64		events = 0;
	int64		total = 0;
	bool		none = state->sessions == 0;

	if (scratch->tupdesc == NULL)
	{
		TupleDesc	tupdesc;
		MemoryContext old;

		if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
			tupdesc->natts != NCOLUMNS)
			elog(ERROR, "unexpected result type of %u", fcinfo->flinfo->fn_oid);
		old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		scratch->tupdesc = BlessTupleDesc(CreateTupleDescCopy(tupdesc));
		MemoryContextSwitchTo(old);
	}

	for (int kind = 0; kind < EVENT_KINDS; kind++)
	{
		events += state->kinds[kind];
		if (KIND_IS_TOTAL(kind))
			total += state->kinds[kind];
	}
	values[EVENTS] = Int64GetDatum(events);
	values[TOTAL] = Int64GetDatum(total);
	values[TRACKED] = Int64GetDatum(state->kinds[KIND_TRACKED]);
	values[LABELED] = Int64GetDatum(state->kinds[KIND_LABELED]);
	values[FEATURE_TAG] = Int64GetDatum(state->kinds[KIND_FEATURE_TAG]);
	values[PAGE_VIEWS] = Int64GetDatum(state->kinds[KIND_PAGE_VIEW]);
	values[CONTENT] = Int64GetDatum(events - total - state->kinds[KIND_PAGE_VIEW]);
	values[SESSIONS] = Int64GetDatum(state->sessions);
	nulls[SESSION_TIME] = nulls[AVG_SESSION] = nulls[MEDIAN_SESSION] = none;
	if (!none)
	{
		double		average = (double) state->session_usecs / (double) state->sessions;

		values[SESSION_TIME] = PointerGetDatum(make_duration(state->session_usecs));
		values[AVG_SESSION] = PointerGetDatum(make_duration((int64) rint(average)));
		values[MEDIAN_SESSION] = PointerGetDatum(make_duration(stats_median(state)));
	}
	values[ACTIVE_DAYS] = Int64GetDatum(state->days.nwords == 0 ? 0 :
										pg_popcount((const char *) state->days.words,
													(int) (state->days.nwords * sizeof(uint64))));
	values[ACTIVE_USERS] = Int64GetDatum(state->active_users);
	nulls[FIRST_AT] = nulls[LAST_AT] = events == 0;
	values[FIRST_AT] = TimestampTzGetDatum(state->first_at);
	values[LAST_AT] = TimestampTzGetDatum(state->last_at);
	return HeapTupleGetDatum(heap_form_tuple(scratch->tupdesc, values, nulls));
}

PG_FUNCTION_INFO_V1(timeline_stats);
Datum
timeline_stats(PG_FUNCTION_ARGS)
{
	StatsState	state;
	Datum		result;

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	stats_init(&state, period_from_arg(fcinfo, 1), timeout_from_arg(fcinfo, 2));
	if (!PG_ARGISNULL(0))
		stats_add(&state, stats_scratch(fcinfo), PG_GETARG_TIMELINE_P(0));
	result = stats_result(fcinfo, &state);

	/* The caller's memory may live as long as the query */
	if (state.durations != NULL)
		pfree(state.durations);
	if (state.days.words != NULL)
		pfree(state.days.words);
	return result;
}

/*----------
 * The aggregate
 *----------
 */

/*
 * Transition: the period and the timeout of a group's first row are those of
 * the group.
 */
PG_FUNCTION_INFO_V1(timelines_stats_transfn);
Datum
timelines_stats_transfn(PG_FUNCTION_ARGS)
{
	StatsState *state = PG_ARGISNULL(0) ? NULL : (StatsState *) PG_GETARG_POINTER(0);
	MemoryContext old = MemoryContextSwitchTo(aggregate_context(fcinfo));

	if (state == NULL)
	{
		state = palloc(sizeof(StatsState));
		stats_init(state, period_from_arg(fcinfo, 2), timeout_from_arg(fcinfo, 3));
	}
	MemoryContextSwitchTo(old);
	if (!PG_ARGISNULL(1))
		stats_add(state, stats_scratch(fcinfo), PG_GETARG_TIMELINE_P(1));
	PG_RETURN_POINTER(state);
}

/* No rows: zeros, as of a timeline without events */
PG_FUNCTION_INFO_V1(timelines_stats_finalfn);
Datum
timelines_stats_finalfn(PG_FUNCTION_ARGS)
{
	StatsState	none;

	if (!PG_ARGISNULL(0))
		return stats_result(fcinfo, (StatsState *) PG_GETARG_POINTER(0));
	memset(&none, 0, sizeof(none));
	return stats_result(fcinfo, &none);
}

PG_FUNCTION_INFO_V1(timelines_stats_combinefn);
Datum
timelines_stats_combinefn(PG_FUNCTION_ARGS)
{
	StatsState *into = PG_ARGISNULL(0) ? NULL : (StatsState *) PG_GETARG_POINTER(0);
	StatsState *from = PG_ARGISNULL(1) ? NULL : (StatsState *) PG_GETARG_POINTER(1);
	MemoryContext old = MemoryContextSwitchTo(aggregate_context(fcinfo));

	if (from != NULL && into == NULL)
	{
		into = palloc(sizeof(StatsState));
		stats_init(into, from->period, from->timeout);
	}
	if (from != NULL)
	{
		for (int kind = 0; kind < EVENT_KINDS; kind++)
			into->kinds[kind] += from->kinds[kind];
		into->active_users += from->active_users;
		into->first_at = Min(into->first_at, from->first_at);
		into->last_at = Max(into->last_at, from->last_at);
		for (int64 i = 0; i < from->sessions; i++)
			stats_add_session(into, 0, from->durations[i]);
		if (from->days.nwords > 0)
		{
			int64		offset;

			day_set_cover(into, from->days.base,
						  from->days.base + 64 * from->days.nwords - 1);
			offset = (from->days.base - into->days.base) / 64;
			for (int64 i = 0; i < from->days.nwords; i++)
				into->days.words[offset + i] |= from->days.words[i];
		}
	}
	MemoryContextSwitchTo(old);
	if (into == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(into);
}

/* Between processes of one query, the state travels as its bytes */
PG_FUNCTION_INFO_V1(timelines_stats_serialfn);
Datum
timelines_stats_serialfn(PG_FUNCTION_ARGS)
{
	StatsState *state = (StatsState *) PG_GETARG_POINTER(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, (char *) state, sizeof(*state));
	send_array(&message, state->durations, state->sessions, sizeof(int64));
	send_array(&message, state->days.words, state->days.nwords, sizeof(uint64));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(timelines_stats_deserialfn);
Datum
timelines_stats_deserialfn(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	const char *p = VARDATA_ANY(bytes);
	StatsState *state = palloc(sizeof(StatsState));

	memcpy(state, p, sizeof(*state));
	p += sizeof(*state);
	state->context = CurrentMemoryContext;
	state->capacity = state->sessions;
	state->durations = NULL;
	state->days.words = NULL;
	if (state->sessions > 0)
	{
		state->durations = palloc(state->sessions * sizeof(int64));
		memcpy(state->durations, p, state->sessions * sizeof(int64));
		p += state->sessions * sizeof(int64);
	}
	if (state->days.nwords > 0)
	{
		state->days.words = palloc(state->days.nwords * sizeof(uint64));
		memcpy(state->days.words, p, state->days.nwords * sizeof(uint64));
	}
	PG_RETURN_POINTER(state);
}
