/*-------------------------------------------------------------------------
 *
 * timeline_io.c
 *	  Input, output and plain properties of the type timeline.
 *
 * Text and binary form are the bytes themselves, the text in hexadecimal
 * digits, so that both round-trip exactly and a dump stays small.  What comes
 * from outside is validated as a whole: after that, readers only guard their
 * memory accesses.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include "libpq/pqformat.h"
#include "utils/builtins.h"

/* Start reading the blocks of a timeline */
void
timeline_begin(TimelineCursor *cursor, const Timeline *timeline)
{
	if (!timeline_cursor_init(cursor, (const uint8 *) VARDATA_ANY(timeline),
							  VARSIZE_ANY_EXHDR(timeline)))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("timeline has an unknown version"),
				 errhint("Rebuild it with user_profile.rebuild_timelines().")));
}

/* Raise the error for bytes that are damaged where they are stored */
void
timeline_report_damage(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("timeline is damaged"),
			 errhint("Rebuild it with user_profile.rebuild_timelines().")));
}

/* Read the next block; false where there is none */
bool
timeline_read(TimelineCursor *cursor, TimelineBlock *block)
{
	TimelineResult result = timeline_next_block(cursor, block);

	if (result == TIMELINE_BAD)
		timeline_report_damage();
	return result == TIMELINE_OK;
}

/* Decode the columns that a reader needs */
void
timeline_columns(const TimelineBlock *block, int which, BlockColumns *out)
{
	bool		sound = true;

	if (which & COLUMN_TIMES)
		out->timed = sound &= timeline_block_times(block, out->times);
	if (which & COLUMN_IDS)
		sound &= timeline_block_ids(block, out->ids);
	if (which & COLUMN_TYPES)
		sound &= timeline_block_types(block, out->types) &&
			timeline_block_type_dict(block, out->type_dict);
	if (which & COLUMN_PAGES)
		sound &= timeline_block_pages(block, out->pages) &&
			timeline_block_page_dict(block, out->page_dict);
	if (!sound)
		timeline_report_damage();
}

/* Count events from the block headers */
int64
timeline_num_events(const Timeline *timeline)
{
	TimelineCursor cursor;
	TimelineBlock block;
	int64		n = 0;

	timeline_begin(&cursor, timeline);
	while (timeline_read(&cursor, &block))
		n += block.nevents;
	return n;
}

/* First of the ascending times that is not before a bound */
static int
first_not_before(const int64 *times, int n, int64 bound)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (times[middle] < bound)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The times of a block, decoded unless that is done */
const int64 *
timeline_times(const TimelineBlock *block, BlockColumns *columns)
{
	if (!columns->timed)
		timeline_columns(block, COLUMN_TIMES, columns);
	return columns->times;
}

/* Split a block where the difference of two times is longer than timeout */
static int
split_times(const int64 *times, int n, uint64 timeout, TimelineRun *runs)
{
	int			nruns = 0;

	for (int i = 0; i < n; i++)
	{
		if (i == 0 || (uint64) times[i] - (uint64) times[i - 1] > timeout)
		{
			runs[nruns].first = i;
			runs[nruns++].first_at = times[i];
		}
		runs[nruns - 1].last_at = times[i];
	}
	return nruns;
}

/*
 * Find the runs of a block, such that no gap within one is longer than timeout
 * or than TIMELINE_PAUSE.
 */
void
timeline_runs(const TimelineBlock *block, int64 timeout, BlockColumns *columns)
{
	columns->timed = false;
	columns->first_run = 0;
	if (timeout >= TIMELINE_PAUSE)
		columns->end_run = timeline_block_runs(block, columns->runs);
	else
		columns->end_run = split_times(timeline_times(block, columns), block->nevents,
									   (uint64) timeout, columns->runs);
	if (columns->end_run == 0)
		timeline_report_damage();
}

/* Find the events [*from, *to) of a block that are within a period, by its times */
void
timeline_clip_times(const TimelineBlock *block, const BlockColumns *columns,
					Period period, int *from, int *to)
{
	*from = block->first_at >= period.lower ? 0 :
		first_not_before(columns->times, block->nevents, period.lower);
	*to = block->last_at < period.upper ? block->nevents :
		first_not_before(columns->times, block->nevents, period.upper);
}

/*
 * The same by its runs: those outside the period leave the ones in use, and
 * those that reach over its ends are cut, which needs times.  False where
 * nothing is left.
 */
