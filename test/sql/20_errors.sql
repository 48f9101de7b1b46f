-- The exact text of errors: they name the value and the column or the argument.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
\set SHOW_CONTEXT never

SELECT user_profile.track(NULL, 'x');
SELECT user_profile.track('', 'x');
SELECT user_profile.track('u', '');
SELECT user_profile.track('u', 'x', 'click');
SELECT user_profile.track('u', 'x', occurred_at => 'infinity');
SELECT * FROM user_profile.user_profile('');
SELECT * FROM user_profile.user_overview('u', NULL);
SELECT * FROM user_profile.user_overview('u', '[2024-01-01,2024-01-01)');
SELECT * FROM user_profile.user_overview('u', '[2024-01-02,2024-01-01)');
SELECT * FROM user_profile.user_top_events('u', '(,)', NULL, -1);
SELECT * FROM user_profile.user_daily('ada', '(,)', 'Mars/Olympus');
SELECT * FROM user_profile.user_daily('ada', '[1000-01-01 BC,9999-01-01)');
SELECT * FROM user_profile.session_events('u', 'infinity');
SELECT user_profile.identify('u', '["x"]');
SELECT user_profile.join_company('u', '');
SELECT user_profile.leave_company('u', 'nowhere');
SELECT user_profile.leave_company('ada', 'acme', '2023-01-01');
SELECT user_profile.expire_events(NULL);
BEGIN;
CALL user_profile.refresh();
ROLLBACK;
SELECT 'zz'::user_profile.timeline;
SELECT '02'::user_profile.timeline;
SELECT '010000'::user_profile.timeline;
SELECT user_profile.timeline_agg(NULL, 0, 1, 1);
SELECT user_profile.session_number(now(), '1 month') OVER ();
SET user_profile.session_timeout = 'soon';
SET user_profile.period = '-1 day';
SET user_profile.period = '9000 years';
SET user_profile.nonsense = 1;
