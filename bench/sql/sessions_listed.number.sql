-- Our window function instead of lag and a running sum.
SELECT user_id, session_number, min(occurred_at) AS started_at, max(occurred_at) AS ended_at, count(*) AS events
FROM (
	SELECT user_id, occurred_at,
		user_profile.session_number(occurred_at) OVER (PARTITION BY user_id ORDER BY occurred_at) AS session_number
	FROM plain.events
) numbered
GROUP BY user_id, session_number
