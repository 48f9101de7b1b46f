-- What a good administrator would give plain SQL: an index that covers the sessions of everyone,
-- and one that covers the overview and the top events of a user or company.
CREATE INDEX events_user_time ON plain.events (user_id, occurred_at);
CREATE INDEX events_user_time_kind_name ON plain.events (user_id, occurred_at) INCLUDE (kind, name);
