SELECT user_id, session_number, started_at, ended_at, events FROM answer
