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
	pg_catalog.lower(value),
	pg_catalog.lower(search)) OPERATOR(pg_catalog.>) 0;
COMMENT ON FUNCTION user_profile.search_matches(text, text) IS
'Does value contain search literally, without regard to case? A NULL search matches all';

-- Suppressed ids (see delete_user). It reads the key of their digests as its owner, whoever asks.
CREATE FUNCTION user_profile.is_suppressed(user_id text) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100
	SUPPORT user_profile.unlikely_support;
COMMENT ON FUNCTION user_profile.is_suppressed(text) IS
'Was this user deleted with suppress? What arrives for such an id is dropped. Tells yes or no of an id that one has, also to who may not read the digests and their key. Error: data_corrupted where there are suppressions, but their key is gone';

CREATE FUNCTION user_profile.settle_row() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE c COST 100
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.settle_row() IS
'Trigger of users, memberships and session_replays: what comes under the id of an alias is its user''s (of a row of users, what is not known of the user yet), and rows of suppressed users are passed over';
CREATE TRIGGER settle_row BEFORE INSERT OR UPDATE OF user_id ON user_profile.users
	FOR EACH ROW EXECUTE FUNCTION user_profile.settle_row();
CREATE TRIGGER settle_row BEFORE INSERT OR UPDATE OF user_id ON user_profile.memberships
	FOR EACH ROW EXECUTE FUNCTION user_profile.settle_row();
CREATE TRIGGER settle_row BEFORE INSERT OR UPDATE OF user_id ON user_profile.session_replays
	FOR EACH ROW EXECUTE FUNCTION user_profile.settle_row();

-- Row-level security on users, put there by the owner of the database, decides
-- whom a caller may see: parts and pending_events, on which all else rests, keep
-- to it. Users that have no row yet are then seen by nobody.

CREATE FUNCTION user_profile.user_visible(user_id text) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1
	SUPPORT user_profile.likely_support;
COMMENT ON FUNCTION user_profile.user_visible(text) IS
'May the caller see this user? Only row-level security on users can forbid it';

CREATE VIEW user_profile.parts WITH (security_invoker = true) AS
SELECT t.user_id, t.part, t.open, t.events, t.first_at, t.last_at, t.timeline
FROM user_profile.timelines t
WHERE user_profile.user_visible(t.user_id);
COMMENT ON VIEW user_profile.parts IS
'The timelines of users that the caller may see';

-- These read as their owner, whoever asks: what they tell is no secret
CREATE FUNCTION user_profile.refresh_position(OUT folded_through bigint, OUT refreshed_at timestamptz)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 1;
COMMENT ON FUNCTION user_profile.refresh_position() IS
'The watermark (folded_through; 0 before the first refresh) and when it was set';
CREATE FUNCTION user_profile.refresh_error() RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 1;
COMMENT ON FUNCTION user_profile.refresh_error() IS
'The error of the last pass of the worker, NULL where it had none; without the right to read the column error of refresh_state, only that there is one, as it may tell of any user';
CREATE FUNCTION user_profile.failed_event_ids() RETURNS bigint[]
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 1;
COMMENT ON FUNCTION user_profile.failed_event_ids() IS
'The events in refresh_failures';

-- Functions rather than sub-selects, which would keep all that rests on this from
-- running in parallel. The bound on event_id from above is always true. It is there
-- for the planner: of a range with an unknown end it expects 0.5 % of the rows, of
-- one with an unknown start alone a third, and would read the whole log for that. Who is
-- suppressed is asked for last, as a digest costs a microsecond, and a condition on the user
-- leaves few.
CREATE VIEW user_profile.pending_events WITH (security_invoker = true) AS
SELECT e.event_id, COALESCE(a.user_id, e.user_id) AS user_id, e.occurred_at, e.kind, e.name, e.action,
	user_profile.event_page(e.kind, e.name, e.page) AS page, e.properties
