SELECT session_number, started_at, ended_at, extract(epoch FROM duration), events, entry_page, exit_page FROM answer
