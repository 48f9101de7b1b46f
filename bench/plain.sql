-- The peer: the same columns in bare tables.
CREATE SCHEMA plain;
CREATE SEQUENCE plain.events_event_id_seq;
CREATE TABLE plain.events (
	event_id bigint PRIMARY KEY DEFAULT nextval('plain.events_event_id_seq'),
	user_id text COLLATE "C" NOT NULL,
	occurred_at timestamptz NOT NULL DEFAULT now(),
	kind user_profile.event_kind NOT NULL DEFAULT 'tracked',
	name text COLLATE "C" NOT NULL,
	action text COLLATE "C",
	page text COLLATE "C",
	properties jsonb,
	message_id text COLLATE "C"
);
CREATE TABLE plain.users (
	user_id text COLLATE "C" PRIMARY KEY,
	name text, email text, country text, signed_up_at timestamptz
);
CREATE TABLE plain.companies (company_id text COLLATE "C" PRIMARY KEY, name text);
CREATE TABLE plain.memberships (
	user_id text COLLATE "C", company_id text COLLATE "C", joined_at timestamptz,
	PRIMARY KEY (company_id, user_id)
);
