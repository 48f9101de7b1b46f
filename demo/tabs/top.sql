-- The top events and pages of a :subject, :args; with :search, what it finds among the events
\set call 'user_profile.' :subject '_top_events(' :args ')'
\echo :bold'TOP EVENTS':plain
\echo :dim'SELECT * FROM ':call';':plain
SELECT kind, pg_temp.fit(name, 40) AS event, occurrences AS times, pg_temp.bar(occurrences, max(occurrences) OVER (), 15) AS " ",
	   pg_temp.moment(last_at) AS "last"
FROM :call;
\if :{?search}
SELECT format('%L', :'search') AS search_literal \gset
\set call 'user_profile.' :subject '_top_events(' :args ', search => ' :search_literal ', max_rows => 3)'
\echo :dim'SELECT * FROM ':call';':plain
SELECT kind, pg_temp.fit(name, 40) AS event, occurrences AS times, pg_temp.moment(last_at) AS "last"
FROM :call;
\endif

\set call 'user_profile.' :subject '_top_pages(' :args ')'
\echo :bold'TOP PAGES':plain
\echo :dim'SELECT * FROM ':call';':plain
SELECT pg_temp.fit(page, 40) AS page, visits, events, pg_temp.bar(events, max(events) OVER (), 15) AS " ", pg_temp.moment(last_at) AS "last"
FROM :call;
