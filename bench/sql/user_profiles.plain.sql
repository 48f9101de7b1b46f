-- Sessions and totals in one pass over the covering index.
WITH log AS (
	SELECT user_id,
		count(*) FILTER (WHERE (occurred_at - previous_at <= '30 min') IS NOT TRUE) AS total_sessions,
		count(*) FILTER (WHERE kind IN ('tracked', 'labeled', 'feature_tag')) AS total_events,
		min(occurred_at) AS first_seen_at, max(occurred_at) AS last_seen_at
	FROM (
		SELECT user_id, occurred_at, kind, lag(occurred_at) OVER (PARTITION BY user_id ORDER BY occurred_at) AS previous_at
		FROM plain.events
	) neighbours
	GROUP BY user_id
), current AS (
	SELECT DISTINCT ON (m.user_id) m.user_id, m.company_id, c.name AS company_name
	FROM plain.memberships m JOIN plain.companies c USING (company_id)
	ORDER BY m.user_id, m.joined_at DESC
)
SELECT u.user_id, u.name, u.email, u.country, c.company_id, c.company_name,
	coalesce(l.total_sessions, 0) AS total_sessions, coalesce(l.total_events, 0) AS total_events,
	l.first_seen_at, l.last_seen_at, coalesce(u.signed_up_at, l.first_seen_at) AS sign_up_date,
	CASE WHEN u.signed_up_at IS NULL THEN 'first_seen' ELSE 'signed_up' END AS sign_up_source
FROM plain.users u LEFT JOIN log l USING (user_id) LEFT JOIN current c USING (user_id)
