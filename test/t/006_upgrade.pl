# ALTER EXTENSION UPDATE: an upgraded database is as a new install, and its data answer as before.
#
# Every version that has a path of upgrade scripts to the current one is taken along it. So that
# there is something to test while there is one version only, a made-up next version is
# built from a copy of the tree, by the same steps as a release: the install script of
# the current version is frozen, and a function comes in by an upgrade script. Its library is the
# current one; that an old script goes with a newer library is tested once there are two.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use File::Spec;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use UserProfile;

my $top = File::Spec->rel2abs("$FindBin::RealBin/../..");
my $current = control_version();
my $next = "${current}next";
my $directory = PostgreSQL::Test::Utils::tempdir_short();

# What was released is as it was
SKIP:
{
	skip 'nothing is released: there is no sql/SHA256SUMS', 1 unless -f "$top/sql/SHA256SUMS";
	command_ok([ 'sh', '-c', "cd '$top' && sha256sum --check --quiet sql/SHA256SUMS" ],
		'released scripts are unchanged');
}

# The next version, installed into a copy of the server
my $function = q{
CREATE FUNCTION user_profile.next_version_answer() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 42;
COMMENT ON FUNCTION user_profile.next_version_answer() IS 'What the next version brings';
REVOKE ALL ON FUNCTION user_profile.next_version_answer() FROM PUBLIC;
};
my $tree = "$directory/tree";
system_or_bail('cp', '-r', '--preserve=timestamps', $top, $tree);
system_or_bail('chmod', '-R', 'u+w', $tree);
my $frozen = "sql/user_profile--$current.sql";
my $install_script = slurp_file("$tree/$frozen");
if (!-f "$top/sql/SHA256SUMS" || slurp_file("$top/sql/SHA256SUMS") !~ /\Q$frozen\E/)
{
	system_or_bail('sh', '-c', "cd '$tree' && sha256sum '$frozen' >>sql/SHA256SUMS");
}
my $control = slurp_file("$tree/user_profile.control");
$control =~ s/^default_version = .*/default_version = '$next'/m;
unlink("$tree/user_profile.control");
append_to_file("$tree/user_profile.control", $control);
append_to_file("$tree/sql/parts/99_next.sql", $function);
append_to_file("$tree/sql/user_profile--$current--$next.sql", $function);

my $pg_config = `sh -c '. "\$1/test/cluster.sh" && private_server "\$2" >&2 && echo "\$PG_CONFIG"' '$top/test/006' '$top' '$directory'`;
chomp $pg_config;
my @make = ('make', '-C', $tree, "PG_CONFIG=$pg_config", 'with_llvm=no');
command_ok([ @make, 'clean' ], 'make clean');
is(slurp_file("$tree/$frozen"), $install_script, 'a released script survives it');
command_ok([ @make, 'install' ], 'the next version is built and installed');
is(slurp_file("$tree/$frozen"), $install_script, 'and the released script is as it was');

my $node = PostgreSQL::Test::Cluster->new('main', install_path => $pg_config =~ s{/bin/pg_config$}{}r);
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'");
$node->start;

