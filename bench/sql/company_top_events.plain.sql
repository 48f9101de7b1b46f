-- $1 is the company, $2 the period.
SELECT e.kind, e.name, count(*) AS occurrences, max(e.occurred_at) AS last_at
FROM plain.memberships m, LATERAL (
	SELECT kind, name, occurred_at FROM plain.events
	WHERE user_id = m.user_id AND occurred_at >= lower($2) AND occurred_at < upper($2)
		AND kind IN ('tracked', 'labeled', 'feature_tag')
	OFFSET 0
) e
WHERE m.company_id = $1
GROUP BY e.kind, e.name
ORDER BY occurrences DESC, last_at DESC, kind, name
LIMIT 10
