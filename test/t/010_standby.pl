# A streaming replica answers as its primary does: every view, and the functions of the tabs, with
# pending events and while a refresh runs. What writes says that it cannot. After promotion the
# replica goes on by itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Utils;
use Test::More;
use UserProfile;

my $primary = new_node('primary', "wal_level = 'replica'", 'max_wal_senders = 3',
	'user_profile.batch_size = 2000');
$primary->append_conf('pg_hba.conf', 'local replication all trust');
install_extension($primary);
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# All that reads: the views, and the functions of some users and companies
my @views = split /\n/, $primary->safe_psql(
	'postgres', q{
	SELECT format('user_profile.%I', viewname) FROM pg_views
	WHERE schemaname = 'user_profile' AND viewname <> 'status' ORDER BY 1});
cmp_ok(scalar(@views), '>', 25, scalar(@views) . ' views');
my @reads = map { "SELECT v::text FROM $_ v" } @views;

# A function of a user or a company is one that returns rows, changes nothing and begins with such
# an id; all other arguments have defaults, but for a kind, a name or a time
my @functions = split /\n/, $primary->safe_psql(
	'postgres', q{
	SELECT format('%I.%I|%s', pronamespace::regnamespace, proname, proargnames[1])
	FROM pg_proc
	WHERE pronamespace = 'user_profile'::regnamespace AND proretset AND provolatile = 's'
		AND pronargs > 0 AND proargnames[1] IN ('user_id', 'company_id') AND pronargs - pronargdefaults <= 1
	ORDER BY 1});
cmp_ok(scalar(@functions), '>', 15, scalar(@functions) . ' functions of one user or one company');
foreach my $function (@functions)
{
	my ($name, $of) = split /\|/, $function;
	my $ids = $of eq 'user_id' ? q{'user 1', 'user 2', 'user 77', 'nobody'} : q{'c1', 'c2', 'none'};
	my $all_time = $primary->safe_psql('postgres',
		"SELECT count(*) FROM pg_proc WHERE oid = '$name'::regproc AND 'period' = ANY (proargnames)")
	  ? q{, period => '(,)'} : '';
	push @reads, "SELECT i || ' ' || f::text FROM unnest(ARRAY[$ids]) i, $name($of => i$all_time) f";
}
push @reads,
  map { "SELECT f::text FROM user_profile.$_ f" } ("workspace_overview('(,)')",
	"session_events('user 1', (SELECT min(started_at) FROM user_profile.user_sessions('user 1', '(,)')))",
	"engagement_events('user 1', 'flow', 'name 1', '(,)')",
	'status', 'preview_delete(\'user 1\')', "preview_exclusion_rule('user', 'user 1*')");

# Both sides, read by the same text in the same order
sub compare
{
	my ($name) = @_;
	my @wrong;

	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	foreach my $read (@reads)
	{
		# Now is the same for both, and so are days; sizes of files are not
		my $query = "SET user_profile.period = '2000 days'; SET jit = off; "
		  . ($read =~ /user_profile.status / ? $read =~ s/f::text/f.events, f.pending_events, f.folded_through, f.users/r : "$read ORDER BY 1");
		my $here = $primary->safe_psql('postgres', $query);
		push @wrong, $read if $standby->safe_psql('postgres', $query) ne $here;
	}
	is(join("\n", @wrong), '', "$name: " . scalar(@reads) . ' queries answer the same');
	return;
}

add_events($primary, 8_000, 200, 1);
$primary->safe_psql(
	'postgres', q{
	INSERT INTO user_profile.events (user_id, occurred_at, kind, name, properties)
	SELECT 'user ' || i % 100, timestamptz '2024-02-01' + i * interval '1 hour', 'nps', 'ask',
		jsonb_build_object('score', i % 11, 'comment', 'c' || i) FROM generate_series(1, 500) i;
	SELECT user_profile.join_company('user ' || i, 'c' || i % 5, '2024-01-01') FROM generate_series(1, 150) i;
	SELECT user_profile.identify('user ' || i, jsonb_build_object('email', i || '@example.com', 'hostname', 'h'))
	FROM generate_series(1, 150) i;
	SELECT user_profile.exclude_user('user 5', 'a test');
	SELECT user_profile.add_exclusion_rule('user', 'user 19*');
	INSERT INTO user_profile.session_replays VALUES ('user 1', '2024-01-05', 'https://example.com/1')});
