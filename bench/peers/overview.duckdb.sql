-- Of a user, a company or all: one pass that counts, one over the sorted list of each user's times.
WITH counted AS (
	SELECT count(DISTINCT user_id) FILTER (WHERE during) AS active_users,
		count(*) FILTER (WHERE during AND kind IN ('tracked', 'labeled', 'feature_tag')) AS total_events,
		count(*) FILTER (WHERE during AND kind = 'tracked') AS tracked_events,
		count(*) FILTER (WHERE during AND kind = 'labeled') AS labeled_events,
		count(*) FILTER (WHERE during AND kind = 'feature_tag') AS feature_tag_events,
		count(*) FILTER (WHERE during AND kind = 'page_view') AS page_views,
		count(*) FILTER (WHERE during AND kind IN ('flow', 'spotlight', 'banner', 'checklist', 'nps', 'survey')) AS content_interactions,
		count(DISTINCT occurred_at::DATE) FILTER (WHERE during) AS active_days,
		count(*) FILTER (WHERE NOT during AND kind IN ('tracked', 'labeled', 'feature_tag')) AS previous_total_events
	FROM (
		SELECT user_id, kind, occurred_at, occurred_at >= TIMESTAMP '{since}' AS during
		FROM bench.events
		WHERE {whose} AND occurred_at >= TIMESTAMP '{before}' AND occurred_at < TIMESTAMP '{until}'
	) log
), sessions AS (
	SELECT times[first] AS start, times[next - 1] - times[first] AS length
	FROM (
		SELECT times, unnest(starts) AS first, unnest(list_append(starts[2:], len(times) + 1)) AS next
		FROM (
			SELECT times, list_filter(range(1, len(times) + 1), lambda i: i = 1 OR times[i] - times[i - 1] > {timeout}) AS starts
			FROM (SELECT list_sort(list(epoch_ms(occurred_at))) AS times FROM bench.events WHERE {whose} GROUP BY user_id) users
		) users
	) edges
), spent AS (
	SELECT count(*) FILTER (WHERE during) AS sessions, sum(length) FILTER (WHERE during) / 1000 AS session_time,
		round(avg(length) FILTER (WHERE during) / 1000, 6) AS avg_session,
		round(quantile_cont(length, 0.5) FILTER (WHERE during) / 1000, 6) AS median_session,
		count(*) FILTER (WHERE before) AS previous_sessions,
		round(avg(length) FILTER (WHERE before) / 1000, 6) AS previous_avg_session
	FROM (
		SELECT length, start >= epoch_ms(TIMESTAMP '{since}') AND start < epoch_ms(TIMESTAMP '{until}') AS during,
			start >= epoch_ms(TIMESTAMP '{before}') AND start < epoch_ms(TIMESTAMP '{since}') AS before
		FROM sessions
	) sessions
)
SELECT active_users, total_events, tracked_events, labeled_events, feature_tag_events, page_views, content_interactions,
	sessions, session_time, avg_session, median_session, active_days,
	previous_total_events, previous_sessions, previous_avg_session
FROM counted, spent
