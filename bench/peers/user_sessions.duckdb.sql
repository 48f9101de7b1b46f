-- Windows, as the rows of one user are few.
SELECT session_number, min(occurred_at) AS started_at, max(occurred_at) AS ended_at,
	(epoch_ms(max(occurred_at)) - epoch_ms(min(occurred_at))) / 1000 AS duration, count(*) AS events,
	arg_min(page, occurred_at) AS entry_page, arg_max(page, occurred_at) AS exit_page
FROM (
	SELECT occurred_at, page, sum(starts) OVER (ORDER BY occurred_at ROWS UNBOUNDED PRECEDING)::BIGINT AS session_number
	FROM (
		SELECT occurred_at, coalesce(page, CASE WHEN kind = 'page_view' THEN name END) AS page,
			CASE WHEN epoch_ms(occurred_at) - lag(epoch_ms(occurred_at)) OVER (ORDER BY occurred_at) <= {timeout} THEN 0 ELSE 1 END AS starts
		FROM bench.events
		WHERE {whose}
	) marked
) numbered
GROUP BY session_number
HAVING min(occurred_at) >= TIMESTAMP '{since}' AND min(occurred_at) < TIMESTAMP '{until}'
