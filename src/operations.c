/*-------------------------------------------------------------------------
 *
 * operations.c
 *	  What is done to users and companies: exclude, reset, delete, alias.
 *
 * Glossary
 *	excluded	left out of every figure about more than one user; reversible
 *	reset		content progress starts anew; nothing is lost
 *	erased		gone for good, but for a receipt without personal data
 *	alias		an id whose events are another user's by now
 *
 * What moves or removes folded events holds the refresh lock (refresh.c).  What
 * removes them first waits for those who are writing events, so that their
 * events take part: afterwards no event of the old id can appear that was
 * assigned before.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "operations.h"
#include "refresh.h"
#include "suppress.h"
#include "visible.h"

/* Whose is an id by now?  Null where it is no alias.  In the caller's SPI connection. */
static Datum
user_of_alias(Datum previous_id, bool *isnull)
{
	static SqlQuery query = {
		"SELECT user_id FROM user_profile.aliases WHERE previous_id = $1",
		{TEXTOID}
	};
	QueryArgs	args = {1, {previous_id}};

	query_execute(&query, args);
	return query_value(1, isnull);
}

/* Raise the error for a user that an operation names and nobody knows */
static void
report_unknown_user(const text *user_id)
{
	bool		isnull;
	Datum		present = user_of_alias(PointerGetDatum(user_id), &isnull);

	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("user \"%s\" does not exist", text_to_cstring(user_id)),
			 isnull ? 0 : errhint("It is an alias of \"%s\".", TextDatumGetCString(present))));
}

/* Run a statement that changes one user, who must exist */
static void
change_user(FunctionCallInfo fcinfo, SqlQuery *query, QueryArgs args)
{
	SPI_connect();
	if (query_execute(query, args) == 0)
		report_unknown_user(PG_GETARG_TEXT_PP(0));
	SPI_finish();
}

/*----------
 * Exclusion
 *----------
 */

PG_FUNCTION_INFO_V1(exclude_user);
Datum
exclude_user(PG_FUNCTION_ARGS)
{
	/* A user of whom only pending events are known has no row yet */
	static SqlQuery query = {
		"INSERT INTO user_profile.users AS u (user_id, excluded_at, exclusion_reason)"
		" SELECT l.user_id, now(), $2 FROM user_profile.live_users l WHERE l.user_id = $1"
		" ON CONFLICT (user_id) DO UPDATE SET"
		"  excluded_at = coalesce(u.excluded_at, excluded.excluded_at),"
		"  exclusion_reason = excluded.exclusion_reason",
		{TEXTOID, TEXTOID}
	};

	check_id(fcinfo, 0, "user_id");
	change_user(fcinfo, &query, query_args(fcinfo));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(include_user);
Datum
include_user(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"WITH changed AS ("
		"  UPDATE user_profile.users SET excluded_at = NULL, exclusion_reason = NULL"
		"  WHERE user_id = $1 AND excluded_at IS NOT NULL"
		") SELECT FROM user_profile.live_users WHERE user_id = $1",
		{TEXTOID}
	};
	static SqlQuery rules = {
		"SELECT rule_id FROM user_profile.excluded_users WHERE user_id = $1",
		{TEXTOID}
	};
	QueryArgs	args = query_args(fcinfo);

	check_id(fcinfo, 0, "user_id");
	change_user(fcinfo, &query, args);
	SPI_connect();
	if (query_execute(&rules, args) > 0)
	{
		bool		isnull;
		int64		rule_id = DatumGetInt64(query_value(1, &isnull));

		ereport(NOTICE,
				(errmsg("user \"%s\" is still excluded by rule " INT64_FORMAT,
						text_arg(fcinfo, 0), rule_id),
				 errhint("remove_exclusion_rule(" INT64_FORMAT ") removes it.", rule_id)));
	}
	SPI_finish();
	PG_RETURN_VOID();
}

/* Check kind and pattern of an exclusion rule, the first two arguments */
static void
check_rule(FunctionCallInfo fcinfo)
{
	const char *kind;

	check_not_null(fcinfo, 0, "kind");
	check_id(fcinfo, 1, "pattern");
	kind = text_arg(fcinfo, 0);
	if (strcmp(kind, "user") != 0 && strcmp(kind, "company") != 0 &&
		strcmp(kind, "email_domain") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("kind of exclusion rule must be user, company or email_domain, not \"%s\"",
						kind)));
	if (strcmp(kind, "email_domain") == 0 && strchr(text_arg(fcinfo, 1), '@') != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pattern of an e-mail domain must not contain \"@\", but is \"%s\"",
						text_arg(fcinfo, 1)),
				 errhint("Give the domain alone, such as acme.example.")));
}

