# Installing and removing the extension: it takes over nothing, and leaves nothing behind.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Utils;
use Test::More;
use UserProfile;

my $node = new_node('main');

# Everything that a database holds, by name
my $objects = q{
	SELECT pg_describe_object(o.classid, o.objid, 0)
	FROM (SELECT 'pg_namespace'::regclass, oid FROM pg_namespace
			WHERE nspname !~ '^pg_(toast_)?temp_'
		UNION ALL SELECT 'pg_class'::regclass, oid FROM pg_class
			WHERE relnamespace::regnamespace::text !~ '^pg_(toast_)?temp_'
		UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc
		UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type
			WHERE typnamespace::regnamespace::text !~ '^pg_(toast_)?temp_'
		UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator
		UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast
		UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass
		UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger
		UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
		UNION ALL SELECT 'pg_collation'::regclass, oid FROM pg_collation
		UNION ALL SELECT 'pg_extension'::regclass, oid FROM pg_extension
		UNION ALL SELECT 'pg_authid'::regclass, oid FROM pg_authid
	) AS o (classid, objid)
	ORDER BY 1};
my $before = $node->safe_psql('postgres', $objects);

# A schema that somebody planted
$node->safe_psql(
	'postgres', q{
	CREATE ROLE planter;
	CREATE SCHEMA user_profile AUTHORIZATION planter;
	CREATE TABLE user_profile.events (event_id text);
	INSERT INTO user_profile.events VALUES ('mine')});
my $planted = $node->safe_psql('postgres', $objects);
my ($status, $stdout, $stderr) = $node->psql('postgres', 'CREATE EXTENSION user_profile');
isnt($status, 0, 'CREATE EXTENSION fails where a schema user_profile exists');
like($stderr, qr/schema "user_profile" already exists/, 'and says so');
is($node->safe_psql('postgres', $objects), $planted, 'and changes nothing');
is( $node->safe_psql(
		'postgres', "SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'user_profile'"),
	'planter',
	'the schema keeps its owner');
is($node->safe_psql('postgres', 'SELECT event_id FROM user_profile.events'),
	'mine', 'and its data');

($status, $stdout, $stderr) =
  $node->psql('postgres', 'CREATE EXTENSION IF NOT EXISTS user_profile');
isnt($status, 0, 'IF NOT EXISTS makes no difference to that');
$node->safe_psql('postgres', 'DROP SCHEMA user_profile CASCADE; DROP ROLE planter');

# Who may, and where
($status, $stdout, $stderr) = $node->psql(
	'postgres', q{
	CREATE ROLE someone;
	GRANT CREATE ON DATABASE postgres TO someone;
	SET ROLE someone;
	CREATE EXTENSION user_profile});
like($stderr, qr/permission denied to create extension "user_profile"/,
	'only a superuser installs it');
$node->safe_psql('postgres', 'DROP OWNED BY someone; DROP ROLE someone');

($status, $stdout, $stderr) = $node->psql('postgres', 'CREATE EXTENSION user_profile SCHEMA public');
isnt($status, 0, 'it goes into no other schema');

# The script is no script for psql
my $sharedir = $node->config_data('--sharedir');
my $version = control_version();
($status, $stdout, $stderr) =
  $node->psql('postgres', "\\i $sharedir/extension/user_profile--$version.sql");
like($stdout, qr/CREATE EXTENSION user_profile/, 'its script, fed to psql, says what to do instead');
is($node->safe_psql('postgres', $objects), $before, 'and makes nothing');

# In
install_extension($node);
is( $node->safe_psql('postgres', "SELECT extversion FROM pg_extension WHERE extname = 'user_profile'"),
	$version,
	'the version is the one of the control file');
is($node->safe_psql('postgres', 'SHOW search_path'), '"$user", public', 'search_path is as before');
is( $node->safe_psql(
		'postgres', q{CREATE TEMP TABLE t (); DROP EXTENSION user_profile; CREATE EXTENSION user_profile;
		SHOW search_path}),
	'"$user", public',
	'also in the session that installed it');

# Out, after use
add_events($node, 5000, 50, 1);
$node->safe_psql('postgres', 'CALL user_profile.refresh()');
add_events($node, 500, 50, 2);
is_sound($node, 'installed');
$node->safe_psql('postgres', 'DROP EXTENSION user_profile');
is($node->safe_psql('postgres', $objects), $before, 'DROP EXTENSION leaves nothing behind');

# In again, as if it had never been there
install_extension($node);
is($node->safe_psql('postgres', 'SELECT count(*) FROM user_profile.events'), '0', 'a new install is empty');
add_events($node, 500, 50, 3);
$node->safe_psql('postgres', 'CALL user_profile.refresh()');
is_sound($node, 'installed again');

# Beside another database
$node->safe_psql('postgres', 'CREATE DATABASE other');
install_extension($node, 'other');
is($node->safe_psql('other', 'SELECT count(*) FROM user_profile.user_profiles'),
	'0', 'databases have nothing in common');

$node->stop;
done_testing();
