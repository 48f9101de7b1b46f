/*-------------------------------------------------------------------------
 *
 * live.c
 *	  What the relations of layer 2 ask as functions rather than in SQL.
 *
 * PostgreSQL before 17 runs no plan in parallel that has a sub-select without
 * arguments in it, and no version runs one with a correlated sub-select in
 * parallel.  The relations are read in full by whoever asks about everybody, so
 * they have neither.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "look.h"
#include "timeline.h"
#include "visible.h"

/*
 * The watermark and its time.  A record of two, because the planner evaluates a
 * stable function in order to estimate, but not one that returns a record: a
 * plan is kept for a session, and must not count on what is pending at first.
 */
PG_FUNCTION_INFO_V1(refresh_position);
Datum
refresh_position(PG_FUNCTION_ARGS)
{
	TupleDesc	tupdesc = fcinfo->flinfo->fn_extra;
	Datum		values[2] = {Int64GetDatum(0)};
	bool		nulls[2] = {false, true};
	Look		look;

	if (tupdesc == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		tupdesc = BlessTupleDesc(CreateTupleDescCopy(tupdesc));
		fcinfo->flinfo->fn_extra = tupdesc;
		MemoryContextSwitchTo(old);
	}
	begin_look(&look, "refresh_state");
	if (next_row(&look))
	{
		values[0] = row_value(&look, "folded_through", &nulls[0]);
		values[1] = row_value(&look, "refreshed_at", &nulls[1]);
	}
	end_look(&look);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls)));
}

/*
 * The error of the last pass.  It may tell of a user, so that who may not read
 * the column is told only that there is one.
 */
PG_FUNCTION_INFO_V1(refresh_error);
Datum
refresh_error(PG_FUNCTION_ARGS)
{
	Datum		error = (Datum) 0;
	bool		isnull = true;
	Look		look;

	begin_look(&look, "refresh_state");
	if (next_row(&look))
		error = row_value(&look, "error", &isnull);
	if (!isnull)
		error = PointerGetDatum(may_read_errors() ? DatumGetTextPCopy(error) :
								cstring_to_text(HIDDEN_ERROR));
	end_look(&look);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(error);
}

/* The ids of the events that are set aside */
PG_FUNCTION_INFO_V1(failed_event_ids);
Datum
failed_event_ids(PG_FUNCTION_ARGS)
{
	ArrayBuildState *ids = initArrayResult(INT8OID, CurrentMemoryContext, false);
	Look		look;

	begin_look(&look, "refresh_failures");
	while (next_row(&look))
	{
		bool		isnull;
		Datum		id = row_value(&look, "event_id", &isnull);

		ids = accumArrayResult(ids, id, isnull, INT8OID, CurrentMemoryContext);
	}
	end_look(&look);
	PG_RETURN_DATUM(makeArrayResult(ids, CurrentMemoryContext));
}

/* A set of user ids */
typedef struct UserEntry
{
	text	   *user_id;
	uint32		hash;
	char		status;
} UserEntry;

#define SH_PREFIX users
#define SH_ELEMENT_TYPE UserEntry
#define SH_KEY_TYPE text *
#define SH_KEY user_id
#define SH_HASH_KEY(table, key) hash_text(key)
#define SH_EQUAL(table, a, b) same_text(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* What is known of pending events in a query */
typedef struct PendingUsers
{
	QueryMark	query;
	bool		none;			/* is nothing pending at all? */
	int64		calls;
	users_hash *users;			/* those that have pending events */
} PendingUsers;

/* Is nothing pending at all? */
static bool
nothing_pending(void)
{
	Look		look;
	KeyScan		events;
	KeyCondition above = {BTGreaterStrategyNumber, F_INT8GT, Int64GetDatum(0)};
	bool		isnull;
	bool		any;

	begin_look(&look, "refresh_failures");
	any = next_row(&look);
	end_look(&look);
	if (any)
		return false;
	begin_look(&look, "refresh_state");
	if (next_row(&look))
		above.value = Int64GetDatum(DatumGetInt64(row_value(&look, "folded_through", &isnull)));
	end_look(&look);
	begin_key_scan(&events, keyed_table("events"), &above, 1);
	any = next_row_by_key(&events);
	end_key_scan(&events);
	return !any;
}

