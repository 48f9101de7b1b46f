-- $1 is the user, $2 the period.
SELECT kind, name, occurrences, last_at
FROM user_profile.user_top_events($1, $2)
