/*-------------------------------------------------------------------------
 *
 * timeline_daily.c
 *	  The figures of each local day of a period: of one timeline, and of many
 *	  together.
 *
 * Both share one state, an array of days.  Events count on the day on which
 * they happened, sessions on that on which they started, with their whole
 * length.  Where the period is unbounded, its days are those from the first or
 * to the last event of anybody.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include "datatype/timestamp.h"
#include "common/int.h"
#include "libpq/pqformat.h"
#include "utils/date.h"
#include "utils/memutils.h"

/* More days than anybody reads, and few enough to hold in memory */
#define MAX_DAILY_DAYS	1000000

/* Room for days is made in steps of so many */
#define DAYS_STEP		64

/* Figures of one local day */
typedef struct DayCount
{
	int64		events;
	int64		total_events;
	int64		page_views;
	int64		sessions;
	int64		session_usecs;
	int64		active_users;
	int64		last_user;		/* the last one that was counted as active */
} DayCount;

/* A series of days */
typedef struct DaySeries
{
	MemoryContext context;
	Period		period;
	pg_tz	   *timezone;
	int64		timeout;
	int64		first_needed;
	int64		users;			/* timelines so far */
	int64		first_day;
	int64		ndays;
	int64		base;			/* the day of the first entry; a multiple of
								 * DAYS_STEP */
	int64		capacity;
	DayCount   *days;
} DaySeries;

/* Where a timeline is decoded */
typedef struct DailyScratch
{
	DayClock	event_clock;
	DayClock	session_clock;
	BlockColumns columns;
	uint8		is_total[TIMELINE_BLOCK_EVENTS];	/* by event type */
	uint8		is_view[TIMELINE_BLOCK_EVENTS];
} DailyScratch;

/* The scratch space of this call site, with its clocks in a time zone */
static DailyScratch *
daily_scratch(FunctionCallInfo fcinfo, pg_tz *timezone)
{
	DailyScratch *scratch = fcinfo->flinfo->fn_extra;

	if (scratch == NULL)
	{
		scratch = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(DailyScratch));
		scratch->event_clock.timezone = NULL;
		fcinfo->flinfo->fn_extra = scratch;
	}
	if (scratch->event_clock.timezone != timezone)
	{
		day_clock_init(&scratch->event_clock, timezone);
		day_clock_init(&scratch->session_clock, timezone);
	}
	return scratch;
}

/*----------
 * The days of a series
 *----------
 */

static void
report_too_many_days(int64 ndays)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("period spans " INT64_FORMAT " days", ndays),
			 errdetail("A daily series has at most %d days.", MAX_DAILY_DAYS),
			 errhint("Give a shorter period.")));
}

/* Make a series reach from day first to day last */
static void
series_cover_days(DaySeries *series, int64 first, int64 last)
{
	int64		base;
	int64		end;
	DayCount   *days;

	if (series->ndays > 0)
	{
		first = Min(first, series->first_day);
		last = Max(last, series->first_day + series->ndays - 1);
	}
	if (last - first >= MAX_DAILY_DAYS)
		report_too_many_days(last - first + 1);
	series->first_day = first;
	series->ndays = last - first + 1;

	base = first & ~(int64) (DAYS_STEP - 1);
	end = (last | (DAYS_STEP - 1)) + 1;
	if (series->days != NULL && base >= series->base && end <= series->base + series->capacity)
		return;
	if (series->days != NULL)
	{
		base = Min(base, series->base);
		end = Max(end, series->base + series->capacity);
	}
	days = MemoryContextAllocZero(series->context, (end - base) * sizeof(DayCount));
	if (series->days != NULL)
	{
		memcpy(days + (series->base - base), series->days,
			   series->capacity * sizeof(DayCount));
		pfree(series->days);
	}
	series->days = days;
	series->base = base;
	series->capacity = end - base;
}

/* The local day of a time by itself */
static int64
local_day(DayClock *clock, int64 at)
{
	day_clock_reset(clock);
	return day_clock_day(clock, at);
}

