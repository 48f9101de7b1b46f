-- Layer 2, relations: the tables. The loader fills events, users, companies,
-- memberships and session_replays; a refresh fills the rest.

CREATE TYPE user_profile.event_kind AS ENUM (
	'tracked', 'labeled', 'feature_tag', 'page_view',
	'flow', 'spotlight', 'banner', 'checklist', 'nps', 'survey'
);
COMMENT ON TYPE user_profile.event_kind IS
'What an event is: tracked, labeled and feature_tag make the total of events; flow, spotlight, banner and checklist are interactions with in-app content; nps and survey are answers';

CREATE FUNCTION user_profile.event_kind_number(kind user_profile.event_kind) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.event_kind_number(user_profile.event_kind) IS
'The number by which event type ids carry this kind, in their low four bits';

-- The constraint of events is one function, as the server reads and compiles constraints anew
-- for each statement
CREATE FUNCTION user_profile.check_event(
	user_id text, name text, occurred_at timestamptz, kind user_profile.event_kind, properties jsonb
) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION user_profile.check_event(text, text, timestamptz, user_profile.event_kind, jsonb) IS
'What must hold for a row of events: a user_id of 1 to 1024 bytes, a name that is not empty, a finite occurred_at, and for an nps event with a score a whole number from 0 to 10. True, or the error check_violation, which names the column';

-- CACHE 1: ids must be assigned within the transaction that inserts them (refresh.c)
CREATE SEQUENCE user_profile.events_event_id_seq AS bigint CACHE 1;
COMMENT ON SEQUENCE user_profile.events_event_id_seq IS
'Assigns event ids; keep CACHE 1, on which folding relies';

CREATE TABLE user_profile.events (
	event_id bigint NOT NULL DEFAULT pg_catalog.nextval('user_profile.events_event_id_seq'),
	user_id text NOT NULL,
	occurred_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	kind user_profile.event_kind NOT NULL DEFAULT 'tracked',
	name text NOT NULL,
	action text,
	page text,
	properties jsonb,
	message_id text,
	CONSTRAINT events_pkey PRIMARY KEY (event_id),
	CONSTRAINT event_is_valid CHECK (user_profile.check_event(user_id, name, occurred_at, kind, properties))
) WITH (parallel_workers = 0);
ALTER SEQUENCE user_profile.events_event_id_seq OWNED BY user_profile.events.event_id;
COMMENT ON TABLE user_profile.events IS
'The log: append-only, the one thing that ingestion touches';
COMMENT ON COLUMN user_profile.events.event_id IS 'Assigned by the sequence in order of arrival; do not supply it';
COMMENT ON COLUMN user_profile.events.user_id IS 'Id of the user, 1 to 1024 bytes; an unknown user comes to be with the first event';
COMMENT ON COLUMN user_profile.events.occurred_at IS 'When it happened; may be long before it arrives';
COMMENT ON COLUMN user_profile.events.kind IS 'What it is, see event_kind';
COMMENT ON COLUMN user_profile.events.name IS 'Name of the event; of the content, for content; the page may be named here for a page view';
COMMENT ON COLUMN user_profile.events.action IS 'For content, what was done: seen, step_seen, completed, dismissed, task_completed, ...; an empty one is none';
COMMENT ON COLUMN user_profile.events.page IS 'The page on which it happened; for a page view without one, the name';
COMMENT ON COLUMN user_profile.events.properties IS 'Anything else. nps: {"score": 0..10, "comment": text}; survey: {"question", "answer"} or {"answers": [...]}, "comment"';
COMMENT ON COLUMN user_profile.events.message_id IS 'Id of the message that brought it; makes a repeated one harmless';

CREATE UNIQUE INDEX events_message_id ON user_profile.events (user_id, message_id)
	WHERE message_id IS NOT NULL;
COMMENT ON INDEX user_profile.events_message_id IS 'A message is stored once for a user';
CREATE INDEX events_sentiment ON user_profile.events (user_id, occurred_at)
	WHERE kind IN ('nps', 'survey');
COMMENT ON INDEX user_profile.events_sentiment IS 'Serves answers to surveys';

