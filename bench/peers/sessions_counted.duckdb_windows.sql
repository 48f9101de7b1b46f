SELECT count(*) FILTER (WHERE gap IS NULL OR gap > {timeout}) AS sessions,
	sum(gap) FILTER (WHERE gap <= {timeout}) / 1000 / count(*) FILTER (WHERE gap IS NULL OR gap > {timeout}) AS avg_session
FROM (
	SELECT epoch_ms(occurred_at) - lag(epoch_ms(occurred_at)) OVER (PARTITION BY user_id ORDER BY occurred_at) AS gap
	FROM bench.events
) gaps