/* Find the first time after another one at which the clock is changed */
static bool
next_clock_change(pg_tz *timezone, int64 after, int64 *change)
{
	const int64 epoch = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY;
	pg_time_t	start = (pg_time_t) (after / USECS_PER_SEC - (after % USECS_PER_SEC < 0) + epoch);
	long int	before_gmtoff;
	long int	after_gmtoff;
	int			before_isdst;
	int			after_isdst;
	pg_time_t	boundary;

	if (pg_next_dst_boundary(&start, &before_gmtoff, &before_isdst, &boundary,
							 &after_gmtoff, &after_isdst, timezone) != 1)
		return false;
	*change = ((int64) boundary - epoch) * USECS_PER_SEC;
	return true;
}

/*
 * Make a series reach over all local days from time first to time last.  Where
 * the clock goes back over midnight, a day comes again after the next one has
 * begun: so the days at clock changes near either end count as well.
 */
static void
series_cover_times(DaySeries *series, DayClock *clock, int64 first, int64 last)
{
	const int64 near = 2 * USECS_PER_DAY;
	int64		first_day = local_day(clock, first);
	int64		last_day = local_day(clock, last);
	int64		change = first;

	while (next_clock_change(series->timezone, change, &change) &&
		   change <= last && change - first <= near)
		first_day = Min(first_day, local_day(clock, change));
	change = last - first > near ? last - near : first;
	while (next_clock_change(series->timezone, change, &change) && change <= last)
	{
		/* The last instant before it */
		if (change > first)
			last_day = Max(last_day, local_day(clock, change - 1));
	}

	/* There are none where the first event comes on a day after the period */
	if (first_day <= last_day)
		series_cover_days(series, first_day, last_day);
}

/* Start a series: with the days of the period, where that is bounded */
static void
series_init(DaySeries *series, MemoryContext context, DailyScratch *scratch,
			Period period, int64 timeout)
{
	memset(series, 0, sizeof(*series));
	series->context = context;
	series->period = period;
	series->timezone = scratch->event_clock.timezone;
	series->timeout = timeout;
	series->first_needed = period_first_needed(period, timeout);
	if (period.lower != PG_INT64_MIN && period.upper != PG_INT64_MAX)
		series_cover_times(series, &scratch->event_clock, period.lower, period.upper - 1);
}

/*
 * Make a series of an unbounded period reach from the first or to the last event
 * of a timeline, if that is within the period: what lies before it may not be in
 * this timeline any more, and must not make a difference.
 */
static void
series_cover_timeline(DaySeries *series, DailyScratch *scratch, const Timeline *timeline)
{
	int64		first_at = series->period.lower;
	int64		last_at = series->period.upper - 1;
	TimelineCursor cursor;
	TimelineBlock block;

	timeline_begin(&cursor, timeline);
	if (!timeline_read(&cursor, &block))
		return;
	if (series->period.lower == PG_INT64_MIN)
	{
		first_at = block.first_at;
		if (first_at >= series->period.upper)
			return;
	}
	if (series->period.upper == PG_INT64_MAX)
	{
		while (timeline_read(&cursor, &block))
			;
		last_at = block.last_at;
		if (last_at < series->period.lower)
			return;
	}
	series_cover_times(series, &scratch->event_clock, first_at, last_at);
}

/*----------
 * Counting
 *----------
 */

/* The entry of a time within the period */
static inline DayCount *
series_day(DaySeries *series, DayClock *clock, int64 at)
{
	int64		index = day_clock_day(clock, at) - series->base;

	/* All days are covered; a mistake there must not write elsewhere */
	return &series->days[Max(0, Min(index, series->capacity - 1))];
}

static void
series_add_session(DaySeries *series, DailyScratch *scratch, int64 started_at, int64 ended_at)
{
	DayCount   *day = series_day(series, &scratch->session_clock, started_at);

	day->sessions++;
	add_length(&day->session_usecs, session_length(started_at, ended_at));
}

