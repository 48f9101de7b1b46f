-- Layer 2, relations: what is true at this moment, folded and pending together.
--
-- Functions here in SQL are made to be inlined into the query that calls them,
-- so that conditions reach the keys below: hence no SET, no STRICT, and every
-- name and operator qualified.

CREATE FUNCTION user_profile.event_page(kind user_profile.event_kind, name text, page text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN page OPERATOR(pg_catalog.<>) '' THEN page
	WHEN kind OPERATOR(pg_catalog.=) 'page_view' THEN name
END;
COMMENT ON FUNCTION user_profile.event_page(user_profile.event_kind, text, text) IS
'The page of an event: its page, or for a page view without one, its name';

CREATE FUNCTION user_profile.event_type_name(kind user_profile.event_kind, name text, page text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN kind OPERATOR(pg_catalog.=) 'page_view'
		AND name OPERATOR(pg_catalog.=) user_profile.event_page(kind, name, page) THEN ''
	ELSE name
END;
COMMENT ON FUNCTION user_profile.event_type_name(user_profile.event_kind, text, text) IS
'The name by which the dictionary knows an event: its name, or '''' for a page view that is named after its page';

CREATE FUNCTION user_profile.search_matches(value text, search text) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN search IS NULL OR pg_catalog.strpos(
	pg_catalog.lower(value COLLATE "default"),
	pg_catalog.lower(search COLLATE "default")) OPERATOR(pg_catalog.>) 0;
COMMENT ON FUNCTION user_profile.search_matches(text, text) IS
'Does value contain search literally, without regard to case? A NULL search matches all';

-- The bound on event_id from above is always true. It is there for the planner:
-- of a range with an unknown end it expects 0.5 % of the rows, of one with an
-- unknown start alone a third, and would read the whole log for that.
CREATE VIEW user_profile.pending_events WITH (security_invoker = true) AS
SELECT e.event_id, e.user_id, e.occurred_at, e.kind, e.name, e.action,
	user_profile.event_page(e.kind, e.name, e.page) AS page, e.properties
FROM user_profile.events e
WHERE e.event_id OPERATOR(pg_catalog.>) COALESCE((SELECT s.folded_through FROM user_profile.refresh_state s), 0)
	AND e.event_id OPERATOR(pg_catalog.<=) 9223372036854775807;
COMMENT ON VIEW user_profile.pending_events IS
'Events above the watermark: in the log, and not in timelines yet';

-- Figures over timelines need the kind of a pending event and whether it has a
-- page, not their dictionary entries, which it may not have yet
CREATE VIEW user_profile.pending_timelines WITH (security_invoker = true) AS
SELECT p.user_id, user_profile.timeline_agg(p.occurred_at,
	user_profile.event_kind_number(p.kind),
	CASE WHEN p.page IS NOT NULL THEN 2147483647 END, p.event_id) AS timeline
FROM user_profile.pending_events p
GROUP BY p.user_id;
COMMENT ON VIEW user_profile.pending_timelines IS
'Pending events, folded on the fly: event_type_id is the bare kind, page_id 2147483647 stands for any page (the event has it)';

-- Most users have one part and nothing pending: their timelines pass through as
-- they are, and only the others are grouped. (DISTINCT lets the planner hash the
-- few users that have pending events, rather than sort all timelines.)
CREATE FUNCTION user_profile.timelines_since(since timestamptz)
RETURNS TABLE (user_id text, timeline user_profile.timeline)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT t.user_id, t.timeline
FROM user_profile.timelines t
WHERE t.part OPERATOR(pg_catalog.=) 0 AND t.open
	AND t.last_at OPERATOR(pg_catalog.>=) (SELECT since)
	AND NOT EXISTS (SELECT FROM (SELECT DISTINCT e.user_id FROM user_profile.pending_events e) p
		WHERE p.user_id OPERATOR(pg_catalog.=) t.user_id)
UNION ALL
SELECT g.user_id, user_profile.timeline_agg(g.timeline)
FROM (
	SELECT t.user_id, t.timeline
	FROM user_profile.timelines t
	WHERE NOT (t.part OPERATOR(pg_catalog.=) 0 AND t.open)
		AND t.last_at OPERATOR(pg_catalog.>=) (SELECT since)
	UNION ALL
	SELECT t.user_id, t.timeline
	FROM user_profile.timelines t
	WHERE t.part OPERATOR(pg_catalog.=) 0 AND t.open
		AND t.last_at OPERATOR(pg_catalog.>=) (SELECT since)
		AND EXISTS (SELECT FROM user_profile.pending_events p
			WHERE p.user_id OPERATOR(pg_catalog.=) t.user_id)
	UNION ALL
	SELECT p.user_id, p.timeline FROM user_profile.pending_timelines p
) g
GROUP BY g.user_id;
END;
COMMENT ON FUNCTION user_profile.timelines_since(timestamptz) IS
'One timeline per user, pending events included, without parts that end before since';

CREATE VIEW user_profile.live_timelines WITH (security_invoker = true) AS
SELECT t.user_id, t.timeline
FROM user_profile.timelines_since('-infinity') t;
COMMENT ON VIEW user_profile.live_timelines IS
'One timeline per user, exact at every moment: folded and pending events';

CREATE VIEW user_profile.live_users WITH (security_invoker = true) AS
SELECT u.user_id, u.name, u.email, u.country, u.signed_up_at, u.properties,
	u.excluded_at, u.exclusion_reason, u.content_reset_at
FROM user_profile.users u
UNION ALL
SELECT p.user_id, NULL, NULL, NULL, NULL, '{}', NULL, NULL, NULL
FROM user_profile.pending_events p
WHERE NOT EXISTS (SELECT FROM user_profile.users u
	WHERE u.user_id OPERATOR(pg_catalog.=) p.user_id)
GROUP BY p.user_id;
COMMENT ON VIEW user_profile.live_users IS
'All users, with those of whom only pending events are known';

CREATE VIEW user_profile.users_companies WITH (security_invoker = true) AS
SELECT m.user_id, m.company_id, c.name, m.joined_at, m.left_at,
	m.joined_at OPERATOR(pg_catalog.<=) pg_catalog.now()
		AND (m.left_at IS NULL OR m.left_at OPERATOR(pg_catalog.>) pg_catalog.now()) AS current
FROM user_profile.memberships m
LEFT JOIN user_profile.companies c ON c.company_id OPERATOR(pg_catalog.=) m.company_id;
COMMENT ON VIEW user_profile.users_companies IS
'Memberships of users in companies; current: has begun and has not ended';