CREATE TABLE user_profile.users (
	user_id text NOT NULL,
	name text,
	email text,
	country text,
	signed_up_at timestamptz,
	properties jsonb NOT NULL DEFAULT '{}',
	excluded_at timestamptz,
	exclusion_reason text,
	content_reset_at timestamptz,
	CONSTRAINT users_pkey PRIMARY KEY (user_id),
	CONSTRAINT user_id_has_1_to_1024_bytes CHECK (octet_length(user_id) BETWEEN 1 AND 1024),
	CONSTRAINT signed_up_at_is_finite CHECK (isfinite(signed_up_at)),
	CONSTRAINT properties_is_an_object CHECK (jsonb_typeof(properties) = 'object')
);
COMMENT ON TABLE user_profile.users IS 'What is known of users beside their events';
COMMENT ON COLUMN user_profile.users.user_id IS 'Id of the user, 1 to 1024 bytes, as in events';
COMMENT ON COLUMN user_profile.users.name IS 'Name, for people to read';
COMMENT ON COLUMN user_profile.users.email IS 'E-mail address; exclusion rules go by its domain';
COMMENT ON COLUMN user_profile.users.country IS 'Country, in whichever form it was given';
COMMENT ON COLUMN user_profile.users.signed_up_at IS 'When the user signed up, where that is known';
COMMENT ON COLUMN user_profile.users.properties IS 'All other traits, as an object';
COMMENT ON COLUMN user_profile.users.excluded_at IS 'Since when the user is left out of figures about more than one user; NULL: is not';
COMMENT ON COLUMN user_profile.users.exclusion_reason IS 'Why the user is left out, for people to read';
COMMENT ON COLUMN user_profile.users.content_reset_at IS 'Content progress counts only what came after this';

CREATE TABLE user_profile.companies (
	company_id text NOT NULL,
	name text,
	signed_up_at timestamptz,
	properties jsonb NOT NULL DEFAULT '{}',
	CONSTRAINT companies_pkey PRIMARY KEY (company_id),
	CONSTRAINT company_id_has_1_to_1024_bytes CHECK (octet_length(company_id) BETWEEN 1 AND 1024),
	CONSTRAINT signed_up_at_is_finite CHECK (isfinite(signed_up_at)),
	CONSTRAINT properties_is_an_object CHECK (jsonb_typeof(properties) = 'object')
);
COMMENT ON TABLE user_profile.companies IS 'Companies (accounts, groups)';
COMMENT ON COLUMN user_profile.companies.company_id IS 'Id of the company, 1 to 1024 bytes';
COMMENT ON COLUMN user_profile.companies.name IS 'Name, for people to read';
COMMENT ON COLUMN user_profile.companies.signed_up_at IS 'When the company signed up, where that is known';
COMMENT ON COLUMN user_profile.companies.properties IS 'All other traits, as an object';

CREATE TABLE user_profile.memberships (
	user_id text NOT NULL,
	company_id text NOT NULL,
	joined_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	left_at timestamptz,
	CONSTRAINT memberships_pkey PRIMARY KEY (user_id, company_id, joined_at),
	CONSTRAINT user_id_has_1_to_1024_bytes CHECK (octet_length(user_id) BETWEEN 1 AND 1024),
	CONSTRAINT company_id_has_1_to_1024_bytes CHECK (octet_length(company_id) BETWEEN 1 AND 1024),
	CONSTRAINT joined_at_is_finite CHECK (isfinite(joined_at)),
	CONSTRAINT left_at_is_after_joined_at CHECK (isfinite(left_at) AND left_at >= joined_at)
);
COMMENT ON TABLE user_profile.memberships IS
'Which user was in which company, from joined_at up to left_at (NULL: still is)';
COMMENT ON COLUMN user_profile.memberships.user_id IS 'The user, who need not be in users yet';
COMMENT ON COLUMN user_profile.memberships.company_id IS 'The company, which need not be in companies';
COMMENT ON COLUMN user_profile.memberships.joined_at IS 'Since when; may lie in the future';
COMMENT ON COLUMN user_profile.memberships.left_at IS 'Up to when; may lie in the future. NULL: without end';
CREATE UNIQUE INDEX memberships_open ON user_profile.memberships (user_id, company_id)
	WHERE left_at IS NULL;
COMMENT ON INDEX user_profile.memberships_open IS 'A user is in a company once at a time';
CREATE INDEX memberships_company ON user_profile.memberships (company_id);
COMMENT ON INDEX user_profile.memberships_company IS 'Serves the members of a company';

CREATE TABLE user_profile.session_replays (
	user_id text NOT NULL,
	started_at timestamptz NOT NULL,
	url text NOT NULL,
	CONSTRAINT session_replays_pkey PRIMARY KEY (user_id, started_at),
	CONSTRAINT user_id_has_1_to_1024_bytes CHECK (octet_length(user_id) BETWEEN 1 AND 1024),
	CONSTRAINT started_at_is_finite CHECK (isfinite(started_at))
);
COMMENT ON TABLE user_profile.session_replays IS
'Recordings of sessions: each belongs to the session that spans started_at';
COMMENT ON COLUMN user_profile.session_replays.user_id IS 'Who was recorded';
COMMENT ON COLUMN user_profile.session_replays.started_at IS 'When the recording started, between the first and the last event of a session';
COMMENT ON COLUMN user_profile.session_replays.url IS 'Where it can be seen';