/* The users that a rule of kind $1 and pattern $2 would exclude */
#define RULE_USERS \
	" FROM user_profile.live_users u WHERE u.user_id IN (SELECT m.user_id" \
	"  FROM user_profile.rule_users($1, user_profile.like_pattern($2)) m)"

PG_FUNCTION_INFO_V1(add_exclusion_rule);
Datum
add_exclusion_rule(PG_FUNCTION_ARGS)
{
	static SqlQuery count = {
		"SELECT (SELECT count(*)" RULE_USERS "), (SELECT count(*) FROM user_profile.live_users)",
		{TEXTOID, TEXTOID}
	};
	static SqlQuery add = {
		"INSERT INTO user_profile.exclusion_rules (kind, pattern, reason, expires_at)"
		" VALUES ($1, $2, $3, $4) RETURNING rule_id",
		{TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}
	};
	QueryArgs	args = query_args(fcinfo);
	Datum		rule_id;
	int64		matched;
	int64		users;
	bool		isnull;

	check_rule(fcinfo);
	if (!PG_ARGISNULL(3))
	{
		check_time(fcinfo, 3, "expires_at");
		if (PG_GETARG_TIMESTAMPTZ(3) <= GetCurrentTransactionStartTimestamp())
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("expires_at must be in the future, not %s",
							timestamptz_to_str(PG_GETARG_TIMESTAMPTZ(3)))));
	}
	check_not_null(fcinfo, 4, "force");

	SPI_connect();
	args.nargs = 2;
	query_execute(&count, args);
	matched = DatumGetInt64(query_value(1, &isnull));
	users = DatumGetInt64(query_value(2, &isnull));
	if (users > 0 && matched == users && !PG_GETARG_BOOL(4))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule would exclude everyone: %s \"%s\" matches all " INT64_FORMAT " users",
						text_arg(fcinfo, 0), text_arg(fcinfo, 1), users),
				 errhint("If that is meant, add force => true.")));
	args.nargs = 4;
	query_execute(&add, args);
	rule_id = query_value(1, &isnull);
	SPI_finish();
	ereport(NOTICE,
			(errmsg("rule excludes " INT64_FORMAT " of " INT64_FORMAT " users", matched, users)));
	PG_RETURN_DATUM(rule_id);
}

PG_FUNCTION_INFO_V1(remove_exclusion_rule);
Datum
remove_exclusion_rule(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"DELETE FROM user_profile.exclusion_rules WHERE rule_id = $1",
		{INT8OID}
	};

	check_not_null(fcinfo, 0, "rule_id");
	SPI_connect();
	if (query_execute(&query, query_args(fcinfo)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("exclusion rule " INT64_FORMAT " does not exist", PG_GETARG_INT64(0))));
	SPI_finish();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(preview_exclusion_rule);
Datum
preview_exclusion_rule(PG_FUNCTION_ARGS)
{
	/* A member may not be in users yet */
	static SqlQuery query = {
		"SELECT m.user_id, u.name, u.email, x.user_id IS NOT NULL"
		" FROM (SELECT DISTINCT m.user_id"
		"  FROM user_profile.rule_users($1, user_profile.like_pattern($2)) m) m"
		" LEFT JOIN user_profile.users u ON u.user_id = m.user_id"
		" LEFT JOIN user_profile.excluded_users x ON x.user_id = m.user_id"
		" ORDER BY m.user_id",
		{TEXTOID, TEXTOID}
	};

	check_rule(fcinfo);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

/*----------
 * Reset
 *----------
 */

PG_FUNCTION_INFO_V1(reset_content);
Datum
reset_content(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"INSERT INTO user_profile.users AS u (user_id, content_reset_at)"
		" SELECT l.user_id, clock_timestamp() FROM user_profile.live_users l"
		" WHERE l.user_id = $1"
		" ON CONFLICT (user_id) DO UPDATE SET content_reset_at = excluded.content_reset_at",
		{TEXTOID}
	};

	check_id(fcinfo, 0, "user_id");
	change_user(fcinfo, &query, query_args(fcinfo));
	PG_RETURN_VOID();
}

/*----------
 * Delete
 *----------
 */

/* Is anything stored of user $1?  Memberships and recordings may come before all else. */
#define USER_KNOWN \
	"(SELECT FROM user_profile.live_users WHERE user_id = $1" \
	" UNION ALL SELECT FROM user_profile.memberships WHERE user_id = $1" \
	" UNION ALL SELECT FROM user_profile.session_replays WHERE user_id = $1)"

