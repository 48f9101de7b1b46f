-- Another user of whom nothing can be folded, and the last one is cured
\set id random(0, 59)
WITH cured AS (DELETE FROM stress.poison) INSERT INTO stress.poison VALUES ('u' || :id) ON CONFLICT DO NOTHING;
