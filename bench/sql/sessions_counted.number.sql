SELECT count(*) AS sessions, avg(ended_at - started_at) AS avg_session
FROM ({sessions_listed.number}) sessions
