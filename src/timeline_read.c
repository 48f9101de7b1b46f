/*-------------------------------------------------------------------------
 *
 * timeline_read.c
 *	  Set-returning functions that read a timeline: sessions, events.
 *
 * Each goes once over the blocks, decodes the columns that it needs, and skips
 * the blocks outside its period.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include "miscadmin.h"

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

	duration.time = session_length(session->started_at, session->ended_at);
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
