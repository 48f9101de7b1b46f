-- Layer 1, values: the type timeline, its aggregates and its readers, and the
-- session window function. Pure C: they look up no names, so that they need no
-- search_path of their own.

CREATE TYPE user_profile.timeline;

CREATE FUNCTION user_profile.timeline_in(cstring) RETURNS user_profile.timeline
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.timeline_in(cstring) IS
'Input of timeline: hexadecimal digits, checked as a whole; error invalid_binary_representation';
CREATE FUNCTION user_profile.timeline_out(user_profile.timeline) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.timeline_out(user_profile.timeline) IS
'Output of timeline: hexadecimal digits that give the same value again';
CREATE FUNCTION user_profile.timeline_recv(internal) RETURNS user_profile.timeline
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.timeline_recv(internal) IS
'Binary input of timeline, checked as a whole; error invalid_binary_representation';
CREATE FUNCTION user_profile.timeline_send(user_profile.timeline) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.timeline_send(user_profile.timeline) IS
'Binary output of timeline: its bytes as they are stored';

-- STORAGE main: nothing is gained by compressing a timeline once more
CREATE TYPE user_profile.timeline (
	INPUT = user_profile.timeline_in,
	OUTPUT = user_profile.timeline_out,
	RECEIVE = user_profile.timeline_recv,
	SEND = user_profile.timeline_send,
	STORAGE = main
);
COMMENT ON TYPE user_profile.timeline IS
'The events of one user in the order (time, event id): times, event types, pages and event ids, column by column. Made by timeline_agg(), read by the timeline_... functions';

CREATE FUNCTION user_profile.num_events(timeline user_profile.timeline) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.num_events(user_profile.timeline) IS
'Number of events of a timeline';

CREATE FUNCTION user_profile.timeline_first_at(timeline user_profile.timeline) RETURNS timestamptz
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.timeline_first_at(user_profile.timeline) IS
'Time of the first event of a timeline; NULL where it has none';

CREATE FUNCTION user_profile.timeline_last_at(timeline user_profile.timeline) RETURNS timestamptz
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.timeline_last_at(user_profile.timeline) IS
'Time of the last event of a timeline; NULL where it has none';

-- Aggregates

