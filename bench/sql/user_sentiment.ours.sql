-- $1 is the user, $2 the period.
SELECT answered_at, kind, name, score, category, question, answer, nullif(comment, '') AS comment
FROM user_profile.user_sentiment($1, $2)
