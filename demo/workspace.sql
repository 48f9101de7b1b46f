-- The sample workspace: 90 days of "Fernway", an invoicing product for small and middle-sized companies.
--
--     psql -v seed=1 -v as_of='2026-06-15 00:00+00' -f demo/workspace.sql
--
-- seed    which workspace; default 1. Everybody but the cast below changes with it.
-- as_of   where the 90 days end; a timestamptz, default the last midnight in UTC.
--
-- The same seed and as_of give the same rows, in the same order, on every server: all chance is
-- hashtextextended(key, seed), never random(), and days are days of UTC. Other users' rows may exist already. The
-- script opens no transaction of its own, and does not refresh.
--
-- 200 users of 20 companies, and the cast, whom the demo, the tests and the documentation call by id:
--
--   u-1001  Maya Lindholm    Harbor & Pine     the power user: every working day, replays, content, promoter
--   u-1002  Tobias Renner    Kestrel Logistics left: last seen 45 days ago, a detractor who says why
--   u-1003  Priya Raman      Fernway           the internal tester, @fernway.example: a nightly test run distorts
--                                              every figure until she is excluded
--   u-1004  Lena Haddad      Olivine Health    signed up 28 days ago; before that she was the visitor anon-5d1c09e7,
--                                              whose last event is 100 s before hers: one session, once aliased
--   u-1005  Jonas Weber      Harbor & Pine     new 21 days ago, has completed the whole checklist
--   u-1006  Sofia Marques    Harbor & Pine     came over from Kestrel Logistics 40 days ago
--   u-1007  Daniel Cho       Bluebird Bakery   accountant of two companies at once (Ironbridge Steelworks, too)
--   u-1008  Ines Duarte      Quietwater Hotels invited 20 days ago, has never come: no event at all
--   u-1009  Oskar Nygård     Pontoon Ferries   works offline on a phone: his events arrive hours late
--   u-1010  Grace Whitfield  Castellan Sec.    a critic won back: NPS 4 some 70 days ago, 9 some 10 days ago

\if :{?seed}
\else
	\set seed 1
\endif
\if :{?as_of}
\else
	SELECT date_trunc('day', now(), 'UTC') AS as_of \gset
\endif

-- Choose 0 .. n - 1 by the key
CREATE FUNCTION pg_temp.draw(key text, n integer) RETURNS integer IMMUTABLE
	RETURN ((pg_catalog.hashtextextended(key COLLATE "C", :seed) & 9223372036854775807) % n)::integer;

-- Choose an element by the key
CREATE FUNCTION pg_temp.choose(key text, choices text[]) RETURNS text IMMUTABLE
	RETURN choices[1 + ((pg_catalog.hashtextextended(key COLLATE "C", :seed) & 9223372036854775807)
					   % pg_catalog.array_length(choices, 1))::integer];

CREATE FUNCTION pg_temp.as_of() RETURNS timestamptz IMMUTABLE RETURN :'as_of'::timestamptz;

-- Midnight in UTC at which day 0 .. 89 begins
CREATE FUNCTION pg_temp.day_start(day integer) RETURNS timestamptz IMMUTABLE
	RETURN :'as_of'::timestamptz - (90 - day) * interval '24 hours';


-- Companies ------------------------------------------------------------------------------------------

-- hours: the company's distance from UTC; colleagues: its users apart from the cast
CREATE TEMP TABLE demo_company (number integer, name text, slug text, industry text, country text, language text,
								hours numeric, plan text, employees integer, colleagues integer);
INSERT INTO demo_company VALUES
	( 1, 'Harbor & Pine',          'harborpine',   'Furniture',      'Sweden',         'sv-SE',  1,   'Business',    340, 26),
	( 2, 'Kestrel Logistics',      'kestrel',      'Logistics',      'Germany',        'de-DE',  1,   'Business',    510, 20),
	( 3, 'Bluebird Bakery Group',  'bluebird',     'Food',           'United Kingdom', 'en-GB',  0,   'Business',    220, 18),
	( 4, 'Castellan Security',     'castellan',    'Security',       'United Kingdom', 'en-GB',  0,   'Business',    180, 15),
	( 5, 'Olivine Health',         'olivine',      'Health care',    'United States',  'en-US', -5,   'Enterprise', 1200, 14),
	( 6, 'Tamarack Outdoors',      'tamarack',     'Retail',         'Canada',         'en-CA', -5,   'Business',    140, 12),
	( 7, 'Saffron Street Foods',   'saffronstreet','Food',           'India',          'en-IN',  5.5, 'Team',         90, 11),
	( 8, 'Meridian Print',         'meridianprint','Printing',       'Netherlands',    'nl-NL',  1,   'Team',         75, 10),
	( 9, 'Quietwater Hotels',      'quietwater',   'Hospitality',    'Portugal',       'pt-PT',  0,   'Team',        160,  9),
	(10, 'Ironbridge Steelworks',  'ironbridge',   'Manufacturing',  'United Kingdom', 'en-GB',  0,   'Team',        260,  8),
	(11, 'Lumen & Vale Architects','lumenvale',    'Architecture',   'Denmark',        'da-DK',  1,   'Team',         40,  7),
	(12, 'Pontoon Ferries',        'pontoon',      'Transport',      'Norway',         'nb-NO',  1,   'Team',        120,  6),
	(13, 'Redwood Dental, Inc.',   'redwooddental','Health care',    'United States',  'en-US', -8,   'Team',         35,  6),
	(14, 'Aoki Instruments',       'aoki',         'Manufacturing',  'Japan',          'ja-JP',  9,   'Team',         60,  5),
	(15, 'Copper Kettle Roasters', 'copperkettle', 'Food',           'Australia',      'en-AU', 10,   'Starter',      18,  4),
	(16, 'Novák a syn',            'novak',        'Construction',   'Czechia',        'cs-CZ',  1,   'Starter',      25,  4),
	(17, 'Fathom Surveying',       'fathom',       'Engineering',    'Ireland',        'en-IE',  0,   'Starter',      12,  3),
	(18, 'Juniper "Jay" Legal',    'juniperlegal', 'Legal services', 'United States',  'en-US', -5,   'Starter',       6,  2),
	(19, 'Atelier Brunel',         'brunel',       'Design',         'France',         'fr-FR',  1,   'Starter',       4,  2),
	(20, 'Fernway',                'fernway',      'Software',       'Ireland',        'en-IE',  0,   'Internal',     48,  0);

