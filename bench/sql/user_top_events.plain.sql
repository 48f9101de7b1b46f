-- $1 is the user, $2 the period.
SELECT kind, name, count(*) AS occurrences, max(occurred_at) AS last_at
FROM plain.events
WHERE user_id = $1 AND occurred_at >= lower($2) AND occurred_at < upper($2)
	AND kind IN ('tracked', 'labeled', 'feature_tag')
GROUP BY kind, name
ORDER BY occurrences DESC, last_at DESC, kind, name
LIMIT 10
