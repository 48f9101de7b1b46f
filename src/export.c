/*-------------------------------------------------------------------------
 *
 * export.c
 *	  Everything about one user, as rows of one shape.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "catalog/pg_type.h"

/* Details: an object of what is not null, and the properties as they are */
#define DETAILS(...) \
	"jsonb_strip_nulls(jsonb_build_object(" __VA_ARGS__ "))"
#define WITH_PROPERTIES(properties) \
	" || CASE WHEN " properties " IS NULL THEN '{}'" \
	" ELSE jsonb_build_object('properties', " properties ") END"

/*
 * Each section is joined to the profile, so that it has rows only where the
 * caller may see the user.
 */
PG_FUNCTION_INFO_V1(export_user);
Datum
export_user(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"WITH p AS MATERIALIZED (SELECT * FROM user_profile.user_profiles WHERE user_id = $1),"
		" rows (section, occurred_at, number, name, value, page, details) AS ("
		"SELECT 1, NULL::timestamptz, c.number, c.name, c.value, NULL, NULL::jsonb"
		" FROM p LEFT JOIN user_profile.users u ON u.user_id = p.user_id, LATERAL (VALUES"
		"  (1, 'user_id', p.user_id), (2, 'name', p.name), (3, 'email', p.email),"
		"  (4, 'country', p.country), (5, 'company_id', p.company_id),"
		"  (6, 'company_name', p.company_name), (7, 'total_sessions', p.total_sessions::text),"
		"  (8, 'total_events', p.total_events::text), (9, 'first_seen_at', p.first_seen_at::text),"
		"  (10, 'last_seen_at', p.last_seen_at::text), (11, 'sign_up_date', p.sign_up_date::text),"
		"  (12, 'sign_up_source', p.sign_up_source), (13, 'excluded', p.excluded::text),"
		"  (14, 'exclusion_reason', p.exclusion_reason), (15, 'excluded_at', u.excluded_at::text),"
		"  (16, 'content_reset_at', u.content_reset_at::text)"
		" ) c (number, name, value) WHERE c.value IS NOT NULL"
		" UNION ALL "
		"SELECT 2, NULL, 0, t.key, t.value, NULL, NULL"
		" FROM p, LATERAL jsonb_each_text(p.properties) t"
		" UNION ALL "
		"SELECT 3, a.aliased_at, 0, a.previous_id, p.user_id, NULL, NULL"
		" FROM p JOIN user_profile.aliases a ON a.user_id = p.user_id"
		" UNION ALL "
		"SELECT 4, c.joined_at, 0, c.company_id, c.name, NULL, "
		DETAILS("'left_at', c.left_at, 'current', c.current")
		" FROM p JOIN user_profile.users_companies c ON c.user_id = p.user_id WHERE c.user_id = $1"
		" UNION ALL "
		"SELECT 5, s.started_at, s.session_number, s.session_number::text, s.duration::text, s.entry_page, "
		DETAILS("'ended_at', s.ended_at, 'events', s.events, 'exit_page', s.exit_page,"
				" 'replay_url', s.replay_url")
		" FROM p, user_profile.user_sessions s WHERE s.user_id = $1"
		" UNION ALL "
		"SELECT 6, e.occurred_at, e.event_id, e.name, e.kind::text, e.page, "
		DETAILS("'event_id', e.event_id, 'session_number', e.session_number, 'action', e.action,"
				" 'message_id', l.message_id")
		WITH_PROPERTIES("e.properties")
		" FROM p, user_profile.user_events e"
		"  LEFT JOIN user_profile.events l ON l.event_id = e.event_id WHERE e.user_id = $1"
		" UNION ALL "
		"SELECT 7, a.answered_at, a.event_id, a.name, coalesce(a.score::text, a.answer), a.page, "
		DETAILS("'event_id', a.event_id, 'kind', a.kind, 'score', a.score, 'category', a.category,"
				" 'question', a.question, 'answer', a.answer, 'comment', a.comment,"
				" 'session_started_at', a.session_started_at")
		" FROM p, user_profile.user_sentiment a WHERE a.user_id = $1"
		" UNION ALL "
		"SELECT 8, g.last_action_at, 0, g.name, g.last_action, g.last_page, "
		DETAILS("'kind', g.kind, 'interactions', g.interactions,"
				" 'first_action_at', g.first_action_at, 'since_reset', g.since_reset")
		" FROM p, user_profile.user_engagement g WHERE g.user_id = $1"
		" UNION ALL "
		"SELECT 9, r.started_at, 0, 'replay', r.url, NULL, NULL"
		" FROM p JOIN user_profile.session_replays r ON r.user_id = p.user_id"
		")"
		" SELECT ('{profile,trait,alias,company,session,event,answer,engagement,replay}'::text[])[r.section],"
		"  r.occurred_at, user_profile.csv_safe(r.name, $2), user_profile.csv_safe(r.value, $2),"
		"  user_profile.csv_safe(r.page, $2), r.details"
		" FROM rows r ORDER BY r.section, r.occurred_at, r.number, r.name COLLATE \"C\", r.value COLLATE \"C\"",
		{TEXTOID, BOOLOID}
	};

	check_id(fcinfo, 0, "user_id");
	check_not_null(fcinfo, 1, "safe");
	return query_rows(fcinfo, &query, query_args(fcinfo));
}
