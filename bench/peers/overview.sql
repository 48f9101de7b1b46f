SELECT active_users, total_events, tracked_events, labeled_events, feature_tag_events, page_views, content_interactions,
	sessions, extract(epoch FROM session_time), extract(epoch FROM avg_session), extract(epoch FROM median_session), active_days,
	previous_total_events, previous_sessions, extract(epoch FROM previous_avg_session)
FROM answer
