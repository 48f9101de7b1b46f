-- What the scripts of the stress test share. Each is a transaction of a client of pgbench; ids are
-- few, so that clients meet.

CREATE SCHEMA stress;

-- What expire_events() drops from the log, so that plain SQL still has it. It is written under
-- the refresh lock, which expire_events(), delete_user() and alias() take.
CREATE TABLE stress.expired (LIKE user_profile.events);
CREATE INDEX ON stress.expired (user_id);

CREATE FUNCTION stress.keep_expired() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO stress.expired SELECT OLD.*;
	RETURN NULL;
END $$;
CREATE TRIGGER keep_expired AFTER DELETE ON user_profile.events FOR EACH ROW
	WHEN (current_setting('stress.expiring', true) = 'on')
	EXECUTE FUNCTION stress.keep_expired();

CREATE FUNCTION stress.expire(before timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('stress.expiring', 'on', true);
	PERFORM user_profile.expire_events(before);
	PERFORM set_config('stress.expiring', 'off', true);
END $$;

-- That there is nobody to change is no error here, nor that an id is an alias already
CREATE FUNCTION stress.attempt(statement text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN no_data_found OR invalid_parameter_value THEN
END $$;

CREATE FUNCTION stress.forget(id text, suppress boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM user_profile.delete_user(id, suppress);
	DELETE FROM stress.expired e WHERE e.user_id = id;
EXCEPTION WHEN no_data_found THEN
END $$;

CREATE FUNCTION stress.move_expired() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE stress.expired e SET user_id = NEW.user_id WHERE e.user_id = NEW.previous_id;
	RETURN NULL;
END $$;
CREATE TRIGGER move_expired AFTER INSERT ON user_profile.aliases FOR EACH ROW
	EXECUTE FUNCTION stress.move_expired();

-- Users of whom a refresh can fold nothing for a while; how often that was
CREATE TABLE stress.poison (user_id text PRIMARY KEY);
CREATE SEQUENCE stress.refusals;
CREATE FUNCTION stress.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('stress.rebuilding', true) IS DISTINCT FROM 'on'
		AND EXISTS (SELECT FROM stress.poison p WHERE p.user_id = NEW.user_id) THEN
		PERFORM nextval('stress.refusals');
		RAISE 'nothing can be folded of %', NEW.user_id;
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON user_profile.timelines FOR EACH ROW
	EXECUTE FUNCTION stress.refuse();

-- The whole log by plain SQL: under the ids of now, without suppressed users
CREATE VIEW stress.log AS
SELECT COALESCE(a.user_id, e.user_id) AS user_id, e.event_id, e.occurred_at, e.kind, e.name,
	e.action, e.page
FROM (TABLE user_profile.events UNION ALL TABLE stress.expired) e
LEFT JOIN user_profile.aliases a ON a.previous_id = e.user_id
WHERE NOT EXISTS (SELECT FROM user_profile.suppressions) OR NOT user_profile.is_suppressed(e.user_id);

-- Within one snapshot all ways of asking agree with the log
CREATE FUNCTION stress.look(id text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	plain record;
	sessions record;
	header record;
	overview record;
BEGIN
	SELECT count(*) AS events, min(occurred_at) AS first_at, max(occurred_at) AS last_at,
		count(*) FILTER (WHERE kind IN ('tracked', 'labeled', 'feature_tag')) AS total_events
	INTO plain FROM stress.log WHERE user_id = id;
	SELECT COALESCE(sum(s.events), 0) AS events, count(*) AS sessions INTO sessions
	FROM user_profile.user_sessions(id, '(,)') s;
	SELECT * INTO header FROM user_profile.user_profile(id);
	SELECT * INTO overview FROM user_profile.user_overview(id, '(,)');
	IF plain.events <> sessions.events
		OR sessions.sessions <> COALESCE(header.total_sessions, 0)
		OR sessions.sessions <> COALESCE(overview.sessions, 0)
		OR plain.total_events <> COALESCE(overview.total_events, 0)
		OR (plain.first_at, plain.last_at) IS DISTINCT FROM (header.first_seen_at, header.last_seen_at)
	THEN
		RAISE 'user %: the log has %, sessions %, header %, overview %', id, plain, sessions, header, overview;
	END IF;
END $$;

-- The same of all at once
CREATE FUNCTION stress.look_at_all() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	plain bigint := (SELECT count(*) FROM stress.log);
	sessions bigint := (SELECT COALESCE(sum(events), 0) FROM user_profile.users_sessions('(,)'));
	status bigint := (SELECT s.events FROM user_profile.status s);
	problems bigint := (SELECT count(*) FROM user_profile.check_timelines());
BEGIN
	IF plain <> sessions OR plain <> status OR problems > 0 THEN
		RAISE 'the log has % events, sessions %, status %; % problems', plain, sessions, status, problems;
	END IF;
END $$;