CREATE INDEX users_excluded ON user_profile.users (user_id) WHERE excluded_at IS NOT NULL;
COMMENT ON INDEX user_profile.users_excluded IS 'Serves the users excluded by hand, who are few';

-- What operations leave behind

CREATE TABLE user_profile.aliases (
	previous_id text NOT NULL,
	user_id text NOT NULL,
	aliased_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	CONSTRAINT aliases_pkey PRIMARY KEY (previous_id),
	CONSTRAINT previous_id_is_another CHECK (previous_id <> user_id)
);
CREATE INDEX aliases_user_id ON user_profile.aliases (user_id);
CREATE INDEX aliases_aliased_at ON user_profile.aliases (aliased_at);
COMMENT ON INDEX user_profile.aliases_aliased_at IS 'Serves refreshes, which look after recent aliases';
COMMENT ON TABLE user_profile.aliases IS
'Ids that are another user''s by now (see alias()): what still arrives under previous_id becomes user_id''s. user_id is never an alias itself';

CREATE SEQUENCE user_profile.exclusion_rules_rule_id_seq AS bigint;
COMMENT ON SEQUENCE user_profile.exclusion_rules_rule_id_seq IS 'Assigns rule ids';
CREATE TABLE user_profile.exclusion_rules (
	rule_id bigint NOT NULL DEFAULT pg_catalog.nextval('user_profile.exclusion_rules_rule_id_seq'),
	kind text NOT NULL,
	pattern text NOT NULL,
	reason text,
	expires_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text NOT NULL DEFAULT CURRENT_USER,
	CONSTRAINT exclusion_rules_pkey PRIMARY KEY (rule_id),
	CONSTRAINT kind_is_known CHECK (kind IN ('user', 'company', 'email_domain')),
	CONSTRAINT pattern_is_not_empty CHECK (pattern <> '')
);
ALTER SEQUENCE user_profile.exclusion_rules_rule_id_seq OWNED BY user_profile.exclusion_rules.rule_id;
COMMENT ON TABLE user_profile.exclusion_rules IS
'Which users are excluded from figures about more than one user, see add_exclusion_rule()';
COMMENT ON COLUMN user_profile.exclusion_rules.pattern IS 'A user id, a company id or a domain of e-mail addresses; * stands for any characters';

CREATE TABLE user_profile.scheduled_deletions (
	user_id text NOT NULL,
	due_at timestamptz NOT NULL,
	suppress boolean NOT NULL,
	requested_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	requested_by text NOT NULL DEFAULT CURRENT_USER,
	CONSTRAINT scheduled_deletions_pkey PRIMARY KEY (user_id)
);
COMMENT ON TABLE user_profile.scheduled_deletions IS
'Users that run_scheduled_deletions() deletes when they are due';

CREATE SEQUENCE user_profile.erasures_erasure_id_seq AS bigint;
COMMENT ON SEQUENCE user_profile.erasures_erasure_id_seq IS 'Assigns erasure ids';
CREATE TABLE user_profile.erasures (
	erasure_id bigint NOT NULL DEFAULT pg_catalog.nextval('user_profile.erasures_erasure_id_seq'),
	subject text NOT NULL,
	subject_digest bytea NOT NULL,
	erased_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	erased_by text NOT NULL DEFAULT CURRENT_USER,
	suppressed boolean NOT NULL,
	events bigint NOT NULL,
	timelines bigint NOT NULL,
	users bigint NOT NULL,
	memberships bigint NOT NULL,
	session_replays bigint NOT NULL,
	aliases bigint NOT NULL,
	event_types bigint NOT NULL,
	pages bigint NOT NULL,
	CONSTRAINT erasures_pkey PRIMARY KEY (erasure_id),
	CONSTRAINT subject_is_known CHECK (subject IN ('user', 'company'))
);
ALTER SEQUENCE user_profile.erasures_erasure_id_seq OWNED BY user_profile.erasures.erasure_id;
COMMENT ON TABLE user_profile.erasures IS
'Receipts of deletions, without personal data: subject (user or company), a digest of its id under the secret key of this database, by whom, when, and the rows deleted by table (event_types and pages: dictionary entries that nobody else used)';

CREATE TABLE user_profile.suppressions (
	subject_digest bytea NOT NULL,
	suppressed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	CONSTRAINT suppressions_pkey PRIMARY KEY (subject_digest)
);
COMMENT ON TABLE user_profile.suppressions IS
'Deleted users who must not return: digests of their ids. What arrives for them is dropped';

