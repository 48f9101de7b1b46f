/*-------------------------------------------------------------------------
 *
 * functions.c
 *	  libFuzzer harness of the functions that make and read timelines.
 *
 * An input makes up to four timelines: each from a recipe of events, or from
 * bytes as they are.  They are joined in two ways and read for sessions, events
 * and counts.  Where all are of events, every answer is held against one that
 * is found without timelines; where some are bytes, an error will do that says
 * so.  Memory accesses are watched either way (server.c).
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"
#include "server.h"

/* The server has its own, which are not here */
#undef fprintf
#undef qsort

#define MAX_PARTS	4
#define MAX_EVENTS	(MAX_PARTS * TIMELINE_BLOCK_EVENTS)

/* What a session timeout may be (timeout_from_interval) */
#define MOST_TIMEOUT (36600 * USECS_PER_DAY)

extern Datum timeline_sessions(PG_FUNCTION_ARGS);
extern Datum timeline_events(PG_FUNCTION_ARGS);
extern Datum timeline_event_counts(PG_FUNCTION_ARGS);
extern Datum timeline_page_counts(PG_FUNCTION_ARGS);
extern Datum timelines_event_counts_transfn(PG_FUNCTION_ARGS);
extern Datum timelines_sessions_transfn(PG_FUNCTION_ARGS);

/* What the input says */
typedef struct Input
{
	Timeline   *parts[MAX_PARTS];
	int			nparts;
	bool		sound;			/* are all parts made of events? */
	uint64_t	since;			/* number of an event */
	int64		timeout;
	Period		period;
} Input;

/* The events of all parts, if sound */
static TimelineEvent events[MAX_EVENTS];
static int	nevents;

/* Total order, which the order of timelines is not where an event comes twice */
static int
compare_all(const void *a, const void *b)
{
	const TimelineEvent *x = a;
	const TimelineEvent *y = b;
	int			order = timeline_event_cmp(x, y);

	if (order != 0)
		return order;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return x->page < y->page ? -1 : x->page > y->page;
}

/* Do these hold the events of all parts, in the order of timelines? */
static bool
are_the_events(const TimelineEvent *got, int64 ngot)
{
	static TimelineEvent sorted[MAX_EVENTS];

	if (ngot != nevents)
		return false;
	for (int i = 1; i < nevents; i++)
		if (timeline_event_cmp(&got[i - 1], &got[i]) > 0)
			return false;
	memcpy(sorted, got, nevents * sizeof(TimelineEvent));
	qsort(sorted, nevents, sizeof(TimelineEvent), compare_all);
	return memcmp(sorted, events, nevents * sizeof(TimelineEvent)) == 0;
}

static bool
is_valid(const Timeline *timeline)
{
	return timeline_validate((const uint8 *) VARDATA_ANY(timeline),
							 VARSIZE_ANY_EXHDR(timeline)) == NULL;
}

/* Make the parts */
static void
make_input(const uint8_t *data, size_t size, Input *input)
{
	Recipe		recipe = {data, data + size};
	uint8_t		head = take(&recipe);
	uint8_t		raw = take(&recipe);
	uint64_t	from;
	uint64_t	to;
	size_t		length;

	memset(input, 0, sizeof(*input));
	input->nparts = 1 + head % MAX_PARTS;
	input->since = take_number(&recipe, 4);
	input->timeout = take_number(&recipe, 1 + (head >> 2 & 7)) % (MOST_TIMEOUT + 1);
	from = take_number(&recipe, 2);
	to = take_number(&recipe, 2);
	input->sound = true;
	nevents = 0;
	length = (recipe.end - recipe.next) / input->nparts;
	for (int i = 0; i < input->nparts; i++)
	{
		const uint8_t *part = recipe.next + i * length;

		if ((head & 0x80) != 0 && (raw >> i & 1) != 0)
		{
			Timeline   *timeline = palloc(VARHDRSZ + length);

			SET_VARSIZE(timeline, VARHDRSZ + length);
			memcpy(VARDATA(timeline), part, length);
			input->parts[i] = timeline;
			input->sound = false;
		}
		else
		{
			int			n = make_events(part, length, events + nevents);

			input->parts[i] = timeline_from_events(events + nevents, n);
			nevents += n;
		}
	}
	qsort(events, nevents, sizeof(TimelineEvent), compare_all);
	input->period.lower = PG_INT64_MIN;
	input->period.upper = PG_INT64_MAX;
	if ((head & 0x40) != 0 && nevents > 0)
	{
		input->period.lower = events[from % nevents].at;
		input->period.upper = Max(events[to % nevents].at, input->period.lower + 1);
	}
}

