
=head1 NAME

UserProfile - what the TAP tests of user_profile share

=cut

package UserProfile;

use strict;
use warnings;

use Exporter 'import';
use File::Basename;
use File::Spec;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_node install_extension control_version add_events
  add_everything start_call is_sound is_empty view_contents
  same_contents is_same_text);

my $top = File::Spec->rel2abs(dirname(__FILE__) . '/../..');

# Start a new cluster. Lines for postgresql.conf may follow the name.
sub new_node
{
	my ($name, @conf) = @_;

	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf',
		join("\n", "timezone = 'UTC'", 'log_statement = none', @conf));
	$node->start;
	return $node;
}

sub install_extension
{
	my ($node, $database) = @_;

	$node->safe_psql($database || 'postgres', 'CREATE EXTENSION user_profile');
	return;
}

# The version that user_profile.control gives
sub control_version
{
	my ($version) = slurp_file("$top/user_profile.control") =~ /^default_version\s*=\s*'(.*)'/m;
	return $version;
}

# Append a log of $count events of $users users: the first 200 days of 2024, in an order that
# has little to do with time, with ties, every kind that needs no properties, some without page.
# $seed shifts it, so that two logs differ.
sub add_events
{
	my ($node, $count, $users, $seed, $database) = @_;

	$node->safe_psql(
		$database || 'postgres', qq{
		INSERT INTO user_profile.events (user_id, occurred_at, kind, name, action, page, properties)
		SELECT 'user ' || (i * 7919 + $seed) % $users,
			timestamptz '2024-01-01' + (i * 104729 + $seed * 17) % 17280000 * interval '1 s',
			(ARRAY['tracked', 'tracked', 'labeled', 'feature_tag', 'page_view', 'page_view', 'flow'])
				[(1 + (i / 3) % 7)::int]::user_profile.event_kind,
			'name ' || (i / 7) % 20,
			CASE WHEN (i / 3) % 7 = 6 THEN 'seen' END,
			CASE WHEN i % 5 > 0 THEN '/page/' || i % 11 END,
			CASE WHEN i % 13 = 0 THEN jsonb_build_object('i', i) END
		FROM generate_series(1::bigint, $count) AS i});
	return;
}

# Users and companies, folded and pending events, answers, a marker, a replay
sub add_everything
{
	my ($node, $database) = @_;
	$database ||= 'postgres';

	$node->safe_psql(
		$database, q{
		SELECT user_profile.identify('user ' || i, jsonb_build_object('name', 'Name ' || i,
			'email', i || '@example.com', 'country', 'AT', 'plan', 'free', 'created_at', '2024-01-01T00:00:00Z'))
		FROM generate_series(0, 19) AS i;
		SELECT user_profile.identify_company('company ' || i, jsonb_build_object('name', 'Company ' || i))
		FROM generate_series(0, 3) AS i;
		SELECT user_profile.join_company('user ' || i, 'company ' || i % 4, '2024-01-02')
		FROM generate_series(0, 15) AS i;
		SELECT user_profile.leave_company('user 3', 'company 3', '2024-05-01')});
	add_events($node, 20000, 40, 1, $database);
	$node->safe_psql($database, 'CALL user_profile.refresh()');
	add_events($node, 2000, 60, 2, $database);
	$node->safe_psql(
		$database, q{
		SELECT user_profile.track('user ' || i, 'NPS', 'nps', '/nps',
			jsonb_build_object('score', i % 11, 'comment', 'Comment ' || i),
			timestamptz '2024-06-01' + i * interval '1 h', NULL, 'message ' || i)
		FROM generate_series(0, 30) AS i;
		INSERT INTO user_profile.session_replays (user_id, started_at, url)
		SELECT user_id, occurred_at, 'https://replays.example/' || event_id
		FROM user_profile.events WHERE event_id % 100 = 0});
	return;
}

# Start a statement in a session of its own and come back when it has been sent
sub start_call
{
	my ($node, $sql) = @_;

	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_until(qr/sent/, "\\echo sent\n$sql;\n");
	return $session;
}