/* Read the users that have pending events */
static users_hash *
read_pending_users(MemoryContext context)
{
	static SqlQuery query = {
		"SELECT DISTINCT e.user_id FROM user_profile.pending_events e",
		{InvalidOid}
	};
	QueryArgs	none = {0};
	users_hash *users;
	uint64		n;

	SPI_connect();
	n = query_read(&query, none);
	users = users_create(context, (uint32) Min(n, UINT32_MAX), NULL);
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		bool		found;
		Datum		id = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
		MemoryContext old = MemoryContextSwitchTo(context);

		users_insert(users, DatumGetTextPCopy(id), &found);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return users;
}

/*
 * Has a user no pending events?  Where nothing is pending, that is known at
 * once.  Else the first user of a query is asked for alone, as a query may be
 * about one; for others, all that have pending events are read.
 */
PG_FUNCTION_INFO_V1(is_folded);
Datum
is_folded(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT FROM user_profile.pending_events e"
		" WHERE e.user_id OPERATOR(pg_catalog.=) $1 LIMIT 1",
		{TEXTOID}
	};
	PendingUsers *pending = fcinfo->flinfo->fn_extra;
	bool		found;

	if (pending == NULL)
		pending = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
																	sizeof(PendingUsers));
	if (!same_query(&pending->query))
	{
		if (pending->users != NULL)
			users_destroy(pending->users);
		pending->users = NULL;
		pending->calls = 0;
		pending->none = nothing_pending();
	}
	if (pending->none)
		PG_RETURN_BOOL(true);
	if (pending->calls++ > 0)
	{
		if (pending->users == NULL)
			pending->users = read_pending_users(fcinfo->flinfo->fn_mcxt);
		PG_RETURN_BOOL(users_lookup(pending->users, PG_GETARG_TEXT_PP(0)) == NULL);
	}
	SPI_connect();
	found = query_read(&query, query_args(fcinfo)) > 0;
	SPI_finish();
	PG_RETURN_BOOL(!found);
}

/* What is found out once a query for user_timeline() */
typedef struct PartsSource
{
	QueryMark	query;
	Visibility	visibility;
	bool		by_policy;		/* does row-level security on timelines bind
								 * the caller? */
	Keyed		keyed;
	AttrNumber	last_at;
	AttrNumber	timeline;
} PartsSource;

/*
 * The source of this call site.  What the view parts would check is checked
 * here: the rights to the table now, and whom the caller may see at each call.
 */
static PartsSource *
parts_source(FunctionCallInfo fcinfo)
{
	PartsSource *source = fcinfo->flinfo->fn_extra;
	AclResult	access;

	if (source == NULL)
		source = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
																   sizeof(PartsSource));
	if (same_query(&source->query))
		return source;
	source->keyed = keyed_table("timelines");
	access = pg_class_aclcheck(source->keyed.table, GetUserId(), ACL_SELECT);
	if (access != ACLCHECK_OK)
		aclcheck_error(access, OBJECT_TABLE, "timelines");
	source->by_policy = check_enable_rls(source->keyed.table, InvalidOid, false) == RLS_ENABLED;
	source->last_at = get_attnum(source->keyed.table, "last_at");
	source->timeline = get_attnum(source->keyed.table, "timeline");
	return source;
}

/*
 * Add the parts of a user, from one of them on, that end at some time or after
 * it.  By the primary key itself: a query takes twice as long, and whoever asks
 * about everybody asks for thousands of users.
 */
