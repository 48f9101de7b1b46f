-- $1 is the user, $2 the period.
SELECT kind, name, (array_agg(action ORDER BY occurred_at DESC))[1] AS last_action, max(occurred_at) AS last_action_at,
	count(*) AS interactions, min(occurred_at) AS first_action_at
FROM plain.events
WHERE user_id = $1 AND kind IN ('flow', 'spotlight', 'banner', 'checklist')
	AND occurred_at >= lower($2) AND occurred_at < upper($2)
GROUP BY kind, name
