/*-------------------------------------------------------------------------
 *
 * timeline_read.c
 *	  Set-returning functions that read a timeline: sessions, events, counts
 *	  by event type and by page, days.
 *
 * Each goes once over the blocks, decodes the columns that it needs, and skips
 * the blocks outside its period.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/memutils.h"

/* Where a function puts its rows, and decodes its blocks */
typedef struct Reader
{
	ReturnSetInfo *rsinfo;
	TimelineCursor cursor;
	TimelineBlock block;
	BlockColumns columns;
} Reader;

/*
 * Start a set-returning function over the timeline in its first argument;
 * NULL where that is null, and then there are no rows.  The space to decode in
 * stays for the query.
 */
static Reader *
reader_begin(FunctionCallInfo fcinfo)
{
	Reader	   *reader = fcinfo->flinfo->fn_extra;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0))
		return NULL;
	if (reader == NULL)
	{
		reader = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(Reader));
		fcinfo->flinfo->fn_extra = reader;
	}
	reader->rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	timeline_begin(&reader->cursor, PG_GETARG_TIMELINE_P(0));
	return reader;
}

/* Decode some columns of the next block; false where there is none */
static bool
reader_next(Reader *reader, int columns)
{
	if (!timeline_read(&reader->cursor, &reader->block))
		return false;
	timeline_columns(&reader->block, columns, &reader->columns);
	return true;
}

static void
reader_emit(Reader *reader, const Datum *values, const bool *nulls)
{
	/* tuplestore_putvalues only reads them */
	tuplestore_putvalues(reader->rsinfo->setResult, reader->rsinfo->setDesc,
						 unconstify(Datum *, values), unconstify(bool *, nulls));
}

/*----------
 * timeline_sessions
 *----------
 */

/* A session being read */
typedef struct Session
{
	int64		number;
	int64		started_at;
	int64		ended_at;
	int64		events;
	int32		entry_page;		/* 0: no event with a page so far */
	int32		exit_page;
	int64		entry_id;		/* the events that these pages are of */
	int64		exit_id;
} Session;

static void
emit_session(Reader *reader, const Session *session)
{
	Interval	duration = {0};
	Datum		values[9];
	bool		nulls[9] = {0};

	duration.time = session->ended_at - session->started_at;
	values[0] = Int64GetDatum(session->number);
	values[1] = TimestampTzGetDatum(session->started_at);
	values[2] = TimestampTzGetDatum(session->ended_at);
	values[3] = PointerGetDatum(&duration);
	values[4] = Int64GetDatum(session->events);
	values[5] = Int32GetDatum(session->entry_page);
	values[6] = Int32GetDatum(session->exit_page);
	values[7] = Int64GetDatum(session->entry_id);
	values[8] = Int64GetDatum(session->exit_id);
	nulls[5] = nulls[6] = nulls[7] = nulls[8] = session->entry_page == 0;
	reader_emit(reader, values, nulls);
}

PG_FUNCTION_INFO_V1(timeline_sessions);
Datum
timeline_sessions(PG_FUNCTION_ARGS)
{
	uint64		timeout = (uint64) timeout_from_arg(fcinfo, 1);
	Reader	   *reader = reader_begin(fcinfo);
	Session		session = {0};

	if (reader == NULL)
		return (Datum) 0;
	while (reader_next(reader, COLUMN_TIMES | COLUMN_PAGES | COLUMN_IDS))
	{
		const BlockColumns *columns = &reader->columns;

		for (int i = 0; i < reader->block.nevents; i++)
		{
			int64		at = columns->times[i];
			int32		page = columns->page_dict[columns->pages[i]];

			if (session.events == 0 ||
				(uint64) at - (uint64) session.ended_at > timeout)
			{
				int64		number = session.number + 1;

				if (session.events > 0)
					emit_session(reader, &session);
				memset(&session, 0, sizeof(session));
				session.number = number;
				session.started_at = at;
			}
			session.ended_at = at;
			session.events++;
			if (page != 0)
			{
				if (session.entry_page == 0)
				{
					session.entry_page = page;
					session.entry_id = columns->ids[i];
				}
				session.exit_page = page;
				session.exit_id = columns->ids[i];
			}
		}
	}
	if (session.events > 0)
		emit_session(reader, &session);
	return (Datum) 0;
}

/*----------
 * timeline_events
 *----------
 */

/*
 * Sessions are numbered over the whole timeline, so times are decoded of all
 * blocks; the rest only of those within the period.
 */