static void
add_parts(TimelineJoin *join, const PartsSource *source, Datum user_id, int32 from,
		  TimestampTz since)
{
	const KeyCondition conditions[] = {
		{BTEqualStrategyNumber, F_TEXTEQ, user_id},
		{BTGreaterEqualStrategyNumber, F_INT4GE, Int32GetDatum(from)}
	};
	KeyScan		look;

	begin_key_scan(&look, source->keyed, conditions, lengthof(conditions));
	while (next_row_by_key(&look))
	{
		bool		isnull;
		Datum		stored;
		Timeline   *timeline;

		if (DatumGetTimestampTz(slot_getattr(look.row, source->last_at, &isnull)) < since)
			continue;
		stored = slot_getattr(look.row, source->timeline, &isnull);
		timeline = DatumGetTimelineP(stored);
		timeline_join_add(join, timeline, since);
		if ((Pointer) timeline != DatumGetPointer(stored))
			pfree(timeline);
	}
	end_key_scan(&look);
}

/* The same by a query, where a policy on timelines has a say in it */
static void
query_parts(TimelineJoin *join, Datum user_id, int32 from, TimestampTz since)
{
	static SqlQuery query = {
		"SELECT t.timeline FROM user_profile.timelines t"
		" WHERE t.user_id OPERATOR(pg_catalog.=) $1 AND t.part OPERATOR(pg_catalog.>=) $2"
		"  AND t.last_at OPERATOR(pg_catalog.>=) $3 ORDER BY t.part",
		{TEXTOID, INT4OID, TIMESTAMPTZOID}
	};
	QueryArgs	args = {3, {user_id, Int32GetDatum(from), TimestampTzGetDatum(since)}};
	MemoryContext caller = CurrentMemoryContext;
	uint64		nparts;

	SPI_connect();
	nparts = query_read(&query, args);
	for (uint64 i = 0; i < nparts; i++)
	{
		bool		isnull;
		Timeline   *timeline = DatumGetTimelineP(SPI_getbinval(SPI_tuptable->vals[i],
															   SPI_tuptable->tupdesc, 1, &isnull));
		MemoryContext old = MemoryContextSwitchTo(caller);

		timeline_join_add(join, timeline, since);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
}

/*
 * All parts of a user that end at some time or after it, and what is pending,
 * as one.  Who has part 0 gives it, so that it is not read again.
 */
PG_FUNCTION_INFO_V1(user_timeline);
Datum
user_timeline(PG_FUNCTION_ARGS)
{
	PartsSource *source = parts_source(fcinfo);
	TimelineJoin join = {0};
	Timeline   *timeline;

	if (!PG_ARGISNULL(0) && !PG_ARGISNULL(1) &&
		user_is_visible(PG_GETARG_DATUM(0), &source->visibility))
	{
		const TimestampTz since = PG_GETARG_TIMESTAMPTZ(1);
		const int32 from = PG_ARGISNULL(2) ? 0 : 1;

		if (!PG_ARGISNULL(2))
			timeline_join_add(&join, PG_GETARG_TIMELINE_P(2), since);
		if (source->by_policy)
			query_parts(&join, PG_GETARG_DATUM(0), from, since);
		else
			add_parts(&join, source, PG_GETARG_DATUM(0), from, since);
	}
	if (!PG_ARGISNULL(3))
		timeline_join_add(&join, PG_GETARG_TIMELINE_P(3), PG_INT64_MIN);
	timeline = timeline_join_end(&join);
	if (timeline == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(timeline);
}

/* Whom figures about more than one user leave out */
PG_FUNCTION_INFO_V1(excluded_user_ids);
Datum
excluded_user_ids(PG_FUNCTION_ARGS)
{
	static SqlQuery rules = {"SELECT FROM user_profile.exclusion_rules LIMIT 1"};
	static SqlQuery by_hand = {
		"SELECT u.user_id FROM user_profile.users u WHERE u.excluded_at IS NOT NULL"
	};
	static SqlQuery by_all_means = {"SELECT x.user_id FROM user_profile.excluded_users x"};
	QueryArgs	none = {0};
	bool		any_rule;

	/* Most have no rule, and then their many relations need not be planned */
	SPI_connect();
	any_rule = query_read(&rules, none) > 0;
	SPI_finish();
	return query_rows(fcinfo, any_rule ? &by_all_means : &by_hand, none);
}
