-- The profile of one user, tab by tab, on a log small enough to count by hand.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;

-- Ada: on Monday the 6th two sessions, on the 7th none, on the 8th one over midnight
COPY user_profile.events (user_id, occurred_at, kind, name, action, page, properties) FROM STDIN (FORMAT csv, NULL '-');
ada,2024-05-06 09:00:00+00,page_view,/home,-,-,-
ada,2024-05-06 09:05:00+00,tracked,Report created,-,/reports,"{""rows"": 3}"
ada,2024-05-06 09:35:00+00,labeled,Menu,-,/reports,-
ada,2024-05-06 10:05:00.000001+00,tracked,Report created,-,/reports,-
ada,2024-05-06 10:10:00.000001+00,flow,Tour,seen,/home,-
ada,2024-05-08 23:50:00+00,page_view,Start page,-,/home,-
ada,2024-05-08 23:59:00+00,feature_tag,Search 100%,-,/search,-
ada,2024-05-09 00:20:00+00,nps,Quarterly,-,-,"{""score"": 9, ""comment"": ""fine""}"
bob,2024-05-07 12:00:00+00,tracked,Report created,-,-,-
\.
SELECT user_profile.identify('ada', '{"name": "Ada", "email": "ada@acme.example", "plan": "pro", "created_at": "2024-01-02"}');
SELECT user_profile.identify_company('acme', '{"name": "Acme"}');
SELECT user_profile.join_company('ada', 'acme', '2024-01-02');
INSERT INTO user_profile.session_replays VALUES ('ada', '2024-05-06 09:01:00+00', 'https://replay.example/1');

-- Header: 3 sessions (09:00 to 09:35, 10:05:00.000001 to 10:10:00.000001, 23:50 to 00:20), 4 events
-- of the total: 2 tracked, 1 labeled, 1 feature_tag
\x on
SELECT * FROM user_profile.user_profile('ada');
SELECT * FROM user_profile.user_profile('bob');

-- Overview of the 6th to the 8th: all of it but the answer on the 9th, whose session began on the 8th.
-- Lengths 35, 5 and 30 minutes: 70 in all, 23:20 on average, the median 30
SELECT * FROM user_profile.user_overview('ada', '[2024-05-06,2024-05-09)');
-- Of the 8th alone: a session of 30 minutes; the day before had nothing
SELECT * FROM user_profile.user_overview('ada', '[2024-05-08,2024-05-09)');
-- Of the 9th: one answer, and no session, as none starts there
SELECT * FROM user_profile.user_overview('ada', '[2024-05-09,2024-05-10)');
\x off

SELECT * FROM user_profile.user_top_events('ada', '(,)');
SELECT * FROM user_profile.user_top_events('ada', '(,)', 'REPORT');
SELECT * FROM user_profile.user_top_events('ada', '(,)', '%');
SELECT * FROM user_profile.user_top_events('ada', '(,)', NULL, 1);
SELECT * FROM user_profile.user_top_pages('ada', '(,)');
SELECT * FROM user_profile.user_daily('ada', '[2024-05-06,2024-05-10)');
-- In Kolkata (+05:30) the last session starts on the 9th
SELECT * FROM user_profile.user_daily('ada', '[2024-05-06,2024-05-10)', 'Asia/Kolkata');
SELECT session_number, started_at, ended_at, duration, events FROM user_profile.user_sessions('ada', '(,)');
SELECT session_number, entry_page, exit_page, replay_url FROM user_profile.user_sessions('ada', '(,)');
SELECT * FROM user_profile.session_events('ada', '2024-05-06 09:20:00+00');
SELECT user_id, session_number, event_id, occurred_at, kind, name FROM user_profile.user_events WHERE user_id = 'ada' ORDER BY event_id;
SELECT * FROM user_profile.user_companies('ada');

-- A refresh changes none of it
SELECT events, pending_events, folded_through, users, timeline_parts FROM user_profile.status;
CALL user_profile.refresh();
SELECT events, pending_events, folded_through, users, timeline_parts FROM user_profile.status;
SELECT session_number, started_at, duration, events, entry_page, exit_page FROM user_profile.user_sessions('ada', '(,)');
SELECT * FROM user_profile.user_top_pages('ada', '(,)');

-- With a longer timeout the two sessions of the 6th are one: 09:00 to 10:10:00.000001
SET user_profile.session_timeout = '1 hour';
SELECT session_number, started_at, duration, events FROM user_profile.user_sessions('ada', '(,)');
RESET user_profile.session_timeout;

-- Building blocks, on a table of one's own
CREATE TEMP TABLE hits AS
SELECT * FROM (VALUES (1, timestamptz '2024-05-01 10:00'), (1, '2024-05-01 10:30'), (1, NULL),
	(1, '2024-05-01 11:00:00.000001'), (2, '2024-05-01 10:10')) v (visitor, at);
SELECT visitor, at, user_profile.session_number(at) OVER (PARTITION BY visitor ORDER BY at)
FROM hits ORDER BY visitor, at;
SELECT user_profile.timeline_agg(at, 0, NULL, 1) FROM hits WHERE visitor = 2;
SELECT s.session_number, s.started_at, s.duration, s.events
FROM (SELECT user_profile.timeline_agg(at, 0, NULL, visitor) AS t FROM hits WHERE at IS NOT NULL) x,
	user_profile.timeline_sessions(x.t, '20 minutes') s;
SELECT * FROM user_profile.check_timelines();