/* Call a function; without an error, if the input is sound */
static bool
call(const Input *input, SqlFunction function, int ncolumns, FmgrInfo *flinfo,
	 Datum a, Datum b, Datum c, Datum *result)
{
	Call		description = {function, {a, b, c}, input->period, input->timeout, ncolumns};
	int			sqlstate = call_function(&description, flinfo, result);

	CHECK(sqlstate == 0 ||
		  (sqlstate == ERRCODE_DATA_CORRUPTED && !input->sound) ||
		  sqlstate == ERRCODE_INTERVAL_FIELD_OVERFLOW);
	return sqlstate == 0;
}

typedef struct Joining
{
	const Input *input;
	Timeline   *joined;
	TimelineEvent *decoded;
	int64		ndecoded;
	Timeline   *added;			/* the same, one after the other */
	TimelineEvent *added_decoded;
	int64		nadded;
} Joining;

static void
run_join(void *arg)
{
	Joining    *join = arg;
	TimelineJoin adding = {0};

	join->joined = timeline_union(join->input->parts, join->input->nparts);
	join->decoded = timeline_to_events(&join->joined, 1, 0, &join->ndecoded);
	for (int i = 0; i < join->input->nparts; i++)
		timeline_join_add(&adding, join->input->parts[i], PG_INT64_MIN);
	join->added = timeline_join_end(&adding);
	join->added_decoded = timeline_to_events(&join->added, 1, 0, &join->nadded);
}

/* Those that end at some time or after it, joined, have the events of these */
static void
check_since(const Input *input)
{
	int64		since = events[input->since % nevents].at;
	TimelineJoin join = {0};
	Timeline   *late[MAX_PARTS];
	int			nlate = 0;
	Timeline   *joined;
	TimelineEvent *got;
	TimelineEvent *wanted;
	int64		ngot;
	int64		nwanted;

	for (int i = 0; i < input->nparts; i++)
	{
		TimelineEvent *part = timeline_to_events(&input->parts[i], 1, 0, &nwanted);

		if (nwanted > 0 && part[nwanted - 1].at >= since)
			late[nlate++] = input->parts[i];
		timeline_join_add(&join, input->parts[i], since);
	}
	joined = timeline_join_end(&join);
	CHECK(joined != NULL && is_valid(joined));
	got = timeline_to_events(&joined, 1, 0, &ngot);
	wanted = timeline_to_events(late, nlate, 0, &nwanted);
	qsort(got, ngot, sizeof(TimelineEvent), compare_all);
	qsort(wanted, nwanted, sizeof(TimelineEvent), compare_all);
	CHECK(ngot == nwanted && memcmp(got, wanted, ngot * sizeof(TimelineEvent)) == 0);
}

/* Sessions: one begins at an event that is longer than the timeout after the one before */
static void
check_sessions(const Input *input, Timeline *timeline, const TimelineEvent *decoded)
{
	FmgrInfo	flinfo = {0};
	FmgrInfo	many_flinfo = {0};
	int64		totals[3];		/* timeout, number, length */
	size_t		nsessions = 0;
	int64		length = 0;
	Datum		none = PointerGetDatum(memset(totals, 0, sizeof(totals)));
	Datum		result;

	totals[0] = input->timeout;
	if (!call(input, timelines_sessions_transfn, 0, &many_flinfo, none,
			  PointerGetDatum(timeline), (Datum) 0, &result))
		return;
	if (!call(input, timeline_sessions, 9, &flinfo, PointerGetDatum(timeline), (Datum) 0,
			  (Datum) 0, &result) || !input->sound)
		return;
	for (int i = 0, end; i < nevents; i = end)
	{
		const Row  *row = &rows[nsessions++];
		int			entry = 0;
		int			exit = 0;

		for (end = i + 1; end < nevents; end++)
			if ((uint64) decoded[end].at - (uint64) decoded[end - 1].at > (uint64) input->timeout)
				break;
		for (int k = i; k < end; k++)
		{
			entry = entry != 0 ? entry : decoded[k].page;
			exit = decoded[k].page != 0 ? decoded[k].page : exit;
		}
		CHECK(nsessions <= nrows);
		CHECK(DatumGetInt64(row->values[0]) == (int64) nsessions);
		CHECK(DatumGetInt64(row->values[1]) == decoded[i].at);
		CHECK(DatumGetInt64(row->values[2]) == decoded[end - 1].at);
		CHECK(DatumGetInt64(row->values[4]) == end - i);
		CHECK(row->nulls[5] == (entry == 0));
		CHECK(DatumGetInt32(row->values[5]) == entry && DatumGetInt32(row->values[6]) == exit);
		length += decoded[end - 1].at - decoded[i].at;
	}
	CHECK(nsessions == nrows);
	CHECK(totals[1] == (int64) nsessions && totals[2] == length);
}

