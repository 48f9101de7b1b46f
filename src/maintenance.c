/*-------------------------------------------------------------------------
 *
 * maintenance.c
 *	  Check, rebuild and expire: what an administrator does to timelines.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "catalog/pg_type.h"

#include "refresh.h"

/* Check the argument of a function of which NULL stands for all users */
static void
check_optional_user(FunctionCallInfo fcinfo)
{
	if (!PG_ARGISNULL(0))
		check_id(fcinfo, 0, "user_id");
}

/* Compare log and timelines, event by event */
PG_FUNCTION_INFO_V1(check_timelines);
Datum
check_timelines(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"WITH state AS ("
		"  SELECT coalesce(max(s.folded_through), 0) AS folded_through,"
		"    max(s.expired_before) AS expired_before FROM user_profile.refresh_state s"
		"), parts AS ("
		"  SELECT * FROM user_profile.timelines WHERE $1 IS NULL OR user_id = $1"
		"), folded AS ("
		"  SELECT p.user_id, x.event_id, x.occurred_at, y.kind, y.name, y.action, g.page"
		"  FROM parts p, LATERAL user_profile.timeline_events(p.timeline) x"
		"  LEFT JOIN user_profile.event_types y ON y.event_type_id = x.event_type_id"
		"  LEFT JOIN user_profile.pages g ON g.page_id = x.page_id"
		"), logged AS ("
		"  SELECT e.user_id, e.event_id, e.occurred_at, e.kind,"
		"    user_profile.event_type_name(e.kind, e.name, e.page) AS name,"
		"    coalesce(e.action, '') AS action,"
		"    user_profile.event_page(e.kind, e.name, e.page) AS page"
		"  FROM user_profile.events e, state s"
		"  WHERE e.event_id <= s.folded_through AND ($1 IS NULL OR e.user_id = $1)"
		"   AND e.event_id NOT IN (SELECT r.event_id FROM user_profile.refresh_failures r)"
		")"
		" SELECT coalesce(l.user_id, f.user_id), coalesce(l.event_id, f.event_id),"
		"  CASE WHEN f.event_id IS NULL THEN 'event is not in a timeline'"
		"    WHEN l.event_id IS NULL THEN 'event is not in the log'"
		"    WHEN f.occurred_at <> l.occurred_at THEN 'time differs'"
		"    WHEN f.page IS DISTINCT FROM l.page THEN 'page differs'"
		"    ELSE 'event type differs' END"
		" FROM logged l FULL JOIN folded f ON f.event_id = l.event_id AND f.user_id = l.user_id"
		" WHERE CASE WHEN l.event_id IS NULL"
		"   THEN f.occurred_at >= (SELECT s.expired_before FROM state s) IS NOT FALSE"
		"   ELSE (f.occurred_at, f.kind, f.name, f.action, f.page) IS DISTINCT FROM"
		"     (l.occurred_at, l.kind, l.name, l.action, l.page) END"
		" UNION ALL"
		" SELECT f.user_id, f.event_id, 'event is in a timeline more than once'"
		" FROM folded f GROUP BY f.user_id, f.event_id HAVING count(*) > 1"
		" UNION ALL"
		" SELECT p.user_id, NULL, format('first_at, last_at or events of part %s differ', p.part)"
		" FROM parts p WHERE (p.first_at, p.last_at, p.events) IS DISTINCT FROM"
		"  (user_profile.timeline_first_at(p.timeline),"
		"   user_profile.timeline_last_at(p.timeline), user_profile.num_events(p.timeline))"
		" UNION ALL"
		" SELECT p.user_id, NULL, 'user has parts, but no part 0, or an open one before others'"
		" FROM parts p GROUP BY p.user_id"
		" HAVING min(p.part) > 0 OR min(p.part) FILTER (WHERE p.open) < max(p.part)"
		" UNION ALL"
		" SELECT p.user_id, NULL, 'user has timelines, but no row in users'"
		" FROM parts p LEFT JOIN user_profile.users u USING (user_id)"
		" WHERE u.user_id IS NULL GROUP BY p.user_id",
		{TEXTOID}
	};

	check_optional_user(fcinfo);
	see_all_rows();
	return query_rows(fcinfo, &query, query_args(fcinfo));
}

