-- Of a user, a company or all.  A sorted array of times for each user: a session starts where the
-- gap before is long and ends where the gap after is.
WITH toDateTime64('{since}', 3, 'UTC') AS since, toDateTime64('{until}', 3, 'UTC') AS until, toDateTime64('{before}', 3, 'UTC') AS before
SELECT countIf(during) AS active_users, sum(total) AS total_events, sum(tracked) AS tracked_events, sum(labeled) AS labeled_events,
	sum(tagged) AS feature_tag_events, sum(viewed) AS page_views, sum(content) AS content_interactions,
	sum(length(lengths)) AS sessions, if(sessions = 0, NULL, sum(arraySum(lengths)) / 1000) AS session_time,
	if(sessions = 0, NULL, round(sum(arraySum(lengths)) / 1000 / sessions, 6)) AS avg_session,
	if(sessions = 0, NULL, round(quantileExactInclusiveArray(0.5)(lengths) / 1000, 6)) AS median_session,
	uniqExactArray(days) AS active_days,
	sum(earlier) AS previous_total_events, sum(length(earlier_lengths)) AS previous_sessions,
	if(previous_sessions = 0, NULL, round(sum(arraySum(earlier_lengths)) / 1000 / previous_sessions, 6)) AS previous_avg_session
FROM (
	SELECT countIf(occurred_at >= since AND occurred_at < until) > 0 AS during,
		countIf(kind IN ('tracked', 'labeled', 'feature_tag') AND occurred_at >= since AND occurred_at < until) AS total,
		countIf(kind = 'tracked' AND occurred_at >= since AND occurred_at < until) AS tracked,
		countIf(kind = 'labeled' AND occurred_at >= since AND occurred_at < until) AS labeled,
		countIf(kind = 'feature_tag' AND occurred_at >= since AND occurred_at < until) AS tagged,
		countIf(kind = 'page_view' AND occurred_at >= since AND occurred_at < until) AS viewed,
		countIf(kind >= 'flow' AND occurred_at >= since AND occurred_at < until) AS content,
		countIf(kind IN ('tracked', 'labeled', 'feature_tag') AND occurred_at >= before AND occurred_at < since) AS earlier,
		groupUniqArrayIf(toDate(occurred_at), occurred_at >= since AND occurred_at < until) AS days,
		arraySort(groupArray(toUnixTimestamp64Milli(occurred_at))) AS times,
		arrayDifference(times) AS gaps,
		arrayFilter((t, gap, i) -> i = 1 OR gap > {timeout}, times, gaps, arrayEnumerate(times)) AS starts,
		arrayFilter((t, gap) -> gap > {timeout}, times, arrayPushBack(arrayPopFront(gaps), toInt64({timeout} + 1))) AS ends,
		arrayMap((s, e) -> e - s, starts, ends) AS all_lengths,
		arrayFilter((l, s) -> s >= toUnixTimestamp64Milli(since) AND s < toUnixTimestamp64Milli(until), all_lengths, starts) AS lengths,
		arrayFilter((l, s) -> s >= toUnixTimestamp64Milli(before) AND s < toUnixTimestamp64Milli(since), all_lengths, starts) AS earlier_lengths
	FROM bench.events
	WHERE {whose}
	GROUP BY user_id
)
