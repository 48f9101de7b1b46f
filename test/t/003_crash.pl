# The server stops at once in the middle of a refresh, or the refresh is killed, again and
# again. Whatever was folded before stays folded, and nothing is lost or counted twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Utils;
use Test::More;
use UserProfile;

my $events = 200_000;
my $rounds = 4;

# Small batches, so that there are many places to stop, and slow ones, so that the stop comes
# before the end and more often inside a batch than between two
my $node = new_node('main', 'user_profile.batch_size = 5000', 'restart_after_crash = on');
install_extension($node);
$node->safe_psql(
	'postgres', q{
	CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END';
	CREATE TRIGGER slow AFTER INSERT OR UPDATE ON user_profile.timelines
		EXECUTE FUNCTION slow()});
add_events($node, $events, 2000, 1);

my $pending = sub {
	return $node->safe_psql('postgres', 'SELECT pending_events FROM user_profile.status');
};

my $left = $pending->();
is($left, $events, 'all events are pending');

foreach my $round (1 .. $rounds)
{
	# Let it get some batches further, not to the end. A different distance each time, so that
	# the stop finds different places.
	my $session = start_call($node, 'CALL user_profile.refresh()');
	my $goal = $left - 5000 * $round;
	$node->poll_query_until('postgres',
		"SELECT pending_events < $goal FROM user_profile.status")
	  or die 'the refresh makes no progress';
	select(undef, undef, undef, 0.007 * $round);

	if ($round % 2)
	{
		$node->stop('immediate');
		$node->start;
	}
	else
	{
		# The session alone: the server ends all others and recovers by itself
		my $pid = $node->safe_psql('postgres',
			q{SELECT pid FROM pg_stat_activity WHERE query ~ '^CALL user_profile'});
		kill 'KILL', $pid;
		$node->poll_query_until('postgres',
			"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)")
		  or die 'the server does not recover';
	}
	eval { $session->quit };

	my $now = $pending->();
	cmp_ok($now, '<=', $goal, "round $round: finished batches stay");
	cmp_ok($now, '>', 0, "round $round: the stop was in the middle of it");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM user_profile.events'),
		$events, "round $round: the log is complete");
	is( $node->safe_psql('postgres',
			q{SELECT sum(events) FROM user_profile.users_sessions('(,)')}),
		$events,
		"round $round: every event counts once");
	is_sound($node, "round $round");

	# Life goes on between the crashes
	add_events($node, 10_000, 2100, 10 + $round);
	$events += 10_000;
	$left = $pending->();
}

$node->safe_psql('postgres', 'CALL user_profile.refresh()');
is($pending->(), '0', 'the last refresh comes to the end');
is_sound($node, 'in the end');

# A crash right after: what was folded is durable
$node->stop('immediate');
$node->start;
is($pending->(), '0', 'and stays there');
is_sound($node, 'after a last crash');

$node->stop;
done_testing();