PG_FUNCTION_INFO_V1(timeline_events);
Datum
timeline_events(PG_FUNCTION_ARGS)
{
	Period		period = {PG_INT64_MIN, PG_INT64_MAX};
	uint64		timeout = (uint64) timeout_from_arg(fcinfo, 2);
	Reader	   *reader;
	int64		session_number = 0;
	int64		previous_at = 0;

	if (!PG_ARGISNULL(1))
		period = period_from_arg(fcinfo, 1);
	reader = reader_begin(fcinfo);
	if (reader == NULL)
		return (Datum) 0;
	while (timeline_read(&reader->cursor, &reader->block))
	{
		const BlockColumns *columns = &reader->columns;
		bool		inside;

		if (reader->block.first_at >= period.upper)
			break;
		inside = reader->block.last_at >= period.lower;
		timeline_columns(&reader->block, inside ?
						 COLUMN_TIMES | COLUMN_IDS | COLUMN_TYPES | COLUMN_PAGES :
						 COLUMN_TIMES, &reader->columns);
		for (int i = 0; i < reader->block.nevents; i++)
		{
			int64		at = columns->times[i];

			if (session_number == 0 || (uint64) at - (uint64) previous_at > timeout)
				session_number++;
			previous_at = at;
			if (inside && PERIOD_HAS(period, at))
			{
				int32		page = columns->page_dict[columns->pages[i]];
				Datum		values[5];
				bool		nulls[5] = {false, false, false, page == 0, false};

				values[0] = Int64GetDatum(columns->ids[i]);
				values[1] = TimestampTzGetDatum(at);
				values[2] = Int32GetDatum(columns->type_dict[columns->types[i]]);
				values[3] = Int32GetDatum(page);
				values[4] = Int64GetDatum(session_number);
				reader_emit(reader, values, nulls);
			}
		}
	}
	return (Datum) 0;
}

/*----------
 * timeline_event_counts, timeline_page_counts
 *----------
 */

/* How often an id occurred; visits are the page views among them */
typedef struct IdCount
{
	int32		id;
	int64		events;
	int64		visits;
	int64		last_at;
} IdCount;

#define ST_SORT sort_id_counts
#define ST_ELEMENT_TYPE IdCount
#define ST_COMPARE(a, b) ((a)->id < (b)->id ? -1 : (a)->id > (b)->id)
#define ST_SCOPE static
#define ST_DEFINE
#define ST_DECLARE
#include "lib/sort_template.h"

/*
 * Count the ids of one column within a period, block by block at first, as
 * there each id is a small index.  Returns the counts in the order of the ids.
 */
static IdCount *
count_ids(Reader *reader, Period period, bool pages, int *ncounts)
{
	IdCount    *counts = NULL;
	int			capacity = 0;
	int			n = 0;
	int			nblocks = 0;
	int			kept = 0;

	while (timeline_read(&reader->cursor, &reader->block))
	{
		const BlockColumns *columns = &reader->columns;
		const TimelineBlock *block = &reader->block;
		const int32 *dict = pages ? columns->page_dict : columns->type_dict;
		const uint16 *indexes = pages ? columns->pages : columns->types;
		int			size = pages ? block->npages : block->ntypes;
		IdCount    *of_block;

		if (block->last_at < period.lower)
			continue;
		if (block->first_at >= period.upper)
			break;
		timeline_columns(block, COLUMN_TIMES | COLUMN_TYPES | (pages ? COLUMN_PAGES : 0),
						 &reader->columns);
		if (n + size > capacity)
		{
			capacity = Max(n + size, 2 * capacity);
			counts = counts == NULL ? palloc(capacity * sizeof(IdCount)) :
				repalloc_huge(counts, capacity * sizeof(IdCount));
		}
		of_block = counts + n;
		memset(of_block, 0, size * sizeof(IdCount));
		for (int i = 0; i < size; i++)
			of_block[i].id = dict[i];
		for (int i = 0; i < block->nevents; i++)
		{
			IdCount    *count = &of_block[indexes[i]];

			if (!PERIOD_HAS(period, columns->times[i]))
				continue;
			count->events++;
			count->last_at = columns->times[i];
			if (pages && EVENT_KIND(columns->type_dict[columns->types[i]]) == KIND_PAGE_VIEW)
				count->visits++;
		}
		n += size;
		nblocks++;
	}

	if (nblocks > 1)
		sort_id_counts(counts, n);
	for (int i = 0; i < n; i++)
	{
		if (counts[i].events == 0 || (pages && counts[i].id == 0))
			continue;
		if (kept > 0 && counts[kept - 1].id == counts[i].id)
		{
			counts[kept - 1].events += counts[i].events;
			counts[kept - 1].visits += counts[i].visits;
			counts[kept - 1].last_at = Max(counts[kept - 1].last_at, counts[i].last_at);
		}
		else
			counts[kept++] = counts[i];
	}
	*ncounts = kept;
	return counts;
}

