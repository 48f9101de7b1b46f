# Dumps of every format, restored into a new cluster, give identical answers, and life goes on there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Utils;
use Test::More;
use UserProfile;

my $node = new_node('main');
install_extension($node);
add_everything($node);

# Who dumps may read, and owns nothing. Restoring makes the extension, which takes a superuser.
$node->safe_psql(
	'postgres', q{
	CREATE ROLE archivist LOGIN;
	GRANT pg_read_all_data TO archivist});

my $basedir = $node->basedir;
my %dumped = (
	plain => [ '-f', "$basedir/plain" ],
	custom => [ '-Fc', '-f', "$basedir/custom" ],
	directory => [ '-Fd', '-j', '2', '-f', "$basedir/directory" ],
	data_only => [ '--data-only', '-f', "$basedir/data_only" ],
	archivist => [ '-U', 'archivist', '-f', "$basedir/archivist" ]);
my %restored = (
	plain => [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$basedir/plain" ],
	custom => [ 'pg_restore', '--exit-on-error', '-j', '2', "$basedir/custom" ],
	directory => [ 'pg_restore', '--exit-on-error', '-j', '2', "$basedir/directory" ],
	data_only => [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$basedir/data_only" ],
	archivist => [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$basedir/archivist" ]);

my $new = new_node('new');
my @databases = sort keys %dumped;
foreach my $database (@databases)
{
	$node->command_ok([ 'pg_dump', @{ $dumped{$database} }, 'postgres' ], "pg_dump, $database");
	$new->safe_psql('postgres', "CREATE DATABASE $database");
	install_extension($new, $database) if $database eq 'data_only';
	$new->command_ok([ @{ $restored{$database} }, '-d', $database ], "restore, $database");
}

sub are_identical
{
	my ($name) = @_;

	same_contents($name, [ $node, 'postgres' ], map { [ $new, $_ ] } @databases);
	return;
}

are_identical('restored');
is_sound($new, "restored, $_", $_) foreach @databases;
is( $new->safe_psql($_, 'SELECT pending_events FROM user_profile.status'),
	$node->safe_psql('postgres', 'SELECT pending_events FROM user_profile.status'),
	"the same events are pending, $_") foreach @databases;

# A dump of the restored is the dump, whatever format it went by
foreach my $database ('plain', 'custom', 'directory', 'data_only')
{
	$new->command_ok([ 'pg_dump', '-f', "$basedir/again.$database", $database ],
		"pg_dump of the restored, $database");
	my ($first, $second) = map
	{
		my $dump = slurp_file($_);
		$dump =~ s/^\\(un)?restrict .*$//mg;	# a random key
		# A row goes to whichever page has room for it, also to one before the last row's: for rows
		# as large as timelines, the order of a restored table is not that of the dump
		$dump =~ s{^(COPY user_profile\.timelines .*?\n)(.*?)^(\\\.)$}
			{$1 . join("\n", sort split(/\n/, $2)) . "\n$3"}mse or die 'no rows of timelines';
		$dump;
	} ("$basedir/plain", "$basedir/again.$database");
	is_same_text($first, $second, "the dump and the dump of the restored, $database");
}

# Sequences continue: new events get new numbers everywhere, and in the same order
foreach my $place ([ $node, 'postgres' ], map { [ $new, $_ ] } @databases)
{
	my ($server, $database) = @$place;
	my $last = $server->safe_psql($database, 'SELECT max(event_id) FROM user_profile.events');
	my $next = $server->safe_psql($database,
		q{SELECT user_profile.track('user 1', 'after', 'tracked', '/after', NULL, '2024-07-01')});
	cmp_ok($next, '>', $last, "a new event's number is new, $database");
	add_events($server, 1000, 70, 5, $database);
	is( $server->safe_psql(
			$database,
			q{SELECT user_profile.track('user 1', 'NPS', 'nps', '/nps', '{"score": 3}', '2024-07-02', NULL, 'message 1')}
		),
		'',
		"a message seen before the dump is still known, $database");
}
are_identical('with new events');

# Refresh goes on where it was
foreach my $place ([ $node, 'postgres' ], map { [ $new, $_ ] } @databases)
{
	my ($server, $database) = @$place;
	$server->safe_psql($database, 'CALL user_profile.refresh()');
	is_sound($server, "refreshed, $database", $database);
	is($server->safe_psql($database, 'SELECT pending_events FROM user_profile.status'),
		'0', "nothing is pending, $database");
}
are_identical('refreshed');

$_->stop foreach ($node, $new);
done_testing();
