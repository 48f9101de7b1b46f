/*-------------------------------------------------------------------------
 *
 * timeline.h
 *	  The SQL type timeline, for the functions that read and make it.
 *
 * Glossary
 *	timeline	the events of one user in the order (time, event id)
 *	block		up to 1,024 successive events of it, encoded together
 *	run			successive events of a block without a long pause between them:
 *				what sessions, days and periods are found by
 *	event type	kind, name and action; its id carries the kind in the low
 *				four bits, so that kinds are counted without a look-up
 *	period		the half-open time range of which figures are asked
 *	session		successive events without a gap longer than the timeout; it
 *				belongs to the period in which it starts
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef TIMELINE_H
#define TIMELINE_H

#include "compat.h"

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "pgtime.h"
#include "utils/timestamp.h"

#include "timeline_codec.h"

typedef struct varlena Timeline;

#define DatumGetTimelineP(d)	((Timeline *) PG_DETOAST_DATUM_PACKED(d))
#define PG_GETARG_TIMELINE_P(n) DatumGetTimelineP(PG_GETARG_DATUM(n))

/* The kind of an event, from the id of its type */
#define EVENT_KIND(type)		((type) & 15)
#define EVENT_KINDS				16

/* Numbers of the labels of event_kind that the counting needs */
#define KIND_TRACKED			0
#define KIND_LABELED			1
#define KIND_FEATURE_TAG		2
#define KIND_PAGE_VIEW			3

/* The events of these kinds make the total */
#define KIND_IS_TOTAL(kind)		((kind) <= KIND_FEATURE_TAG)

/* Half-open; an unbounded side is the lowest or the highest number there is */
typedef struct Period
{
	int64		lower;
	int64		upper;
} Period;

#define PERIOD_HAS(period, at)	((at) >= (period).lower && (at) < (period).upper)

/*
 * One column decoded of a block at a time: kept by readers, as it is too large
 * for a stack frame that recurses.  The runs in use are [first_run, end_run).
 */
typedef struct BlockColumns
{
	bool		timed;			/* are the times decoded? */
	int			first_run;
	int			end_run;
	TimelineRun runs[TIMELINE_BLOCK_EVENTS];
	int64		times[TIMELINE_BLOCK_EVENTS];
	int64		ids[TIMELINE_BLOCK_EVENTS];
	uint16		types[TIMELINE_BLOCK_EVENTS];
	uint16		pages[TIMELINE_BLOCK_EVENTS];
	int32		type_dict[TIMELINE_BLOCK_EVENTS];
	int32		page_dict[TIMELINE_BLOCK_EVENTS];
} BlockColumns;

/* A timeline that is being written */
typedef struct TimelineWriter
{
	uint8	   *data;			/* with room for the varlena header in front */
	size_t		size;
	size_t		capacity;
} TimelineWriter;

/* Copies of timelines; all zero at first */
typedef struct TimelineList
{
	int			n;
	int			capacity;
	Timeline  **timelines;
} TimelineList;

/* Timelines that are being joined; all zero at first */
typedef struct TimelineJoin
{
	TimelineWriter writer;		/* of those in the order of time */
	int64		last_at;
	TimelineList others;
} TimelineJoin;

/* What to decode of a block */
#define COLUMN_TIMES	1
#define COLUMN_IDS		2
#define COLUMN_TYPES	4
#define COLUMN_PAGES	8

/* The local day of successive times, without a time zone conversion for each */
#define DAY_CACHE_SIZE 1024

typedef struct DayOffset
{
	int64		utc_day;
	int64		offset;			/* of local time, in microseconds */
	bool		known;
	bool		uniform;		/* does it hold for the whole UTC day? */
} DayOffset;

typedef struct DayClock
{
	pg_tz	   *timezone;
	int64		until;			/* times from the last one asked to here are
								 * on its day */
	int64		day;
	DayOffset	cache[DAY_CACHE_SIZE];
} DayClock;

/* timeline_io.c */
pg_noreturn extern void timeline_report_damage(void);
extern void timeline_begin(TimelineCursor *cursor, const Timeline *timeline);
extern bool timeline_read(TimelineCursor *cursor, TimelineBlock *block);
extern void timeline_columns(const TimelineBlock *block, int which, BlockColumns *out);
extern int64 timeline_num_events(const Timeline *timeline);
extern const int64 *timeline_times(const TimelineBlock *block, BlockColumns *columns);
extern void timeline_runs(const TimelineBlock *block, int64 timeout, BlockColumns *columns);
extern void timeline_clip_times(const TimelineBlock *block, const BlockColumns *columns,
								Period period, int *from, int *to);
extern bool timeline_clip_runs(const TimelineBlock *block, Period period,
							   BlockColumns *columns, int *from, int *to);

/* timeline_agg.c */
extern MemoryContext aggregate_context(FunctionCallInfo fcinfo);
extern void timeline_check_event(const TimelineEvent *event);
extern void send_array(StringInfo message, const void *array, int64 n, size_t each);

/* timeline_rows.c */
extern TupleDesc result_row_type(FunctionCallInfo fcinfo, int ncolumns);
extern Datum rows_to_array(TupleDesc tupdesc, Datum *rows, int64 nrows);

/* timeline_build.c */
extern Timeline *timeline_from_events(const TimelineEvent *events, int64 nevents);
extern void timeline_sort_events(TimelineEvent *events, int64 nevents);
extern TimelineEvent *timeline_to_events(Timeline *const *timelines, int ntimelines,
										 int64 room, int64 *nevents);
extern void timeline_list_add(TimelineList *list, MemoryContext context, const Timeline *timeline);
extern Timeline *timeline_union(Timeline *const *timelines, int ntimelines);
extern void timeline_join_add(TimelineJoin *join, const Timeline *timeline, int64 since);
extern Timeline *timeline_join_end(TimelineJoin *join);

/* period.c */
extern Period period_from_datum(Datum datum);
extern Period period_from_arg(FunctionCallInfo fcinfo, int argno);
extern int64 timeout_from_arg(FunctionCallInfo fcinfo, int argno);
extern bool timeout_from_interval(const Interval *interval, int64 *usecs);
pg_noreturn extern void report_timeout(void);
extern pg_tz *timezone_from_arg(FunctionCallInfo fcinfo, int argno);
extern int64 session_length(int64 started_at, int64 ended_at);
extern void add_length(int64 *total, int64 length);
extern Interval *make_duration(int64 usecs);
extern int64 period_first_needed(Period period, int64 timeout);
extern void day_clock_init(DayClock *clock, pg_tz *timezone);
extern void day_clock_advance(DayClock *clock, int64 at);

/* Local day (as a DateADT) of a time, which is not before the last one asked */
static inline int64
day_clock_day(DayClock *clock, int64 at)
{
	if (at >= clock->until)
		day_clock_advance(clock, at);
	return clock->day;
}

/* Forget the last time asked, as the next one may be before it */
static inline void
day_clock_reset(DayClock *clock)
{
	clock->until = PG_INT64_MIN;
}

#endif							/* TIMELINE_H */