INSERT INTO user_profile.companies (company_id, name, signed_up_at, properties)
SELECT 'c-' || 100 + number, name,
	   -- every fifth company came before such dates were kept
	   CASE WHEN number % 5 <> 4
			THEN pg_temp.day_start(-pg_temp.draw('company age ' || number, 600) - 40) + interval '10 hours' END,
	   jsonb_build_object('domain', slug || '.example', 'industry', industry, 'country', country,
						  'plan', plan, 'employees', employees)
FROM demo_company
ORDER BY number;


-- Users ----------------------------------------------------------------------------------------------

-- habit is the chance in 1,000 of a session in each of four parts of a working day; first_day and last_day bound the
-- days on which the user comes. The columns left NULL for the cast are drawn like anyone else's.
CREATE TEMP TABLE demo_cast (number integer, name text, email text, company integer, role text, habit integer[],
							 first_day integer, last_day integer, mood text, device text);
INSERT INTO demo_cast VALUES
	( 1, 'Maya Lindholm',   'maya.lindholm@harborpine.example',   1, 'finance', '{930,800,880,650}',  0,   89, 'happy',   'macOS'),
	( 2, 'Tobias Renner',   'tobias.renner@kestrel.example',      2, 'finance', '{700,300,500,200}',  0,   43, 'unhappy', 'Windows'),
	( 3, 'Priya Raman',     'priya.raman@fernway.example',       20, 'admin',   '{300,200,300,200}',  0,   89, 'neutral', 'Linux'),
	( 4, 'Lena Haddad',     'lena.haddad@olivine.example',        5, 'finance', '{450,250,350,200}', 62,   89, 'happy',   'macOS'),
	( 5, 'Jonas Weber',     'jonas.weber@harborpine.example',     1, 'sales',   '{800,500,650,300}', 69,   89, 'happy',   'Windows'),
	( 6, 'Sofia Marques',   'sofia.marques@harborpine.example',   1, 'sales',   '{550,350,450,250}',  0,   89, 'neutral', 'Windows'),
	( 7, 'Daniel Cho',      'daniel.cho@chobooks.example',        3, 'finance', '{500,400,450,300}',  0,   89, 'neutral', 'macOS'),
	( 8, 'Ines Duarte',     'ines.duarte@quietwater.example',     9, 'sales',   '{0,0,0,0}',         70,   89, 'neutral', 'Windows'),
	( 9, 'Oskar Nygård',    'oskar.nygard@pontoon.example',      12, 'sales',   '{350,250,300,250}',  0,   89, 'neutral', 'Android'),
	(10, 'Grace Whitfield', 'grace.whitfield@castellan.example',  4, 'admin',   '{500,300,450,250}',  0,   89, 'neutral', 'Windows');

