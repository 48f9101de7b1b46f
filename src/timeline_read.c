/*-------------------------------------------------------------------------
 *
 * timeline_read.c
 *	  Set-returning functions that read a timeline: sessions, events.
 *
 * Each goes once over the blocks, decodes the columns that it needs, and skips
 * the blocks outside its period.  In FROM, the planner prefers a scan of the
 * same rows that does without a tuplestore (timeline_scan.c).
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include "miscadmin.h"

#include "session_reader.h"
#include "timeline_scan.h"

/*
 * Return the rows of a source from its function.  The space to decode in stays
 * for the query.
 */
Datum
source_rows(FunctionCallInfo fcinfo, const RowSource *source)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	void	   *reader = fcinfo->flinfo->fn_extra;
	Datum		values[SOURCE_MAX_COLUMNS];
	bool		nulls[SOURCE_MAX_COLUMNS] = {0};

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (reader == NULL)
	{
		reader = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, source->reader_size);
		fcinfo->flinfo->fn_extra = reader;
	}
	if (source->begin(reader, fcinfo, SOURCE_ALL_COLUMNS))
		while (source->next(reader, values, nulls))
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}

/*----------
 * timeline_sessions
 *----------
 */

typedef struct SessionRows
{
	SessionReader reader;
	Interval	duration;		/* of the last row */
} SessionRows;

/* Columns of timeline_sessions that tell of pages and of event ids */
#define SESSION_PAGES	(SOURCE_COLUMN(5) | SOURCE_COLUMN(6))
#define SESSION_IDS		(SOURCE_COLUMN(7) | SOURCE_COLUMN(8))

static bool
sessions_begin(void *reader, FunctionCallInfo fcinfo, uint32 columns)
{
	SessionRows *rows = reader;
	int64		timeout = timeout_from_arg(fcinfo, 1);
	int			which = 0;

	if (PG_ARGISNULL(0))
		return false;
	/* The ids are those of the events with these pages */
	if (columns & (SESSION_PAGES | SESSION_IDS))
		which |= COLUMN_PAGES;
	if (columns & SESSION_IDS)
		which |= COLUMN_IDS;
	session_reader_begin(&rows->reader, PG_GETARG_TIMELINE_P(0), timeout, which);
	memset(&rows->duration, 0, sizeof(Interval));
	return true;
}

static bool
sessions_next(void *reader, Datum *values, bool *nulls)
{
	SessionRows *rows = reader;
	Session		session;

	if (!session_reader_next(&rows->reader, &session))
		return false;
	rows->duration.time = session_length(session.started_at, session.ended_at);
	values[0] = Int64GetDatum(session.number);
	values[1] = TimestampTzGetDatum(session.started_at);
	values[2] = TimestampTzGetDatum(session.ended_at);
	values[3] = PointerGetDatum(&rows->duration);
	values[4] = Int64GetDatum(session.events);
	values[5] = Int32GetDatum(session.entry_page);
	values[6] = Int32GetDatum(session.exit_page);
	values[7] = Int64GetDatum(session.entry_id);
	values[8] = Int64GetDatum(session.exit_id);
	nulls[5] = nulls[6] = nulls[7] = nulls[8] = session.entry_page == 0;
	return true;
}

PG_FUNCTION_INFO_V1(timeline_sessions);

const RowSource timeline_sessions_source = {
	{"Timeline Sessions", timeline_scan_create},
	timeline_sessions, 9, sizeof(SessionRows), sessions_begin, sessions_next
};

Datum
timeline_sessions(PG_FUNCTION_ARGS)
{
	return source_rows(fcinfo, &timeline_sessions_source);
}

/*----------
 * timeline_events
 *----------
 */

typedef struct EventRows
{
	Period		period;
	uint64		timeout;
	bool		numbered;		/* are sessions to be numbered? */
	int			which;			/* columns to decode within the period */

	int64		session_number;
	int64		previous_at;

	TimelineCursor cursor;
	TimelineBlock block;
	bool		inside;			/* may events of the block be in the period? */
	int			next;			/* the event of the block to look at next */
	BlockColumns columns;
} EventRows;

static bool
events_begin(void *reader, FunctionCallInfo fcinfo, uint32 columns)
{
	EventRows  *rows = reader;
	Period		all_time = {PG_INT64_MIN, PG_INT64_MAX};

	rows->timeout = (uint64) timeout_from_arg(fcinfo, 2);
	rows->period = PG_ARGISNULL(1) ? all_time : period_from_arg(fcinfo, 1);
	if (PG_ARGISNULL(0))
		return false;
	rows->which = COLUMN_TIMES;
	if (columns & SOURCE_COLUMN(0))
		rows->which |= COLUMN_IDS;
	if (columns & SOURCE_COLUMN(2))
		rows->which |= COLUMN_TYPES;
	if (columns & SOURCE_COLUMN(3))
		rows->which |= COLUMN_PAGES;
	rows->numbered = (columns & SOURCE_COLUMN(4)) != 0;
	rows->session_number = 0;
	rows->next = rows->block.nevents = 0;
	timeline_begin(&rows->cursor, PG_GETARG_TIMELINE_P(0));
	return true;
}

/*
 * Decode the next block that is needed; false where there is none.  Sessions
 * are numbered over the whole timeline, so times are decoded of all blocks up
 * to the end of the period; the rest only of those within it.
 */
static bool
events_next_block(EventRows *rows)
{
	do
	{
		CHECK_FOR_INTERRUPTS();
		if (!timeline_read(&rows->cursor, &rows->block) ||
			rows->block.first_at >= rows->period.upper)
		{
			rows->next = rows->block.nevents = 0;
			return false;
		}
		rows->inside = rows->block.last_at >= rows->period.lower;
	} while (!rows->inside && !rows->numbered);
	timeline_columns(&rows->block, rows->inside ? rows->which : COLUMN_TIMES, &rows->columns);
	rows->next = 0;
	return true;
}

static bool
events_next(void *reader, Datum *values, bool *nulls)
{
	EventRows  *rows = reader;
	const BlockColumns *columns = &rows->columns;

	while (rows->next < rows->block.nevents || events_next_block(rows))
	{
		int			i = rows->next++;
		int64		at = columns->times[i];

		if (rows->session_number == 0 ||
			(uint64) at - (uint64) rows->previous_at > rows->timeout)
			rows->session_number++;
		rows->previous_at = at;
		if (!rows->inside || !PERIOD_HAS(rows->period, at))
			continue;

		values[1] = TimestampTzGetDatum(at);
		values[4] = Int64GetDatum(rows->session_number);
		if (rows->which & COLUMN_IDS)
			values[0] = Int64GetDatum(columns->ids[i]);
		if (rows->which & COLUMN_TYPES)
			values[2] = Int32GetDatum(columns->type_dict[columns->types[i]]);
		if (rows->which & COLUMN_PAGES)
		{
			int32		page = columns->page_dict[columns->pages[i]];

			values[3] = Int32GetDatum(page);
			nulls[3] = page == 0;
		}
		return true;
	}
	return false;
}

PG_FUNCTION_INFO_V1(timeline_events);

const RowSource timeline_events_source = {
	{"Timeline Events", timeline_scan_create},
	timeline_events, 5, sizeof(EventRows), events_begin, events_next
};

Datum
timeline_events(PG_FUNCTION_ARGS)
{
	return source_rows(fcinfo, &timeline_events_source);
}
