-- The overview of a :subject (user, company or workspace), :args
\set call 'user_profile.' :subject '_overview(' :args ')'
\echo :bold'OVERVIEW':plain' — ':period_name' and the 30 days before'
\echo :dim'SELECT * FROM ':call';':plain
SELECT l.label AS " ", lpad(coalesce(l.value, '–'), 14) AS "   this period", lpad(coalesce(l.before, '–'), 14) AS "   one before",
	   lpad(coalesce(l.change, '–'), 7) AS " change"
FROM :call AS o,
	 -- the users are columns of companies and of the workspace only
	 LATERAL (VALUES ('users', pg_temp.number((to_jsonb(o) ->> 'users')::numeric), '', ''),
					 ('active users', pg_temp.number((to_jsonb(o) ->> 'active_users')::numeric), '', ''),
					 ('sessions', pg_temp.number(sessions), pg_temp.number(previous_sessions),
					  pg_temp.change(sessions, previous_sessions)),
					 ('time in sessions', pg_temp.span(session_time), '', ''),
					 ('average session', pg_temp.span(avg_session), pg_temp.span(previous_avg_session),
					  pg_temp.change(extract(epoch FROM avg_session), extract(epoch FROM previous_avg_session))),
					 ('median session', pg_temp.span(median_session), '', ''),
					 ('active days', pg_temp.number(active_days), '', ''),
					 ('events', pg_temp.number(total_events), pg_temp.number(previous_total_events),
					  pg_temp.change(total_events, previous_total_events)),
					 ('  tracked', pg_temp.number(tracked_events), '', ''),
					 ('  labeled', pg_temp.number(labeled_events), '', ''),
					 ('  feature tags', pg_temp.number(feature_tag_events), '', ''),
					 ('page views', pg_temp.number(page_views), '', ''),
					 ('content interactions', pg_temp.number(content_interactions), '', '')) AS l (label, value, before, change)
WHERE l.label NOT IN ('users', 'active users') OR l.value IS NOT NULL;