/* The events of user $1 by their ids, as timelines and the pending log know them */
#define USER_EVENTS \
	"SELECT x.event_id FROM user_profile.timelines t," \
	"  LATERAL user_profile.timeline_events(t.timeline) x WHERE t.user_id = $1" \
	" UNION ALL" \
	" SELECT p.event_id FROM user_profile.pending_events p WHERE p.user_id = $1"

/*
 * The ids that are user $1's.  COPY may have brought rows under one that is an
 * alias by now.
 */
#define USER_IDS \
	"ARRAY(SELECT $1 UNION ALL" \
	" SELECT a.previous_id FROM user_profile.aliases a WHERE a.user_id = $1)"
#define OF_USER	" WHERE user_id = ANY (" USER_IDS ")"

/* The tables of users other than events, one query a table */
#define USER_TABLES(verb) \
	verb("timelines") verb("users") verb("memberships") verb("session_replays") verb("aliases")

PG_FUNCTION_INFO_V1(preview_delete);
Datum
preview_delete(PG_FUNCTION_ARGS)
{
#define COUNT_ROWS(name) \
	" UNION ALL SELECT '" name "', count(*) FROM user_profile." name OF_USER
	static SqlQuery query = {
		"SELECT * FROM ("
		" SELECT 'events', count(e.event_id) FROM (" USER_EVENTS ") x"
		"  JOIN user_profile.events e ON e.event_id = x.event_id"
		USER_TABLES(COUNT_ROWS) COUNT_ROWS("scheduled_deletions")
		") c (\"table\", rows)"
		" WHERE EXISTS " USER_KNOWN,
		{TEXTOID}
	};

	check_id(fcinfo, 0, "user_id");
	see_all_rows();
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

/*
 * Delete every row of a user, in the caller's SPI connection and under the
 * refresh lock, and leave a receipt, whose id is returned.
 */
static int64
erase_user(text *user_id, bool suppress)
{
	static SqlQuery known = {
		"SELECT WHERE EXISTS " USER_KNOWN,
		{TEXTOID}
	};

	/* Names in the dictionaries may tell of the user: remember what was used */
	static SqlQuery names = {
		"SELECT (d).event_type_ids, (d).page_ids FROM ("
		" SELECT user_profile.timelines_dictionary(t.timeline) AS d"
		" FROM user_profile.timelines t WHERE t.user_id = $1) x",
		{TEXTOID}
	};
#define DELETE_ROWS(name) \
	", deleted_" name " AS (DELETE FROM user_profile." name OF_USER " RETURNING 1)"
#define COUNT_DELETED(name) \
	", (SELECT count(*) FROM deleted_" name ")"
	static SqlQuery erase = {
		"WITH ids AS MATERIALIZED (" USER_EVENTS "), deleted_events AS ("
		"  DELETE FROM user_profile.events e USING ids WHERE e.event_id = ids.event_id"
		"  RETURNING 1), deleted_failures AS ("
		"  DELETE FROM user_profile.refresh_failures f USING ids WHERE f.event_id = ids.event_id)"
		DELETE_ROWS("timelines") DELETE_ROWS("users") DELETE_ROWS("memberships")
		DELETE_ROWS("session_replays") DELETE_ROWS("aliases")
		DELETE_ROWS("scheduled_deletions")
		", deleted_rules AS (DELETE FROM user_profile.exclusion_rules"
		"  WHERE kind = 'user' AND pattern = ANY (" USER_IDS ")),"
		" forgotten_error AS (UPDATE user_profile.refresh_state SET error = NULL"
		"  WHERE strpos(error, $1) > 0)"
		"INSERT INTO user_profile.erasures"
		" (subject, subject_digest, suppressed, events, timelines, users, memberships,"
		"  session_replays, aliases, event_types, pages)"
		" SELECT 'user', $2, $3, (SELECT count(*) FROM deleted_events)"
		COUNT_DELETED("timelines") COUNT_DELETED("users") COUNT_DELETED("memberships")
		COUNT_DELETED("session_replays") COUNT_DELETED("aliases") ", 0, 0"
		" RETURNING erasure_id",
		{TEXTOID, BYTEAOID, BOOLOID}
	};
	static SqlQuery suppress_ids = {
		"INSERT INTO user_profile.suppressions (subject_digest) VALUES ($1)"
		" ON CONFLICT DO NOTHING",
		{BYTEAOID}
	};
	static SqlQuery previous_ids = {
		"SELECT previous_id FROM user_profile.aliases WHERE user_id = $1",
		{TEXTOID}
	};

	/*
	 * Most of these names others use as well, which a look at some timelines
	 * finds out.  What none of those uses, only a look at all of them tells.
	 */
	static SqlQuery rare_names = {
		"WITH used AS MATERIALIZED ("
		"  SELECT user_profile.timelines_dictionary(t.timeline) AS d"
		"  FROM (SELECT timeline FROM user_profile.timelines LIMIT 1000) t"
		") SELECT nullif(ARRAY(SELECT unnest($1)"
		"   EXCEPT SELECT unnest((u.d).event_type_ids) FROM used u), '{}'),"
		" nullif(ARRAY(SELECT unnest($2)"
		"   EXCEPT SELECT unnest((u.d).page_ids) FROM used u), '{}')",
		{INT4ARRAYOID, INT4ARRAYOID}
	};
	static SqlQuery forget_names = {
		"WITH used AS MATERIALIZED ("
		"  SELECT user_profile.timelines_dictionary(t.timeline) AS d FROM user_profile.timelines t"
		"), types AS ("
		"  DELETE FROM user_profile.event_types WHERE event_type_id = ANY ($2)"
		"  AND event_type_id NOT IN (SELECT unnest((u.d).event_type_ids) FROM used u) RETURNING 1"
		"), pages AS ("
		"  DELETE FROM user_profile.pages WHERE page_id = ANY ($3)"
		"  AND page_id NOT IN (SELECT unnest((u.d).page_ids) FROM used u) RETURNING 1"
		") UPDATE user_profile.erasures SET event_types = (SELECT count(*) FROM types),"
		"  pages = (SELECT count(*) FROM pages) WHERE erasure_id = $1",
		{INT8OID, INT4ARRAYOID, INT4ARRAYOID}
	};
	QueryArgs	of_user = {1};
	QueryArgs	receipt = {3};
	QueryArgs	used = {2};
	QueryArgs	forget = {3};
	uint64		naliases;
	SPITupleTable *aliases;
	int64		erasure_id;
	bool		isnull;

	/* Held already, unless it was decided just now */
	if (suppress)
		keep_out_writers();
	of_user.values[0] = PointerGetDatum(user_id);
	if (query_execute(&known, of_user) == 0)
		report_unknown_user(user_id);

	query_execute(&names, of_user);
	used.values[0] = query_value(1, &used.nulls[0]);
	used.values[1] = query_value(2, &used.nulls[1]);

	receipt.values[0] = of_user.values[0];
	receipt.values[1] = PointerGetDatum(subject_digest("user", user_id));
	receipt.values[2] = BoolGetDatum(suppress);
	naliases = query_execute(&previous_ids, of_user);
	aliases = SPI_tuptable;
	query_execute(&erase, receipt);
	erasure_id = DatumGetInt64(query_value(1, &isnull));

	/* Only now, as pending events of suppressed users are not seen any more */
	if (suppress)
	{
		QueryArgs	digest = {1};

		digest.values[0] = receipt.values[1];
		query_execute(&suppress_ids, digest);
		for (uint64 i = 0; i < naliases; i++)
		{
			Datum		id = SPI_getbinval(aliases->vals[i], aliases->tupdesc, 1, &isnull);

			digest.values[0] = PointerGetDatum(subject_digest("user", DatumGetTextPP(id)));
			query_execute(&suppress_ids, digest);
		}
	}

	query_execute(&rare_names, used);
	forget.values[0] = Int64GetDatum(erasure_id);
	forget.values[1] = query_value(1, &forget.nulls[1]);
	forget.values[2] = query_value(2, &forget.nulls[2]);
	if (!forget.nulls[1] || !forget.nulls[2])
		query_execute(&forget_names, forget);
	return erasure_id;
}

/* Return receipts, by their ids from $1 on: those that this call left */
static Datum
return_receipts(FunctionCallInfo fcinfo, int64 first_id, int64 last_id)
{
	static SqlQuery query = {
		"SELECT * FROM user_profile.erasures WHERE erasure_id BETWEEN $1 AND $2"
		" ORDER BY erasure_id",
		{INT8OID, INT8OID}
	};
	QueryArgs	args = {2};

	args.values[0] = Int64GetDatum(first_id);
	args.values[1] = Int64GetDatum(last_id);
	return query_rows_now(fcinfo, &query, args);
}

PG_FUNCTION_INFO_V1(delete_user);
Datum
delete_user(PG_FUNCTION_ARGS)
{
	int64		erasure_id;

	check_id(fcinfo, 0, "user_id");
	check_not_null(fcinfo, 1, "suppress");
	begin_rewrite("delete_user()", true, PG_GETARG_BOOL(1));
	SPI_connect();
	erasure_id = erase_user(PG_GETARG_TEXT_PP(0), PG_GETARG_BOOL(1));
	SPI_finish();
	return return_receipts(fcinfo, erasure_id, erasure_id);
}

/* Erase the users that a query, just run, gives; first and last receipt */
static void
erase_users(int64 *first_id, int64 *last_id)
{
	uint64		nusers = SPI_processed;
	SPITupleTable *users = SPI_tuptable;

	for (uint64 i = 0; i < nusers; i++)
	{
		bool		isnull;
		Datum		user_id = SPI_getbinval(users->vals[i], users->tupdesc, 1, &isnull);
		Datum		suppress = SPI_getbinval(users->vals[i], users->tupdesc, 2, &isnull);

		*last_id = erase_user(DatumGetTextPP(user_id), DatumGetBool(suppress));
		if (*first_id == 0)
			*first_id = *last_id;
	}
}

PG_FUNCTION_INFO_V1(delete_company);
Datum
delete_company(PG_FUNCTION_ARGS)
{
	static SqlQuery known = {
		"SELECT FROM user_profile.live_companies WHERE company_id = $1",
		{TEXTOID}
	};
	static SqlQuery members = {
		"SELECT m.user_id, false FROM user_profile.current_members m"
		" WHERE m.company_id = $1"
		" ORDER BY m.user_id",
		{TEXTOID}
	};
	static SqlQuery erase = {
		"WITH m AS (DELETE FROM user_profile.memberships WHERE company_id = $1 RETURNING 1),"
		" c AS (DELETE FROM user_profile.companies WHERE company_id = $1)"
		"INSERT INTO user_profile.erasures"
		" (subject, subject_digest, suppressed, events, timelines, users, memberships,"
		"  session_replays, aliases, event_types, pages)"
		" SELECT 'company', $2, false, 0, 0, 0, (SELECT count(*) FROM m), 0, 0, 0, 0"
		" RETURNING erasure_id",
		{TEXTOID, BYTEAOID}
	};
	QueryArgs	of_company = {1};
	QueryArgs	receipt = {2};
	int64		first_id = 0;
	int64		last_id = 0;
	bool		isnull;

	check_id(fcinfo, 0, "company_id");
	check_not_null(fcinfo, 1, "with_users");
	begin_rewrite("delete_company()", true, false);
	SPI_connect();
	of_company.values[0] = PG_GETARG_DATUM(0);
	if (query_execute(&known, of_company) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("company \"%s\" does not exist", text_arg(fcinfo, 0))));
	if (PG_GETARG_BOOL(1))
	{
		query_execute(&members, of_company);
		erase_users(&first_id, &last_id);
	}
	receipt.values[0] = of_company.values[0];
	receipt.values[1] = PointerGetDatum(subject_digest("company", PG_GETARG_TEXT_PP(0)));
	query_execute(&erase, receipt);
	last_id = DatumGetInt64(query_value(1, &isnull));
	if (first_id == 0)
		first_id = last_id;
	SPI_finish();
	return return_receipts(fcinfo, first_id, last_id);
}

