-- Traits, companies, exclusion
\set id random(0, 69)
\set company random(0, 9)
\set at random(0, 2592000)
SELECT user_profile.identify('u' || :id, jsonb_build_object('email', 'u' || :id || '@example.com', 'n', :at));
SELECT user_profile.join_company('u' || :id, 'c' || :company, timestamptz '2024-01-01' + :at * interval '1 s');
SELECT stress.attempt(format('SELECT user_profile.leave_company(%L, %L)', 'u' || (:id + 7) % 70, 'c' || :company));
SELECT stress.attempt(format('SELECT user_profile.exclude_user(%L, %L)', 'u' || :id, 'a test'));
SELECT stress.attempt(format('SELECT user_profile.reset_content(%L)', 'u' || :id));
SELECT stress.attempt(format('SELECT user_profile.include_user(%L)', 'u' || :id));