/*
 * Make timelines anew from the log.  Events that were expired from the log
 * live in timelines only, and stay.
 */
PG_FUNCTION_INFO_V1(rebuild_timelines);
Datum
rebuild_timelines(PG_FUNCTION_ARGS)
{
#define KEPT_EVENTS \
	" LATERAL user_profile.timeline_events(t.timeline) x" \
	" WHERE x.occurred_at < (SELECT expired_before FROM user_profile.refresh_state)" \
	"  AND NOT EXISTS (SELECT FROM user_profile.events e WHERE e.event_id = x.event_id)"

	/*
	 * Where nothing was expired, timelines are not even read: they may be
	 * damaged
	 */
	static SqlQuery drop = {
		"DELETE FROM user_profile.timelines t WHERE ($1 IS NULL OR t.user_id = $1)"
		" AND ((SELECT expired_before FROM user_profile.refresh_state) IS NULL OR"
		"  NOT EXISTS (SELECT FROM (SELECT t.timeline OFFSET 0) t," KEPT_EVENTS "))",
		{TEXTOID}
	};
	static SqlQuery keep = {
		"UPDATE user_profile.timelines t SET timeline = k.timeline,"
		"  first_at = user_profile.timeline_first_at(k.timeline),"
		"  last_at = user_profile.timeline_last_at(k.timeline),"
		"  events = user_profile.num_events(k.timeline)"
		" FROM (SELECT t.user_id, t.part, user_profile.timeline_agg(x.occurred_at,"
		"   x.event_type_id, x.page_id, x.event_id) AS timeline"
		"  FROM user_profile.timelines t," KEPT_EVENTS
		"  AND ($1 IS NULL OR t.user_id = $1) GROUP BY t.user_id, t.part) k"
		" WHERE t.user_id = k.user_id AND t.part = k.part",
		{TEXTOID}
	};

	/* Readers begin with part 0 */
	static SqlQuery renumber = {
		"UPDATE user_profile.timelines t SET part = 0"
		" FROM (SELECT user_id, min(part) AS part FROM user_profile.timelines"
		"  WHERE $1 IS NULL OR user_id = $1 GROUP BY user_id HAVING min(part) > 0) first"
		" WHERE t.user_id = first.user_id AND t.part = first.part",
		{TEXTOID}
	};
	QueryArgs	args = query_args(fcinfo);
	int64		folded;

	check_optional_user(fcinfo);
	begin_rewrite("rebuild_timelines()", false, false);
	SPI_connect();
	query_execute(&drop, args);
	query_execute(&keep, args);
	query_execute(&renumber, args);
	folded = fold_again(args.values[0], args.nulls[0]);
	SPI_finish();
	PG_RETURN_INT64(folded);
}

/*
 * Drop log rows that are folded already.  Answers to surveys stay, as their
 * text stands in the log only.
 */
PG_FUNCTION_INFO_V1(expire_events);
Datum
expire_events(PG_FUNCTION_ARGS)
{
	static SqlQuery expire = {
		"WITH expired AS ("
		"  DELETE FROM user_profile.events e"
		"  WHERE e.event_id <= (SELECT s.folded_through FROM user_profile.refresh_state s)"
		"   AND e.event_id NOT IN (SELECT r.event_id FROM user_profile.refresh_failures r)"
		"   AND e.occurred_at < $1 AND e.kind NOT IN ('nps', 'survey') RETURNING 1"
		"), marked AS ("
		"  UPDATE user_profile.refresh_state"
		"  SET expired_before = greatest(expired_before, $1)"
		") SELECT count(*) FROM expired",
		{TIMESTAMPTZOID}
	};
	Datum		expired;
	bool		isnull;

	check_time(fcinfo, 0, "before");
	begin_rewrite("expire_events()", false, false);
	SPI_connect();
	query_execute(&expire, query_args(fcinfo));
	expired = query_value(1, &isnull);
	SPI_finish();
	PG_RETURN_DATUM(expired);
}