PG_FUNCTION_INFO_V1(schedule_delete);
Datum
schedule_delete(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"INSERT INTO user_profile.scheduled_deletions (user_id, due_at, suppress)"
		" SELECT u.user_id, now() + $2, $3 FROM user_profile.live_users u WHERE u.user_id = $1"
		" ON CONFLICT (user_id) DO UPDATE SET due_at = excluded.due_at,"
		"  suppress = excluded.suppress, requested_at = excluded.requested_at,"
		"  requested_by = excluded.requested_by"
		" RETURNING due_at",
		{TEXTOID, INTERVALOID, BOOLOID}
	};
	Interval	zero = {0};
	Datum		due_at;
	bool		isnull;

	check_id(fcinfo, 0, "user_id");
	check_not_null(fcinfo, 1, "after");
	check_not_null(fcinfo, 2, "suppress");
	if (DatumGetInt32(DirectFunctionCall2(interval_cmp, PG_GETARG_DATUM(1),
										  IntervalPGetDatum(&zero))) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("after must not be negative")));
	SPI_connect();
	if (query_execute(&query, query_args(fcinfo)) == 0)
		report_unknown_user(PG_GETARG_TEXT_PP(0));
	due_at = query_value(1, &isnull);
	SPI_finish();
	PG_RETURN_DATUM(due_at);
}

