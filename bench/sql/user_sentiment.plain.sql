-- $1 is the user, $2 the period.  (Without the page and the session, which need more than this.)
SELECT occurred_at AS answered_at, kind, name, (properties ->> 'score')::int AS score,
	CASE WHEN (properties ->> 'score')::int >= 9 THEN 'promoter'
		WHEN (properties ->> 'score')::int >= 7 THEN 'passive'
		WHEN (properties ->> 'score')::int >= 0 THEN 'detractor' END AS category,
	properties ->> 'question' AS question, properties ->> 'answer' AS answer, nullif(properties ->> 'comment', '') AS comment
FROM plain.events
WHERE user_id = $1 AND kind IN ('nps', 'survey') AND occurred_at >= lower($2) AND occurred_at < upper($2)
