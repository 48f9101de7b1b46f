SELECT user_id, session_number, min(occurred_at) AS started_at, max(occurred_at) AS ended_at, count(*) AS events
FROM (
	SELECT user_id, occurred_at, sum(starts) OVER (PARTITION BY user_id ORDER BY occurred_at ROWS UNBOUNDED PRECEDING)::BIGINT AS session_number
	FROM (
		SELECT user_id, occurred_at,
			CASE WHEN occurred_at - lag(occurred_at) OVER (PARTITION BY user_id ORDER BY occurred_at) <= to_milliseconds({timeout}) THEN 0 ELSE 1 END AS starts
		FROM bench.events
	) marked
) numbered
GROUP BY user_id, session_number