PG_FUNCTION_INFO_V1(cancel_delete);
Datum
cancel_delete(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"DELETE FROM user_profile.scheduled_deletions WHERE user_id = $1",
		{TEXTOID}
	};

	check_id(fcinfo, 0, "user_id");
	SPI_connect();
	if (query_execute(&query, query_args(fcinfo)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("no deletion of user \"%s\" is scheduled", text_arg(fcinfo, 0))));
	SPI_finish();
	PG_RETURN_VOID();
}

/* The deletions that are due, in the order of their times */
List *
due_deletions(MemoryContext context)
{
	static SqlQuery query = {
		"SELECT user_id, suppress FROM user_profile.scheduled_deletions"
		" WHERE due_at <= now() ORDER BY due_at, user_id"
	};
	QueryArgs	none = {0};
	uint64		ndeletions = query_execute(&query, none);
	MemoryContext previous = MemoryContextSwitchTo(context);
	List	   *deletions = NIL;

	for (uint64 i = 0; i < ndeletions; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	tupdesc = SPI_tuptable->tupdesc;
		DueDeletion *deletion = palloc0(sizeof(DueDeletion));
		bool		isnull;

		deletion->user_id = DatumGetTextPCopy(SPI_getbinval(row, tupdesc, 1, &isnull));
		deletion->suppress = DatumGetBool(SPI_getbinval(row, tupdesc, 2, &isnull));
		deletions = lappend(deletions, deletion);
	}
	MemoryContextSwitchTo(previous);
	return deletions;
}

