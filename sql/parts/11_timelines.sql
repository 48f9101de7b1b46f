-- Layer 1, values: aggregates over many timelines that give more than one row.
-- They return arrays, for unnest(): SQL knows no set-returning aggregates.

CREATE TYPE user_profile.event_count AS (
	event_type_id integer,
	occurrences bigint,
	last_at timestamptz
);
COMMENT ON TYPE user_profile.event_count IS
'How often an event type occurred, and when last';

CREATE TYPE user_profile.page_count AS (
	page_id integer,
	visits bigint,
	events bigint,
	last_at timestamptz
);
COMMENT ON TYPE user_profile.page_count IS
'Page views (visits) and events of any kind on a page, and when last';

CREATE TYPE user_profile.daily_stats AS (
	day date,
	events bigint,
	total_events bigint,
	page_views bigint,
	sessions bigint,
	session_time interval,
	active_users bigint
);
COMMENT ON TYPE user_profile.daily_stats IS
'Figures of a local day: events of all kinds; total_events = tracked + labeled + feature_tag; sessions that start on the day, with their whole lengths; users with an event on the day';

REVOKE ALL ON TYPE user_profile.event_count, user_profile.page_count, user_profile.daily_stats FROM PUBLIC;

CREATE FUNCTION user_profile.timelines_event_counts_transfn(internal, user_profile.timeline, tstzrange) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20;
CREATE FUNCTION user_profile.timelines_event_counts_finalfn(internal) RETURNS user_profile.event_count[]
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timelines_page_counts_transfn(internal, user_profile.timeline, tstzrange) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20;
CREATE FUNCTION user_profile.timelines_page_counts_finalfn(internal) RETURNS user_profile.page_count[]
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timelines_counts_combinefn(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timelines_counts_serialfn(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION user_profile.timelines_counts_deserialfn(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;

CREATE AGGREGATE user_profile.timelines_event_counts(
	timeline user_profile.timeline, period tstzrange
) (
	SFUNC = user_profile.timelines_event_counts_transfn,
	STYPE = internal,
	SSPACE = 4000,
	FINALFUNC = user_profile.timelines_event_counts_finalfn,
	FINALFUNC_MODIFY = read_only,
	COMBINEFUNC = user_profile.timelines_counts_combinefn,
	SERIALFUNC = user_profile.timelines_counts_serialfn,
	DESERIALFUNC = user_profile.timelines_counts_deserialfn,
	PARALLEL = safe
);
COMMENT ON AGGREGATE user_profile.timelines_event_counts(user_profile.timeline, tstzrange) IS
'How often each event type occurred in a period in all of these timelines, which may be parts of users. period is that of the first row. NULL where there are no rows';

CREATE AGGREGATE user_profile.timelines_page_counts(
	timeline user_profile.timeline, period tstzrange
) (
	SFUNC = user_profile.timelines_page_counts_transfn,
	STYPE = internal,
	SSPACE = 8000,
	FINALFUNC = user_profile.timelines_page_counts_finalfn,
	FINALFUNC_MODIFY = read_only,
	COMBINEFUNC = user_profile.timelines_counts_combinefn,
	SERIALFUNC = user_profile.timelines_counts_serialfn,
	DESERIALFUNC = user_profile.timelines_counts_deserialfn,
	PARALLEL = safe
);
COMMENT ON AGGREGATE user_profile.timelines_page_counts(user_profile.timeline, tstzrange) IS
'Page views and events of any kind on each page in a period in all of these timelines, which may be parts of users. period is that of the first row. NULL where there are no rows';

CREATE FUNCTION user_profile.timelines_daily_transfn(internal, user_profile.timeline, tstzrange, text, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 20;
CREATE FUNCTION user_profile.timelines_daily_finalfn(internal) RETURNS user_profile.daily_stats[]
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timelines_daily_combinefn(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timelines_daily_serialfn(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION user_profile.timelines_daily_deserialfn(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE STRICT PARALLEL SAFE;

CREATE AGGREGATE user_profile.timelines_daily(
	timeline user_profile.timeline, period tstzrange, timezone text, timeout interval
) (
	SFUNC = user_profile.timelines_daily_transfn,
	STYPE = internal,
	SSPACE = 8000,
	FINALFUNC = user_profile.timelines_daily_finalfn,
	FINALFUNC_MODIFY = read_only,
	COMBINEFUNC = user_profile.timelines_daily_combinefn,
	SERIALFUNC = user_profile.timelines_daily_serialfn,
	DESERIALFUNC = user_profile.timelines_daily_deserialfn,
	PARALLEL = safe
);
COMMENT ON AGGREGATE user_profile.timelines_daily(user_profile.timeline, tstzrange, text, interval) IS
'Figures of many users for each local day of a period, in order, zeros too; each row is the whole timeline of one user. Where the period is unbounded, from the first or to the last event of anybody. timezone: NULL is the session''s; timeout: NULL is the setting user_profile.session_timeout; these and the period are those of the first row. NULL where there are no rows. Errors: invalid_parameter_value for an unknown time zone, program_limit_exceeded for more than 1,000,000 days';

-- Sessions of many users, nothing else

CREATE TYPE user_profile.session_totals AS (
	sessions bigint,
	session_time interval,
	avg_session interval
);
COMMENT ON TYPE user_profile.session_totals IS
'Number of sessions, the sum of their lengths and their average; NULL lengths where there are none';

CREATE FUNCTION user_profile.timelines_sessions_transfn(internal, user_profile.timeline) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 10;
CREATE FUNCTION user_profile.timelines_sessions_transfn(internal, user_profile.timeline, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 10;
CREATE FUNCTION user_profile.timelines_sessions_finalfn(internal) RETURNS user_profile.session_totals
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timelines_sessions_combinefn(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timelines_sessions_serialfn(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION user_profile.timelines_sessions_deserialfn(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE STRICT PARALLEL SAFE;
CREATE AGGREGATE user_profile.timelines_sessions(timeline user_profile.timeline) (
	SFUNC = user_profile.timelines_sessions_transfn,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = user_profile.timelines_sessions_finalfn,
	FINALFUNC_MODIFY = read_only,
	COMBINEFUNC = user_profile.timelines_sessions_combinefn,
	SERIALFUNC = user_profile.timelines_sessions_serialfn,
	DESERIALFUNC = user_profile.timelines_sessions_deserialfn,
	PARALLEL = safe
);
COMMENT ON AGGREGATE user_profile.timelines_sessions(user_profile.timeline) IS
'Sessions of many users over all time, by the setting user_profile.session_timeout; each row is the whole timeline of one user. For figures of a period see timelines_stats()';
CREATE AGGREGATE user_profile.timelines_sessions(timeline user_profile.timeline, timeout interval) (
	SFUNC = user_profile.timelines_sessions_transfn,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = user_profile.timelines_sessions_finalfn,
	FINALFUNC_MODIFY = read_only,
	COMBINEFUNC = user_profile.timelines_sessions_combinefn,
	SERIALFUNC = user_profile.timelines_sessions_serialfn,
	DESERIALFUNC = user_profile.timelines_sessions_deserialfn,
	PARALLEL = safe
);
COMMENT ON AGGREGATE user_profile.timelines_sessions(user_profile.timeline, interval) IS
'Sessions of many users over all time, by a timeout, which is that of the first row (NULL is the setting)';