CREATE TEMP TABLE demo_user AS
WITH place AS
(
	-- the colleagues fill the companies from user 11 on; who is left over works for nobody
	SELECT number AS company,
		   11 + sum(colleagues) OVER (ORDER BY number) - colleagues AS first_number,
		   10 + sum(colleagues) OVER (ORDER BY number) AS last_number
	FROM demo_company
),
person AS
(
	SELECT n AS number, 'u-' || 1000 + n AS user_id,
		   coalesce(c.company, p.company) AS company,
		   c.name, c.email, c.habit, c.first_day, c.last_day, c.mood, c.device,
		   c.number IS NOT NULL AS in_cast,
		   coalesce(c.role, (ARRAY['finance', 'finance', 'finance', 'sales', 'sales', 'sales', 'sales', 'admin'])
							[1 + pg_temp.draw('role ' || n, 8)]) AS role,
		   pg_temp.choose('first name ' || n,
						  '{Adam,Agnes,Ahmed,Aiko,Alice,Amara,Anders,Anna,Arjun,Astrid,Ben,Bianca,Caroline,Chloe,Clara,David,Deepa,
							Elena,Elif,Emil,Erik,Fatima,Felix,Femi,Freya,Greta,Hanna,Hugo,Ida,Isaac,Ivan,Jana,Jin,Julia,
							Kai,Karl,Katya,Laila,Leo,Linus,Lucía,Łukasz,Marta,Mei,Mikkel,Nadia,Nils,Noor,Olga,Oliver,
							Pablo,Paula,Pavel,Petra,Rahul,Rosa,Ruth,Sam,Sana,Sanne,Simon,Stella,Tariq,Theo,Tomáš,Vera,
							Yara,Yusuf,Zeynep,Zoë}'::text[]) AS given_name,
		   pg_temp.choose('last name ' || n,
						  '{Abbott,Almeida,Bakker,Bauer,Becker,Bennett,Berg,Bianchi,Brandt,Carver,Castro,Chandra,Clarke,Costa,
							Dahl,Das,Demir,Dubois,Ekström,Farrell,Fischer,Flores,Fontaine,Gupta,Hale,Hansen,Hayashi,Holm,
							Horák,Ito,Jensen,Kaya,Keller,Khan,Kowalska,Kumar,Larsen,Lehmann,Lopes,Marsh,Mendez,Moreau,
							Müller,Murphy,Nakamura,Ncube,Novotný,Okafor,Olsen,Osei,Park,Patel,Pereira,Petersen,Quinn,
							Reyes,Rossi,Sato,Schmidt,Sharma,Silva,Sørensen,Tanaka,Torres,Vance,Visser,Walsh,Weiss,
							Yıldız,Zhou}'::text[]) AS family_name
	FROM generate_series(1, 200) AS n
		 LEFT JOIN demo_cast AS c ON c.number = n
		 LEFT JOIN place AS p ON n BETWEEN p.first_number AND p.last_number
)
SELECT p.number, p.user_id, 'c-' || 100 + p.company AS company_id, p.role, p.in_cast,
	   coalesce(p.name, given_name || ' ' || family_name) AS name,
	   coalesce(p.email,
				lower(translate(given_name || '.' || family_name, 'ŁáåäçéëíıñöøüýšžćřěĆ ', 'Laaaceeiinoouyszcre'))
				|| CASE WHEN p.company IS NULL THEN '.' || p.number || '@post.example'
						ELSE '@' || c.slug || '.example' END) AS email,
	   coalesce(c.country, 'United Kingdom') AS country,
	   coalesce(c.language, 'en-GB') AS language,
	   coalesce(c.hours, 0) AS hours,
	   coalesce(c.plan, 'Starter') AS plan,
	   c.slug,
	   -- 15 % come every day, 30 % most days, 35 % about weekly, the others hardly
	   coalesce(p.habit, CASE WHEN kind < 15 THEN '{780,450,560,300}'::integer[]
							  WHEN kind < 45 THEN '{230,120,180,70}'
							  WHEN kind < 80 THEN '{70,50,60,30}'
							  ELSE '{14,12,14,8}' END) AS habit,
	   -- two in three were there before the 90 days began, the others come in one by one
	   coalesce(p.first_day, CASE WHEN pg_temp.draw('new ' || p.number, 3) < 2 THEN 0
								  ELSE 3 + pg_temp.draw('first day ' || p.number, 85) END) AS first_day,
	   -- one in ten stops coming; of Kestrel's people, who follow Tobias, one in two
	   coalesce(p.last_day, CASE WHEN pg_temp.draw('stops ' || p.number, 20) < CASE WHEN p.company = 2 THEN 10 ELSE 2 END
								 THEN 44 + pg_temp.draw('last day ' || p.number, 40) ELSE 89 END) AS last_day,
	   coalesce(p.mood, CASE WHEN p.company = 2 THEN 'unhappy'
							 ELSE pg_temp.choose('mood ' || p.number, '{happy,happy,neutral,neutral,unhappy}') END) AS mood,
	   coalesce(p.device, pg_temp.choose('device ' || p.number,
				'{Windows,Windows,Windows,Windows,Windows,macOS,macOS,macOS,macOS,Linux,iOS,Android}')) AS operating_system,
	   pg_temp.choose('title ' || p.number,
					  CASE p.role WHEN 'finance' THEN '{Accountant,Bookkeeper,Controller,Finance manager}'::text[]
								  WHEN 'sales' THEN '{Account manager,Sales representative,Project lead,Office manager}'
								  ELSE '{Operations manager,IT manager,Managing director}' END) AS title
FROM (SELECT *, pg_temp.draw('habit ' || number, 100) AS kind FROM person) AS p
	 LEFT JOIN demo_company AS c ON c.number = p.company;

ALTER TABLE demo_user ADD browser text, ADD device_type text, ADD hostname text, ADD signed_up_at timestamptz;
UPDATE demo_user SET
	browser = pg_temp.choose('browser ' || number,
							 CASE operating_system WHEN 'Windows' THEN '{Chrome,Chrome,Edge,Edge,Firefox}'::text[]
												   WHEN 'macOS' THEN '{Safari,Chrome,Chrome,Firefox}'
												   WHEN 'Linux' THEN '{Firefox,Chrome}'
												   WHEN 'iOS' THEN '{Safari}'
												   ELSE '{Chrome}' END),
	device_type = CASE WHEN operating_system IN ('iOS', 'Android') THEN 'mobile' ELSE 'desktop' END,
	hostname = coalesce(CASE WHEN plan IN ('Business', 'Enterprise') THEN slug END, 'app') || '.fernway.example';


-- Sessions -------------------------------------------------------------------------------------------

-- A session belongs to a part of the user's own working day; started_at is in UTC. arrival is how much later
-- its events reach the log. size counts its page views and actions; content comes on top.
CREATE TEMP TABLE demo_session AS
SELECT user_id || '/' || day || '/' || part AS session_key, u.number, user_id, role, hours, first_day, last_day, mood, day, part,
	   pg_temp.day_start(day)
	   + make_interval(mins => 510 + (part - 1) * 150 - (hours * 60)::integer,
					   secs => pg_temp.draw('start ' || user_id || day || '/' || part, 5400)) AS started_at,
	   CASE WHEN pg_temp.draw('size ' || user_id || day || '/' || part, 100) < 6 THEN 1
			ELSE 2 + pg_temp.draw('size a ' || user_id || day || '/' || part, 6)
				   + pg_temp.draw('size b ' || user_id || day || '/' || part, 6)
				   + CASE WHEN pg_temp.draw('size c ' || user_id || day || '/' || part, 10) = 0
						  THEN 10 + pg_temp.draw('size d ' || user_id || day || '/' || part, 25) ELSE 0 END
	   END AS size,
	   3 AS slowness,
	   CASE WHEN user_id = 'u-1009'
			THEN make_interval(mins => 120 + pg_temp.draw('arrival ' || user_id || day || '/' || part, 1500))
			WHEN device_type = 'mobile' AND pg_temp.draw('offline ' || user_id || day || '/' || part, 4) = 0
			THEN make_interval(mins => pg_temp.draw('arrival ' || user_id || day || '/' || part, 360))
			ELSE interval '0' END AS arrival
