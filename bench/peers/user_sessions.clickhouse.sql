-- Windows, as the rows of one user are few.
SELECT session_number, min(occurred_at) AS started_at, max(occurred_at) AS ended_at,
	(toUnixTimestamp64Milli(ended_at) - toUnixTimestamp64Milli(started_at)) / 1000 AS duration, count() AS events,
	argMin(page, occurred_at) AS entry_page, argMax(page, occurred_at) AS exit_page
FROM (
	SELECT occurred_at, toNullable(coalesce(page, if(kind = 'page_view', name, NULL))) AS page,
		sum(starts) OVER (ORDER BY occurred_at ROWS UNBOUNDED PRECEDING) AS session_number
	FROM (
		SELECT occurred_at, kind, name, page,
			toUnixTimestamp64Milli(occurred_at) - lagInFrame(toUnixTimestamp64Milli(occurred_at), 1, 0)
				OVER (ORDER BY occurred_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) > {timeout} AS starts
		FROM bench.events
		WHERE {whose}
	)
)
GROUP BY session_number
HAVING started_at >= toDateTime64('{since}', 3, 'UTC') AND started_at < toDateTime64('{until}', 3, 'UTC')
