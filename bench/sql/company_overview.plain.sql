-- $1 is the company, $2 the period.  Two passes over the covering indexes, user by user in index
-- order (nothing is sorted): one counts by kind and day, the other finds the sessions' edges.
WITH bounds AS MATERIALIZED (
	SELECT tstzrange(lower(period) - (upper(period) - lower(period)), lower(period)) AS before, period AS during
	FROM (SELECT $2::tstzrange) AS given (period)
), kinds AS (
	SELECT user_id, kind, day, during, count(*) AS events
	FROM (
		SELECT m.user_id, e.kind, (e.occurred_at AT TIME ZONE 'UTC')::date AS day, e.occurred_at <@ b.during AS during
		FROM bounds b, plain.memberships m, LATERAL (
			SELECT kind, occurred_at FROM plain.events
			WHERE user_id = m.user_id AND occurred_at >= lower(b.before) AND occurred_at < upper(b.during)
			OFFSET 0
		) e
		WHERE m.company_id = $1
	) log
	GROUP BY user_id, kind, day, during
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
), sessions AS (
	SELECT s.started_at, s.duration
	FROM plain.memberships m, LATERAL (
		SELECT occurred_at AS started_at, starts,
			CASE WHEN lead(starts) OVER n THEN lead(previous_at) OVER n ELSE coalesce(lead(occurred_at) OVER n, occurred_at) END - occurred_at AS duration
		FROM (
			SELECT occurred_at, previous_at, (occurred_at - previous_at <= '30 min') IS NOT TRUE AS starts
			FROM (
				SELECT occurred_at, lag(occurred_at) OVER u AS previous_at, lead(occurred_at) OVER u AS next_at
				FROM plain.events
				WHERE user_id = m.user_id
				WINDOW u AS (ORDER BY occurred_at)
			) neighbours
			WHERE (occurred_at - previous_at <= '30 min') IS NOT TRUE OR next_at IS NULL
		) edges
		WINDOW n AS (ORDER BY occurred_at)
	) s
	WHERE m.company_id = $1 AND s.starts
), spent AS (
	SELECT count(*) FILTER (WHERE started_at <@ during) AS sessions,
		sum(duration) FILTER (WHERE started_at <@ during) AS session_time,
		avg(duration) FILTER (WHERE started_at <@ during) AS avg_session,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY duration) FILTER (WHERE started_at <@ during) AS median_session,
		count(*) FILTER (WHERE started_at <@ before) AS previous_sessions,
		avg(duration) FILTER (WHERE started_at <@ before) AS previous_avg_session
	FROM sessions, bounds
)
SELECT (SELECT count(*) FROM plain.memberships WHERE company_id = $1) AS users, active_users,
	total_events, tracked_events, labeled_events, feature_tag_events, page_views, content_interactions,
	sessions, session_time, avg_session, median_session, active_days,
	previous_total_events, previous_sessions, previous_avg_session
FROM counted, spent
