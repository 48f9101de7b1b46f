/*-------------------------------------------------------------------------
 *
 * user.c
 *	  The tabs of one user's profile.
 *
 * Each is a query over the relation that defines the tab, for this user.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "catalog/pg_type.h"

PG_FUNCTION_INFO_V1(user_profile);
Datum
user_profile(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT * FROM user_profile.user_profiles WHERE user_id = $1",
		{TEXTOID}
	};

	check_id(fcinfo, 0, "user_id");
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(user_overview);
Datum
user_overview(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT total_events, tracked_events, labeled_events, feature_tag_events,"
		"  page_views, content_interactions, sessions, session_time, avg_session,"
		"  median_session, active_days, previous_total_events, previous_sessions,"
		"  previous_avg_session"
		" FROM user_profile.users_overview($2) WHERE user_id = $1",
		{TEXTOID, TSTZRANGEOID}
	};

	check_id(fcinfo, 0, "user_id");
	check_period_arg(fcinfo, 1);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(user_top_events);
Datum
user_top_events(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT kind, name, occurrences, last_at"
		" FROM user_profile.users_top_events($2)"
		" WHERE user_id = $1 AND user_profile.search_matches(name, $3)"
		" ORDER BY occurrences DESC, last_at DESC, kind, name LIMIT $4",
		{TEXTOID, TSTZRANGEOID, TEXTOID, INT4OID}
	};

	check_id(fcinfo, 0, "user_id");
	check_period_arg(fcinfo, 1);
	check_max_rows(fcinfo, 3);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(user_top_pages);
Datum
user_top_pages(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT page, visits, events, last_at"
		" FROM user_profile.users_top_pages($2)"
		" WHERE user_id = $1 AND user_profile.search_matches(page, $3)"
		" ORDER BY visits DESC, events DESC, last_at DESC, page LIMIT $4",
		{TEXTOID, TSTZRANGEOID, TEXTOID, INT4OID}
	};

	check_id(fcinfo, 0, "user_id");
	check_period_arg(fcinfo, 1);
	check_max_rows(fcinfo, 3);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(user_daily);
Datum
user_daily(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT day, total_events, page_views, sessions, session_time"
		" FROM user_profile.users_daily($2, $3) WHERE user_id = $1 ORDER BY day",
		{TEXTOID, TSTZRANGEOID, TEXTOID}
	};

	check_id(fcinfo, 0, "user_id");
	check_period_arg(fcinfo, 1);
	check_timezone_arg(fcinfo, 2);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(user_sessions);
Datum
user_sessions(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT session_number, started_at, ended_at, duration, events,"
		"  entry_page, exit_page, replay_url"
		" FROM user_profile.users_sessions($2) WHERE user_id = $1 ORDER BY session_number",
		{TEXTOID, TSTZRANGEOID}
	};

	check_id(fcinfo, 0, "user_id");
	check_period_arg(fcinfo, 1);
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

/*
 * The events of the session that spans a time, such as its own start or that
 * of a replay.
 */
PG_FUNCTION_INFO_V1(session_events);
Datum
session_events(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT d.event_id, d.occurred_at, d.kind, d.name, d.action, d.page, d.properties"
		" FROM user_profile.live_timelines t,"
		"  LATERAL user_profile.timeline_sessions(t.timeline) s,"
		"  LATERAL user_profile.timeline_event_details(t.timeline,"
		"    tstzrange(s.started_at, s.ended_at, '[]')) d"
		" WHERE t.user_id = $1 AND $2 BETWEEN s.started_at AND s.ended_at"
		" ORDER BY d.occurred_at, d.event_id",
		{TEXTOID, TIMESTAMPTZOID}
	};

	check_id(fcinfo, 0, "user_id");
	check_time(fcinfo, 1, "started_at");
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

PG_FUNCTION_INFO_V1(user_companies);
Datum
user_companies(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT company_id, name, joined_at, left_at, current"
		" FROM user_profile.users_companies WHERE user_id = $1"
		" ORDER BY current DESC, joined_at DESC, company_id",
		{TEXTOID}
	};

	check_id(fcinfo, 0, "user_id");
	return query_rows(fcinfo, &query, query_args(fcinfo));
}
