SELECT l.user_id, s.session_number, s.started_at, s.ended_at, s.events
FROM user_profile.live_timelines l, user_profile.timeline_sessions(l.timeline) s
