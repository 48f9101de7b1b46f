# pg_upgrade from an older server: the same answers, and life goes on there.
#
# OLD_PG_CONFIG is the pg_config of the older server, which has the extension; test/run.sh sees
# to that.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use UserProfile;

plan skip_all => 'no older server: OLD_PG_CONFIG is not set' unless $ENV{OLD_PG_CONFIG};

my $new = PostgreSQL::Test::Cluster->new('new');
my $old = PostgreSQL::Test::Cluster->new('old',
	install_path => dirname(dirname($ENV{OLD_PG_CONFIG})));
my ($old_major, $new_major) = map { int($_->pg_version =~ s/\..*//r) } ($old, $new);
plan skip_all => "$old_major is not older than $new_major" unless $old_major < $new_major;

my @locale = ('--locale=C', '--encoding=UTF8');
$old->init(extra => [@locale]);
# The older server may be a copy without the libraries that its JIT compilation needs
$old->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off");
$old->start;

# The clusters must agree on checksums; initdb makes them from 18 on unless told otherwise
my $checksums = $old->safe_psql('postgres', 'SHOW data_checksums') eq 'on';
my @checksums = $checksums ? '--data-checksums' : $new_major >= 18 ? '--no-data-checksums' : ();
$new->init(extra => [ @locale, @checksums ]);
$new->append_conf('postgresql.conf', "timezone = 'UTC'");

# Minor releases of November 2026 gave columns an option that a server of before refuses
my $versioned = q{SELECT count(*) FROM pg_attribute WHERE array_to_string(attoptions, ' ') ~ 'pg_attver'};
$new->start;
my $known = $new->safe_psql('postgres', $versioned);
$new->stop;
plan skip_all => "this $new_major is of before, and this $old_major of after pg_attver"
  if !$known && $old->safe_psql('postgres', $versioned);

install_extension($old);
add_everything($old);
my $pending = $old->safe_psql('postgres', 'SELECT pending_events FROM user_profile.status');
cmp_ok($pending, '>', 0, 'events are pending');
is_sound($old, "$old_major");

my $id = q{SELECT max(event_id) FROM user_profile.events};
my $last = $old->safe_psql('postgres', $id);
my $day = $old->safe_psql('postgres', 'SELECT current_date');
my $before = view_contents($old, 'postgres');
$old->stop;

chdir($PostgreSQL::Test::Utils::tmp_check) or die "chdir: $!";
command_ok(
	[
		'pg_upgrade', '--no-sync', '--copy',
		'--old-datadir', $old->data_dir, '--new-datadir', $new->data_dir,
		'--old-bindir', $old->config_data('--bindir'), '--new-bindir', $new->config_data('--bindir'),
		'--socketdir', $new->host, '--old-port', $old->port, '--new-port', $new->port
	],
	"pg_upgrade from $old_major to $new_major");
unless (Test::More->builder->is_passing)
{
	# What it says is in files that go with the directory
	foreach my $log (glob($new->data_dir . '/pg_upgrade_output.d/*/log/*'))
	{
		diag("$log:\n" . join("\n", grep { /error|fatal|fail/i } split /\n/, slurp_file($log)));
	}
	BAIL_OUT('nothing was upgraded');
}

$new->start;
is($new->safe_psql('postgres', q{SELECT current_setting('server_version_num')::int / 10000}),
	$new_major, "the server is $new_major");
SKIP:
{
	my $after = view_contents($new, 'postgres');
	skip 'midnight, where days begin, came between', 2
	  if $new->safe_psql('postgres', 'SELECT current_date') ne $day;
	is_same_text($before, $after, 'before and after');
}
is($new->safe_psql('postgres', 'SELECT pending_events FROM user_profile.status'),
	$pending, 'the same events are pending');
is_sound($new, "$new_major");

# Sequences continue, messages seen before are known, refresh goes on where it was
cmp_ok(
	$new->safe_psql('postgres',
		q{SELECT user_profile.track('user 1', 'after', 'tracked', '/after', NULL, '2024-07-01')}),
	'>', $last, "a new event's number is new");
is( $new->safe_psql(
		'postgres',
		q{SELECT user_profile.track('user 1', 'NPS', 'nps', '/nps', '{"score": 3}', '2024-07-02', NULL, 'message 1')}
	),
	'',
	'a message seen before is still known');
add_events($new, 1000, 70, 5);
is_sound($new, "$new_major, with new events");
$new->safe_psql('postgres', 'CALL user_profile.refresh()');
is_empty($new, "$new_major, refreshed");
is_sound($new, "$new_major, refreshed");

# What the new server dumps and restores is the same again
$new->safe_psql('postgres', 'CREATE DATABASE restored');
my $dump = $new->basedir . '/plain.sql';
$new->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], 'pg_dump after pg_upgrade');
$new->command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'restored', '-f', $dump ], 'its restore');
same_contents('dumped and restored after pg_upgrade', [ $new, 'postgres' ], [ $new, 'restored' ]);

$new->stop;
done_testing();