FROM demo_user AS u
	 CROSS JOIN generate_series(first_day, last_day) AS day
	 CROSS JOIN generate_series(1, 4) AS part
WHERE pg_temp.draw('session ' || user_id || day || '/' || part, 1000)
	  < habit[part]
		-- one in twelve works on at the weekend, and Kestrel's people come ever less
		* CASE WHEN extract(isodow FROM pg_temp.day_start(day) AT TIME ZONE 'UTC') < 6 THEN 1 ELSE 0.08 END
		* CASE WHEN company_id = 'c-102' AND day > 45 THEN 0.45 ELSE 1 END
	  -- who signs up comes at once
	  OR (day = first_day AND first_day > 0 AND part = 1 AND user_id <> 'u-1008');

-- Lena's first session goes on from the anonymous visitor's last, see below; in Olivine's time zone it is noon
DELETE FROM demo_session WHERE user_id = 'u-1004' AND day = 62 AND part > 1;
UPDATE demo_session SET started_at = pg_temp.day_start(62) + interval '17:06:10', size = 9
WHERE user_id = 'u-1004' AND day = 62;

-- Tobias says goodbye exactly 45 days before the end
INSERT INTO demo_session
SELECT user_id || '/45/1', number, user_id, role, hours, first_day, last_day, mood, 45, 1,
	   pg_temp.day_start(45) + interval '8:42:17', 6, 3, interval '0'
FROM demo_user WHERE user_id = 'u-1002';

-- Priya's test suite: every working night at ten past two, fast and long
INSERT INTO demo_session
SELECT user_id || '/' || day || '/suite', number, user_id, role, hours, first_day, last_day, mood, day, 0,
	   pg_temp.day_start(day) + interval '2:10', 70 + pg_temp.draw('suite ' || day, 30), 0, interval '0'
FROM demo_user CROSS JOIN generate_series(0, 89) AS day
WHERE user_id = 'u-1003' AND extract(isodow FROM pg_temp.day_start(day) AT TIME ZONE 'UTC') < 6;

DELETE FROM demo_session WHERE started_at >= pg_temp.as_of() OR started_at < pg_temp.day_start(0);
ALTER TABLE demo_session ADD nth integer;
UPDATE demo_session AS s SET nth = o.nth
FROM (SELECT session_key, row_number() OVER (PARTITION BY user_id ORDER BY started_at) AS nth FROM demo_session) AS o
WHERE o.session_key = s.session_key;
CREATE INDEX ON demo_session (user_id, day);
ANALYZE demo_user, demo_session;

UPDATE demo_user AS u SET
	signed_up_at = CASE
		WHEN user_id = 'u-1008' THEN pg_temp.day_start(70) + interval '9:15'
		WHEN first_day > 0 THEN (SELECT min(started_at) FROM demo_session AS s WHERE s.user_id = u.user_id) - interval '40 seconds'
		-- one in ten has no known date
		WHEN pg_temp.draw('unknown ' || number, 10) = 0 AND NOT in_cast THEN NULL
		ELSE pg_temp.day_start(-1 - pg_temp.draw('age ' || number, 500))
			 + make_interval(secs => 32400 + pg_temp.draw('hour ' || number, 28800)) END;

INSERT INTO user_profile.users (user_id, name, email, country, signed_up_at, properties)
SELECT user_id, name, email, country, signed_up_at,
	   jsonb_build_object('role', role, 'title', title, 'plan', plan, 'hostname', hostname, 'browser', browser,
						  'operating_system', operating_system, 'device_type', device_type, 'browser_language', language)
FROM demo_user
ORDER BY number;

INSERT INTO user_profile.memberships (user_id, company_id, joined_at, left_at)
SELECT user_id, company_id, coalesce(signed_up_at, pg_temp.day_start(0)), NULL::timestamptz
FROM demo_user WHERE company_id IS NOT NULL AND user_id <> 'u-1006'
UNION ALL VALUES
	('u-1006', 'c-102', pg_temp.day_start(-400) + interval '9:00', pg_temp.day_start(50) + interval '17:00'),
	('u-1006', 'c-101', pg_temp.day_start(50) + interval '17:00', NULL),
	('u-1007', 'c-110', pg_temp.day_start(20) + interval '11:30', NULL)
ORDER BY 1, 3;


-- Events ---------------------------------------------------------------------------------------------

-- What there is to do on each page. A page's weight depends on the role.
CREATE TEMP TABLE demo_page (page text, finance integer, sales integer, admin integer);
INSERT INTO demo_page VALUES
	('/dashboard',             14, 14, 12), ('/invoices',        20, 18,  8), ('/invoices/new',       8, 14,  3),
	('/invoices/{id}',         14, 12,  4), ('/customers',        6, 16,  4), ('/customers/{id}',     4, 10,  2),
	('/expenses',              12,  2,  4), ('/expenses/{id}',    6,  1,  2), ('/bank',              12,  1,  3),
	('/reports',                8,  5, 10), ('/reports/cash-flow',8,  2,  8), ('/settings/team',      1,  1, 14),
	('/settings/billing',       1,  0, 12), ('/settings/integrations', 1, 1, 10), ('/help',           2,  2,  3);