static void
erase_due(void *arg)
{
	/* Whoever cancels it, or puts it off, is waited for */
	static SqlQuery due = {
		"SELECT s.suppress,"
		"  EXISTS (SELECT FROM user_profile.live_users u WHERE u.user_id = s.user_id)"
		" FROM user_profile.scheduled_deletions s"
		" WHERE s.user_id = $1 AND s.due_at <= now() FOR UPDATE OF s",
		{TEXTOID}
	};

	/* A user who is gone by now needs no deletion any more */
	static SqlQuery tidy = {
		"DELETE FROM user_profile.scheduled_deletions WHERE user_id = $1",
		{TEXTOID}
	};
	DueDeletion *deletion = arg;
	QueryArgs	of_user = {1};
	bool		suppress;
	bool		known;
	bool		isnull;

	of_user.values[0] = PointerGetDatum(deletion->user_id);
	if (query_execute(&due, of_user) == 0)
		return;
	suppress = DatumGetBool(query_value(1, &isnull));
	known = DatumGetBool(query_value(2, &isnull));
	if (known)
		deletion->erasure_id = erase_user(deletion->user_id, suppress);
	else
		query_execute(&tidy, of_user);
}

/*
 * Delete a user if that is due, in the caller's SPI connection and under the
 * refresh lock.  Where it fails, all of it is undone and said at elevel, and it
 * stays due.
 */
void
run_due_deletion(DueDeletion *deletion, int elevel)
{
	ErrorData  *error = run_in_subtransaction(erase_due, deletion);

	if (error == NULL)
		return;
	deletion->erasure_id = 0;
	ereport(elevel,
			(errcode(error->sqlerrcode),
			 errmsg("scheduled deletion of user \"%s\" failed: %s",
					text_to_cstring(deletion->user_id), error->message),
			 error->detail != NULL ? errdetail_internal("%s", error->detail) : 0,
			 errhint("It is still scheduled, and will be tried again.")));
	FreeErrorData(error);
}

PG_FUNCTION_INFO_V1(run_scheduled_deletions);
Datum
run_scheduled_deletions(PG_FUNCTION_ARGS)
{
	int64		first_id = 0;
	int64		last_id = -1;
	bool		suppress = false;
	List	   *deletions;
	ListCell   *cell;

	SPI_connect();
	deletions = due_deletions(CurrentMemoryContext);
	foreach(cell, deletions)
		suppress |= ((DueDeletion *) lfirst(cell))->suppress;
	begin_rewrite("run_scheduled_deletions()", true, suppress);
	foreach(cell, deletions)
	{
		DueDeletion *deletion = lfirst(cell);

		run_due_deletion(deletion, WARNING);
		if (deletion->erasure_id == 0)
			continue;
		last_id = deletion->erasure_id;
		if (first_id == 0)
			first_id = last_id;
	}
	SPI_finish();
	return return_receipts(fcinfo, first_id, last_id);
}

/*----------
 * Alias
 *----------
 */

/*
 * Give user $2 what is known of $1 beside events, in the caller's SPI connection.
 * Exclusion and a scheduled deletion come with it: they are decisions about
 * this person.
 */
