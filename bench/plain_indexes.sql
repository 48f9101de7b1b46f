-- What a good administrator would give plain SQL: an index that covers the sessions of everyone,
-- one that covers the overview and the top events of a user or company, and one that covers the
-- sessions of one user with their pages.
CREATE INDEX events_user_time ON plain.events (user_id, occurred_at);
CREATE INDEX events_user_time_kind_name ON plain.events (user_id, occurred_at) INCLUDE (kind, name);
CREATE INDEX events_user_time_kind_name_page ON plain.events (user_id, occurred_at) INCLUDE (kind, name, page);
-- Sentiment and engagement are few events in a hundred, so they get small indexes of their own.
CREATE INDEX events_sentiment ON plain.events (user_id, occurred_at) WHERE kind IN ('nps', 'survey');
CREATE INDEX events_content ON plain.events (user_id, occurred_at) WHERE kind IN ('flow', 'spotlight', 'banner', 'checklist');
