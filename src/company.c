/*-------------------------------------------------------------------------
 *
 * company.c
 *	  The tabs of one company's profile.
 *
 * Each is a query over the relation that defines the tab, for this company.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "catalog/pg_type.h"

PG_FUNCTION_INFO_V1(company_profile);
Datum
company_profile(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT * FROM user_profile.company_profiles WHERE company_id = $1",
		{TEXTOID}
	};

	check_id(fcinfo, 0, "company_id");
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(company_overview);
Datum
company_overview(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT users, active_users, total_events, tracked_events, labeled_events,"
		"  feature_tag_events, page_views, content_interactions, sessions, session_time,"
		"  avg_session, median_session, active_days, previous_total_events,"
		"  previous_sessions, previous_avg_session"
		" FROM user_profile.companies_overview($2) WHERE company_id = $1",
		{TEXTOID, TSTZRANGEOID}
	};

	check_id(fcinfo, 0, "company_id");
	check_period_arg(fcinfo, 1);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(company_top_events);
Datum
company_top_events(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT kind, name, occurrences, last_at"
		" FROM user_profile.companies_top_events($2)"
		" WHERE company_id = $1 AND user_profile.search_matches(name, $3)"
		" ORDER BY occurrences DESC, last_at DESC, kind, name LIMIT $4",
		{TEXTOID, TSTZRANGEOID, TEXTOID, INT4OID}
	};

	check_id(fcinfo, 0, "company_id");
	check_period_arg(fcinfo, 1);
	check_max_rows(fcinfo, 3);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(company_top_pages);
Datum
company_top_pages(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT page, visits, events, last_at"
		" FROM user_profile.companies_top_pages($2)"
		" WHERE company_id = $1 AND user_profile.search_matches(page, $3)"
		" ORDER BY visits DESC, events DESC, last_at DESC, page LIMIT $4",
		{TEXTOID, TSTZRANGEOID, TEXTOID, INT4OID}
	};

	check_id(fcinfo, 0, "company_id");
	check_period_arg(fcinfo, 1);
	check_max_rows(fcinfo, 3);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(company_daily);
Datum
company_daily(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT day, total_events, page_views, sessions, session_time, active_users"
		" FROM user_profile.companies_daily($2, $3) WHERE company_id = $1 ORDER BY day",
		{TEXTOID, TSTZRANGEOID, TEXTOID}
	};

	check_id(fcinfo, 0, "company_id");
	check_period_arg(fcinfo, 1);
	check_timezone_arg(fcinfo, 2);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(company_users);
Datum
company_users(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT user_id, name, email, joined_at, last_seen_at, total_sessions, excluded"
		" FROM user_profile.company_users"
		" WHERE company_id = $1 AND (user_profile.search_matches(user_id, $2)"
		"  OR user_profile.search_matches(name, $2) OR user_profile.search_matches(email, $2))"
		" ORDER BY last_seen_at DESC NULLS LAST, user_id LIMIT $3",
		{TEXTOID, TEXTOID, INT4OID}
	};

	check_id(fcinfo, 0, "company_id");
	check_max_rows(fcinfo, 2);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(company_sentiment);
Datum
company_sentiment(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT user_id, event_id, answered_at, kind, name, score, category, question,"
		"  answer, comment, page, session_started_at, properties, answer_number"
		" FROM user_profile.companies_sentiment($2) WHERE company_id = $1"
		" ORDER BY answered_at DESC, event_id DESC, answer_number",
		{TEXTOID, TSTZRANGEOID}
	};

	check_id(fcinfo, 0, "company_id");
	check_period_arg(fcinfo, 1);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(company_nps);
Datum
company_nps(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT responses, promoters, passives, detractors, score"
		" FROM user_profile.companies_nps($2) WHERE company_id = $1",
		{TEXTOID, TSTZRANGEOID}
	};

	check_id(fcinfo, 0, "company_id");
	check_period_arg(fcinfo, 1);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(company_engagement);
Datum
company_engagement(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT kind, name, users, interactions, completed_users"
		" FROM user_profile.companies_engagement($2) WHERE company_id = $1"
		" ORDER BY users DESC, interactions DESC, kind, name",
		{TEXTOID, TSTZRANGEOID}
	};

	check_id(fcinfo, 0, "company_id");
	check_period_arg(fcinfo, 1);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}
