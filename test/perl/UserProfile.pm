
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

our @EXPORT = qw(new_node install_extension control_version add_events start_call
  is_sound is_empty view_contents);

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

1;
