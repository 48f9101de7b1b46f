-- Generates the benchmarks' log: any size, seeded, the same rows at every run.
--
--   psql -v events=10000000 -v users=50000 -v seed=1 -v dir=/tmp/x -f generate.sql
--
-- writes events.copy, users.copy, companies.copy and memberships.copy (COPY's text format)
-- into the server's directory dir.
--
-- Every value is a hash of the user's, session's or event's number and the seed.  So user N has
-- the same history in a log of 1 M events of 5 k users as in one of 10 M events of 50 k users:
-- "with ten times as much data of others" can be measured on the very same users.  The number of
-- events therefore comes near the one asked for instead of hitting it.
--
-- A user's activity is log-normal; user 1 is a machine account with 1 % of all events.  A session
-- has about 20 events; their times are uniform in its length, which makes the gaps between them
-- exponential (seconds to minutes).  Sessions start in working hours of days spread over the time
-- in which the user was with the product.  One event in a hundred arrives up to three days late.

\set ON_ERROR_STOP on
\if :{?events} \else \set events 1000000 \endif
\if :{?users} \else \set users 5000 \endif
\if :{?seed} \else \set seed 1 \endif

SET client_min_messages = warning;
SET timezone = 'UTC';
SET work_mem = '512MB';
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0.001;

DROP SCHEMA IF EXISTS generator CASCADE;
CREATE SCHEMA generator;
SET search_path TO generator, pg_catalog;

-- A number in (0, 1) that depends on i, salt and the seed only.
CREATE FUNCTION uniform(i bigint, salt bigint) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ((hashint8extended(i, salt) & 1073741823)::float8 + 0.5) / 1073741824;

-- 4096 slots of (kind, name, action, properties): an event draws one.  The share of a kind is its
-- number of slots, the skew within a kind is that of rank ^ -0.9.
CREATE UNLOGGED TABLE type_slots AS
WITH kinds (kind, slots, names, actions) AS (
	VALUES
		('page_view',   1843, NULL::text[], NULL::text[]),
		('tracked',     1434, ARRAY['Report opened', 'Filter applied', 'Search run', 'Row edited', 'Comment added',
			'File uploaded', 'Dashboard shared', 'Export started', 'Invite sent', 'Task created', 'Task completed',
			'Task assigned', 'Board moved', 'Card archived', 'Label changed', 'Mention read', 'Notification opened',
			'Integration connected', 'Webhook tested', 'API key created', 'Plan viewed', 'Invoice downloaded',
			'Card updated', 'Seat added', 'Role changed', 'Password changed', 'Login', 'Logout', 'Import started',
			'Import finished', 'Template used', 'Goal set', 'Sync failed'], NULL),
		('feature_tag',  410, ARRAY['Navigation', 'Quick add', 'Global search', 'Dark mode', 'Shortcuts', 'Bulk edit',
			'Timeline view', 'Calendar view', 'Pivot', 'Formula bar'], NULL),
		('labeled',      287, ARRAY['Save button', 'Cancel button', 'Help link', 'Upgrade link', 'Avatar menu',
			'Settings cog', 'Sort arrow', 'Pager'], NULL),
		('flow',          40, ARRAY['Welcome tour', 'New editor'], ARRAY['seen', 'step_seen', 'completed', 'dismissed']),
		('spotlight',     25, ARRAY['Try the shortcuts', 'What is new'], ARRAY['seen', 'dismissed']),
		('banner',        20, ARRAY['Maintenance on Sunday'], ARRAY['seen', 'dismissed']),
		('checklist',     20, ARRAY['Getting started'], ARRAY['seen', 'task_completed', 'completed']),
		('nps',           12, ARRAY['NPS'], NULL),
		('survey',         5, ARRAY['Why did you leave the trial'], NULL)
), ranked AS (
	SELECT k.kind, n.name, (k.slots * (n.rank ^ -0.9) / sum(n.rank ^ -0.9) OVER (PARTITION BY k.kind)) AS share
	FROM kinds k, LATERAL unnest(coalesce(k.names, ARRAY[NULL])) WITH ORDINALITY AS n (name, rank)
), upto AS (
	SELECT kind, name, sum(share) OVER w - share AS lower, sum(share) OVER w AS upper
	FROM ranked WINDOW w AS (ORDER BY kind, name)
)
SELECT s.slot, u.kind, u.name,
	k.actions[1 + s.slot % cardinality(k.actions)] AS action,
	CASE u.kind
		WHEN 'nps' THEN jsonb_build_object('score', (ARRAY[10, 9, 8, 9, 7, 10, 9, 6, 3, 10, 8, 0])[1 + s.slot % 12],
			'comment', (ARRAY['Love it', 'Too slow at month end', '', 'Missing an export'])[1 + s.slot % 4])
		WHEN 'survey' THEN jsonb_build_object('question', 'Why did you leave the trial?',
			'answer', (ARRAY['Price', 'Features', 'Just looking'])[1 + s.slot % 3])
	END AS properties
FROM generate_series(0, 4095) AS s (slot)
JOIN upto u ON s.slot + 0.5 >= u.lower AND s.slot + 0.5 < u.upper
JOIN kinds k USING (kind);

-- 4096 slots of 400 pages, the same skew.
CREATE UNLOGGED TABLE page_slots AS
WITH ranked AS (
	SELECT '/app/' || (ARRAY['home', 'reports', 'boards', 'tasks', 'settings', 'people', 'billing', 'help'])[1 + rank % 8] ||
		CASE WHEN rank < 8 THEN '' ELSE '/' || substr(md5(rank::text), 1, 3 + rank % 6) END AS page,
		(rank + 1) ^ -0.9 AS share, rank
	FROM generate_series(0, 399) AS rank
), upto AS (
	SELECT page, 4096 * (sum(share) OVER w - share) / sum(share) OVER () AS lower, 4096 * sum(share) OVER w / sum(share) OVER () AS upper
	FROM ranked WINDOW w AS (ORDER BY rank)
)
SELECT s.slot, u.page
FROM generate_series(0, 4095) AS s (slot)
JOIN upto u ON s.slot + 0.5 >= u.lower AND s.slot + 0.5 < u.upper;

-- 1024 slots of properties, one in five filled.
CREATE UNLOGGED TABLE property_slots AS
SELECT slot,
	CASE WHEN slot < 205 THEN jsonb_build_object('browser', (ARRAY['Chrome', 'Firefox', 'Safari', 'Edge'])[1 + slot % 4],
		'plan', (ARRAY['free', 'team', 'business'])[1 + slot % 3], 'items', slot % 37) END AS properties
FROM generate_series(0, 1023) AS slot;

-- Users; wanted = the number of events they should have.
CREATE UNLOGGED TABLE users AS
WITH drawn AS (
	-- Box-Muller over a low-discrepancy sequence, so that the total comes near its expectation
	SELECT n,
		exp(1.2 * sqrt(-2 * ln(1 - (n * 0.7548776662466927 + :seed * 0.1234567)::numeric % 1)) *
			cos(2 * pi() * ((n * 0.5698402909980532 + :seed * 0.7654321)::numeric % 1)::float8))::float8 / exp(0.72) AS weight
	FROM generate_series(1::bigint, :users) AS n
)
SELECT n, 'u-' || substr(md5(:seed || '/' || n), 1, 10) AS user_id,
	CASE WHEN n = 1 THEN :events / 100.0
		ELSE greatest(1, weight * 0.99 * :events / :users) END AS wanted,
	-- half of the users were there before the log begins, a third leave before it ends
	greatest(0, 2 * uniform(n, 11 + :seed) - 1) * 340 AS first_day,
	CASE WHEN uniform(n, 12 + :seed) < 0.67 OR n = 1 THEN 365 END AS last_day
FROM drawn;
UPDATE users SET first_day = 0 WHERE n = 1;
UPDATE users SET last_day = first_day + 1 + (364 - first_day) * uniform(n, 13 + :seed) WHERE last_day IS NULL;

-- Sessions, each with its start, length and number of events.
CREATE UNLOGGED TABLE sessions AS
SELECT u.n * 1000000 + s AS n, u.user_id,
	timestamptz '2025-01-01 00:00+00' +
		floor(u.first_day + (u.last_day - u.first_day) * uniform(u.n * 1000000 + s, 21 + :seed)) * interval '1 day' +
		(CASE WHEN u.n = 1 THEN 24 * uniform(u.n * 1000000 + s, 22 + :seed)
			ELSE 6 + 8 * (uniform(u.n * 1000000 + s, 22 + :seed) + uniform(u.n * 1000000 + s, 23 + :seed)) END) * interval '1 hour' AS started_at,
	k.events,
	-- mean gap: 5 seconds to 4 minutes
	k.events * 5 * exp(3.87 * uniform(u.n * 1000000 + s, 25 + :seed)) AS seconds
FROM users u,
	LATERAL (SELECT ceil(u.wanted / 20)::bigint AS sessions) c,
	LATERAL generate_series(1, c.sessions) AS s,
	LATERAL (SELECT 1 + floor(-ln(uniform(u.n * 1000000 + s, 24 + :seed)) * (u.wanted / c.sessions - 0.5))::bigint AS events) k;
ANALYZE users, sessions, type_slots, page_slots, property_slots;

-- Events, in the order of their arrival.
SELECT :'dir' || '/events.copy' AS events_file, :'dir' || '/users.copy' AS users_file,
	:'dir' || '/companies.copy' AS companies_file, :'dir' || '/memberships.copy' AS memberships_file \gset
COPY (
	SELECT e.user_id, e.occurred_at, t.kind, coalesce(t.name, p.page), t.action,
		-- one event in eight of those that are no page views says no page
		CASE WHEN t.name IS NULL OR (e.h2 >> 40) & 7 > 0 THEN p.page END,
		coalesce(t.properties, o.properties)
	FROM (
		SELECT s.user_id,
			date_trunc('milliseconds', s.started_at + s.seconds *
				(hashint8extended(s.n * 10000 + i, 31 + :seed) & 1073741823)::float8 / 1073741824 * interval '1 second') AS occurred_at,
			hashint8extended(s.n * 10000 + i, 32 + :seed) AS h2
		FROM sessions s, LATERAL generate_series(1, s.events) AS i
	) e
	JOIN type_slots t ON t.slot = (e.h2 & 4095)
	JOIN page_slots p ON p.slot = ((e.h2 >> 12) & 4095)
	JOIN property_slots o ON o.slot = ((e.h2 >> 24) & 1023)
	ORDER BY CASE WHEN (e.h2 >> 43) & 127 > 0 THEN e.occurred_at
		ELSE e.occurred_at + ((e.h2 >> 50) & 4095) * interval '63 seconds' END, e.user_id
) TO :'events_file';

-- What identify() would have told: half of the users have a known sign-up date.
COPY (
	SELECT user_id, 'User ' || n, 'user' || n || '@example' || n % 500 || '.com',
		(ARRAY['DE', 'FR', 'US', 'IN', 'BR'])[1 + n % 5],
		CASE WHEN n % 2 = 0 THEN timestamptz '2025-01-01 00:00+00' + (first_day - 1) * interval '1 day' END
	FROM users ORDER BY n
) TO :'users_file';

-- Companies: c-top has the 1,000 most active users; c-10, c-1000 and c-10000 have as many users as
-- they say (where there are so many), the same in a log of any size; and every user is, since last,
-- in one of the small companies c-s0 to c-s499.
CREATE UNLOGGED TABLE memberships AS
SELECT user_id, 'c-s' || n % 500 AS company_id, timestamptz '2025-01-04 00:00+00' AS joined_at FROM users
UNION ALL
(SELECT user_id, 'c-top', timestamptz '2025-01-03 00:00+00' FROM users WHERE n > 1 ORDER BY wanted DESC, n LIMIT 1000)
UNION ALL
SELECT user_id, 'c-1000', timestamptz '2025-01-02 00:00+00' FROM users WHERE n BETWEEN 21 AND 1020
UNION ALL
SELECT user_id, 'c-10', timestamptz '2025-01-02 00:00+00' FROM users WHERE n BETWEEN 11 AND 20
UNION ALL
SELECT user_id, 'c-10000', timestamptz '2025-01-01 00:00+00' FROM users WHERE n BETWEEN 101 AND 10100;
COPY (SELECT DISTINCT company_id, 'Company ' || company_id FROM memberships ORDER BY 1) TO :'companies_file';
COPY (SELECT user_id, company_id, joined_at FROM memberships ORDER BY company_id, user_id) TO :'memberships_file';

DROP SCHEMA generator CASCADE;