# All that makes up the extension, except in what order it came
my $objects = q{
	WITH member AS (
		SELECT classid, objid FROM pg_depend
		WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
			AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'user_profile')),
	relation AS (
		SELECT c.* FROM member JOIN pg_class AS c ON classid = 'pg_class'::regclass AND objid = c.oid)
	SELECT concat_ws(' | ', pg_describe_object(classid, objid, 0),
		obj_description(objid, classid::regclass::name)) FROM member
	UNION ALL
	SELECT concat_ws(' | ', p.oid::regprocedure, prokind, proacl,
		CASE WHEN prokind <> 'a' THEN pg_get_functiondef(p.oid) END)
	FROM member JOIN pg_proc AS p ON classid = 'pg_proc'::regclass AND objid = p.oid
	UNION ALL
	SELECT concat_ws(' | ', oid::regclass, relkind, relacl, reloptions, relrowsecurity,
		CASE WHEN relkind = 'v' THEN pg_get_viewdef(oid) END) FROM relation
	UNION ALL
	SELECT concat_ws(' | ', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
		attidentity, attgenerated, attstorage, attacl, col_description(attrelid, attnum),
		pg_get_expr(adbin, adrelid))
	FROM relation JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
		LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
	UNION ALL
	SELECT pg_get_indexdef(indexrelid) FROM relation JOIN pg_index ON indrelid = oid
	UNION ALL
	SELECT concat_ws(' | ', conrelid::regclass, conname, pg_get_constraintdef(pg_constraint.oid))
	FROM relation JOIN pg_constraint ON conrelid = relation.oid
	UNION ALL
	SELECT pg_get_triggerdef(pg_trigger.oid)
	FROM relation JOIN pg_trigger ON tgrelid = relation.oid AND NOT tgisinternal
	UNION ALL
	SELECT concat_ws(' | ', 'dumped', t::regclass, c)
	FROM pg_extension, unnest(extconfig, extcondition) AS u (t, c) WHERE extname = 'user_profile'
	ORDER BY 1};

# Each version that can be upgraded, to the current version and to the next
my @paths = map { [ split /\|/ ] } split /\n/, $node->safe_psql(
	'postgres', qq{
	SELECT source, target FROM pg_extension_update_paths('user_profile')
	WHERE path IS NOT NULL AND target IN ('$current', '$next')
		AND EXISTS (SELECT FROM pg_available_extension_versions
			WHERE name = 'user_profile' AND version = source)
		AND source <> '$next'
	ORDER BY 1, 2});
note("$_->[0] to $_->[1]") foreach @paths;
ok((grep { $_->[0] eq $current && $_->[1] eq $next } @paths),
	'there is a path from the current version to the next');

my $number = 0;
foreach my $path (@paths)
{
	my ($source, $target) = @$path;
	my ($fresh, $upgraded) = map { $_ . $number } ('fresh', 'upgraded');
	$number++;
	my $name = "$source to $target";
	$node->safe_psql('postgres', "CREATE DATABASE $_") foreach ($fresh, $upgraded);
	$node->safe_psql($fresh, "CREATE EXTENSION user_profile VERSION '$target'");
	$node->safe_psql($upgraded, "CREATE EXTENSION user_profile VERSION '$source'");
	my $objects_before = $node->safe_psql($upgraded, $objects);

	# The older objects work with the library that is installed
	add_everything($node, $upgraded);
	is_sound($node, "$source, with the library of today", $upgraded);
	$node->safe_psql('postgres', "CREATE DATABASE before$number TEMPLATE $upgraded");

	$node->safe_psql($upgraded, "ALTER EXTENSION user_profile UPDATE TO '$target'");
	is( $node->safe_psql(
			$upgraded, "SELECT extversion FROM pg_extension WHERE extname = 'user_profile'"),
		$target, "$name: the version is new");
	my ($expected, $got) = map { $node->safe_psql($_, $objects) } ($fresh, $upgraded);
	isnt($got, $objects_before, "$name: some object is new");
	is_same_text($expected, $got, "$name: a new install and the upgraded");

	same_contents($name, [ $node, "before$number" ], [ $node, $upgraded ]);
	is_sound($node, "$name, upgraded", $upgraded);
	$node->safe_psql($upgraded, 'CALL user_profile.refresh()');
	is_sound($node, "$name, refreshed", $upgraded);

	# Dumped after the upgrade, it comes back
	my $dump = $node->basedir . "/$upgraded";
	$node->safe_psql('postgres', "CREATE DATABASE restored$number");
	$node->command_ok([ 'pg_dump', '-f', $dump, $upgraded ], "$name: pg_dump");
	$node->safe_psql("restored$number", "CREATE EXTENSION user_profile VERSION '$target'");
	$node->command_ok(
		[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', "restored$number", '-f', $dump ],
		"$name: restored");
	same_contents("$name, restored", [ $node, $upgraded ], [ $node, "restored$number" ]);
}

$node->stop;
done_testing();
