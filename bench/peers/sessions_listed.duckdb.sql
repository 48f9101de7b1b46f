-- Positions at which a session starts, of each user's sorted list of times.
SELECT user_id, session_number, make_timestamp(times[first] * 1000) AS started_at,
	make_timestamp(times[next - 1] * 1000) AS ended_at, next - first AS events
FROM (
	SELECT user_id, times, unnest(starts) AS first, unnest(list_append(starts[2:], len(times) + 1)) AS next,
		unnest(range(1, len(starts) + 1)) AS session_number
	FROM (
		SELECT user_id, times, list_filter(range(1, len(times) + 1), lambda i: i = 1 OR times[i] - times[i - 1] > {timeout}) AS starts
		FROM (SELECT user_id, list_sort(list(epoch_ms(occurred_at))) AS times FROM bench.events GROUP BY user_id) users
	) users
) sessions
