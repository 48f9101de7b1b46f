-- How the demo shows values to a person; included by the scripts that print. The functions of the extension
-- return plain numbers, intervals and timestamps: everything here is presentation.

\set QUIET on
\pset pager off
\pset footer off
\pset null '–'
\pset linestyle unicode
\pset border 1
\pset format aligned
\pset tuples_only off
SET intervalstyle = 'postgres';
SET datestyle = 'ISO, DMY';

-- Write a length of time with its two largest units
CREATE FUNCTION pg_temp.span(length interval) RETURNS text IMMUTABLE
	RETURN CASE WHEN length IS NULL THEN NULL
				WHEN extract(epoch FROM length) < 1 THEN '0 s'
				WHEN extract(epoch FROM length) < 60 THEN trunc(extract(epoch FROM length)) || ' s'
				WHEN extract(epoch FROM length) < 3600
				THEN trunc(extract(epoch FROM length) / 60) || ' min ' || lpad(trunc(extract(epoch FROM length) % 60)::text, 2, '0') || ' s'
				WHEN extract(epoch FROM length) < 172800
				THEN trunc(extract(epoch FROM length) / 3600) || ' h ' || lpad(trunc(extract(epoch FROM length) % 3600 / 60)::text, 2, '0') || ' min'
				ELSE trunc(extract(epoch FROM length) / 86400) || ' d ' || trunc(extract(epoch FROM length) % 86400 / 3600) || ' h' END;

-- Write how long ago it was, roughly
CREATE FUNCTION pg_temp.ago(at timestamptz) RETURNS text STABLE
	RETURN CASE WHEN at > now() THEN 'in the future'
				WHEN now() - at < interval '2 hours' THEN 'just now'
				WHEN now() - at < interval '48 hours' THEN trunc(extract(epoch FROM now() - at) / 3600) || ' hours ago'
				WHEN now() - at < interval '100 days' THEN trunc(extract(epoch FROM now() - at) / 86400) || ' days ago'
				WHEN now() - at < interval '730 days' THEN trunc(extract(epoch FROM now() - at) / 86400 / 30.44) || ' months ago'
				ELSE trunc(extract(epoch FROM now() - at) / 86400 / 365.25) || ' years ago' END;

CREATE FUNCTION pg_temp.moment(at timestamptz) RETURNS text STABLE
	RETURN to_char(at, 'DD Mon YYYY HH24:MI');

CREATE FUNCTION pg_temp.number(n numeric) RETURNS text IMMUTABLE
	RETURN to_char(n, 'FM999,999,999,990');

CREATE FUNCTION pg_temp.count(n numeric, noun text) RETURNS text IMMUTABLE
	RETURN to_char(n, 'FM999,999,999,990 ') || noun || CASE WHEN n = 1 THEN '' ELSE 's' END;

-- Draw a horizontal bar, to an eighth of a character
CREATE FUNCTION pg_temp.bar(value numeric, largest numeric, width integer) RETURNS text IMMUTABLE
	RETURN CASE WHEN value > 0
				THEN repeat('█', div(greatest(1, round(value * width * 8 / largest)), 8)::integer)
					 || (ARRAY['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'])[1 + mod(greatest(1, round(value * width * 8 / largest)), 8)::integer]
				ELSE '' END;

-- Draw a column's part at a level (1 is the lowest) of a chart of so many levels
CREATE FUNCTION pg_temp.block(value numeric, largest numeric, level integer, levels integer) RETURNS text IMMUTABLE
	RETURN substr(' ▁▂▃▄▅▆▇█',
				  1 + greatest(0, least(8, CASE WHEN value > 0 THEN greatest(1, round(value * levels * 8 / largest)) ELSE 0 END
										   - (level - 1) * 8))::integer, 1);

-- Shorten a text to so many characters; of a path the end says more
CREATE FUNCTION pg_temp.fit(value text, width integer) RETURNS text IMMUTABLE
	RETURN CASE WHEN length(value) <= width THEN value
				WHEN value LIKE '/%' THEN '…' || right(value, width - 1)
				ELSE left(value, width - 1) || '…' END;

-- Write by how much a number has changed
CREATE FUNCTION pg_temp.change(value numeric, previous numeric) RETURNS text IMMUTABLE
	RETURN CASE WHEN previous > 0 AND value IS NOT NULL
				THEN CASE WHEN round(100 * value / previous) > 100 THEN '+' WHEN round(100 * value / previous) < 100 THEN '−' ELSE '' END
					 || abs(round(100 * value / previous) - 100) || ' %' END;

-- Write a JSON object as a line of names and values
CREATE FUNCTION pg_temp.details(properties jsonb) RETURNS text IMMUTABLE
	RETURN (SELECT string_agg(key || ' ' || replace(value, E'\n', ' '), ' · ' ORDER BY ordinality)
			FROM jsonb_each_text(CASE WHEN jsonb_typeof(properties) = 'object' THEN properties END) WITH ORDINALITY);

-- Draw a heading over the width of the page
CREATE FUNCTION pg_temp.title(heading text) RETURNS text IMMUTABLE
	RETURN '━━ ' || heading || ' ' || repeat('━', greatest(3, 94 - length(heading)));

\if :{?bold}
\else
	\set bold ''
	\set dim ''
	\set plain ''
\endif
