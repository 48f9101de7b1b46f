-- $2 is the period.
SELECT users, active_users,
	total_events, tracked_events, labeled_events, feature_tag_events, page_views, content_interactions,
	sessions, session_time, avg_session, median_session, active_days,
	previous_total_events, previous_sessions, previous_avg_session
FROM user_profile.workspace_overview($2)