CREATE TEMP TABLE demo_action (page text, kind user_profile.event_kind, name text, weight integer);
INSERT INTO demo_action VALUES
	('/dashboard',      'labeled',     'Click: Overdue card',     5), ('/dashboard',      'labeled',     'Click: Period picker',  4),
	('/dashboard',      'feature_tag', 'Dashboard widgets',       3), ('/invoices',       'labeled',     'Click: New invoice',    6),
	('/invoices',       'feature_tag', 'Saved filters',           4), ('/invoices',       'feature_tag', 'Bulk actions',          3),
	('/invoices',       'tracked',     'Reminder sent',           4), ('/invoices',       'labeled',     'Click: Export CSV',     1),
	('/invoices/new',   'tracked',     'Invoice created',         8), ('/invoices/new',   'tracked',     'Invoice sent',          6),
	('/invoices/new',   'feature_tag', 'Recurring invoices',      2), ('/invoices/new',   'labeled',     'Click: Add line',       8),
	('/invoices/new',   'labeled',     'Click: Preview',          4), ('/invoices/{id}',  'tracked',     'Payment recorded',      5),
	('/invoices/{id}',  'tracked',     'Invoice sent',            3), ('/invoices/{id}',  'labeled',     'Click: Download PDF',   4),
	('/invoices/{id}',  'tracked',     'Invoice voided',          1), ('/customers',      'tracked',     'Customer added',        3),
	('/customers',      'labeled',     'Click: Search',           6), ('/customers',      'feature_tag', 'Saved filters',         2),
	('/customers/{id}', 'labeled',     'Click: Edit customer',    4), ('/customers/{id}', 'tracked',     'Note added',            4),
	('/expenses',       'tracked',     'Expense submitted',       5), ('/expenses',       'labeled',     'Click: Upload receipt', 5),
	('/expenses',       'feature_tag', 'Bulk actions',            2), ('/expenses/{id}',  'tracked',     'Expense approved',      5),
	('/expenses/{id}',  'labeled',     'Click: Open receipt',     4), ('/bank',           'tracked',     'Transaction matched',  10),
	('/bank',           'feature_tag', 'Auto-match',              4), ('/bank',           'tracked',     'Bank sync failed',      1),
	('/reports',        'tracked',     'Report exported',         4), ('/reports',        'labeled',     'Click: Compare periods',4),
	('/reports/cash-flow', 'feature_tag', 'Cash-flow forecast',   5), ('/reports/cash-flow', 'tracked',  'Report exported',       2),
	('/settings/team',  'tracked',     'Teammate invited',        3), ('/settings/team',  'labeled',     'Click: Change role',    4),
	('/settings/billing','labeled',    'Click: Compare plans',    4), ('/settings/billing','tracked',    'Plan upgraded',         1),
	('/settings/integrations','labeled','Click: Connect',         4), ('/settings/integrations','tracked','Integration connected',2),
	('/help',           'labeled',     'Click: Open article',     6), ('/help',           'tracked',     'Support ticket opened', 1);

-- lo .. hi - 1 of 0 .. total - 1 is a choice's share
CREATE TEMP TABLE demo_page_share AS
SELECT role, page, sum(weight) OVER w - weight AS lo, sum(weight) OVER w AS hi, sum(weight) OVER (PARTITION BY role) AS total
FROM demo_page CROSS JOIN LATERAL (VALUES ('finance', finance), ('sales', sales), ('admin', admin)) AS r (role, weight)
WINDOW w AS (PARTITION BY role ORDER BY page COLLATE "C");
CREATE TEMP TABLE demo_action_share AS
SELECT page, kind, name, sum(weight) OVER w - weight AS lo, sum(weight) OVER w AS hi, sum(weight) OVER (PARTITION BY page) AS total
FROM demo_action
WINDOW w AS (PARTITION BY page ORDER BY name COLLATE "C");

CREATE TEMP TABLE demo_event (arrived_at timestamptz, user_id text, occurred_at timestamptz, kind user_profile.event_kind,
							  name text, action text, page text, properties jsonb);

-- A session is a walk: page views, and between them what is done on the page reached last
INSERT INTO demo_event
WITH step AS
(
	SELECT s.*, step, session_key || '/' || step AS key,
		   step = 1 OR pg_temp.draw('view ' || session_key || '/' || step, 100) < 42 AS is_view,
		   started_at
		   + make_interval(secs => sum(CASE WHEN step = 1 THEN 0
											WHEN slowness = 0 THEN 1 + pg_temp.draw('gap ' || session_key || '/' || step, 4)
											WHEN pg_temp.draw('pause ' || session_key || '/' || step, 20) = 0
											THEN 300 + pg_temp.draw('gap ' || session_key || '/' || step, 900)
											WHEN pg_temp.draw('pause ' || session_key || '/' || step, 20) < 6
											THEN 40 + pg_temp.draw('gap ' || session_key || '/' || step, 140)
											ELSE 2 + pg_temp.draw('gap ' || session_key || '/' || step, 40) END)
										   OVER (PARTITION BY session_key ORDER BY step))
		   + interval '1 millisecond' * CASE WHEN step = 1 THEN 0 ELSE pg_temp.draw('ms ' || session_key || '/' || step, 1000) END
		   AS occurred_at
	FROM demo_session AS s CROSS JOIN LATERAL generate_series(1, size) AS step
),
walk AS
(
	SELECT *, count(*) FILTER (WHERE is_view) OVER (PARTITION BY session_key ORDER BY step) AS view FROM step
),
place AS
(
	SELECT w.*, CASE WHEN view = 1 AND pg_temp.draw('entry ' || session_key, 10) < 7 THEN '/dashboard' ELSE p.page END AS page
	FROM walk AS w
		 JOIN demo_page_share AS p
		 ON p.role = w.role AND pg_temp.draw('page ' || session_key || '/' || view, p.total::integer) BETWEEN p.lo AND p.hi - 1
)
SELECT p.occurred_at + p.arrival, p.user_id, p.occurred_at,
	   CASE WHEN is_view THEN 'page_view' ELSE a.kind END,
	   CASE WHEN is_view THEN p.page ELSE a.name END,
	   NULL, p.page,
	   CASE WHEN step = 1
			THEN jsonb_build_object('hostname', u.hostname, 'browser', u.browser, 'operating_system', u.operating_system,
									'device_type', u.device_type, 'browser_language', u.language)
			WHEN is_view THEN NULL
			WHEN a.name IN ('Invoice created', 'Payment recorded', 'Expense submitted')
			THEN jsonb_build_object('amount', 40 + pg_temp.draw('amount ' || key, 4000), 'currency',
									CASE u.country WHEN 'United States' THEN 'USD' WHEN 'United Kingdom' THEN 'GBP' ELSE 'EUR' END)
			WHEN a.name = 'Report exported' THEN jsonb_build_object('format', pg_temp.choose('format ' || key, '{pdf,pdf,csv,xlsx}'))
			WHEN a.name = 'Integration connected'
			THEN jsonb_build_object('integration', pg_temp.choose('integration ' || key, '{bank feed,payroll,web shop,calendar}'))
	   END