FROM user_profile.events e
LEFT JOIN user_profile.aliases a ON a.previous_id OPERATOR(pg_catalog.=) e.user_id
WHERE (e.event_id OPERATOR(pg_catalog.>) (user_profile.refresh_position()).folded_through
		AND e.event_id OPERATOR(pg_catalog.<=) 9223372036854775807
		OR e.event_id OPERATOR(pg_catalog.=) ANY (user_profile.failed_event_ids()))
	AND user_profile.user_visible(COALESCE(a.user_id, e.user_id))
	AND NOT user_profile.is_suppressed(COALESCE(a.user_id, e.user_id));
COMMENT ON VIEW user_profile.pending_events IS
'Events that are in the log and not in timelines yet: those above the watermark, and those in refresh_failures; under the id that the user has by now, and without those of suppressed users';

CREATE VIEW user_profile.folded_events WITH (security_invoker = true) AS
SELECT e.event_id, e.user_id, e.occurred_at, e.kind, e.name, e.action, e.page, e.properties
FROM user_profile.events e
WHERE e.event_id OPERATOR(pg_catalog.<=) (user_profile.refresh_position()).folded_through
	AND NOT (e.event_id OPERATOR(pg_catalog.=) ANY (SELECT f.event_id FROM user_profile.refresh_failures f))
	AND user_profile.user_visible(e.user_id);
COMMENT ON VIEW user_profile.folded_events IS
'Events that are in timelines, as far as the log has them still';

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

CREATE FUNCTION user_profile.user_timeline(
	user_id text, since timestamptz, part_0 user_profile.timeline, pending user_profile.timeline
) RETURNS user_profile.timeline
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION user_profile.user_timeline(text, timestamptz, user_profile.timeline, user_profile.timeline) IS
'The parts of a user without those that end before since, and pending, as one timeline; NULL where there is nothing. Who has part 0 gives it, so that it is not read again; it and pending may be NULL';

CREATE FUNCTION user_profile.is_folded(user_id text) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1
	SUPPORT user_profile.likely_support;
COMMENT ON FUNCTION user_profile.is_folded(text) IS
'Has this user no pending events? (Those in pending_events, as far as the caller sees them)';

-- Most users have one part and nothing pending: their timelines pass through as
-- they are. Those of the others are put together user by user, so that no sort or
-- hash table ever holds timelines. An open part 0 is a user's only one.
CREATE FUNCTION user_profile.timelines_since(since timestamptz)
RETURNS TABLE (user_id text, timeline user_profile.timeline)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT t.user_id, CASE WHEN t.open THEN t.timeline
	ELSE user_profile.user_timeline(t.user_id, since, t.timeline, NULL) END
FROM user_profile.parts t
WHERE t.part OPERATOR(pg_catalog.=) 0
	AND (t.last_at OPERATOR(pg_catalog.>=) since OR NOT t.open)
	AND user_profile.is_folded(t.user_id)
UNION ALL
SELECT p.user_id, user_profile.user_timeline(p.user_id, since, NULL, p.timeline)
FROM user_profile.pending_timelines p;
END;
COMMENT ON FUNCTION user_profile.timelines_since(timestamptz) IS
'One timeline per user, pending events included, without parts that end before since; it may be NULL for a user without any other';

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

-- The planner knows how many users have timelines from tables, and nothing of what it is given
-- by live_timelines: beside that it expected all pairs of two hundred users.
CREATE FUNCTION user_profile.users_timelines(since timestamptz)
RETURNS TABLE (
	user_id text, name text, email text, country text, signed_up_at timestamptz, properties jsonb,
	timeline user_profile.timeline)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT u.user_id, u.name, u.email, u.country, u.signed_up_at, u.properties,
	CASE WHEN p.user_id IS NULL AND (t.open OR t.user_id IS NULL) THEN t.timeline
		ELSE user_profile.user_timeline(u.user_id, since, t.timeline, p.timeline) END
