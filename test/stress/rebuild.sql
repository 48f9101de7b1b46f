-- Timelines made anew from the log
\set id random(0, 59)
SELECT user_profile.rebuild_timelines('u' || :id);
