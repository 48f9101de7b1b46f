-- What a :subject, :args, answered; a company's answers say whose they are
\set call 'user_profile.' :subject '_sentiment(' :args ')'
SELECT to_regproc('user_profile.' || :'subject' || '_sentiment') IS NOT NULL AS exists \gset
\if :exists
\echo :bold'SENTIMENT':plain' — the latest answers'
\echo :dim'SELECT * FROM ':call' ORDER BY answered_at DESC;':plain
\pset tuples_only on
\pset format unaligned
SELECT '  ' || to_char(answered_at, 'DD Mon YYYY  ')
	   || concat_ws(' · ', name || coalesce(': ' || score || ', ' || category, ''), to_jsonb(s) ->> 'user_id', 'on ' || page)
	   -- a survey of several questions has a row for each
	   || coalesce(string_agg(E'\n               ' || nullif(concat_ws(' — ', question, answer), ''), ''), '')
	   || coalesce(E'\n               “' || replace(max(comment), E'\n', E'\n                ') || '”', '')
FROM :call AS s
GROUP BY event_id, answered_at, name, score, category, page, to_jsonb(s) ->> 'user_id'
ORDER BY answered_at DESC, event_id DESC
LIMIT 8;
\pset tuples_only off
\pset format aligned
\echo
\endif
