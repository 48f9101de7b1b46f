/*-------------------------------------------------------------------------
 *
 * content.c
 *	  What one user said, and which in-app content the user met.
 *
 * Each is a query over the relation that defines the tab, for this user.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(user_sentiment);
Datum
user_sentiment(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT event_id, answered_at, kind, name, score, category, question, answer,"
		"  comment, page, session_started_at, properties, answer_number"
		" FROM user_profile.users_sentiment($2) WHERE user_id = $1"
		" ORDER BY answered_at DESC, event_id DESC, answer_number",
		{TEXTOID, TSTZRANGEOID}
	};

	check_id(fcinfo, 0, "user_id");
	check_period_arg(fcinfo, 1);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(user_engagement);
Datum
user_engagement(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT kind, name, last_action, last_action_at, last_page, interactions,"
		"  first_action_at, since_reset"
		" FROM user_profile.users_engagement($2) WHERE user_id = $1"
		" ORDER BY last_action_at DESC, kind, name",
		{TEXTOID, TSTZRANGEOID}
	};

	check_id(fcinfo, 0, "user_id");
	check_period_arg(fcinfo, 1);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

/* A kind of in-app content: what user_engagement() has rows for */
static void
check_content_kind(FunctionCallInfo fcinfo, int argno, const char *name)
{
	static const char *const kinds[] = {"flow", "spotlight", "banner", "checklist"};
	char	   *kind;

	check_not_null(fcinfo, argno, name);
	kind = DatumGetCString(DirectFunctionCall1(enum_out, PG_GETARG_DATUM(argno)));
	for (int i = 0; i < (int) lengthof(kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be flow, spotlight, banner or checklist, not %s", name, kind),
			 errhint("user_sentiment() has what users answered, user_events and session_events() all events.")));
}

PG_FUNCTION_INFO_V1(engagement_events);
Datum
engagement_events(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT event_id, occurred_at, action, page, properties"
		" FROM user_profile.users_engagement_events($4)"
		" WHERE user_id = $1 AND kind = $2 AND name = $3"
		" ORDER BY occurred_at, event_id",
		{TEXTOID, InvalidOid, TEXTOID, TSTZRANGEOID}
	};

	check_id(fcinfo, 0, "user_id");
	check_content_kind(fcinfo, 1, "kind");
	check_not_null(fcinfo, 2, "name");
	check_period_arg(fcinfo, 3);
	query.types[1] = get_fn_expr_argtype(fcinfo->flinfo, 1);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(content_progress);
Datum
content_progress(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT kind, name, last_action, completed, seen"
		" FROM user_profile.user_content_progress WHERE user_id = $1"
		" ORDER BY kind, name",
		{TEXTOID}
	};

	check_id(fcinfo, 0, "user_id");
	return query_rows(fcinfo, &query, query_args(fcinfo));
}
