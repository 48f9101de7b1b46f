-- $1 is the user, $2 the period.  All of the user's events are read, in index order, as numbers
-- count from the first session ever.
SELECT session_number, min(occurred_at) AS started_at, max(occurred_at) AS ended_at,
	max(occurred_at) - min(occurred_at) AS duration, count(*) AS events,
	(array_agg(page ORDER BY occurred_at) FILTER (WHERE page IS NOT NULL))[1] AS entry_page,
	(array_agg(page ORDER BY occurred_at DESC) FILTER (WHERE page IS NOT NULL))[1] AS exit_page
FROM (
	SELECT occurred_at, page,
		count(*) FILTER (WHERE (occurred_at - previous_at <= '30 min') IS NOT TRUE)
			OVER (ORDER BY occurred_at ROWS UNBOUNDED PRECEDING) AS session_number
	FROM (
		SELECT occurred_at, coalesce(page, CASE WHEN kind = 'page_view' THEN name END) AS page,
			lag(occurred_at) OVER (ORDER BY occurred_at) AS previous_at
		FROM plain.events
		WHERE user_id = $1
	) neighbours
) numbered
GROUP BY session_number
HAVING min(occurred_at) <@ $2
