-- All timelines made anew from the log
SELECT set_config('stress.rebuilding', 'on', true), user_profile.rebuild_timelines();
