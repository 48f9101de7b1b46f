-- A client that holds its transaction open for a moment
\set id random(0, 59)
\set visitor random(0, 299)
\set at random(0, 2592000)
\set pause random(0, 20)
BEGIN;
SELECT user_profile.track('u' || :id, 'name', 'tracked', '/', NULL, timestamptz '2024-01-01' + :at * interval '1 s');
\sleep :pause ms
SELECT user_profile.track('a' || :visitor, 'name', 'page_view', '/', NULL, timestamptz '2024-01-01' + :at * interval '1 s');
END;
