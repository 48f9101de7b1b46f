-- What a :subject, :args, answered; a company's answers say whose they are
\set call 'user_profile.' :subject '_sentiment(' :args ')'
SELECT to_regproc('user_profile.' || :'subject' || '_sentiment') IS NOT NULL AS exists \gset
\if :exists
\echo :bold'SENTIMENT':plain' — the latest answers'
\echo :dim'SELECT * FROM ':call' ORDER BY answered_at DESC LIMIT 8;':plain
\pset tuples_only on
\pset format unaligned
SELECT '  ' || to_char(answered_at, 'DD Mon YYYY  ')
	   || concat_ws(' · ', name || coalesce(': ' || score || ', ' || category, ''), to_jsonb(s) ->> 'user_id', 'on ' || page)
	   -- a survey of several questions has its answers in the properties
	   || coalesce((SELECT string_agg(E'\n               ' || concat_ws(' — ', a ->> 'question', a ->> 'answer'), '' ORDER BY nth)
					FROM jsonb_array_elements(CASE WHEN answer IS NOT NULL
												   THEN jsonb_build_array(jsonb_build_object('question', question, 'answer', answer))
												   ELSE properties -> 'answers' END) WITH ORDINALITY AS a (a, nth)), '')
	   || coalesce(E'\n               “' || replace(comment, E'\n', E'\n                ') || '”', '')
FROM :call AS s
ORDER BY answered_at DESC
LIMIT 8;
\pset tuples_only off
\pset format aligned
\echo
\endif
