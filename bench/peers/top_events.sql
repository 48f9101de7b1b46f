SELECT kind, name, occurrences, last_at FROM answer
