-- One lag, one pass over the covering index.
SELECT count(*) FILTER (WHERE gap IS NULL OR gap > '30 min') AS sessions,
	sum(gap) FILTER (WHERE gap <= '30 min') / count(*) FILTER (WHERE gap IS NULL OR gap > '30 min') AS avg_session
FROM (
	SELECT occurred_at - lag(occurred_at) OVER (PARTITION BY user_id ORDER BY occurred_at) AS gap
	FROM plain.events
) gaps