static void
move_tables(QueryArgs args)
{
	/* What is known of the user wins; the visitor fills what is not */
	static SqlQuery user = {
		"WITH p AS (DELETE FROM user_profile.users WHERE user_id = $1 RETURNING *)"
		"INSERT INTO user_profile.users AS u"
		"  (user_id, name, email, country, signed_up_at, properties, excluded_at,"
		"   exclusion_reason, content_reset_at)"
		" SELECT $2, p.name, p.email, p.country, p.signed_up_at, coalesce(p.properties, '{}'),"
		"  p.excluded_at, p.exclusion_reason, p.content_reset_at"
		" FROM (SELECT 1) one LEFT JOIN p ON true"
		" ON CONFLICT (user_id) DO UPDATE SET name = coalesce(u.name, excluded.name),"
		"  email = coalesce(u.email, excluded.email),"
		"  country = coalesce(u.country, excluded.country),"
		"  signed_up_at = coalesce(u.signed_up_at, excluded.signed_up_at),"
		"  properties = excluded.properties || u.properties,"
		"  excluded_at = coalesce(u.excluded_at, excluded.excluded_at),"
		"  exclusion_reason = CASE WHEN u.excluded_at IS NULL THEN excluded.exclusion_reason"
		"   ELSE u.exclusion_reason END,"
		"  content_reset_at = greatest(u.content_reset_at, excluded.content_reset_at)",
		{TEXTOID, TEXTOID}
	};

	/* Who is in a company under both ids is so since the earlier time */
	static SqlQuery memberships = {
		"WITH p AS (DELETE FROM user_profile.memberships WHERE user_id = $1 RETURNING *),"
		" longer AS (UPDATE user_profile.memberships m SET joined_at = p.joined_at FROM p"
		"  WHERE m.user_id = $2 AND m.company_id = p.company_id"
		"  AND m.left_at IS NULL AND p.left_at IS NULL AND p.joined_at < m.joined_at"
		"  AND NOT EXISTS (SELECT FROM user_profile.memberships k WHERE k.user_id = $2"
		"   AND k.company_id = p.company_id AND k.joined_at = p.joined_at))"
		"INSERT INTO user_profile.memberships (user_id, company_id, joined_at, left_at)"
		" SELECT $2, p.company_id, p.joined_at, p.left_at FROM p ON CONFLICT DO NOTHING",
		{TEXTOID, TEXTOID}
	};
	static SqlQuery replays = {
		"WITH p AS (DELETE FROM user_profile.session_replays WHERE user_id = $1 RETURNING *)"
		"INSERT INTO user_profile.session_replays (user_id, started_at, url)"
		" SELECT $2, p.started_at, p.url FROM p ON CONFLICT DO NOTHING",
		{TEXTOID, TEXTOID}
	};
	static SqlQuery deletion = {
		"WITH p AS (DELETE FROM user_profile.scheduled_deletions WHERE user_id = $1 RETURNING *)"
		"INSERT INTO user_profile.scheduled_deletions AS s"
		"  (user_id, due_at, suppress, requested_at, requested_by)"
		" SELECT $2, p.due_at, p.suppress, p.requested_at, p.requested_by FROM p"
		" ON CONFLICT (user_id) DO UPDATE SET due_at = least(s.due_at, excluded.due_at),"
		"  suppress = s.suppress OR excluded.suppress",
		{TEXTOID, TEXTOID}
	};

	query_execute(&user, args);
	query_execute(&memberships, args);
	query_execute(&replays, args);
	query_execute(&deletion, args);
}

/*
 * Rows of users that were being written when their id became an alias are under
 * the old id still.  Those who wrote them have ended within an hour.
 */
#define LEFT_BEHIND \
	" FROM user_profile.aliases a WHERE a.aliased_at > now() - interval '1 hour' AND (" \
	"  EXISTS (SELECT FROM user_profile.users u WHERE u.user_id = a.previous_id)" \
	"  OR EXISTS (SELECT FROM user_profile.memberships m WHERE m.user_id = a.previous_id)" \
	"  OR EXISTS (SELECT FROM user_profile.session_replays r WHERE r.user_id = a.previous_id))"

bool
any_left_behind(void)
{
	static SqlQuery query = {"SELECT" LEFT_BEHIND " LIMIT 1"};
	QueryArgs	none = {0};

	return query_execute(&query, none) > 0;
}

/* Give them to their users, under the refresh lock */
void
move_left_behind(void)
{
	static SqlQuery query = {"SELECT a.previous_id, a.user_id" LEFT_BEHIND};
	QueryArgs	none = {0};
	uint64		naliases = query_execute(&query, none);
	SPITupleTable *aliases = SPI_tuptable;

	for (uint64 i = 0; i < naliases; i++)
	{
		QueryArgs	args = {2};

		for (int column = 0; column < 2; column++)
			args.values[column] = SPI_getbinval(aliases->vals[i], aliases->tupdesc, column + 1,
												&args.nulls[column]);
		move_tables(args);
	}
}

/*
 * Raise an error where row-level security on users hides one that there is from
 * whoever called us: as the owner we would move what the caller may not see.
 */
