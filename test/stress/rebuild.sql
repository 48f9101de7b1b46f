-- Timelines made anew from the log
\set id random(0, 59)
SELECT set_config('stress.rebuilding', 'on', true), user_profile.rebuild_timelines('u' || :id);