FROM place AS p
	 JOIN demo_user AS u USING (user_id)
	 LEFT JOIN demo_action_share AS a
	 ON NOT is_view AND a.page = p.page
		AND pg_temp.draw('action ' || p.key, a.total::integer) BETWEEN a.lo AND a.hi - 1;

-- In-app content; newcomers meet nothing but their welcome in their first three sessions. after: seconds from the start of the session.

-- Flow and checklist of the newcomers
INSERT INTO demo_event
SELECT started_at + make_interval(secs => after) + arrival, user_id, started_at + make_interval(secs => after),
	   c.kind::user_profile.event_kind, c.name, c.action, '/dashboard', c.properties
FROM demo_session AS s
	 CROSS JOIN LATERAL (SELECT CASE WHEN user_id IN ('u-1004', 'u-1005') THEN 5 ELSE pg_temp.draw('diligence ' || user_id, 6) END) AS d (diligence)
	 CROSS JOIN LATERAL
	 (
		SELECT 'flow', 'Welcome tour', 'seen', NULL::jsonb, 6 WHERE nth = 1
		UNION ALL
		SELECT 'flow', 'Welcome tour', 'step_seen', jsonb_build_object('step', step), 6 + step * 9
		FROM generate_series(1, least(diligence + 1, 4)) AS step WHERE nth = 1
		UNION ALL
		SELECT 'flow', 'Welcome tour', CASE WHEN diligence >= 3 THEN 'completed' ELSE 'dismissed' END, NULL, 49 WHERE nth = 1
		UNION ALL
		SELECT 'checklist', 'Getting started', 'seen', NULL, 52 WHERE nth = 1
		UNION ALL
		SELECT 'checklist', 'Getting started', 'task_completed',
			   jsonb_build_object('task', (ARRAY['Add your logo', 'Add a customer', 'Send a first invoice', 'Connect your bank',
												 'Invite a teammate'])[task]), 60 + 35 * task
		FROM generate_series(1, diligence) AS task WHERE nth = 1 + task / 2
		UNION ALL
		SELECT 'checklist', 'Getting started', 'completed', NULL, 240 WHERE nth = 3 AND diligence = 5
		UNION ALL
		SELECT 'checklist', 'Getting started', 'dismissed', NULL, 70 WHERE nth = 3 AND diligence = 0
	 ) AS c (kind, name, action, properties, after)
WHERE first_day > 0 AND nth <= 3;

-- Flows and spotlights that came out on a day, met at the user's first session since; one in three is not asked.
-- What follows the first sight: one of the outcomes, '-' being nothing.
INSERT INTO demo_event
SELECT o.occurred_at + arrival, s.user_id, o.occurred_at, c.kind, c.name, o.action, c.page, o.properties
FROM (VALUES ('flow'::user_profile.event_kind, 'Set up recurring invoices', '/invoices', 30, 3,
			  '{completed,completed,dismissed,dismissed,-}'::text[]),
			 ('spotlight', 'Saved filters', '/invoices', 40, 0, '{completed,completed,dismissed,dismissed,-,-}'),
			 ('spotlight', 'Cash-flow forecast', '/reports/cash-flow', 66, 0, '{completed,dismissed,dismissed,-}'))
	 AS c (kind, name, page, launch_day, steps, outcomes)
	 CROSS JOIN LATERAL (SELECT DISTINCT ON (user_id) * FROM demo_session WHERE day >= launch_day AND part > 0 AND (first_day = 0 OR nth > 3)
						 ORDER BY user_id, started_at) AS s
	 CROSS JOIN LATERAL (SELECT CASE WHEN s.user_id = 'u-1001' THEN 'completed'
									 ELSE pg_temp.choose('outcome ' || c.name || s.user_id, outcomes) END) AS r (outcome)
	 CROSS JOIN LATERAL
	 (
		SELECT started_at + make_interval(secs => 25 + 14 * row_number() OVER (ORDER BY step) + pg_temp.draw(c.name || session_key, 9)),
			   action, properties
		FROM (SELECT 0, 'seen', NULL::jsonb
			  UNION ALL SELECT step, 'step_seen', jsonb_build_object('step', step) FROM generate_series(1, steps) AS step
			  WHERE step < 3 OR outcome = 'completed'
			  UNION ALL SELECT 99, outcome, NULL WHERE outcome <> '-') AS a (step, action, properties)
	 ) AS o (occurred_at, action, properties)
WHERE s.user_id = 'u-1001' OR pg_temp.draw('asked ' || c.name || s.user_id, 3) > 0;

