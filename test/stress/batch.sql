-- What COPY does: many events of many users, late and early
\set count random(1, 80)
\set base random(0, 1000000)
INSERT INTO user_profile.events (user_id, occurred_at, kind, name, action, page)
SELECT CASE WHEN i % 3 = 0 THEN 'a' || (:base + i * 7) % 300 ELSE 'u' || (:base + i * 13) % 60 END,
	timestamptz '2024-01-01' + (:base * 31 + i * 997) % 2592000 * interval '1 s',
	(ARRAY['tracked', 'labeled', 'feature_tag', 'page_view', 'flow'])[1 + i % 5]::user_profile.event_kind,
	'name ' || (:base + i) % 40, CASE WHEN i % 5 = 4 THEN 'seen' END, '/page/' || (:base + i) % 25
FROM generate_series(1, :count) AS i;
