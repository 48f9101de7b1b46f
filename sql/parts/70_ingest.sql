-- Layer 3: ingestion by functions. COPY and INSERT into the tables do as well.

CREATE FUNCTION user_profile.identify(user_id text, traits jsonb DEFAULT '{}') RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.identify(text, jsonb) IS
'Set traits of a user, who comes to be where unknown. name, email, country and created_at or signed_up_at (ISO 8601, or a number of seconds or milliseconds since 1970) become columns, the rest properties. Keys given are set, a JSON null removes the key, keys absent stay. Errors: null_value_not_allowed, invalid_parameter_value';

CREATE FUNCTION user_profile.identify_company(company_id text, traits jsonb DEFAULT '{}') RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.identify_company(text, jsonb) IS
'Set traits of a company, which comes to be where unknown. name and created_at or signed_up_at become columns, the rest properties; merged as by identify()';

CREATE FUNCTION user_profile.join_company(user_id text, company_id text, at timestamptz DEFAULT now()) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.join_company(text, text, timestamptz) IS
'Make a user a member of a company from a time on; both come to be where unknown. Nothing happens where the user is a member already';

CREATE FUNCTION user_profile.leave_company(user_id text, company_id text, at timestamptz DEFAULT now()) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.leave_company(text, text, timestamptz) IS
'End the membership of a user in a company at a time. Errors: no_data_found where the user is no member, invalid_parameter_value for a time before the user joined';

CREATE FUNCTION user_profile.track(
	user_id text, name text, kind user_profile.event_kind DEFAULT 'tracked',
	page text DEFAULT NULL, properties jsonb DEFAULT NULL, occurred_at timestamptz DEFAULT now(),
	action text DEFAULT NULL, message_id text DEFAULT NULL
) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.track(text, text, user_profile.event_kind, text, jsonb, timestamptz, text, text) IS
'Add one event to the log and return its event_id; NULL where message_id was seen before for that user, or the user was deleted with suppress. Errors: null_value_not_allowed, invalid_parameter_value, datetime_value_out_of_range, check_violation for a user_id of more than 1024 bytes or an nps score outside 0..10';

-- A text form beside the one of jsonb: it is also what an untyped literal takes,
-- which would not be unique between jsonb and jsonb[]. Times without a zone are
-- UTC in these formats.
CREATE FUNCTION user_profile.ingest(message jsonb) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 1000
	SET search_path = pg_catalog, pg_temp SET timezone = 'UTC';
COMMENT ON FUNCTION user_profile.ingest(jsonb) IS
'Do what a message of Segment, RudderStack (identify, track, page, screen, group, alias) or Userpilot (identify_user, identify_company, track, page_view, track_feature, interaction) asks for. Returns the event_id; NULL where the message makes no event, its id was seen before for that user, or the user was deleted with suppress. Errors: invalid_parameter_value for an unknown type, a missing id or JSON of the wrong shape, those of identify() and track()';

CREATE FUNCTION user_profile.ingest(message text) RETURNS bigint
	AS 'MODULE_PATHNAME', 'ingest_text' LANGUAGE c VOLATILE COST 1000
	SET search_path = pg_catalog, pg_temp SET timezone = 'UTC';
COMMENT ON FUNCTION user_profile.ingest(text) IS
'The same for a message as text';

CREATE FUNCTION user_profile.ingest(messages jsonb[]) RETURNS bigint[]
	AS 'MODULE_PATHNAME', 'ingest_batch' LANGUAGE c VOLATILE COST 10000
	SET search_path = pg_catalog, pg_temp SET timezone = 'UTC';
COMMENT ON FUNCTION user_profile.ingest(jsonb[]) IS
'Take many messages in their order, all or none, and return the event_id of each, NULL as of ingest(jsonb). An error begins with the position of its message, from 1';