/* Count the events [from, to) of a block, whose times are decoded, day by day */
static void
series_add_events(DaySeries *series, DailyScratch *scratch, const TimelineBlock *block,
				  int from, int to)
{
	DayClock   *clock = &scratch->event_clock;
	const int64 *times = scratch->columns.times;
	const uint16 *types = scratch->columns.types;

	timeline_columns(block, COLUMN_TYPES, &scratch->columns);
	for (int i = 0; i < block->ntypes; i++)
	{
		int			kind = EVENT_KIND(scratch->columns.type_dict[i]);

		scratch->is_total[i] = KIND_IS_TOTAL(kind);
		scratch->is_view[i] = kind == KIND_PAGE_VIEW;
	}
	for (int i = from; i < to;)
	{
		DayCount   *day = series_day(series, clock, times[i]);
		int64		until = clock->until;
		int			start = i;
		int			total = 0;
		int			views = 0;

		do
		{
			total += scratch->is_total[types[i]];
			views += scratch->is_view[types[i]];
			i++;
		} while (i < to && times[i] < until);
		day->events += i - start;
		day->total_events += total;
		day->page_views += views;
		if (day->last_user != series->users)
		{
			day->last_user = series->users;
			day->active_users++;
		}
	}
}

/* Add one timeline */
static void
series_add(DaySeries *series, DailyScratch *scratch, const Timeline *timeline)
{
	const Period period = series->period;
	const uint64 timeout = (uint64) series->timeout;
	const int64 *times = scratch->columns.times;
	TimelineCursor cursor;
	TimelineBlock block;
	bool		any_before = false; /* is there an event before this block? */
	bool		counting = false;	/* did the current session start in the
									 * period? */
	int64		started_at = 0;
	int64		previous_at = 0;

	series->users++;
	if (period.lower == PG_INT64_MIN || period.upper == PG_INT64_MAX)
		series_cover_timeline(series, scratch, timeline);
	if (series->ndays == 0)
		return;
	day_clock_reset(&scratch->event_clock);
	day_clock_reset(&scratch->session_clock);
	timeline_begin(&cursor, timeline);
	while (timeline_read(&cursor, &block))
	{
		if (block.last_at < series->first_needed)
			continue;
		if (block.first_at >= period.upper && !counting)
			break;
		timeline_columns(&block, COLUMN_TIMES, &scratch->columns);
		for (int i = 0; i < block.nevents; i++)
		{
			if (!any_before || (uint64) times[i] - (uint64) previous_at > timeout)
			{
				if (counting)
					series_add_session(series, scratch, started_at, previous_at);
				any_before = true;
				counting = PERIOD_HAS(period, times[i]);
				started_at = times[i];
			}
			previous_at = times[i];
		}
		if (block.last_at >= period.lower && block.first_at < period.upper)
		{
			int			from;
			int			to;

			timeline_clip_times(&block, &scratch->columns, period, &from, &to);
			if (from < to)
				series_add_events(series, scratch, &block, from, to);
		}
	}
	if (counting)
		series_add_session(series, scratch, started_at, previous_at);
}

/* Fill the columns of a day; those of timeline_daily() end before active_users */
static void
series_values(const DaySeries *series, int64 index, Interval *session_time, Datum *values)
{
	const DayCount *day = &series->days[series->first_day - series->base + index];

	session_time->time = day->session_usecs;
	values[0] = DateADTGetDatum((DateADT) (series->first_day + index));
	values[1] = Int64GetDatum(day->events);
	values[2] = Int64GetDatum(day->total_events);
	values[3] = Int64GetDatum(day->page_views);
	values[4] = Int64GetDatum(day->sessions);
	values[5] = IntervalPGetDatum(session_time);
	values[6] = Int64GetDatum(day->active_users);
}

/*----------
 * Of one timeline
 *----------
 */