static void
check_not_hidden(Datum user_id)
{
	static SqlQuery known = {
		"SELECT FROM user_profile.live_users WHERE user_id = $1",
		{TEXTOID}
	};
	QueryArgs	args = {1, {user_id}};
	Visibility	visibility = {{0}};
	Oid			owner;
	int			context;
	bool		visible;

	/* An error puts the role back as well */
	GetUserIdAndSecContext(&owner, &context);
	SetUserIdAndSecContext(GetOuterUserId(), context);
	visible = user_is_visible(user_id, &visibility);
	SetUserIdAndSecContext(owner, context);
	if (visible)
		return;

	SPI_connect();
	if (query_read(&known, args) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row-level security hides user \"%s\" from role \"%s\"",
						TextDatumGetCString(user_id), GetUserNameFromId(GetOuterUserId(), false)),
				 errhint("alias() takes a role that sees both users.")));
	SPI_finish();
}

PG_FUNCTION_INFO_V1(alias);
Datum
alias(PG_FUNCTION_ARGS)
{
	/* Whoever was deleted with suppress does not come back by another name */
	static SqlQuery suppressed = {
		"SELECT FROM (VALUES ($1), ($2)) i (id) WHERE user_profile.is_suppressed(i.id)",
		{TEXTOID, TEXTOID}
	};
	static SqlQuery record = {
		"WITH moved AS ("
		"  UPDATE user_profile.aliases SET user_id = $2 WHERE user_id = $1"
		") INSERT INTO user_profile.aliases (previous_id, user_id) VALUES ($1, $2)",
		{TEXTOID, TEXTOID}
	};

	/* A message that both had is the same message: it is kept without its id */
	static SqlQuery move_events = {
		"WITH moving AS MATERIALIZED ("
		"  SELECT e.event_id,"
		"    row_number() OVER (PARTITION BY e.message_id ORDER BY e.event_id) AS nth"
		"  FROM (" USER_EVENTS ") x JOIN user_profile.events e ON e.event_id = x.event_id"
		") UPDATE user_profile.events e SET user_id = $2,"
		"  message_id = CASE WHEN m.nth = 1 AND NOT EXISTS (SELECT FROM user_profile.events k"
		"    WHERE k.user_id = $2 AND k.message_id = e.message_id) THEN e.message_id END"
		" FROM moving m WHERE e.event_id = m.event_id",
		{TEXTOID, TEXTOID}
	};

	/* Only a user's last part may be open: the moved ones come last */
	static SqlQuery close_part = {
		"UPDATE user_profile.timelines SET open = false WHERE user_id = $2 AND open"
		" AND EXISTS (SELECT FROM user_profile.timelines WHERE user_id = $1)",
		{TEXTOID, TEXTOID}
	};
	static SqlQuery move_parts = {
		"UPDATE user_profile.timelines SET user_id = $2, part = part + ("
		"  SELECT coalesce(max(k.part) + 1, 0) FROM user_profile.timelines k WHERE k.user_id = $2)"
		" WHERE user_id = $1",
		{TEXTOID, TEXTOID}
	};

	SqlQuery   *steps[] = {&record, &close_part, &move_parts};
	QueryArgs	args = query_args(fcinfo);
	char	   *previous_id;
	char	   *user_id;
	Datum		present;
	bool		isnull;

	check_id(fcinfo, 0, "previous_id");
	check_id(fcinfo, 1, "user_id");
	previous_id = text_arg(fcinfo, 0);
	user_id = text_arg(fcinfo, 1);
	if (strcmp(previous_id, user_id) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("user \"%s\" cannot be an alias of itself", user_id)));

	/*
	 * What others are writing under the old id is above the watermark:
	 * readers and the next fold give it to its user.  To wait for it here
	 * would make a deadlock of any two who write an event and then say who
	 * wrote it.
	 */
	check_not_hidden(args.values[0]);
	check_not_hidden(args.values[1]);
	begin_rewrite("alias()", false, false);
	SPI_connect();
	if (query_execute(&suppressed, args) > 0)
	{
		SPI_finish();
		PG_RETURN_VOID();
	}
	present = user_of_alias(args.values[1], &isnull);
	if (!isnull)
	{
		args.values[1] = present;
		user_id = TextDatumGetCString(args.values[1]);
		if (strcmp(previous_id, user_id) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("aliases would form a cycle: \"%s\" is an alias of \"%s\" already",
							text_arg(fcinfo, 1), previous_id)));
	}
	present = user_of_alias(args.values[0], &isnull);
	if (!isnull)
	{
		if (strcmp(TextDatumGetCString(present), user_id) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("user \"%s\" is an alias of \"%s\" already", previous_id,
							TextDatumGetCString(present))));
	}
	else
	{
		query_execute_past_others(&move_events, args);
		for (size_t i = 0; i < lengthof(steps); i++)
			query_execute(steps[i], args);
	}
	move_tables(args);
	SPI_finish();
	PG_RETURN_VOID();
}