# Everything that the timelines say is what the log says: the extension's own check, and the
# number of events, the sessions and their length of each user by plain SQL. The log may be given
# as another relation, for where it lost rows.
sub is_sound
{
	my ($node, $name, $database, $log) = @_;
	$database ||= 'postgres';
	$log ||= 'user_profile.events';

	is( $node->safe_psql(
			$database, 'SELECT count(*) FROM user_profile.check_timelines()'),
		'0',
		"$name: check_timelines() finds nothing");

	my $plain = qq{
		SELECT user_id, count(*) AS sessions, sum(events)::bigint AS events,
			sum(last_at - first_at) AS session_time
		FROM (SELECT user_id, session, count(*) AS events,
				min(occurred_at) AS first_at, max(occurred_at) AS last_at
			FROM (SELECT user_id, occurred_at,
					count(*) FILTER (WHERE gap IS NULL OR gap > interval '30 min')
						OVER (PARTITION BY user_id ORDER BY occurred_at, event_id) AS session
				FROM (SELECT user_id, event_id, occurred_at,
						occurred_at - lag(occurred_at)
							OVER (PARTITION BY user_id ORDER BY occurred_at, event_id) AS gap
					FROM $log) AS gaps) AS numbered
			GROUP BY user_id, session) AS sessions
		GROUP BY user_id};
	my $extension = q{
		SELECT user_id, count(*) AS sessions, sum(events)::bigint AS events,
			sum(duration) AS session_time
		FROM user_profile.users_sessions('(,)')
		GROUP BY user_id};
	is( $node->safe_psql(
			$database, "SET jit = off;
			WITH plain AS ($plain), extension AS ($extension)
			(TABLE plain EXCEPT ALL TABLE extension)
			UNION ALL (TABLE extension EXCEPT ALL TABLE plain)"),
		'',
		"$name: events and sessions of each user as by plain SQL");
	return;
}

# Nothing is left to fold
sub is_empty
{
	my ($node, $name) = @_;

	is( $node->safe_psql('postgres', 'SELECT pending_events FROM user_profile.status'),
		'0', "$name: nothing is pending");
	return;
}

# All rows of all views and of the answers about each user, as one text. The period is set so
# that neither of its ends is near an event of add_events() while the test runs.
sub view_contents
{
	my ($node, $database) = @_;

	# status tells of the cluster, not of the users
	my @views = split /\n/,
	  $node->safe_psql(
		$database, q{
		SELECT format('%I.%I', schemaname, viewname) FROM pg_views
		WHERE schemaname = 'user_profile' AND viewname <> 'status' ORDER BY 1});
	my @queries = (
		(map { "SELECT v::text FROM $_ AS v" } @views),
		(   map { "SELECT u.user_id || ' ' || f::text FROM user_profile.users AS u, user_profile.$_ AS f" }
			  ("user_overview(u.user_id, '(,)')", "user_sessions(u.user_id, '(,)')",
				"user_top_events(u.user_id, '(,)')", "user_top_pages(u.user_id, '(,)')")));

	my $contents = '';
	foreach my $query (@queries)
	{
		$contents .= "$query\n"
		  . $node->safe_psql($database,
			"SET user_profile.period = '2000 days'; $query ORDER BY 1") . "\n";
	}
	return $contents;
}

# Databases, each [node, database], answer as the first one does
sub same_contents
{
	my ($name, @places) = @_;

	# Once more if midnight, where days begin, came between
	my (@contents, $day, $day_after);
	do
	{
		$day = $places[0][0]->safe_psql($places[0][1], 'SELECT current_date');
		@contents = map { view_contents(@$_) } @places;
		$day_after = $places[0][0]->safe_psql($places[0][1], 'SELECT current_date');
	} while ($day ne $day_after);
	is_same_text($contents[0], $contents[$_], "$name, $places[$_][1]") foreach (1 .. $#places);
	return;
}

# Two long texts are the same and not short; where they differ, show the first lines that do
sub is_same_text
{
	my ($expected, $got, $name) = @_;

	cmp_ok(length($expected), '>', 100_000, "$name: there is something to compare");
	my $same = ok($got eq $expected, "$name: no difference");
	if (!$same)
	{
		my ($directory, @files) = (PostgreSQL::Test::Utils::tempdir());
		foreach my $text ($expected, $got)
		{
			push @files, "$directory/" . scalar @files;
			append_to_file($files[-1], $text);
		}
		diag(`diff -U0 @files | head -n 40`);
	}
	return $same;
}

1;
