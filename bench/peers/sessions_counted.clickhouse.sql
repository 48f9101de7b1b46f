-- A sorted array of times for each user; the gaps are those of neighbours in it.
SELECT sum(number) AS sessions, sum(time) / 1000 / sum(number) AS avg_session
FROM (
	SELECT arrayPopFront(arrayDifference(arraySort(groupArray(toUnixTimestamp64Milli(occurred_at))))) AS gaps,
		1 + arrayCount(g -> g > {timeout}, gaps) AS number, arraySum(g -> if(g <= {timeout}, g, 0), gaps) AS time
	FROM bench.events
	GROUP BY user_id
)
