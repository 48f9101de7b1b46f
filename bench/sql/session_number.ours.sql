-- On the very same table and index as plain SQL.
SELECT user_id, occurred_at,
	user_profile.session_number(occurred_at) OVER (PARTITION BY user_id ORDER BY occurred_at) AS session_number
FROM plain.events
