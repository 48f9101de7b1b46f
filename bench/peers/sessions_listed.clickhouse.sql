SELECT user_id, session_number, fromUnixTimestamp64Milli(session[1], 'UTC') AS started_at,
	fromUnixTimestamp64Milli(session[-1], 'UTC') AS ended_at, length(session) AS events
FROM (
	SELECT user_id, arraySort(groupArray(toUnixTimestamp64Milli(occurred_at))) AS times,
		arraySplit((t, gap) -> gap > {timeout}, times, arrayDifference(times)) AS sessions
	FROM bench.events
	GROUP BY user_id
)
ARRAY JOIN sessions AS session, arrayEnumerate(sessions) AS session_number
