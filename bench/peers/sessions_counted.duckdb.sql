-- A sorted list of times for each user; the gaps are those of neighbours in it.
SELECT sum(1 + len(list_filter(gaps, lambda g: g > {timeout})))::BIGINT AS sessions,
	sum(coalesce(list_sum(list_filter(gaps, lambda g: g <= {timeout})), 0)) / 1000 / sum(1 + len(list_filter(gaps, lambda g: g > {timeout}))) AS avg_session
FROM (
	SELECT list_transform(list_zip(times[2:], times[:-2]), lambda p: p[1] - p[2]) AS gaps
	FROM (SELECT list_sort(list(epoch_ms(occurred_at))) AS times FROM bench.events GROUP BY user_id) users
) users