CREATE FUNCTION user_profile.timeline_agg_transfn(internal, timestamptz, integer, integer, bigint) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timeline_agg_finalfn(internal) RETURNS user_profile.timeline
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timeline_agg_combinefn(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timeline_agg_serialfn(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION user_profile.timeline_agg_deserialfn(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;

CREATE AGGREGATE user_profile.timeline_agg(
	occurred_at timestamptz, event_type_id integer, page_id integer, event_id bigint
) (
	SFUNC = user_profile.timeline_agg_transfn,
	STYPE = internal,
	SSPACE = 2000,
	FINALFUNC = user_profile.timeline_agg_finalfn,
	FINALFUNC_MODIFY = read_only,
	COMBINEFUNC = user_profile.timeline_agg_combinefn,
	SERIALFUNC = user_profile.timeline_agg_serialfn,
	DESERIALFUNC = user_profile.timeline_agg_deserialfn,
	PARALLEL = safe
);
COMMENT ON AGGREGATE user_profile.timeline_agg(timestamptz, integer, integer, bigint) IS
'The timeline of these events, in any order of input. event_type_id (0 or more) has the kind of the event in its low four bits (0 tracked, 1 labeled, 2 feature_tag, 3 page_view, 4 and up content); page_id is positive, or NULL: no page. Errors: null_value_not_allowed, datetime_value_out_of_range for a time that is not finite. NULL where there are no rows';

CREATE FUNCTION user_profile.timeline_agg_parts_transfn(internal, user_profile.timeline) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timeline_agg_parts_finalfn(internal) RETURNS user_profile.timeline
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timeline_agg_parts_combinefn(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timeline_agg_parts_serialfn(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION user_profile.timeline_agg_parts_deserialfn(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;

CREATE AGGREGATE user_profile.timeline_agg(timeline user_profile.timeline) (
	SFUNC = user_profile.timeline_agg_parts_transfn,
	STYPE = internal,
	SSPACE = 8000,
	FINALFUNC = user_profile.timeline_agg_parts_finalfn,
	FINALFUNC_MODIFY = read_only,
	COMBINEFUNC = user_profile.timeline_agg_parts_combinefn,
	SERIALFUNC = user_profile.timeline_agg_parts_serialfn,
	DESERIALFUNC = user_profile.timeline_agg_parts_deserialfn,
	PARALLEL = safe
);
COMMENT ON AGGREGATE user_profile.timeline_agg(user_profile.timeline) IS
'All events of these timelines as one, in any order of input; NULLs are passed over. NULL where there are none';

-- Figures of a period

CREATE TYPE user_profile.activity_stats AS (
	events bigint,
	total_events bigint,
	tracked_events bigint,
	labeled_events bigint,
	feature_tag_events bigint,
	page_views bigint,
	content_interactions bigint,
	sessions bigint,
	session_time interval,
	avg_session interval,
	median_session interval,
	active_days bigint,
	active_users bigint,
	first_at timestamptz,
	last_at timestamptz
);
COMMENT ON TYPE user_profile.activity_stats IS
'Figures of a period: events of all kinds; total_events = tracked + labeled + feature_tag; content_interactions are those of all other kinds but page views; sessions that start in the period, with their whole lengths (NULL where there are none); active_days by the session time zone; first and last event in the period';

CREATE FUNCTION user_profile.timeline_stats(
	timeline user_profile.timeline, period tstzrange, timeout interval DEFAULT NULL
) RETURNS user_profile.activity_stats
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION user_profile.timeline_stats(user_profile.timeline, tstzrange, interval) IS
'Figures of one timeline in a period; all zero for a NULL timeline, NULL for a NULL period. Sessions are formed over the whole timeline first; one belongs to the period in which it starts. timeout: NULL is the setting user_profile.session_timeout. Error: invalid_parameter_value for an empty period';

CREATE FUNCTION user_profile.timelines_stats_transfn(internal, user_profile.timeline, tstzrange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 20;
CREATE FUNCTION user_profile.timelines_stats_transfn(internal, user_profile.timeline, tstzrange) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 20;
CREATE FUNCTION user_profile.timelines_stats_finalfn(internal) RETURNS user_profile.activity_stats
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timelines_stats_combinefn(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE;
CREATE FUNCTION user_profile.timelines_stats_serialfn(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION user_profile.timelines_stats_deserialfn(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE STRICT PARALLEL SAFE;

CREATE AGGREGATE user_profile.timelines_stats(
	timeline user_profile.timeline, period tstzrange, timeout interval
) (
	SFUNC = user_profile.timelines_stats_transfn,
	STYPE = internal,
	SSPACE = 1000,
	FINALFUNC = user_profile.timelines_stats_finalfn,
	FINALFUNC_MODIFY = read_write,
	COMBINEFUNC = user_profile.timelines_stats_combinefn,
	SERIALFUNC = user_profile.timelines_stats_serialfn,
	DESERIALFUNC = user_profile.timelines_stats_deserialfn,
	PARALLEL = safe
);
COMMENT ON AGGREGATE user_profile.timelines_stats(user_profile.timeline, tstzrange, interval) IS
'Figures of many users in a period; each row is the whole timeline of one user. period and timeout are those of the first row; timeout: NULL is the setting user_profile.session_timeout. Averages and medians are over all sessions, active_days are days with an event of anybody, active_users those with an event in the period';

CREATE AGGREGATE user_profile.timelines_stats(
	timeline user_profile.timeline, period tstzrange
) (
	SFUNC = user_profile.timelines_stats_transfn,
	STYPE = internal,
	SSPACE = 1000,
	FINALFUNC = user_profile.timelines_stats_finalfn,
	FINALFUNC_MODIFY = read_write,
	COMBINEFUNC = user_profile.timelines_stats_combinefn,
	SERIALFUNC = user_profile.timelines_stats_serialfn,
	DESERIALFUNC = user_profile.timelines_stats_deserialfn,
	PARALLEL = safe
);
COMMENT ON AGGREGATE user_profile.timelines_stats(user_profile.timeline, tstzrange) IS
'Figures of many users in a period, with the session timeout of the setting';

-- Readers

CREATE FUNCTION user_profile.timeline_scan_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.timeline_scan_support(internal) IS
'Planner support of functions in FROM that are scanned row by row, without a tuplestore';

CREATE FUNCTION user_profile.timeline_sessions(
	timeline user_profile.timeline, timeout interval DEFAULT NULL,
	OUT session_number bigint, OUT started_at timestamptz, OUT ended_at timestamptz,
	OUT duration interval, OUT events bigint,
	OUT entry_page_id integer, OUT exit_page_id integer,
	OUT entry_event_id bigint, OUT exit_event_id bigint
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 20 ROWS 20
	SUPPORT user_profile.timeline_scan_support;
COMMENT ON FUNCTION user_profile.timeline_sessions(user_profile.timeline, interval) IS
'Sessions of a timeline: a gap longer than timeout starts one (NULL is the setting user_profile.session_timeout). Entry and exit page are those of the first and the last event that has a page, and the event ids are theirs';

CREATE FUNCTION user_profile.timeline_events(
	timeline user_profile.timeline, period tstzrange DEFAULT NULL, timeout interval DEFAULT NULL,
	OUT event_id bigint, OUT occurred_at timestamptz, OUT event_type_id integer,
	OUT page_id integer, OUT session_number bigint
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 20 ROWS 200
	SUPPORT user_profile.timeline_scan_support;
COMMENT ON FUNCTION user_profile.timeline_events(user_profile.timeline, tstzrange, interval) IS
'Events of a timeline in a period (NULL is all time), in order, with the number of their session';

CREATE FUNCTION user_profile.timeline_event_counts(
	timeline user_profile.timeline, period tstzrange,
	OUT event_type_id integer, OUT occurrences bigint, OUT last_at timestamptz
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20 ROWS 20;
COMMENT ON FUNCTION user_profile.timeline_event_counts(user_profile.timeline, tstzrange) IS
'How often each event type occurred in a period, and when last';

CREATE FUNCTION user_profile.timeline_page_counts(
	timeline user_profile.timeline, period tstzrange,
	OUT page_id integer, OUT visits bigint, OUT events bigint, OUT last_at timestamptz
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20 ROWS 20;
COMMENT ON FUNCTION user_profile.timeline_page_counts(user_profile.timeline, tstzrange) IS
'Page views (visits) and events of any kind on each page in a period, and when last';

CREATE FUNCTION user_profile.timeline_daily(
	timeline user_profile.timeline, period tstzrange,
	timezone text DEFAULT NULL, timeout interval DEFAULT NULL,
	OUT day date, OUT events bigint, OUT total_events bigint, OUT page_views bigint,
	OUT sessions bigint, OUT session_time interval
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 20 ROWS 31;
COMMENT ON FUNCTION user_profile.timeline_daily(user_profile.timeline, tstzrange, text, interval) IS
'Figures of each local day of a period, zeros too; where the period is unbounded, from the first or to the last event. timezone: NULL is the session''s. Errors: invalid_parameter_value for an unknown time zone, program_limit_exceeded for more than 1,000,000 days';

CREATE FUNCTION user_profile.session_number(ts timestamptz) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE WINDOW PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.session_number(timestamptz) IS
'Number of the session of this row within its partition, from 1, by the setting user_profile.session_timeout. OVER (PARTITION BY user ORDER BY ts). NULL for a NULL ts, which starts nothing';
CREATE FUNCTION user_profile.session_number(ts timestamptz, timeout interval) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE WINDOW PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.session_number(timestamptz, interval) IS
'Number of the session of this row within its partition, from 1: a gap longer than timeout (that of the partition''s first row; NULL is the setting) starts a new one. NULL for a NULL ts, which starts nothing';

-- Periods

CREATE FUNCTION user_profile.last_days(days integer) RETURNS tstzrange
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.last_days(integer) IS
'The period of so many days up to now. Error: invalid_parameter_value for less than 1';

CREATE FUNCTION user_profile.default_period() RETURNS tstzrange
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.default_period() IS
'The period of the overview views: as long as the setting user_profile.period, up to now';

CREATE FUNCTION user_profile.previous_period(period tstzrange) RETURNS tstzrange
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.previous_period(tstzrange) IS
'The period of equal length just before; NULL where the period is unbounded';

CREATE FUNCTION user_profile.likely_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.likely_support(internal) IS
'Planner support of conditions that hold for most rows';
CREATE FUNCTION user_profile.unlikely_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.unlikely_support(internal) IS
'Planner support of conditions that hold for hardly any row';

CREATE FUNCTION user_profile.in_period(at timestamptz, period tstzrange) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
	SUPPORT user_profile.likely_support;
COMMENT ON FUNCTION user_profile.in_period(timestamptz, tstzrange) IS
'Is a time within a period? As <@, but the planner expects that it is';

CREATE FUNCTION user_profile.check_period(period tstzrange) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1
	SUPPORT user_profile.likely_support;
COMMENT ON FUNCTION user_profile.check_period(tstzrange) IS
'Is this a period? True, or an error: null_value_not_allowed; invalid_parameter_value for an empty one';

CREATE FUNCTION user_profile.first_needed_at(period tstzrange, timeout interval DEFAULT NULL) RETURNS timestamptz
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.first_needed_at(tstzrange, interval) IS
'The time before which no event can change the sessions that start in a period: its start less the session timeout';

-- Dictionary entries in use

CREATE TYPE user_profile.dictionary_ids AS (event_type_ids integer[], page_ids integer[]);
COMMENT ON TYPE user_profile.dictionary_ids IS 'Entries of the dictionaries, in no particular order';

CREATE FUNCTION user_profile.timelines_dictionary_transfn(internal, user_profile.timeline) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20;
CREATE FUNCTION user_profile.timelines_dictionary_finalfn(internal) RETURNS user_profile.dictionary_ids
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE user_profile.timelines_dictionary(timeline user_profile.timeline) (
	SFUNC = user_profile.timelines_dictionary_transfn,
	STYPE = internal,
	SSPACE = 100000,
	FINALFUNC = user_profile.timelines_dictionary_finalfn,
	FINALFUNC_MODIFY = read_only
);
COMMENT ON AGGREGATE user_profile.timelines_dictionary(user_profile.timeline) IS
'The distinct event type ids and page ids that occur in these timelines; NULL where there are none';