PG_FUNCTION_INFO_V1(timeline_event_counts);
Datum
timeline_event_counts(PG_FUNCTION_ARGS)
{
	Period		period = period_from_arg(fcinfo, 1);
	Reader	   *reader = reader_begin(fcinfo);
	int			n = 0;
	IdCount    *counts = reader == NULL ? NULL : count_ids(reader, period, false, &n);

	for (int i = 0; i < n; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {0};

		values[0] = Int32GetDatum(counts[i].id);
		values[1] = Int64GetDatum(counts[i].events);
		values[2] = TimestampTzGetDatum(counts[i].last_at);
		reader_emit(reader, values, nulls);
	}
	if (counts != NULL)
		pfree(counts);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(timeline_page_counts);
Datum
timeline_page_counts(PG_FUNCTION_ARGS)
{
	Period		period = period_from_arg(fcinfo, 1);
	Reader	   *reader = reader_begin(fcinfo);
	int			n = 0;
	IdCount    *counts = reader == NULL ? NULL : count_ids(reader, period, true, &n);

	for (int i = 0; i < n; i++)
	{
		Datum		values[4];
		bool		nulls[4] = {0};

		values[0] = Int32GetDatum(counts[i].id);
		values[1] = Int64GetDatum(counts[i].visits);
		values[2] = Int64GetDatum(counts[i].events);
		values[3] = TimestampTzGetDatum(counts[i].last_at);
		reader_emit(reader, values, nulls);
	}
	if (counts != NULL)
		pfree(counts);
	return (Datum) 0;
}

/*----------
 * timeline_daily
 *----------
 */

/* More days than anybody reads, and few enough to hold in memory */
#define MAX_DAILY_DAYS	1000000

/* Figures of one local day */
typedef struct DayCount
{
	int64		events;
	int64		total_events;
	int64		page_views;
	int64		sessions;
	int64		session_usecs;
} DayCount;

/* A series of days */
typedef struct DaySeries
{
	Period		period;
	int64		first_day;
	int64		ndays;
	DayCount   *days;
} DaySeries;

/* Look up a time zone as SET timezone would; NULL is the session's */
static pg_tz *
timezone_from_arg(FunctionCallInfo fcinfo, int argno)
{
	char		name[TZ_STRLEN_MAX + 1];
	pg_tz	   *timezone;

	if (PG_ARGISNULL(argno))
		return session_timezone;
	text_to_cstring_buffer(PG_GETARG_TEXT_PP(argno), name, sizeof(name));
	timezone = pg_tzset(name);
	if (timezone == NULL || !pg_tz_acceptable(timezone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", name),
				 errhint("The view pg_timezone_names lists the names.")));
	return timezone;
}

/* The local day of a time by itself */
static int64
local_day(DayClock *clock, int64 at)
{
	day_clock_reset(clock);
	return day_clock_day(clock, at);
}

/*
 * Find the days of a series: those of the period, and where that is unbounded,
 * from the timeline's first event or to its last one.
 */
static void
day_series_init(DaySeries *series, Period period, DayClock *clock, Timeline *timeline)
{
	int64		first_at = period.lower;
	int64		last_at = period.upper - 1;

	memset(series, 0, sizeof(*series));
	series->period = period;
	if (first_at == PG_INT64_MIN || period.upper == PG_INT64_MAX)
	{
		TimelineCursor cursor;
		TimelineBlock block;

		if (timeline == NULL)
			return;
		timeline_begin(&cursor, timeline);
		if (!timeline_read(&cursor, &block))
			return;
		if (first_at == PG_INT64_MIN)
			first_at = block.first_at;
		while (timeline_read(&cursor, &block))
			;
		if (period.upper == PG_INT64_MAX)
			last_at = block.last_at;
		if (last_at < first_at)
			return;
	}
	series->first_day = local_day(clock, first_at);
	series->ndays = local_day(clock, last_at) - series->first_day + 1;
	if (series->ndays > MAX_DAILY_DAYS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("period spans " INT64_FORMAT " days", series->ndays),
				 errdetail("A daily series has at most %d days.", MAX_DAILY_DAYS),
				 errhint("Give a shorter period.")));
	series->days = MemoryContextAllocExtended(CurrentMemoryContext,
											  Max(series->ndays, 1) * sizeof(DayCount),
											  MCXT_ALLOC_ZERO);
}

