-- All timelines made anew from the log
SELECT user_profile.rebuild_timelines();
