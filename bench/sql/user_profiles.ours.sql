SELECT user_id, name, email, country, company_id, company_name, total_sessions, total_events,
	first_seen_at, last_seen_at, sign_up_date, sign_up_source
FROM user_profile.user_profiles