FROM user_profile.live_users u
LEFT JOIN user_profile.parts t ON t.user_id OPERATOR(pg_catalog.=) u.user_id
	AND t.part OPERATOR(pg_catalog.=) 0
	AND (t.last_at OPERATOR(pg_catalog.>=) since OR NOT t.open)
LEFT JOIN user_profile.pending_timelines p ON p.user_id OPERATOR(pg_catalog.=) u.user_id;
END;
COMMENT ON FUNCTION user_profile.users_timelines(timestamptz) IS
'All users, those without any event as well, each with one timeline, pending events included, without parts that end before since';

CREATE VIEW user_profile.live_companies WITH (security_invoker = true) AS
SELECT c.company_id, c.name, c.signed_up_at, c.properties
FROM user_profile.companies c
UNION ALL
SELECT m.company_id, NULL, NULL, '{}'
FROM user_profile.memberships m
WHERE NOT EXISTS (SELECT FROM user_profile.companies c
	WHERE c.company_id OPERATOR(pg_catalog.=) m.company_id)
GROUP BY m.company_id;
COMMENT ON VIEW user_profile.live_companies IS
'All companies, with those of which only members are known';

CREATE VIEW user_profile.users_companies WITH (security_invoker = true) AS
SELECT m.user_id, m.company_id, c.name, m.joined_at, m.left_at,
	m.joined_at OPERATOR(pg_catalog.<=) pg_catalog.now()
		AND (m.left_at IS NULL OR m.left_at OPERATOR(pg_catalog.>) pg_catalog.now()) AS current
FROM user_profile.memberships m
LEFT JOIN user_profile.companies c ON c.company_id OPERATOR(pg_catalog.=) m.company_id
WHERE user_profile.user_visible(m.user_id);
COMMENT ON VIEW user_profile.users_companies IS
'Memberships of users in companies; current: has begun and has not ended';

-- Exclusion. Rules are few: the function that lists them says so to the planner,
-- and is not inlined (SET), so that they are read once a query.

