-- $2 is the period.  Two passes over the covering indexes: one counts by user, kind and day, the
-- other finds the sessions' edges in index order.
WITH bounds AS MATERIALIZED (
	SELECT tstzrange(lower(period) - (upper(period) - lower(period)), lower(period)) AS before, period AS during
	FROM (SELECT $2::tstzrange) AS given (period)
), kinds AS (
	SELECT user_id, kind, (occurred_at AT TIME ZONE 'UTC')::date AS day, occurred_at >= lower(during) AS during, count(*) AS events
	FROM plain.events, bounds
	WHERE occurred_at >= lower(before) AND occurred_at < upper(during)
	GROUP BY 1, 2, 3, 4
), counted AS (
	SELECT coalesce(sum(events) FILTER (WHERE during AND kind IN ('tracked', 'labeled', 'feature_tag')), 0)::bigint AS total_events,
		coalesce(sum(events) FILTER (WHERE during AND kind = 'tracked'), 0)::bigint AS tracked_events,
		coalesce(sum(events) FILTER (WHERE during AND kind = 'labeled'), 0)::bigint AS labeled_events,
		coalesce(sum(events) FILTER (WHERE during AND kind = 'feature_tag'), 0)::bigint AS feature_tag_events,
		coalesce(sum(events) FILTER (WHERE during AND kind = 'page_view'), 0)::bigint AS page_views,
		coalesce(sum(events) FILTER (WHERE during AND kind >= 'flow'), 0)::bigint AS content_interactions,
		count(DISTINCT day) FILTER (WHERE during) AS active_days,
		count(DISTINCT user_id) FILTER (WHERE during) AS active_users,
		coalesce(sum(events) FILTER (WHERE NOT during AND kind IN ('tracked', 'labeled', 'feature_tag')), 0)::bigint AS previous_total_events
	FROM kinds
), spent AS (
	SELECT count(*) FILTER (WHERE started_at <@ during) AS sessions,
		sum(ended_at - started_at) FILTER (WHERE started_at <@ during) AS session_time,
		avg(ended_at - started_at) FILTER (WHERE started_at <@ during) AS avg_session,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY ended_at - started_at) FILTER (WHERE started_at <@ during) AS median_session,
		count(*) FILTER (WHERE started_at <@ before) AS previous_sessions,
		avg(ended_at - started_at) FILTER (WHERE started_at <@ before) AS previous_avg_session
	FROM ({sessions_listed.plain}) sessions, bounds
)
SELECT (SELECT count(*) FROM plain.users) AS users, active_users,
	total_events, tracked_events, labeled_events, feature_tag_events, page_views, content_interactions,
	sessions, session_time, avg_session, median_session, active_days,
	previous_total_events, previous_sessions, previous_avg_session
FROM counted, spent
