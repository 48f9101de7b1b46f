SELECT (s).sessions, (s).avg_session
FROM (SELECT user_profile.timelines_sessions(timeline) AS s FROM user_profile.live_timelines) totals