PG_FUNCTION_INFO_V1(timeline_daily);
Datum
timeline_daily(PG_FUNCTION_ARGS)
{
	Period		period = period_from_arg(fcinfo, 1);
	DailyScratch *scratch = daily_scratch(fcinfo, timezone_from_arg(fcinfo, 2));
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	DaySeries	series;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	series_init(&series, CurrentMemoryContext, scratch, period, timeout_from_arg(fcinfo, 3));
	if (!PG_ARGISNULL(0))
		series_add(&series, scratch, PG_GETARG_TIMELINE_P(0));
	for (int64 i = 0; i < series.ndays; i++)
	{
		Interval	session_time = {0};
		Datum		values[7];
		bool		nulls[7] = {0};

		series_values(&series, i, &session_time, values);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	if (series.days != NULL)
		pfree(series.days);
	return (Datum) 0;
}

/*----------
 * Of many: the aggregate timelines_daily()
 *----------
 */

/*
 * Transition: the period and the time zone of a group's first row are those of
 * the group.
 */
PG_FUNCTION_INFO_V1(timelines_daily_transfn);
Datum
timelines_daily_transfn(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	DaySeries  *series = PG_ARGISNULL(0) ? NULL : (DaySeries *) PG_GETARG_POINTER(0);
	DailyScratch *scratch;

	scratch = daily_scratch(fcinfo, series == NULL ? timezone_from_arg(fcinfo, 3) :
							series->timezone);
	if (series == NULL)
	{
		Period		period = period_from_arg(fcinfo, 2);

		series = MemoryContextAlloc(context, sizeof(DaySeries));
		series_init(series, context, scratch, period, timeout_from_arg(fcinfo, 4));
	}
	if (!PG_ARGISNULL(1))
		series_add(series, scratch, PG_GETARG_TIMELINE_P(1));
	PG_RETURN_POINTER(series);
}

/* Result: a row for each day */
PG_FUNCTION_INFO_V1(timelines_daily_finalfn);
Datum
timelines_daily_finalfn(PG_FUNCTION_ARGS)
{
	DaySeries  *series;
	TupleDesc	tupdesc;
	Datum	   *rows;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	series = (DaySeries *) PG_GETARG_POINTER(0);
	tupdesc = result_row_type(fcinfo, 7);
	rows = palloc(Max(series->ndays, 1) * sizeof(Datum));
	for (int64 i = 0; i < series->ndays; i++)
	{
		Interval	session_time = {0};
		Datum		values[7];
		bool		nulls[7] = {0};

		series_values(series, i, &session_time, values);
		rows[i] = HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
	}
	return rows_to_array(tupdesc, rows, series->ndays);
}

PG_FUNCTION_INFO_V1(timelines_daily_combinefn);
Datum
timelines_daily_combinefn(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	DaySeries  *into = PG_ARGISNULL(0) ? NULL : (DaySeries *) PG_GETARG_POINTER(0);
	DaySeries  *from = PG_ARGISNULL(1) ? NULL : (DaySeries *) PG_GETARG_POINTER(1);

	if (from != NULL && into == NULL)
	{
		into = MemoryContextAllocZero(context, sizeof(DaySeries));
		into->context = context;
		into->period = from->period;
	}
	if (from != NULL && from->ndays > 0)
	{
		series_cover_days(into, from->first_day, from->first_day + from->ndays - 1);
		for (int64 day = from->first_day; day < from->first_day + from->ndays; day++)
		{
			const DayCount *other = &from->days[day - from->base];
			DayCount   *count = &into->days[day - into->base];

			count->events += other->events;
			count->total_events += other->total_events;
			count->page_views += other->page_views;
			count->sessions += other->sessions;
			count->active_users += other->active_users;
			if (pg_add_s64_overflow(count->session_usecs, other->session_usecs,
									&count->session_usecs))
				ereport(ERROR,
						(errcode(ERRCODE_INTERVAL_FIELD_OVERFLOW),
						 errmsg("sum of session lengths is out of range")));
		}
	}
	if (into == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(into);
}

/* Between processes of one query, the state travels as its bytes */
PG_FUNCTION_INFO_V1(timelines_daily_serialfn);
Datum
timelines_daily_serialfn(PG_FUNCTION_ARGS)
{
	DaySeries  *series = (DaySeries *) PG_GETARG_POINTER(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, (char *) series, sizeof(*series));
	if (series->capacity > 0)
		pq_sendbytes(&message, (char *) series->days, series->capacity * sizeof(DayCount));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* The result is only ever read */
PG_FUNCTION_INFO_V1(timelines_daily_deserialfn);
Datum
timelines_daily_deserialfn(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	const char *p = VARDATA_ANY(bytes);
	DaySeries  *series = palloc(sizeof(DaySeries));

	memcpy(series, p, sizeof(*series));
	series->context = CurrentMemoryContext;
	series->timezone = NULL;
	series->days = NULL;
	if (series->capacity > 0)
	{
		series->days = palloc(series->capacity * sizeof(DayCount));
		memcpy(series->days, p + sizeof(*series), series->capacity * sizeof(DayCount));
	}
	PG_RETURN_POINTER(series);
}