-- Banners: at every session of some days, until the user dismisses or takes them
INSERT INTO demo_event
SELECT o.occurred_at + arrival, s.user_id, o.occurred_at, 'banner', c.name, o.action, o.page, NULL
FROM (VALUES ('Planned maintenance on Sunday', 52, 55, 4), ('Pay yearly, save 15 %', 76, 88, 3)) AS c (name, day_from, day_to, patience)
	 CROSS JOIN LATERAL (SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY started_at) AS sight FROM demo_session
						 WHERE day BETWEEN day_from AND day_to AND part > 0 AND (first_day = 0 OR nth > 3)) AS s
	 CROSS JOIN LATERAL (SELECT 1 + pg_temp.draw('patience ' || c.name || s.user_id, patience)) AS p (sights)
	 CROSS JOIN LATERAL (VALUES (started_at + interval '3 seconds', 'seen', '/dashboard'),
								(started_at + interval '11 seconds',
								 CASE WHEN sight = sights
									  THEN CASE WHEN patience = 3 AND pg_temp.draw('takes ' || s.user_id, 12) = 0 THEN 'completed'
												ELSE 'dismissed' END END, '/dashboard')) AS o (occurred_at, action, page)
WHERE sight <= sights AND o.action IS NOT NULL;

-- NPS, asked twice. The answer carries no page: the profile tells it from the page view before.
INSERT INTO demo_event
SELECT o.occurred_at + arrival, s.user_id, o.occurred_at, 'nps', 'Relationship NPS', 'completed', NULL,
	   CASE WHEN s.user_id IN ('u-1001', 'u-1002', 'u-1010') OR pg_temp.draw('says ' || wave || s.user_id, 100) < 45
			THEN jsonb_build_object('score', a.score, 'comment',
				CASE WHEN s.user_id = 'u-1001' AND wave = 1 THEN 'Month end used to take me three days. Now it is one morning.'
					 WHEN s.user_id = 'u-1001' THEN 'Still great. Keyboard shortcuts on the bank page would make it perfect.'
					 WHEN s.user_id = 'u-1002' THEN E'Bank sync breaks every other week and support answers "we are looking into it".\nWe are trying another tool.'
					 WHEN s.user_id = 'u-1010' AND wave = 1 THEN 'The new reports are slow, and exports time out.'
					 WHEN s.user_id = 'u-1010' THEN 'Reports are fast now. Thank you for calling back!'
					 WHEN a.score >= 9 THEN pg_temp.choose('comment ' || wave || s.user_id, ARRAY[
						'Simple and fast.', '=) love it', 'The recurring invoices save me hours.', 'Best invoicing tool we have had, and we have had four.',
						'Our auditor likes the exports, too', 'Endlich ein Programm, das mitdenkt.', '請求書の作成がとても簡単です。'])
					 WHEN a.score >= 7 THEN pg_temp.choose('comment ' || wave || s.user_id, ARRAY[
						'Good, but the mobile view needs work.', 'OK for what we need', E'+ quick support\n- no purchase orders',
						'I would like to see budgets, not only actuals.', 'Fine; would like more report templates'])
					 ELSE pg_temp.choose('comment ' || wave || s.user_id, ARRAY[
						'Too many clicks to send one invoice.', 'Bank sync fails, again and again.', '-1 for the price increase',
						'Search does not find customers by VAT number, "VAT 123" gives nothing', 'Nicht zuverlässig genug.',
						'I cannot undo a matched transaction.']) END)
			ELSE jsonb_build_object('score', a.score) END
FROM (VALUES (1, 20), (2, 80)) AS c (wave, launch_day)
	 CROSS JOIN LATERAL (SELECT DISTINCT ON (user_id) * FROM demo_session WHERE day BETWEEN launch_day AND launch_day + 21 AND part > 0
							   AND (first_day = 0 OR nth > 3)
						 ORDER BY user_id, started_at) AS s
	 CROSS JOIN LATERAL (SELECT s.started_at + make_interval(secs => 80 + pg_temp.draw('thinks ' || wave || s.user_id, 90))) AS o (occurred_at)
	 CROSS JOIN LATERAL
	 (
		SELECT CASE WHEN s.user_id = 'u-1001' THEN 8 + wave WHEN s.user_id = 'u-1002' THEN 3
					WHEN s.user_id = 'u-1010' THEN CASE wave WHEN 1 THEN 4 ELSE 9 END
					ELSE (CASE mood WHEN 'happy' THEN '{7,8,8,9,9,9,10,10,10,10}'::integer[]
								   WHEN 'neutral' THEN '{5,6,7,7,7,8,8,8,9,9}'
								   ELSE '{0,1,2,3,4,5,5,6,6,7}' END) [1 + pg_temp.draw('score ' || wave || s.user_id, 10)] END
	 ) AS a (score)
WHERE s.user_id IN ('u-1001', 'u-1002', 'u-1010') OR (s.user_id <> 'u-1003' AND pg_temp.draw('answers ' || wave || s.user_id, 100) < 38);

-- Surveys: one question after a launch, two questions after the third session of a newcomer
INSERT INTO demo_event
SELECT o.occurred_at + arrival, s.user_id, o.occurred_at, 'survey'::user_profile.event_kind, 'Sending invoices', 'completed', '/invoices',
	   jsonb_build_object('question', 'How easy was it to send your last invoice?',
						  'answer', CASE mood WHEN 'happy' THEN pg_temp.choose('easy ' || s.user_id, '{Very easy,Very easy,Easy}')
											  WHEN 'neutral' THEN pg_temp.choose('easy ' || s.user_id, '{Easy,Neither,Very easy}')
											  ELSE pg_temp.choose('easy ' || s.user_id, '{Hard,Neither,Easy}') END)
	   || CASE WHEN mood = 'unhappy' AND pg_temp.draw('why ' || s.user_id, 2) = 0
			   THEN jsonb_build_object('comment', 'I had to type the address twice.') ELSE '{}' END