/* The entry of a time within the period */
static inline DayCount *
series_day(DaySeries *series, DayClock *clock, int64 at)
{
	int64		index = day_clock_day(clock, at) - series->first_day;

	/* Where the clock went back over midnight, a day may be met twice */
	return &series->days[Max(0, Min(index, series->ndays - 1))];
}

static void
series_add_session(DaySeries *series, DayClock *clock, int64 started_at, int64 ended_at)
{
	DayCount   *day = series_day(series, clock, started_at);

	day->sessions++;
	if (pg_add_s64_overflow(day->session_usecs, ended_at - started_at, &day->session_usecs))
		ereport(ERROR,
				(errcode(ERRCODE_INTERVAL_FIELD_OVERFLOW),
				 errmsg("sum of session lengths is out of range")));
}

/* Count events by the day on which they happened, sessions by that on which they started */
static void
day_series_fill(DaySeries *series, Reader *reader, DayClock *event_clock,
				DayClock *session_clock, int64 timeout)
{
	const Period period = series->period;
	int64		first_needed = period_first_needed(period, timeout);
	bool		any_before = false;
	bool		counting = false;
	int64		started_at = 0;
	int64		previous_at = 0;

	while (timeline_read(&reader->cursor, &reader->block))
	{
		const BlockColumns *columns = &reader->columns;

		if (reader->block.last_at < first_needed)
			continue;
		if (reader->block.first_at >= period.upper && !counting)
			break;
		timeline_columns(&reader->block, COLUMN_TIMES | COLUMN_TYPES, &reader->columns);
		for (int i = 0; i < reader->block.nevents; i++)
		{
			int64		at = columns->times[i];

			if (!any_before || (uint64) at - (uint64) previous_at > (uint64) timeout)
			{
				if (counting)
					series_add_session(series, session_clock, started_at, previous_at);
				any_before = true;
				counting = PERIOD_HAS(period, at);
				started_at = at;
			}
			previous_at = at;
			if (PERIOD_HAS(period, at))
			{
				DayCount   *day = series_day(series, event_clock, at);
				int			kind = EVENT_KIND(columns->type_dict[columns->types[i]]);

				day->events++;
				if (KIND_IS_TOTAL(kind))
					day->total_events++;
				else if (kind == KIND_PAGE_VIEW)
					day->page_views++;
			}
		}
	}
	if (counting)
		series_add_session(series, session_clock, started_at, previous_at);
}

/* What timeline_daily() keeps between calls of a query */
typedef struct DailyCall
{
	Reader		reader;
	DayClock	event_clock;
	DayClock	session_clock;
} DailyCall;

PG_FUNCTION_INFO_V1(timeline_daily);
Datum
timeline_daily(PG_FUNCTION_ARGS)
{
	Timeline   *timeline = PG_ARGISNULL(0) ? NULL : PG_GETARG_TIMELINE_P(0);
	Period		period = period_from_arg(fcinfo, 1);
	pg_tz	   *timezone = timezone_from_arg(fcinfo, 2);
	int64		timeout = timeout_from_arg(fcinfo, 3);
	DailyCall  *call = fcinfo->flinfo->fn_extra;
	DaySeries	series;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (call == NULL)
	{
		call = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(DailyCall));
		day_clock_init(&call->event_clock, timezone);
		day_clock_init(&call->session_clock, timezone);
		fcinfo->flinfo->fn_extra = call;
	}
	if (call->event_clock.timezone != timezone)
	{
		day_clock_init(&call->event_clock, timezone);
		day_clock_init(&call->session_clock, timezone);
	}
	call->reader.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	day_series_init(&series, period, &call->event_clock, timeline);
	if (series.days == NULL)
		return (Datum) 0;
	if (timeline != NULL)
	{
		day_clock_reset(&call->event_clock);
		day_clock_reset(&call->session_clock);
		timeline_begin(&call->reader.cursor, timeline);
		day_series_fill(&series, &call->reader, &call->event_clock,
						&call->session_clock, timeout);
	}
	for (int64 i = 0; i < series.ndays; i++)
	{
		const DayCount *day = &series.days[i];
		Interval	session_time = {0};
		Datum		values[6];
		bool		nulls[6] = {0};

		session_time.time = day->session_usecs;
		values[0] = DateADTGetDatum((DateADT) (series.first_day + i));
		values[1] = Int64GetDatum(day->events);
		values[2] = Int64GetDatum(day->total_events);
		values[3] = Int64GetDatum(day->page_views);
		values[4] = Int64GetDatum(day->sessions);
		values[5] = IntervalPGetDatum(&session_time);
		reader_emit(&call->reader, values, nulls);
	}
	pfree(series.days);
	return (Datum) 0;
}
