-- $1 is the company, $2 the period.
SELECT kind, name, occurrences, last_at
FROM user_profile.company_top_events($1, $2)
