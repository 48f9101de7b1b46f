# refresh() among others: transactions, timeouts, cancels, writers, and other refreshes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Utils;
use Test::More;
use UserProfile;

my $node = new_node('main', 'user_profile.batch_size = 2000');
install_extension($node);

my $pending = sub {
	return $node->safe_psql('postgres', 'SELECT pending_events FROM user_profile.status');
};

# In a transaction block
add_events($node, 10_000, 100, 1);
foreach my $block ('BEGIN; CALL user_profile.refresh()',
	'DO $$ BEGIN PERFORM 1; EXECUTE $c$ CALL user_profile.refresh() $c$; EXCEPTION WHEN division_by_zero THEN END $$')
{
	my ($status, $stdout, $stderr) = $node->psql('postgres', $block, on_error_stop => 1);
	isnt($status, 0, "an error: $block");
	like($stderr, qr/ERROR: .*(transaction|commit)/i, 'which says why');
}
is($pending->(), '10000', 'and nothing was folded');

# A NOTICE a batch
my ($status, $stdout, $stderr) = $node->psql('postgres', 'CALL user_profile.refresh()');
is($status, 0, 'refresh()');
my @notices = grep { /^(psql:.*)?NOTICE:/ } split /\n/, $stderr;
cmp_ok(scalar(@notices), '>=', 5, 'a NOTICE a batch');
my @done = map { /(\d[\d,]*)(?: of \d[\d,]*)? events\b/ ? $1 =~ tr/,//dr : () } @notices;
cmp_ok(scalar(@done), '>=', 5, 'each with the events done');
is($done[-1], '10000', 'which are all in the end');
my @rates = grep { m{\d[\d,]* ?(?:events)?/s|events per second} } @notices;
cmp_ok(scalar(@rates), '>=', 5, 'each with the rate');
diag($stderr) unless @done >= 5 && @rates >= 5;
is_sound($node, 'refreshed');

($status, $stdout, $stderr) = $node->psql('postgres', 'CALL user_profile.refresh()');
is($status, 0, 'with nothing to do it does nothing');
is_sound($node, 'refreshed twice');

# statement_timeout: finished batches stay. Where the machine is fast enough to finish in the
# time given, a larger log will do.
my $count = 100_000;
my $interrupted = sub {
	my ($name, $interrupt) = @_;

	foreach my $attempt (1 .. 5)
	{
		add_events($node, $count, 500, 10 + $attempt);
		my $before = $pending->();
		my $message = $interrupt->($before);
		my $after = $pending->();
		is_sound($node, "$name, attempt $attempt");
		if ($after > 0 && $after < $before)
		{
			pass("$name: it stopped in the middle, finished batches stay");
			like($message, qr/ERROR:  canceling statement due to/, "$name: it says why");
			$node->safe_psql('postgres', 'CALL user_profile.refresh()');
			is($pending->(), '0', "$name: the next refresh does the rest");
			is_sound($node, "$name, then refreshed");
			return;
		}
		$count *= 2 if $after == 0;
		$node->safe_psql('postgres', 'CALL user_profile.refresh()');
	}
	fail("$name: it stopped in the middle");
	return;
};

$interrupted->(
	'statement_timeout',
	sub {
		my (undef, undef, $message) =
		  $node->psql('postgres', "SET statement_timeout = '150ms'; CALL user_profile.refresh()");
		return $message;
	});

$interrupted->(
	'pg_cancel_backend',
	sub {
		my ($before) = @_;
		my $session = start_call($node, 'CALL user_profile.refresh()');
		$node->poll_query_until('postgres',
			"SELECT pending_events < $before FROM user_profile.status");
		$node->safe_psql(
			'postgres', q{
			SELECT pg_cancel_backend(pid) FROM pg_stat_activity
			WHERE query ~ '^CALL user_profile' AND state = 'active'});
		$session->quit;
		return $session->{stderr};
	});

$interrupted->(
	'pg_terminate_backend',
	sub {
		my ($before) = @_;
		my $session = start_call($node, 'CALL user_profile.refresh()');
		$node->poll_query_until('postgres',
			"SELECT pending_events < $before FROM user_profile.status");
		$node->safe_psql(
			'postgres', q{
			SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE query ~ '^CALL user_profile' AND state = 'active'});
		eval { $session->quit };
		return 'ERROR:  canceling statement due to the end of its session';
	});

# A writer that is still open when the refresh begins: its events have low numbers and become
# visible late. They may be folded now or later, never passed over.
foreach my $end ('COMMIT', 'ROLLBACK')
{
	my $writer = $node->background_psql('postgres');
	$writer->query_safe('BEGIN');
	$writer->query_safe(
		q{INSERT INTO user_profile.events (user_id, name, occurred_at)
		  SELECT 'slow writer', 'slow', timestamptz '2024-03-01' + i * interval '1 min'
		  FROM generate_series(1, 10) AS i});
	add_events($node, 5000, 100, 20);

	my $refresh = start_call($node, 'CALL user_profile.refresh()');
	select(undef, undef, undef, 0.5);

	# Ingestion doesn't wait for the refresh, whatever the refresh waits for
	$node->safe_psql('postgres',
		q{SET statement_timeout = '5s'; SELECT user_profile.track('quick writer', 'quick')});
	pass("others can write meanwhile, $end");
	is_sound($node, "with a writer open, before $end");

	$writer->query_safe($end);
	$writer->quit;
	$refresh->quit;
	unlike($refresh->{stderr}, qr/ERROR/, "the refresh succeeds, $end");
	is_sound($node, "after $end");

	$node->safe_psql('postgres', 'CALL user_profile.refresh()');
	is($pending->(), '0', "nothing is pending, $end");
	is_sound($node, "after $end and another refresh");
	is( $node->safe_psql('postgres',
			q{SELECT coalesce(sum(events), 0) FROM user_profile.user_sessions('slow writer', '(,)')}),
		'10',
		"the slow writer's events are there, once, after $end");
}

# A refresh that gives up waiting for a writer
{
	my $writer = $node->background_psql('postgres');
	$writer->query_safe('BEGIN');
	$writer->query_safe(q{SELECT user_profile.track('slow writer', 'slower')});
	add_events($node, 5000, 100, 21);
	($status, $stdout, $stderr) =
	  $node->psql('postgres', "SET statement_timeout = '1s'; CALL user_profile.refresh()");
	is_sound($node, 'a refresh that gave up on a writer');
	$writer->query_safe('COMMIT');
	$writer->quit;
	is_sound($node, 'and the writer committed');
	$node->safe_psql('postgres', 'CALL user_profile.refresh()');
	is($pending->(), '0', 'and the next one folds all');
	is_sound($node, 'and the next one');
}

# Several at once, while events come in
add_events($node, 50_000, 500, 30);
my @sessions = map { start_call($node, 'CALL user_profile.refresh()') } (1 .. 3);
add_events($node, 5000, 500, 31);
foreach my $session (@sessions)
{
	$session->quit;
	unlike($session->{stderr}, qr/ERROR|deadlock/, 'one of several refreshes at once');
}
is_sound($node, 'several refreshes at once');
$node->safe_psql('postgres', 'CALL user_profile.refresh()');
is($pending->(), '0', 'nothing is pending after them');
is_sound($node, 'and another');

# Readers see one state, exact, at every moment of a refresh
add_events($node, 100_000, 500, 40);
my $total = $node->safe_psql('postgres', 'SELECT count(*) FROM user_profile.events');
my $session = start_call($node, 'CALL user_profile.refresh()');
my ($looks, $wrong) = (0, 0);
do
{
	$looks++;
	$wrong++
	  if $node->safe_psql('postgres', q{SELECT sum(events) FROM user_profile.users_sessions('(,)')}) !=
	  $total;
} while ($looks < 200 && $pending->() > 0);
is($wrong, 0, "all of $looks looks during a refresh count every event once");
$session->quit;

$node->stop;
done_testing();