FROM (SELECT DISTINCT ON (user_id) * FROM demo_session WHERE day BETWEEN 60 AND 75 AND part > 0
	  AND (first_day = 0 OR nth > 3) ORDER BY user_id, started_at) AS s
	 CROSS JOIN LATERAL (SELECT s.started_at + make_interval(secs => 180 + pg_temp.draw('fills ' || s.user_id, 200))) AS o (occurred_at)
WHERE s.user_id = 'u-1001' OR (s.user_id <> 'u-1003' AND pg_temp.draw('survey ' || s.user_id, 4) = 0)
UNION ALL
SELECT s.started_at + interval '300 seconds' + arrival, s.user_id, s.started_at + interval '300 seconds', 'survey', 'Onboarding', 'completed', '/dashboard',
	   jsonb_build_object('answers', jsonb_build_array(
							jsonb_build_object('question', 'What brought you to Fernway?', 'answer',
											   pg_temp.choose('brought ' || s.user_id, '{A colleague,A search engine,My accountant,Another tool closed down}')),
							jsonb_build_object('question', 'What do you want to do first?', 'answer',
											   pg_temp.choose('first ' || s.user_id, '{Send invoices,Match the bank,See the cash flow}'))),
						  'comment', CASE WHEN user_id = 'u-1005' THEN 'The checklist told me everything, I did not need the help pages.' END)
FROM demo_session AS s
WHERE nth = 3 AND first_day > 0 AND (s.user_id IN ('u-1004', 'u-1005') OR pg_temp.draw('onboarding ' || s.user_id, 2) = 0);

-- Tobias takes his data and goes; Lena before she had a name
INSERT INTO demo_event
SELECT occurred_at, user_id, occurred_at, kind::user_profile.event_kind, name, action, page,
	   CASE WHEN properties = 'device'
			THEN (SELECT jsonb_build_object('hostname', 'www.fernway.example', 'browser', browser, 'operating_system', operating_system,
											'device_type', device_type, 'browser_language', language)
				  FROM demo_user WHERE user_id = 'u-1004')
			ELSE properties::jsonb END
FROM (VALUES
	('u-1002', pg_temp.day_start(45) + interval '9:20:05', 'page_view', '/settings/billing', NULL, '/settings/billing', NULL),
	('u-1002', pg_temp.day_start(45) + interval '9:21:40', 'tracked', 'Data exported', NULL, '/settings/billing', '{"format": "csv"}'),
	('u-1002', pg_temp.day_start(45) + interval '9:23:12', 'survey', 'Why are you leaving?', 'completed', '/settings/billing',
	 '{"question": "What made you leave?", "answer": "Bank sync", "comment": "Four failed month ends are enough, sorry."}'),
	('u-1002', pg_temp.day_start(45) + interval '9:23:30', 'tracked', 'Seat cancelled', NULL, '/settings/billing', NULL),
	('anon-5d1c09e7', pg_temp.day_start(60) + interval '15:48:31', 'page_view', '/', NULL, '/', 'device'),
	('anon-5d1c09e7', pg_temp.day_start(60) + interval '15:49:10', 'page_view', '/features/bank', NULL, '/features/bank', NULL),
	('anon-5d1c09e7', pg_temp.day_start(60) + interval '15:52:44', 'page_view', '/pricing', NULL, '/pricing', NULL),
	('anon-5d1c09e7', pg_temp.day_start(62) + interval '16:55:02', 'page_view', '/pricing', NULL, '/pricing', 'device'),
	('anon-5d1c09e7', pg_temp.day_start(62) + interval '16:58:20', 'labeled', 'Click: Compare plans', NULL, '/pricing', NULL),
	('anon-5d1c09e7', pg_temp.day_start(62) + interval '17:01:15', 'page_view', '/signup', NULL, '/signup', NULL),
	('anon-5d1c09e7', pg_temp.day_start(62) + interval '17:04:30', 'tracked', 'Sign-up form sent', NULL, '/signup', '{"plan": "Enterprise"}'))
	AS e (user_id, occurred_at, kind, name, action, page, properties);

-- In the order of arrival, the order of a real log; what lies beyond the 90 days has not happened or not arrived
INSERT INTO user_profile.events (user_id, occurred_at, kind, name, action, page, properties)
SELECT user_id, occurred_at, kind, name, action, page, properties
FROM demo_event
WHERE arrived_at < pg_temp.as_of()
ORDER BY arrived_at, user_id COLLATE "C", occurred_at, kind, name COLLATE "C", action COLLATE "C", properties;

-- Replays begin a moment after their session; more of them for the users one watches
INSERT INTO user_profile.session_replays (user_id, started_at, url)
SELECT user_id, started_at + interval '1 millisecond' * pg_temp.draw('recorder ' || session_key, 900),
	   'https://replay.fernway.example/' || substr(md5(session_key || :seed), 1, 10)
FROM demo_session
WHERE part > 0 AND size > 2
	  AND pg_temp.draw('replay ' || session_key, 100) < CASE WHEN user_id IN ('u-1001', 'u-1002', 'u-1004', 'u-1005') THEN 60 ELSE 8 END
ORDER BY started_at, user_id COLLATE "C";

DROP TABLE demo_company, demo_cast, demo_user, demo_session, demo_page, demo_action, demo_page_share, demo_action_share, demo_event;
DROP FUNCTION pg_temp.draw(text, integer), pg_temp.choose(text, text[]), pg_temp.as_of(), pg_temp.day_start(integer);