CREATE TABLE user_profile.erasure_key (
	singleton boolean NOT NULL DEFAULT true,
	key bytea NOT NULL,
	CONSTRAINT erasure_key_pkey PRIMARY KEY (singleton),
	CONSTRAINT erasure_key_is_one_row CHECK (singleton)
);
COMMENT ON TABLE user_profile.erasure_key IS
'The secret key of the digests, made with the first one. Whoever reads it can test guesses of deleted ids';

-- Dictionaries. Unique by the refresh lock: a unique btree would refuse long texts.

CREATE SEQUENCE user_profile.event_types_seq AS integer MAXVALUE 134217727;
COMMENT ON SEQUENCE user_profile.event_types_seq IS 'Event type ids without their low four bits, which are the kind';
CREATE TABLE user_profile.event_types (
	event_type_id integer NOT NULL,
	kind user_profile.event_kind NOT NULL,
	name text NOT NULL,
	action text NOT NULL,
	CONSTRAINT event_types_pkey PRIMARY KEY (event_type_id)
);
ALTER SEQUENCE user_profile.event_types_seq OWNED BY user_profile.event_types.event_type_id;
CREATE INDEX event_types_name ON user_profile.event_types USING hash (name);
COMMENT ON TABLE user_profile.event_types IS
'Dictionary of kind, name and action; action '''' is none, and name '''' stands for a page view that is named after its page';

CREATE SEQUENCE user_profile.pages_seq AS integer MAXVALUE 2147483646;
COMMENT ON SEQUENCE user_profile.pages_seq IS 'Page ids';
CREATE TABLE user_profile.pages (
	page_id integer NOT NULL,
	page text NOT NULL,
	CONSTRAINT pages_pkey PRIMARY KEY (page_id)
);
ALTER SEQUENCE user_profile.pages_seq OWNED BY user_profile.pages.page_id;
CREATE INDEX pages_page ON user_profile.pages USING hash (page);
COMMENT ON TABLE user_profile.pages IS 'Dictionary of pages';

CREATE TABLE user_profile.timelines (
	user_id text NOT NULL,
	part integer NOT NULL,
	open boolean NOT NULL,
	events bigint NOT NULL,
	first_at timestamptz NOT NULL,
	last_at timestamptz NOT NULL,
	timeline user_profile.timeline NOT NULL,
	CONSTRAINT timelines_pkey PRIMARY KEY (user_id, part)
) WITH (toast_tuple_target = 8160);
COMMENT ON TABLE user_profile.timelines IS
'Folded events: one row, or part, for most users. New events go into the open part';
COMMENT ON COLUMN user_profile.timelines.part IS 'Number of the part, from 0, which every user has; parts may overlap in time';
COMMENT ON COLUMN user_profile.timelines.open IS 'Takes new events; false once it has grown to its limit. Only the last part of a user may be open: an open part 0 is the only one';

CREATE TABLE user_profile.refresh_state (
	singleton boolean NOT NULL DEFAULT true,
	folded_through bigint NOT NULL,
	refreshed_at timestamptz,
	error text,
	failed_at timestamptz,
	expired_before timestamptz,
	CONSTRAINT refresh_state_pkey PRIMARY KEY (singleton),
	CONSTRAINT refresh_state_is_one_row CHECK (singleton)
);
COMMENT ON TABLE user_profile.refresh_state IS
'One row, made by the first refresh. folded_through is the watermark: events with ids up to it are in timelines (but for those in refresh_failures), those above it are pending';
COMMENT ON COLUMN user_profile.refresh_state.expired_before IS 'Log rows before this may have been dropped by expire_events()';

CREATE TABLE user_profile.refresh_failures (
	event_id bigint NOT NULL,
	error text,
	failed_at timestamptz,
	CONSTRAINT refresh_failures_pkey PRIMARY KEY (event_id)
);
COMMENT ON TABLE user_profile.refresh_failures IS
'Events up to the watermark that a refresh could not fold, and those after them of the same users: they are pending, and each refresh tries again';
COMMENT ON COLUMN user_profile.refresh_failures.error IS 'Why it failed; NULL for what waits behind another event of its user';
COMMENT ON COLUMN user_profile.refresh_failures.failed_at IS 'When it failed last';

-- A dump holds what was loaded and folded
SELECT pg_catalog.pg_extension_config_dump('user_profile.events', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.events_event_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.users', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.companies', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.memberships', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.session_replays', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.aliases', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.exclusion_rules', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.exclusion_rules_rule_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.scheduled_deletions', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.erasures', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.erasures_erasure_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.suppressions', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.erasure_key', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.event_types', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.event_types_seq', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.pages', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.pages_seq', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.timelines', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.refresh_state', '');
SELECT pg_catalog.pg_extension_config_dump('user_profile.refresh_failures', '');