bool
timeline_clip_runs(const TimelineBlock *block, Period period, BlockColumns *columns,
				   int *from, int *to)
{
	TimelineRun *first = &columns->runs[columns->first_run];
	TimelineRun *end = &columns->runs[columns->end_run];
	TimelineRun *last;

	*to = block->nevents;
	while (first < end && first->last_at < period.lower)
		first++;
	while (first < end && end[-1].first_at >= period.upper)
		*to = (--end)->first;
	if (first == end)
		return false;
	last = end - 1;
	if (first->first_at < period.lower)
	{
		first->first = first_not_before(timeline_times(block, columns), *to, period.lower);
		first->first_at = columns->times[first->first];
	}
	*from = first->first;
	if (last->last_at >= period.upper)
	{
		*to = first_not_before(timeline_times(block, columns), *to, period.upper);
		if (*from >= *to)
			return false;
		last->last_at = columns->times[*to - 1];
	}
	columns->first_run = first - columns->runs;
	columns->end_run = end - columns->runs;
	return true;
}

/* Check bytes from outside, and make a timeline of them */
static Datum
timeline_from_bytes(const uint8 *bytes, size_t size, Node *escontext)
{
	const char *fault = timeline_validate(bytes, size);
	Timeline   *result;

	if (fault != NULL)
		ereturn(escontext, (Datum) 0,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid timeline: %s", fault),
				 errhint("A timeline is made by timeline_agg(), or comes from a dump.")));
	result = palloc(VARHDRSZ + size);
	SET_VARSIZE(result, VARHDRSZ + size);
	memcpy(VARDATA(result), bytes, size);
	return PointerGetDatum(result);
}

PG_FUNCTION_INFO_V1(timeline_in);
Datum
timeline_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	size_t		length = strlen(text);
	uint8	   *bytes;

	if (length == 0 || length % 2 != 0 || strspn(text, "0123456789abcdefABCDEF") != length)
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%.64s\"", "timeline", text),
				 errdetail("A timeline is written as an even number of hexadecimal digits.")));
	bytes = palloc(length / 2);
	hex_decode(text, length, (char *) bytes);
	return timeline_from_bytes(bytes, length / 2, fcinfo->context);
}

PG_FUNCTION_INFO_V1(timeline_out);
Datum
timeline_out(PG_FUNCTION_ARGS)
{
	Timeline   *timeline = PG_GETARG_TIMELINE_P(0);
	size_t		size = VARSIZE_ANY_EXHDR(timeline);
	char	   *text = palloc(2 * size + 1);

	text[		hex_encode(VARDATA_ANY(timeline), size, text)] = '\0';

	PG_RETURN_CSTRING(text);
}

PG_FUNCTION_INFO_V1(timeline_recv);
Datum
timeline_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			size = message->len - message->cursor;

	return timeline_from_bytes((const uint8 *) pq_getmsgbytes(message, size), size,
							   fcinfo->context);
}

PG_FUNCTION_INFO_V1(timeline_send);
Datum
timeline_send(PG_FUNCTION_ARGS)
{
	Timeline   *timeline = PG_GETARG_TIMELINE_P(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, VARDATA_ANY(timeline), VARSIZE_ANY_EXHDR(timeline));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(num_events);
Datum
num_events(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(timeline_num_events(PG_GETARG_TIMELINE_P(0)));
}

/* Time of the first or of the last event; NULL for a timeline without events */
static Datum
timeline_end_time(FunctionCallInfo fcinfo, bool last)
{
	Timeline   *timeline = PG_GETARG_TIMELINE_P(0);
	TimelineCursor cursor;
	TimelineBlock block;
	bool		found;

	timeline_begin(&cursor, timeline);
	found = timeline_read(&cursor, &block);
	if (!found)
		PG_RETURN_NULL();
	while (last && timeline_read(&cursor, &block))
		;
	PG_RETURN_TIMESTAMPTZ(last ? block.last_at : block.first_at);
}

PG_FUNCTION_INFO_V1(timeline_first_at);
Datum
timeline_first_at(PG_FUNCTION_ARGS)
{
	return timeline_end_time(fcinfo, false);
}

PG_FUNCTION_INFO_V1(timeline_last_at);
Datum
timeline_last_at(PG_FUNCTION_ARGS)
{
	return timeline_end_time(fcinfo, true);
}
