# Processes killed at random moments, while clients COPY into the log and refresh: nothing that was
# committed is lost, nothing counts twice. A client notes each chunk before it sends it and after
# the server has confirmed it; what it had no word of may be there as a whole or not at all.
#
# KILL_ROUNDS is how often, KILL_SEED where the random moments begin.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use UserProfile;

my $rounds = $ENV{KILL_ROUNDS} || 20;
srand($ENV{KILL_SEED} || 20240214);

my $chunk = 200;
my $node = new_node('main', 'user_profile.batch_size = 700', 'restart_after_crash = on',
	'max_wal_size = 1GB');
install_extension($node);
my $connection = $node->connstr('postgres');

# A client's script: COPYs that each bring a chunk, named by its number in place of the page, and
# confirm it. There are more of them than can be done before the kill.
my $next_chunk = 0;
sub copies
{
	my ($count) = @_;
	my $lines = join '', map {
		sprintf("user %d\t2024-01-%02d %02d:%02d:00+00\tname %d\tchunk @\n",
			int(rand(300)), 1 + int(rand(20)), int(rand(24)), int(rand(60)), $_ % 20)
	} 1 .. $chunk;

	return join '', map {
		my $name = ++$next_chunk;
		"COPY user_profile.events (user_id, occurred_at, name, page) FROM stdin;\n"
		  . $lines =~ s/@/$name/gr
		  . "\\.\n\\echo confirmed $name\n"
	} 1 .. $count;
}

# Start psql with a script, in the background
sub start_psql
{
	my ($script) = @_;
	my %client = (in => '', out => '', err => '');
	my $file = PostgreSQL::Test::Utils::tempdir() . '/script.sql';

	append_to_file($file, $script);
	$client{run} = IPC::Run::start(
		[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $connection, '-f', $file ],
		'<', \$client{in}, '>', \$client{out}, '2>', \$client{err});
	return \%client;
}

# Kill the postmaster and all its children at once, and come back when they are gone
sub kill_all
{
	my ($postmaster) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
	my @pids;
	foreach my $status (glob('/proc/[0-9]*/status'))
	{
		# Processes come and go
		open(my $file, '<', $status) or next;
		my $text = join('', <$file>);
		push @pids, $1 if $text =~ /^PPid:\s+$postmaster$/m && $text =~ /^Pid:\s+(\d+)$/m;
	}

	kill 'STOP', $postmaster;
	kill 'KILL', @pids;
	$node->kill9;
	for (1 .. 500)
	{
		return unless grep { kill 0, $_ } @pids;
		sleep 0.02;
	}
	BAIL_OUT('processes survive SIGKILL');
}

my (%confirmed, $kills, $midway);
foreach my $round (1 .. $rounds)
{
	my $before = $next_chunk;
	my @writers = map { start_psql(copies(250)) } 1 .. 2;
	my $refresher = start_psql("SET client_min_messages = error;\n" . "CALL user_profile.refresh();\n" x 2000);

	# Two in three rounds everything is killed at once, else one backend: the server ends the rest
	sleep(0.05 + rand(0.25));
	if ($round % 3)
	{
		kill_all();
		$kills++;
	}
	else
	{
		my $pid = $node->safe_psql('postgres',
			q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'
				AND query ~ '^(COPY|CALL)' ORDER BY random() LIMIT 1});
		if ($pid)
		{
			kill 'KILL', $pid;
			$kills++;
		}
	}
	eval { $_->{run}->finish } for @writers, $refresher;
	foreach my $writer (@writers)
	{
		$confirmed{$_} = 1 for $writer->{out} =~ /^confirmed (\d+)$/mg;
	}
	my $done = grep { $confirmed{$_} } $before + 1 .. $next_chunk;
	$midway++ if $done < $next_chunk - $before;

	$node->start if $round % 3;
	$node->poll_query_until('postgres', 'SELECT true') or BAIL_OUT('the server does not recover');

	my %chunks = map { split /\|/ } split /\n/,
	  $node->safe_psql('postgres',
		q{SELECT substr(page, 7), count(*) FROM user_profile.events GROUP BY page});
	is(join(' ', grep { !$chunks{$_} } sort { $a <=> $b } keys %confirmed),
		'', "round $round: all $done chunks that were confirmed are there");
	is(join(' ', grep { $chunks{$_} != $chunk } sort keys %chunks), '', "round $round: each as a whole");
	is( $node->safe_psql('postgres', 'SELECT count(*) - count(DISTINCT event_id) FROM user_profile.events'),
		'0', "round $round: event ids are unique");
	is_sound($node, "round $round");
}
cmp_ok($kills, '>=', $rounds * 0.9, "$kills kills");
cmp_ok($midway, '>=', $rounds / 2, "$midway of them while clients wrote");

$node->safe_psql('postgres', 'CALL user_profile.refresh()');
is_empty($node, 'in the end');
is_sound($node, 'in the end');

$node->stop;
done_testing();
