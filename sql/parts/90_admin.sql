-- Administration

CREATE PROCEDURE user_profile.refresh()
	AS 'MODULE_PATHNAME' LANGUAGE c;
COMMENT ON PROCEDURE user_profile.refresh() IS
'Fold all pending events into timelines, in batches of the setting user_profile.batch_size, each in a transaction of its own; tells its progress by a NOTICE a batch. An event that cannot be folded is set aside in refresh_failures with a WARNING, and does not hold up those of other users. Error: active_sql_transaction inside a transaction block';

CREATE FUNCTION user_profile.worker_status(
	OUT state text, OUT started_at timestamptz, OUT finished_at timestamptz,
	OUT next_at timestamptz, OUT failures integer, OUT error text)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE COST 10
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.worker_status() IS
'State of the background worker in this database: not loaded (the library is not in shared_preload_libraries), standby (the server is in recovery), not listed (in the setting user_profile.databases), running, waiting, blocked (the last pass waited too long for a lock, of a transaction that has written events for instance, and gave up, which is no failure), or backing off (the last passes failed); when the last pass started, when the last one that ended did, and when the next will start; how many failed since one did not, and the error of the last one: the first error, where it had several. An error may tell of any user: who may not read the column error of refresh_state is told only that there is one';

CREATE VIEW user_profile.status WITH (security_invoker = true) AS
SELECT f.events OPERATOR(pg_catalog.+) p.events AS events,
	p.events AS pending_events,
	COALESCE(s.folded_through, 0) AS folded_through,
	s.refreshed_at AS last_refresh_at,
	user_profile.refresh_error() AS last_refresh_error,
	s.failed_at AS last_refresh_failed_at,
	(SELECT pg_catalog.count(r.event_id) FROM user_profile.refresh_failures r) AS failed_events,
	s.expired_before,
	(SELECT pg_catalog.count(*) FROM user_profile.live_users u) AS users,
	f.parts AS timeline_parts,
	pg_catalog.pg_table_size('user_profile.timelines') AS timelines_bytes,
	pg_catalog.pg_table_size('user_profile.events') AS events_bytes,
	pg_catalog.pg_indexes_size('user_profile.events') AS events_index_bytes,
	w.state AS worker_state,
	w.finished_at AS worker_finished_at,
	w.next_at AS worker_next_at,
	w.failures AS worker_failures,
	w.error AS worker_error
FROM (SELECT COALESCE(pg_catalog.sum(t.events), 0)::bigint AS events, pg_catalog.count(*) AS parts
	FROM user_profile.timelines t) f
CROSS JOIN (SELECT pg_catalog.count(*) AS events FROM user_profile.pending_events e) p
CROSS JOIN user_profile.worker_status() w
LEFT JOIN user_profile.refresh_state s ON true;
COMMENT ON VIEW user_profile.status IS
'State of the whole: events (folded and pending), pending_events, folded_through (the watermark: the last event id in timelines), the last refresh and its error, failed_events (pending ones that could not be folded, see refresh_failures), number of users and of timeline rows, sizes in bytes (index sizes apart), the background worker (see worker_status())';

CREATE FUNCTION user_profile.check_timelines(user_id text DEFAULT NULL)
RETURNS TABLE (of_user_id text, event_id bigint, problem text)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE COST 100000 ROWS 10
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.check_timelines(text) IS
'Differences between log and timelines, of one user or of all (NULL): none when sound';

CREATE FUNCTION user_profile.rebuild_timelines(user_id text DEFAULT NULL) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 100000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.rebuild_timelines(text) IS
'Make the timelines of one user, or of all (NULL), anew from the log, and return the number of events folded. Events that were expired from the log are kept';

CREATE FUNCTION user_profile.expire_events(before timestamptz) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 100000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.expire_events(timestamptz) IS
'Drop log rows that are folded and happened before a time, answers to surveys aside, and return their number. Profiles keep their figures; only the properties and message ids of these events are gone';

-- Nothing for PUBLIC; grant_access() gives rights
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA user_profile FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA user_profile FROM PUBLIC;
DO $$
DECLARE t regtype;
BEGIN
	FOR t IN SELECT y.oid FROM pg_type y LEFT JOIN pg_class c ON c.oid = y.typrelid
		WHERE y.typnamespace = 'user_profile'::regnamespace AND y.typelem = 0
			AND (c.oid IS NULL OR c.relkind = 'c') LOOP
		EXECUTE format('REVOKE ALL ON TYPE %s FROM PUBLIC', t);
	END LOOP;
END $$;
