-- Sorted by user and time, merged into one part; few distinct names and pages, so LowCardinality.
CREATE DATABASE IF NOT EXISTS bench;
CREATE TABLE bench.events (
	user_id String,
	occurred_at DateTime64(3, 'UTC'),
	kind Enum8('tracked' = 1, 'labeled' = 2, 'feature_tag' = 3, 'page_view' = 4, 'flow' = 5, 'spotlight' = 6, 'banner' = 7, 'checklist' = 8, 'nps' = 9, 'survey' = 10),
	name LowCardinality(String),
	action LowCardinality(Nullable(String)),
	page LowCardinality(Nullable(String)),
	properties Nullable(String)
) ENGINE = MergeTree ORDER BY (user_id, occurred_at);
INSERT INTO bench.events SELECT * FROM file('{dir}/events.csv', 'CSV',
	'user_id String, occurred_at DateTime64(3, ''UTC''), kind String, name String, action Nullable(String), page Nullable(String), properties Nullable(String)');
OPTIMIZE TABLE bench.events FINAL;
CREATE TABLE bench.memberships (user_id String, company_id String, joined_at DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY (company_id, user_id);
INSERT INTO bench.memberships SELECT * FROM file('{dir}/memberships.csv', 'CSV', 'user_id String, company_id String, joined_at DateTime64(3, ''UTC'')');