CREATE FUNCTION user_profile.like_pattern(pattern text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
	pattern, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%');
COMMENT ON FUNCTION user_profile.like_pattern(text) IS
'The pattern of an exclusion rule as one for LIKE: * stands for any characters, all else for itself';

CREATE FUNCTION user_profile.email_matches(email text, pattern text) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.lower(pg_catalog.split_part(email, '@', -1))
	OPERATOR(pg_catalog.~~) pg_catalog.lower(pattern);
COMMENT ON FUNCTION user_profile.email_matches(text, text) IS
'Is an e-mail address of a domain that a LIKE pattern names, without regard to case?';

CREATE FUNCTION user_profile.active_rules()
RETURNS TABLE (rule_id bigint, kind text, pattern text, reason text, created_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
SELECT r.rule_id, r.kind, user_profile.like_pattern(r.pattern), r.reason, r.created_at
FROM user_profile.exclusion_rules r
WHERE r.expires_at IS NULL OR r.expires_at OPERATOR(pg_catalog.>) pg_catalog.now()
ORDER BY r.rule_id;
END;
COMMENT ON FUNCTION user_profile.active_rules() IS
'Exclusion rules that have not expired, with their patterns for LIKE';

CREATE FUNCTION user_profile.rule_users(kind text, pattern text)
RETURNS TABLE (user_id text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
BEGIN ATOMIC
SELECT u.user_id
FROM user_profile.live_users u
WHERE kind OPERATOR(pg_catalog.=) 'user' AND u.user_id OPERATOR(pg_catalog.~~) pattern
UNION ALL
SELECT u.user_id
FROM user_profile.users u
WHERE kind OPERATOR(pg_catalog.=) 'email_domain' AND user_profile.email_matches(u.email, pattern)
UNION ALL
SELECT m.user_id
FROM user_profile.memberships m
WHERE kind OPERATOR(pg_catalog.=) 'company' AND m.company_id OPERATOR(pg_catalog.~~) pattern
	AND m.joined_at OPERATOR(pg_catalog.<=) pg_catalog.now()
	AND (m.left_at IS NULL OR m.left_at OPERATOR(pg_catalog.>) pg_catalog.now())
	AND user_profile.user_visible(m.user_id);
END;
COMMENT ON FUNCTION user_profile.rule_users(text, text) IS
'The users that a rule of this kind and LIKE pattern matches: by id, by the domain of the e-mail address, or by a company of which the user is a member now; one may come more than once';

CREATE VIEW user_profile.excluded_users WITH (security_invoker = true) AS
SELECT DISTINCT ON (x.user_id) x.user_id, x.excluded_at, x.reason, x.rule_id
FROM (
	SELECT u.user_id, u.excluded_at, u.exclusion_reason AS reason, NULL::bigint AS rule_id
	FROM user_profile.users u
	WHERE u.excluded_at IS NOT NULL
	UNION ALL
	SELECT m.user_id, r.created_at, r.reason, r.rule_id
	FROM user_profile.active_rules() r
	CROSS JOIN LATERAL user_profile.rule_users(r.kind, r.pattern) m
) x
ORDER BY x.user_id, x.rule_id NULLS FIRST;
COMMENT ON VIEW user_profile.excluded_users IS
'Users left out of figures about more than one user: excluded by hand (rule_id is NULL), or by a rule that has not expired';

CREATE FUNCTION user_profile.excluded_user_ids() RETURNS SETOF text
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 100 ROWS 100
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.excluded_user_ids() IS
'The users in excluded_users, for figures about all others: each process of a query asks once';

-- Memberships may overlap, where one ends in the future and the next has begun: a
-- member counts once, by the latest one. (By grouping: for an anti-join the planner
-- expects a company of average size, and may loop over the square of a large one.)
CREATE VIEW user_profile.current_members WITH (security_invoker = true) AS
SELECT m.company_id, m.user_id, pg_catalog.max(m.joined_at) AS joined_at
FROM user_profile.memberships m
WHERE m.joined_at OPERATOR(pg_catalog.<=) pg_catalog.now()
	AND (m.left_at IS NULL OR m.left_at OPERATOR(pg_catalog.>) pg_catalog.now())
	AND user_profile.user_visible(m.user_id)
GROUP BY m.company_id, m.user_id;
COMMENT ON VIEW user_profile.current_members IS
'Members that companies have now, each once, with those that are excluded';

CREATE VIEW user_profile.included_members WITH (security_invoker = true) AS
SELECT m.company_id, m.user_id, m.joined_at
FROM user_profile.current_members m
WHERE NOT EXISTS (SELECT FROM user_profile.users u
		WHERE u.user_id OPERATOR(pg_catalog.=) m.user_id AND u.excluded_at IS NOT NULL)
	AND NOT EXISTS (
		SELECT FROM user_profile.active_rules() r
		WHERE r.kind OPERATOR(pg_catalog.=) 'user' AND m.user_id OPERATOR(pg_catalog.~~) r.pattern)
	AND NOT EXISTS (
		SELECT FROM user_profile.active_rules() r
		CROSS JOIN user_profile.users u
		WHERE r.kind OPERATOR(pg_catalog.=) 'email_domain'
			AND u.user_id OPERATOR(pg_catalog.=) m.user_id
			AND user_profile.email_matches(u.email, r.pattern))
	AND NOT EXISTS (
		SELECT FROM user_profile.active_rules() r
		CROSS JOIN user_profile.memberships o
		WHERE r.kind OPERATOR(pg_catalog.=) 'company'
			AND o.user_id OPERATOR(pg_catalog.=) m.user_id
			AND o.company_id OPERATOR(pg_catalog.~~) r.pattern
			AND o.joined_at OPERATOR(pg_catalog.<=) pg_catalog.now()
			AND (o.left_at IS NULL OR o.left_at OPERATOR(pg_catalog.>) pg_catalog.now()));
COMMENT ON VIEW user_profile.included_members IS
'Members that companies have now, without excluded users: whom a company''s figures cover';
