-- The daily series of a :subject, :args, as a chart
\set call 'user_profile.' :subject '_daily(' :args ')'
\echo :bold'DAY BY DAY':plain' — events and page views; below, sessions'
\echo :dim'SELECT * FROM ':call';':plain
\pset tuples_only on
\pset format unaligned
WITH daily AS
(
	SELECT day, sessions, total_events + page_views AS n, max(total_events + page_views) OVER () AS most,
		   min(day) OVER () AS first_day, max(day) OVER () AS last_day,
		   day - extract(isodow FROM day)::integer + 1 AS monday, extract(isodow FROM day)::integer AS dow
	FROM :call
)
SELECT line
FROM (SELECT level, CASE level WHEN 5 THEN lpad(most::text, 5) ELSE repeat(' ', 5) END || ' │'
			 || rtrim(string_agg(repeat(pg_temp.block(n, greatest(most, 1), level, 5), 2), ' ' ORDER BY day))
	  FROM daily CROSS JOIN generate_series(1, 5) AS level
	  GROUP BY level, most
	  UNION ALL
	  SELECT 0, '      └' || repeat('─', 3 * count(*)::integer - 1) FROM daily
	  UNION ALL
	  -- each Monday's date stretches over its week
	  SELECT -1, '       '
				 || string_agg(CASE WHEN monday < first_day OR monday = last_day THEN '   '
									WHEN day = last_day THEN substr(to_char(monday, 'DD Mon'), dow * 3 - 2)
									ELSE substr(rpad(to_char(monday, 'DD Mon'), 21), dow * 3 - 2, 3) END, '' ORDER BY day)
	  FROM daily
	  UNION ALL
	  SELECT -2, 'sess.  '
				 || string_agg(CASE WHEN sessions > 0 THEN rpad(sessions::text, 2) ELSE '· ' END, ' ' ORDER BY day)
	  FROM daily) AS chart (level, line)
ORDER BY level DESC;
\pset tuples_only off
\pset format aligned
\echo
