-- A visitor becomes known
\set id random(0, 59)
\set visitor random(0, 299)
SELECT stress.attempt(format('SELECT user_profile.alias(%L, %L)', 'a' || :visitor, 'u' || :id));
