# Several clients do everything at once, at random: bring events, early and late, in batches and one
# by one, identify, join, exclude, alias, delete, expire, rebuild, refresh, which now and then can
# fold nothing of a user, and read. No client may see an error, no reader two answers, and in the end
# the timelines say what the log says.
#
# STRESS_TRANSACTIONS is the number of transactions of each client, STRESS_SEED where they begin:
#	STRESS_TRANSACTIONS=50000 STRESS_SEED=7 sh test/run.sh tap

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Utils;
use Test::More;
use UserProfile;

my $clients = 6;
my $transactions = $ENV{STRESS_TRANSACTIONS} || 400;
my $seed = $ENV{STRESS_SEED} || 20240214;
my $directory = "$FindBin::RealBin/../stress";

# Script and weight
my %scripts = (
	batch => 20,
	track => 15,
	message => 10,
	traits => 8,
	alias => 5,
	delete => 4,
	expire => 1,
	rebuild => 3,
	rebuild_all => 1,
	poison => 4,
	refresh => 8,
	read => 20,
	read_all => 2);

my $node = new_node('main', 'client_min_messages = warning', 'deadlock_timeout = 100ms',
	'max_connections = 30');
install_extension($node);
$node->safe_psql('postgres', slurp_file("$directory/schema.sql"));

my @files = sort map { s{.*/(.*)\.sql$}{$1}r } glob("$directory/*.sql");
is_deeply([ grep { $_ ne 'schema' } @files ], [ sort keys %scripts ], 'every script has a weight');

my ($stdout, $stderr);
my $status = IPC::Run::run(
	[
		'pgbench', '--no-vacuum', '--client', $clients, '--jobs', 2,
		'--transactions', $transactions, '--random-seed', $seed,
		(map { ('--file', "$directory/$_.sql\@$scripts{$_}") } sort keys %scripts),
		'--host', $node->host, '--port', $node->port, 'postgres'
	],
	'>', \$stdout, '2>', \$stderr);
ok($status, "pgbench with seed $seed");
note($stdout);
unlike($stderr, qr/error|ERROR|abort/, 'no client sees an error') or diag($stderr);
my $all = $clients * $transactions;
like($stdout, qr{number of transactions actually processed: $all/$all\b}, "all $all transactions");
foreach my $script (sort keys %scripts)
{
	my ($count) = $stdout =~ m{script \d+: \S*/$script\.sql\n.*\n - (\d+) transactions};
	cmp_ok($count, '>', 0, "$script.sql: $count transactions");
}
unlike(slurp_file($node->logfile), qr/deadlock detected|could not serialize|PANIC|TRAP/,
	'the server reports no deadlock');

# How many could not be folded is chance, but for this one
$node->safe_psql('postgres', $_)
  foreach (
	q{INSERT INTO stress.poison VALUES ('poisoned')},
	q{SELECT user_profile.track('poisoned', 'x', occurred_at => '2024-01-01')},
	'CALL user_profile.refresh()');
is_sound($node, 'with pending events', 'postgres', 'stress.log');
note($node->safe_psql('postgres', 'SELECT last_value FROM stress.refusals') . ' refusals');
cmp_ok($node->safe_psql('postgres', 'SELECT failed_events FROM user_profile.status'),
	'>', 0, 'some events could not be folded at once');
$node->safe_psql('postgres', 'DELETE FROM stress.poison');
$node->safe_psql('postgres', 'CALL user_profile.refresh()');
is_empty($node, 'refreshed');
is_sound($node, 'refreshed', 'postgres', 'stress.log');
is( $node->safe_psql(
		'postgres', q{
		SELECT count(*) FROM (TABLE user_profile.events UNION ALL TABLE stress.expired) e
		JOIN user_profile.aliases a ON a.previous_id = e.user_id}),
	'0',
	'no event is left under the id of an alias');
is( $node->safe_psql(
		'postgres', q{
		SELECT count(*) - count(DISTINCT event_id)
		FROM (TABLE user_profile.events UNION ALL TABLE stress.expired) e}),
	'0',
	'event ids are unique');

# Whatever was written while it happened
is( $node->safe_psql(
		'postgres', q{
		SELECT string_agg(DISTINCT source || ' of ' || user_id, ', ')
		FROM (
			SELECT 'users' AS source, user_id FROM user_profile.users UNION ALL
			SELECT 'memberships', user_id FROM user_profile.memberships UNION ALL
			SELECT 'events', user_id FROM user_profile.events) x
		WHERE user_profile.is_suppressed(user_id) OR user_id IN (SELECT previous_id FROM user_profile.aliases)}),
	'',
	'nothing is left of suppressed users, or under an alias');

# Tabs of users and companies beside plain SQL
my %plain = (
	"SELECT user_id, kind::text, name, occurrences, last_at FROM user_profile.users_top_events('(,)')" =>
	  q{SELECT user_id, kind::text, name, count(*), max(occurred_at) FROM stress.log
		WHERE kind IN ('tracked', 'labeled', 'feature_tag') GROUP BY user_id, kind, name},
	"SELECT user_id, page, visits, events, last_at FROM user_profile.users_top_pages('(,)')" =>
	  q{SELECT user_id, page, count(*) FILTER (WHERE kind = 'page_view'), count(*), max(occurred_at)
		FROM stress.log WHERE page IS NOT NULL GROUP BY user_id, page},
	"SELECT company_id, users, active_users, page_views FROM user_profile.companies_overview('(,)')" =>
	  q{WITH m AS (
			SELECT DISTINCT m.company_id, m.user_id FROM user_profile.memberships m
			JOIN user_profile.users u USING (user_id)
			WHERE m.joined_at <= now() AND (m.left_at > now()) IS NOT FALSE AND u.excluded_at IS NULL)
		SELECT c.company_id, count(DISTINCT m.user_id), count(DISTINCT l.user_id),
			count(*) FILTER (WHERE l.kind = 'page_view')
		FROM (SELECT company_id FROM user_profile.companies UNION
			SELECT company_id FROM user_profile.memberships) c
		LEFT JOIN m USING (company_id) LEFT JOIN stress.log l USING (user_id)
		GROUP BY c.company_id});
foreach my $query (sort keys %plain)
{
	is( $node->safe_psql(
			'postgres', "SET jit = off; WITH extension AS ($query), plain AS ($plain{$query})
			(TABLE plain EXCEPT ALL TABLE extension) UNION ALL (TABLE extension EXCEPT ALL TABLE plain)"),
		'',
		"as by plain SQL: $query");
}

# Made anew, they are the same
$node->safe_psql('postgres', 'SELECT user_profile.rebuild_timelines()');
is_sound($node, 'rebuilt', 'postgres', 'stress.log');

$node->stop;
done_testing();
