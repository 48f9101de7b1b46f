-- $1 is the user, $2 the period.
WITH log AS (
	SELECT occurred_at, kind, lag(occurred_at) OVER (ORDER BY occurred_at) AS previous_at
	FROM plain.events
	WHERE user_id = $1
), sessions AS (
	SELECT min(occurred_at) AS started_at, max(occurred_at) - min(occurred_at) AS duration
	FROM (
		SELECT occurred_at,
			count(*) FILTER (WHERE (occurred_at - previous_at <= '30 min') IS NOT TRUE)
				OVER (ORDER BY occurred_at ROWS UNBOUNDED PRECEDING) AS session_number
		FROM log
	) numbered
	GROUP BY session_number
), bounds AS (
	SELECT tstzrange(lower($2) - (upper($2) - lower($2)), lower($2)) AS before
), counted AS (
	SELECT count(*) FILTER (WHERE occurred_at <@ $2 AND kind IN ('tracked', 'labeled', 'feature_tag')) AS total_events,
		count(*) FILTER (WHERE occurred_at <@ $2 AND kind = 'tracked') AS tracked_events,
		count(*) FILTER (WHERE occurred_at <@ $2 AND kind = 'labeled') AS labeled_events,
		count(*) FILTER (WHERE occurred_at <@ $2 AND kind = 'feature_tag') AS feature_tag_events,
		count(*) FILTER (WHERE occurred_at <@ $2 AND kind = 'page_view') AS page_views,
		count(*) FILTER (WHERE occurred_at <@ $2 AND kind >= 'flow') AS content_interactions,
		count(DISTINCT date_trunc('day', occurred_at)) FILTER (WHERE occurred_at <@ $2) AS active_days,
		count(*) FILTER (WHERE occurred_at <@ before AND kind IN ('tracked', 'labeled', 'feature_tag')) AS previous_total_events
	FROM log, bounds
), spent AS (
	SELECT count(*) FILTER (WHERE started_at <@ $2) AS sessions,
		sum(duration) FILTER (WHERE started_at <@ $2) AS session_time,
		avg(duration) FILTER (WHERE started_at <@ $2) AS avg_session,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY duration) FILTER (WHERE started_at <@ $2) AS median_session,
		count(*) FILTER (WHERE started_at <@ before) AS previous_sessions,
		avg(duration) FILTER (WHERE started_at <@ before) AS previous_avg_session
	FROM sessions, bounds
)
SELECT total_events, tracked_events, labeled_events, feature_tag_events, page_views, content_interactions,
	sessions, session_time, avg_session, median_session, active_days,
	previous_total_events, previous_sessions, previous_avg_session
FROM counted, spent
