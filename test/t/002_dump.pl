# pg_dump and a restore into another database give identical answers, and life goes on there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Utils;
use Test::More;
use UserProfile;

my $node = new_node('main');
install_extension($node);

# Users and companies, folded and pending events, answers, a marker, an exclusion, a replay
$node->safe_psql(
	'postgres', q{
	SELECT user_profile.identify('user ' || i, jsonb_build_object('name', 'Name ' || i,
		'email', i || '@example.com', 'country', 'AT', 'plan', 'free', 'created_at', '2024-01-01T00:00:00Z'))
	FROM generate_series(0, 19) AS i;
	SELECT user_profile.identify_company('company ' || i, jsonb_build_object('name', 'Company ' || i))
	FROM generate_series(0, 3) AS i;
	SELECT user_profile.join_company('user ' || i, 'company ' || i % 4, '2024-01-02')
	FROM generate_series(0, 15) AS i;
	SELECT user_profile.leave_company('user 3', 'company 3', '2024-05-01')});
add_events($node, 20000, 40, 1);
$node->safe_psql('postgres', 'CALL user_profile.refresh()');
add_events($node, 2000, 60, 2);
$node->safe_psql(
	'postgres', q{
	SELECT user_profile.track('user ' || i, 'NPS', 'nps', '/nps',
		jsonb_build_object('score', i % 11, 'comment', 'Comment ' || i),
		timestamptz '2024-06-01' + i * interval '1 h', NULL, 'message ' || i)
	FROM generate_series(0, 30) AS i;
	INSERT INTO user_profile.session_replays (user_id, started_at, url)
	SELECT user_id, occurred_at, 'https://replays.example/' || event_id
	FROM user_profile.events WHERE event_id % 100 = 0});

# Use $user's psql to restore, or pg_restore
my $basedir = $node->basedir;
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach ('plain', 'custom');
$node->command_ok([ 'pg_dump', '-f', "$basedir/plain.sql", 'postgres' ], 'pg_dump, plain');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$basedir/custom.dump", 'postgres' ], 'pg_dump, custom');
$node->command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$basedir/plain.sql" ],
	'restore by psql');
$node->command_ok(
	[ 'pg_restore', '--exit-on-error', '-j', '2', '-d', 'custom', "$basedir/custom.dump" ],
	'restore by pg_restore with two jobs');

sub are_identical
{
	my ($name) = @_;

	# Once more if midnight, where days begin, came between
	my (%contents, $day, $day_after);
	do
	{
		$day = $node->safe_psql('postgres', 'SELECT current_date');
		%contents = map { $_ => view_contents($node, $_) } ('postgres', 'plain', 'custom');
		$day_after = $node->safe_psql('postgres', 'SELECT current_date');
	} while ($day ne $day_after);

	cmp_ok(length($contents{postgres}), '>', 100_000, "$name: there is something to compare");
	foreach my $database ('plain', 'custom')
	{
		ok($contents{$database} eq $contents{postgres}, "$name: all views are identical, $database")
		  or show_difference($contents{postgres}, $contents{$database});
	}
	return;
}

sub show_difference
{
	my ($expected, $got) = @_;

	append_to_file("$basedir/expected", $expected);
	append_to_file("$basedir/got", $got);
	my $diff = `diff -U0 $basedir/expected $basedir/got | head -n 40`;
	diag($diff);
	return;
}

are_identical('restored');
is_sound($node, "restored, $_", $_) foreach ('plain', 'custom');

# The dump of the restored is the dump
$node->command_ok([ 'pg_dump', '-f', "$basedir/again.sql", 'plain' ], 'pg_dump of the restored');
my ($first, $second) = map
{
	my $dump = slurp_file($_);
	$dump =~ s/^\\(un)?restrict .*$//mg;	# a random key
	$dump;
} ("$basedir/plain.sql", "$basedir/again.sql");
ok($first eq $second, 'a dump of the restored is the same dump')
  or show_difference($first, $second);

# Sequences continue: new events get the same new numbers everywhere
foreach my $database ('postgres', 'plain', 'custom')
{
	my $last = $node->safe_psql($database, 'SELECT max(event_id) FROM user_profile.events');
	my $next = $node->safe_psql($database,
		q{SELECT user_profile.track('user 1', 'after', 'tracked', '/after', NULL, '2024-07-01')});
	cmp_ok($next, '>', $last, "a new event's number is new, $database");
	add_events($node, 1000, 70, 5, $database);
	is( $node->safe_psql($database,
			q{SELECT user_profile.track('user 1', 'NPS', 'nps', '/nps', '{"score": 3}', '2024-07-02', NULL, 'message 1')}),
		'',
		"a message seen before the dump is still known, $database");
}
are_identical('with new events');

# Refresh goes on where it was
$node->safe_psql($_, 'CALL user_profile.refresh()') foreach ('postgres', 'plain', 'custom');
are_identical('refreshed');
foreach my $database ('postgres', 'plain', 'custom')
{
	is_sound($node, "refreshed, $database", $database);
	is($node->safe_psql($database, 'SELECT pending_events FROM user_profile.status'),
		'0', "nothing is pending, $database");
}

$node->stop;
done_testing();