/* The events within the period, as they are */
static void
check_events(const Input *input, Timeline *timeline, const TimelineEvent *decoded)
{
	FmgrInfo	flinfo = {0};
	Datum		result;
	size_t		n = 0;

	if (!call(input, timeline_events, 5, &flinfo, PointerGetDatum(timeline), (Datum) 0,
			  (Datum) 0, &result) || !input->sound)
		return;
	for (int i = 0; i < nevents; i++)
	{
		if (!PERIOD_HAS(input->period, decoded[i].at))
			continue;
		CHECK(n < nrows);
		CHECK(DatumGetInt64(rows[n].values[0]) == decoded[i].id);
		CHECK(DatumGetInt64(rows[n].values[1]) == decoded[i].at);
		CHECK(DatumGetInt32(rows[n].values[2]) == decoded[i].type);
		CHECK(rows[n].nulls[3] == (decoded[i].page == 0));
		CHECK(DatumGetInt32(rows[n].values[3]) == decoded[i].page);
		n++;
	}
	CHECK(n == nrows);
}

static int
compare_ids(const void *a, const void *b)
{
	int32		x = DatumGetInt32(((const Row *) a)->values[0]);
	int32		y = DatumGetInt32(((const Row *) b)->values[0]);

	return x < y ? -1 : x > y;
}

static int
compare_types(const void *a, const void *b)
{
	const TimelineEvent *x = a;
	const TimelineEvent *y = b;

	return x->type < y->type ? -1 : x->type > y->type;
}

static int
compare_pages(const void *a, const void *b)
{
	const TimelineEvent *x = a;
	const TimelineEvent *y = b;

	return x->page < y->page ? -1 : x->page > y->page;
}

/* How often each event type, or page, occurs in the period, and when last */
static void
check_counts(const Input *input, Timeline *timeline, bool pages)
{
	static TimelineEvent sorted[MAX_EVENTS];
	FmgrInfo	flinfo = {0};
	Datum		result;
	int			n = 0;
	size_t		nids = 0;

	if (!call(input, pages ? timeline_page_counts : timeline_event_counts, pages ? 4 : 3, &flinfo,
			  PointerGetDatum(timeline), (Datum) 0, (Datum) 0, &result) || !input->sound)
		return;
	for (int i = 0; i < nevents; i++)
		if (PERIOD_HAS(input->period, events[i].at) && (!pages || events[i].page != 0))
			sorted[n++] = events[i];
	qsort(sorted, n, sizeof(TimelineEvent), pages ? compare_pages : compare_types);
	qsort(rows, nrows, sizeof(Row), compare_ids);
	for (int i = 0, end; i < n; i = end)
	{
		int32		id = pages ? sorted[i].page : sorted[i].type;
		int64		visits = 0;
		int64		last_at = PG_INT64_MIN;
		const Datum *values;

		for (end = i; end < n && (pages ? sorted[end].page : sorted[end].type) == id; end++)
		{
			visits += EVENT_KIND(sorted[end].type) == KIND_PAGE_VIEW;
			last_at = Max(last_at, sorted[end].at);
		}
		CHECK(nids < nrows);
		values = rows[nids++].values;
		CHECK(DatumGetInt32(values[0]) == id);
		if (pages)
			CHECK(DatumGetInt64(*++values) == visits);
		CHECK(DatumGetInt64(values[1]) == end - i);
		CHECK(DatumGetInt64(values[2]) == last_at);
	}
	CHECK(nids == nrows);
}

/* So many events that their length in bytes is 8 in an int, which no log here has */
static void
run_send_array(void *arg)
{
	send_array(NULL, NULL, INT64_C(178956971), sizeof(TimelineEvent));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input		input;
	Joining		join = {.input = &input};
	int			sqlstate;

	CHECK(guarded(run_send_array, NULL) == ERRCODE_PROGRAM_LIMIT_EXCEEDED);
	make_input(data, size, &input);
	sqlstate = guarded(run_join, &join);
	CHECK(sqlstate == 0 || (sqlstate == ERRCODE_DATA_CORRUPTED && !input.sound));
	if (sqlstate == 0 && input.sound)
	{
		CHECK(is_valid(join.joined));
		CHECK(are_the_events(join.decoded, join.ndecoded));
		CHECK(is_valid(join.added));
		CHECK(are_the_events(join.added_decoded, join.nadded));
		if (nevents > 0)
			check_since(&input);
	}

	/*
	 * Each part by itself where they can't be joined: what is damaged stands
	 * alone then
	 */
	for (int i = 0; i < (sqlstate == 0 ? 1 : input.nparts); i++)
	{
		Timeline   *timeline = sqlstate == 0 ? join.joined : input.parts[i];

		check_sessions(&input, timeline, join.decoded);
		check_events(&input, timeline, join.decoded);
		check_counts(&input, timeline, false);
		check_counts(&input, timeline, true);
	}
	release_memory();
	return 0;
}
