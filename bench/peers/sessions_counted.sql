SELECT sessions, extract(epoch FROM avg_session) FROM answer
