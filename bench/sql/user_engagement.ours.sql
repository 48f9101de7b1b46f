-- $1 is the user, $2 the period.
SELECT kind, name, last_action, last_action_at, interactions, first_action_at
FROM user_profile.user_engagement($1, $2)
