-- The log in the order of its users and times, so that one user's rows lie together.
CREATE SCHEMA bench;
CREATE TYPE event_kind AS ENUM ('tracked', 'labeled', 'feature_tag', 'page_view', 'flow', 'spotlight', 'banner', 'checklist', 'nps', 'survey');
CREATE TABLE bench.events AS
SELECT user_id, occurred_at, kind::event_kind AS kind, name, action, page, properties
FROM read_csv('{dir}/events.csv', header = false, columns = {'user_id': 'VARCHAR', 'occurred_at': 'TIMESTAMP', 'kind': 'VARCHAR',
	'name': 'VARCHAR', 'action': 'VARCHAR', 'page': 'VARCHAR', 'properties': 'VARCHAR'})
ORDER BY user_id, occurred_at;
CREATE TABLE bench.memberships AS
SELECT * FROM read_csv('{dir}/memberships.csv', header = false, columns = {'user_id': 'VARCHAR', 'company_id': 'VARCHAR', 'joined_at': 'TIMESTAMP'});
CHECKPOINT;