compare('all pending');
$primary->safe_psql('postgres', 'CALL user_profile.refresh()');
compare('refreshed');
add_events($primary, 4_000, 210, 2);
compare('half pending');
$primary->safe_psql(
	'postgres', q{
	SELECT user_profile.alias('user 4', 'user 3');
	SELECT count(*) FROM user_profile.delete_user('user 6', suppress => true);
	SELECT user_profile.expire_events('2024-02-01')});
compare('after alias, deletion and expiry');

# While the primary refreshes, every look at the standby gives one state, exact
add_events($primary, 60_000, 210, 3);
my ($count, $last) = split /\|/, $primary->safe_psql('postgres',
	q{SELECT events, (SELECT max(event_id) FROM user_profile.events) FROM user_profile.status});
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
my $refresh = start_call($primary, 'CALL user_profile.refresh()');
my ($looks, $wrong, $midway) = (0, 0, 0);
while ($looks < 200)
{
	my ($status, $sessions, $pending) = split /\|/, $standby->safe_psql(
		'postgres', q{
		SELECT events, (SELECT sum(events) FROM user_profile.users_sessions('(,)')), pending_events
		FROM user_profile.status});
	$looks++;
	$wrong++ if $status != $count || $sessions != $count;
	$midway++ if $pending > 0 && $pending < 60_000;
	last if $pending == 0;
}
$refresh->quit;
is($wrong, 0, "$looks looks during a refresh, $midway of them in the middle, count every event once");
cmp_ok($midway, '>', 0, 'some looks are in the middle of it');
compare('after that refresh');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM user_profile.check_timelines()'),
	'0', 'check_timelines() runs on the standby and finds nothing');

# What writes says so
foreach my $call (
	q{CALL user_profile.refresh()}, q{SELECT user_profile.track('u', 'e')},
	q{SELECT user_profile.ingest('{"type": "track", "userId": "u", "event": "e"}')},
	q{SELECT user_profile.identify('u')}, q{SELECT user_profile.join_company('user 1', 'c9')},
	q{SELECT user_profile.leave_company('user 1', 'c1')}, q{SELECT user_profile.exclude_user('user 1')},
	q{SELECT user_profile.include_user('user 1')}, q{SELECT user_profile.reset_content('user 1')},
	q{SELECT user_profile.delete_user('user 1')}, q{SELECT user_profile.delete_company('c1')},
	q{SELECT user_profile.schedule_delete('user 1', '1 day')}, q{SELECT user_profile.cancel_delete('user 1')},
	q{SELECT user_profile.run_scheduled_deletions()},
	q{SELECT user_profile.alias('a', 'user 1')}, q{SELECT user_profile.add_exclusion_rule('user', 'user 2*')},
	q{SELECT user_profile.remove_exclusion_rule(1)}, q{SELECT user_profile.rebuild_timelines()},
	q{SELECT user_profile.expire_events('2024-03-01')})
{
	my ($status, undef, $stderr) = $standby->psql('postgres', $call);
	like($stderr, qr/ERROR:  .*(read-only transaction|during recovery)/, "refused: $call");
}

# Promotion
add_events($primary, 5000, 210, 4);
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$primary->stop('immediate');
$standby->promote;
add_events($standby, 5000, 210, 5);
is_sound_but_expired($standby, 'promoted');
$standby->safe_psql('postgres', 'CALL user_profile.refresh()');
is_empty($standby, 'promoted and refreshed');
is_sound_but_expired($standby, 'promoted and refreshed');
is( $standby->safe_psql('postgres', 'SELECT count(*) - count(DISTINCT event_id) FROM user_profile.events'),
	'0', 'event ids are unique after the promotion');

# The log and timelines agree, and all that was brought is there
sub is_sound_but_expired
{
	my ($node, $name) = @_;

	is($node->safe_psql('postgres', 'SELECT count(*) FROM user_profile.check_timelines()'),
		'0', "$name: check_timelines() finds nothing");
	is($node->safe_psql('postgres', q{SELECT sum(events) FROM user_profile.users_sessions('(,)')}),
		$node->safe_psql('postgres',
			"SELECT $count + count(*) FROM user_profile.events e
			 WHERE NOT user_profile.is_suppressed(e.user_id) AND e.event_id > $last"),
		"$name: every event counts once");
	return;
}

$standby->stop;
done_testing();
