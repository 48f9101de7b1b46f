-- Of a user or a company.
SELECT kind, name, count() AS occurrences, max(occurred_at) AS last_at
FROM bench.events
WHERE {whose} AND occurred_at >= toDateTime64('{since}', 3, 'UTC') AND occurred_at < toDateTime64('{until}', 3, 'UTC')
	AND kind IN ('tracked', 'labeled', 'feature_tag')
GROUP BY kind, name
ORDER BY occurrences DESC, last_at DESC, kind, name
LIMIT 10
