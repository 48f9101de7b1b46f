-- $1 is the user, $2 the period.
SELECT session_number, started_at, ended_at, duration, events, entry_page, exit_page
FROM user_profile.user_sessions($1, $2)
