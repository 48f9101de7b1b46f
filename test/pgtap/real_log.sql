-- The sessions of a real event log equal those that plain SQL found in it.
--
-- The data are no part of this project: USER_PROFILE_DATA names their directory, or they are in
-- ../shared/data beside the tree; without them the test is skipped, and says so. The expected
-- file holds, for each user, the figures by the 30-minute rule over all time.

\set ECHO none
SET client_min_messages = warning;
SET timezone = 'UTC';

\set directory `printf %s "${USER_PROFILE_DATA:-../shared/data}"`
\set present `test -r "${USER_PROFILE_DATA:-../shared/data}/git-events.csv.gz" && echo true || echo false`
\if :present
\else
SELECT plan(1);
SELECT skip('no real log: there is no ' || :'directory' || '/git-events.csv.gz');
\quit
\endif

SELECT plan(12);

CREATE TABLE log (
	line bigint GENERATED ALWAYS AS IDENTITY, user_id text, company_id text, occurred_at timestamptz,
	kind user_profile.event_kind, name text, page text);
CREATE TABLE expected (
	user_id text COLLATE "C", events bigint, sessions bigint, session_seconds numeric,
	first_epoch numeric, last_epoch numeric);
\copy log (user_id, company_id, occurred_at, kind, name, page) FROM PROGRAM 'gzip -dc "${USER_PROFILE_DATA:-../shared/data}/git-events.csv.gz"' (FORMAT csv, HEADER)
\copy expected FROM PROGRAM 'cat "${USER_PROFILE_DATA:-../shared/data}/git-events.expected.csv"' (FORMAT csv, HEADER)

-- What the profile says in the form of the expected file: by the function that lists sessions,
-- and by the one that counts them
CREATE VIEW listed AS
SELECT user_id COLLATE "C" AS user_id, sum(events)::bigint AS events, count(*) AS sessions,
	extract(epoch FROM sum(duration)) AS session_seconds,
	extract(epoch FROM min(started_at)) AS first_epoch, extract(epoch FROM max(ended_at)) AS last_epoch
FROM user_profile.user_sessions
GROUP BY user_id;
CREATE VIEW counted AS
SELECT t.user_id COLLATE "C" AS user_id, s.events, s.sessions, extract(epoch FROM s.session_time) AS session_seconds,
	extract(epoch FROM s.first_at) AS first_epoch, extract(epoch FROM s.last_at) AS last_epoch
FROM user_profile.live_timelines t, user_profile.timeline_stats(t.timeline, '(,)') s;

SELECT is(count(*), 584::bigint, 'all users are expected') FROM expected;

-- The log itself, by COPY, all pending
\copy user_profile.events (user_id, occurred_at, kind, name, page) FROM PROGRAM 'gzip -dc "${USER_PROFILE_DATA:-../shared/data}/git-events.csv.gz" | sed "s/^\([^,]*\),[^,]*,/\1,/"' (FORMAT csv, HEADER)
SELECT is(count(*), (SELECT sum(events)::bigint FROM expected), 'COPY loads every row') FROM user_profile.events;
SELECT bag_eq('TABLE listed', 'TABLE expected', 'sessions before any refresh');
SELECT bag_eq('TABLE counted', 'TABLE expected', 'figures before any refresh');

CALL user_profile.refresh();
SELECT bag_eq('TABLE listed', 'TABLE expected', 'sessions after a refresh');
SELECT bag_eq('TABLE counted', 'TABLE expected', 'figures after a refresh');
SELECT is_empty('SELECT * FROM user_profile.check_timelines()', 'timelines are sound');

-- In twelve loads whose lines are shuffled, with a refresh after most of them
TRUNCATE user_profile.events, user_profile.users, user_profile.timelines, user_profile.event_types,
	user_profile.pages, user_profile.refresh_state;
ALTER SEQUENCE user_profile.events_event_id_seq RESTART;
CREATE TABLE shuffled AS
SELECT log.*, ntile(12) OVER (ORDER BY hashint8extended(line, 20260214)) AS load FROM log;
SELECT format('INSERT INTO user_profile.events (user_id, occurred_at, kind, name, page)
		SELECT user_id, occurred_at, kind, name, page FROM shuffled WHERE load = %s
		ORDER BY hashint8extended(line, 7)', load),
	format('SET user_profile.batch_size = %s', (ARRAY[100000, 3000, 1000])[1 + load % 3]),
	CASE WHEN load <> 5 AND load < 11 THEN 'CALL user_profile.refresh()' END
FROM generate_series(1, 12) load \gexec
SELECT ok(pending_events > 10000 AND pending_events < events, 'some of it is folded, some pending')
FROM user_profile.status;
SELECT bag_eq('TABLE listed', 'TABLE expected', 'sessions in between');
CALL user_profile.refresh();
SELECT bag_eq('TABLE listed', 'TABLE expected', 'sessions after several refreshes with shuffled loads between them');
SELECT bag_eq('TABLE counted', 'TABLE expected', 'figures after them');
SELECT is_empty('SELECT * FROM user_profile.check_timelines()', 'timelines are sound after them');

SELECT * FROM finish();
