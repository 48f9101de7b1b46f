# The background worker: it folds by itself, in the databases it is told, as the role it is told,
# and is in nobody's way.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use UserProfile;

# Without the library at the server's start: settings and refresh() are there, the worker is not
{
	my $node = new_node('alone', "user_profile.databases = 'postgres'");
	install_extension($node);
	add_events($node, 100, 10, 1);
	is($node->safe_psql('postgres', 'SELECT worker_state FROM user_profile.status'),
		'not loaded', 'without shared_preload_libraries there is no worker');
	$node->safe_psql('postgres', 'CALL user_profile.refresh()');
	is_sound($node, 'refreshed by hand');
	$node->stop;
}

my $node = new_node(
	'main',
	"shared_preload_libraries = 'user_profile'",
	'restart_after_crash = on',
	'wal_level = replica',
	'max_wal_senders = 5',
	'hot_standby = on',
	"user_profile.refresh_interval = '1s'");

my $set = sub {
	my ($setting, $value) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET $setting = '$value'");
	$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
	return;
};
my $becomes = sub {
	my ($database, $condition, $name) = @_;
	ok( $node->poll_query_until(
			$database, "SELECT coalesce(($condition), false) FROM user_profile.status"),
		$name);
	return;
};

install_extension($node);
add_events($node, 10_000, 100, 1);
is($node->safe_psql('postgres', 'SELECT worker_state FROM user_profile.status'),
	'not listed', 'a database that is not listed is left alone');
is($node->safe_psql('postgres', 'SELECT pending_events FROM user_profile.status'),
	'10000', 'nothing is folded there');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'user_profile launcher'}),
	'1', 'the launcher shows in pg_stat_activity');

# The list of databases, one of which doesn't exist and one is without the extension
$node->safe_psql('postgres', 'CREATE DATABASE bare');
$set->('user_profile.databases', 'nowhere, bare, postgres');
$becomes->('postgres', 'pending_events = 0 AND last_refresh_at IS NOT NULL', 'a reload starts it');
is_sound($node, 'folded by the worker');
add_events($node, 5000, 100, 2);
$becomes->('postgres', 'pending_events = 0', 'it folds what comes later');
is_sound($node, 'folded again');
$becomes->(
	'postgres', q{worker_state = 'waiting' AND worker_failures = 0 AND worker_error IS NULL
		AND worker_finished_at <= now() AND worker_next_at > worker_finished_at},
	'the status tells of it');
my $times_in_log = sub {
	my ($pattern) = @_;
	my @found = slurp_file($node->logfile) =~ /$pattern/g;
	return scalar(@found);
};
is($times_in_log->(qr/no pass in database "nowhere": no such database/), 1, 'a missing database is logged once');
is($times_in_log->(qr/FATAL/), 0, 'and nobody tries to connect to it');

# When it comes into being it is found, and when it closes it is left alone
$node->safe_psql('postgres', 'CREATE DATABASE nowhere');
install_extension($node, 'nowhere');
$becomes->('nowhere', q{worker_state = 'waiting' AND worker_error IS NULL AND worker_finished_at IS NOT NULL},
	'a database that is made later is worked in');
{
	my $session = $node->background_psql('nowhere');
	$node->safe_psql('postgres', 'ALTER DATABASE nowhere ALLOW_CONNECTIONS false');
	my $tries = 100;
	my $answer = '';
	while ($tries-- > 0 && $answer !~ /no connections/)
	{
		select(undef, undef, undef, 0.1);
		$answer = $session->query_safe('SELECT worker_failures, worker_error FROM user_profile.status');
	}
	is($answer, '0|no such database, or it allows no connections', 'one that allows no connections is none');
	$session->quit;
}
is($times_in_log->(qr/FATAL/), 0, 'nor does anybody try that one');

# An administrator may end the launcher: it comes back
my $launcher = $node->safe_psql('postgres',
	q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'user_profile launcher'});
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher)");
ok( $node->poll_query_until('postgres',
		"SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE backend_type = 'user_profile launcher' AND pid <> $launcher)"),
	'a launcher that was ended comes back');

# Scheduled deletions and rules that expire
$node->safe_psql(
	'postgres', q{
	SELECT user_profile.track('leaver', 'last words');
	SELECT user_profile.schedule_delete('leaver', '0 s');
	SELECT user_profile.add_exclusion_rule('user', 'leav*', expires_at => now() + interval '1 s')});
$becomes->('postgres',
	'NOT EXISTS (SELECT FROM user_profile.scheduled_deletions)', 'a deletion that is due is done');
$becomes->('postgres',
	'NOT EXISTS (SELECT FROM user_profile.exclusion_rules)', 'a rule that has expired is removed');
is( $node->safe_psql('postgres',
		q{SELECT (SELECT count(*) FROM user_profile.live_users WHERE user_id = 'leaver'),
			(SELECT count(*) FROM user_profile.erasures)}),
	'0|1', 'the user is gone and there is a receipt');

# Deletions that fail do not hold up the others; once they succeed the error is gone, though no
# event is to be folded
$node->safe_psql(
	'postgres', q{
	CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF OLD.user_id = ANY (TG_ARGV) THEN
			RAISE EXCEPTION 'nobody leaves' USING DETAIL = 'for now';
		END IF;
		RETURN OLD;
	END$$;
	CREATE TRIGGER keep BEFORE DELETE ON user_profile.users
		FOR EACH ROW EXECUTE FUNCTION keep('user 1', 'user 3');
	INSERT INTO user_profile.scheduled_deletions (user_id, due_at, suppress)
	SELECT 'user ' || i, now() - interval '1 min' + i * interval '1 s', false
	FROM unnest(ARRAY[1, 3, 5, 7]) i;
	SELECT user_profile.add_exclusion_rule('user', 'user 9', expires_at => now() + interval '10 ms')});
$becomes->('postgres', q{last_refresh_error = 'scheduled deletion of user "user 1" failed: nobody leaves: for now'
		AND worker_failures > 0 AND worker_error = last_refresh_error}, 'a deletion that fails');
is( $node->safe_psql('postgres', q{SELECT string_agg(user_id, ', ' ORDER BY user_id) FROM user_profile.scheduled_deletions}),
	'user 1, user 3', 'the others are done');
is( $node->safe_psql('postgres', q{SELECT count(*) FROM user_profile.live_users WHERE user_id IN ('user 1', 'user 3', 'user 5', 'user 7')}),
	'2', 'those users are gone');
cmp_ok($times_in_log->(qr/scheduled deletion of user "user 3" failed: nobody leaves: for now/), '>', 0, 'the log has all of them');
$becomes->('postgres', q{worker_failures > 1}, 'they are tried again');
is($node->safe_psql('postgres', 'SELECT count(*) FROM user_profile.exclusion_rules'), '0', 'and the rest of the pass is done');

# The same by hand
my (undef, $receipts, $warnings) = $node->psql('postgres', 'SELECT * FROM user_profile.run_scheduled_deletions()');
is($receipts, '', 'by hand they fail as well');
like($warnings, qr/WARNING:  scheduled deletion of user "user $_" failed: nobody leaves\nDETAIL:  for now/, "and user $_ is named")
	foreach (1, 3);

$node->safe_psql('postgres', 'DROP TRIGGER keep ON user_profile.users; SELECT pg_reload_conf()');
$becomes->('postgres',
	'last_refresh_error IS NULL AND NOT EXISTS (SELECT FROM user_profile.scheduled_deletions)',
	'the error is gone when its cause is');

# As a role: without rights it fails, says so and backs off; with them it recovers
$node->safe_psql('postgres', 'CREATE ROLE folder LOGIN');
$set->('user_profile.role', 'folder');
add_events($node, 1000, 100, 3);
$becomes->('postgres', q{worker_state = 'backing off' AND worker_error ~ 'permission denied'},
	'a role without rights: the status says what is wrong');
$becomes->('postgres', 'worker_failures >= 2 AND worker_next_at > worker_finished_at + interval \'3 s\'',
	'it waits longer each time');
is_sound($node, 'with a failing worker all figures are right');
$node->safe_psql('postgres', q{SELECT user_profile.grant_access('folder', 'operator')});
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
$becomes->('postgres', q{pending_events = 0 AND worker_state = 'waiting' AND worker_error IS NULL},
	'with the rights it goes on at the next reload');
is_sound($node, 'folded as a role');

# A role from which a policy hides users must not take them for gone
$node->safe_psql(
	'postgres', q{
	SELECT user_profile.schedule_delete('user 2', '0 s');
	ALTER TABLE user_profile.users ENABLE ROW LEVEL SECURITY;
	CREATE POLICY not_all ON user_profile.users USING (user_id <> 'user 2')});
$becomes->('postgres', q{worker_error ~ 'row-level security'}, 'a role that does not see all users fails');
is( $node->safe_psql('postgres', 'SELECT user_id FROM user_profile.scheduled_deletions'),
	'user 2', 'and forgets no deletion');
$node->safe_psql(
	'postgres', q{
	DROP POLICY not_all ON user_profile.users;
	ALTER TABLE user_profile.users DISABLE ROW LEVEL SECURITY;
	SELECT pg_reload_conf()});
$becomes->('postgres', 'NOT EXISTS (SELECT FROM user_profile.scheduled_deletions)',
	'which is done when it sees the user');

# An operator's own code never runs as somebody else
my ($status, undef, $stderr) = $node->psql('postgres', q{
	SET ROLE folder;
	CREATE TRIGGER climb AFTER INSERT ON user_profile.timelines EXECUTE FUNCTION user_profile.settle_row()});
like($stderr, qr/permission denied for table timelines/, 'an operator cannot put triggers on the tables');

# An extension whose owner is no superuser, and a trigger of the owner's that tries to be one
$node->safe_psql('postgres', $_) foreach ('CREATE DATABASE owned', 'CREATE ROLE landlord SUPERUSER');
$node->safe_psql('owned', 'SET SESSION AUTHORIZATION landlord; CREATE EXTENSION user_profile');
$node->safe_psql(
	'owned', q{
	ALTER ROLE landlord NOSUPERUSER;
	CREATE TABLE who (who text, message text);
	GRANT INSERT ON who TO landlord;
	CREATE FUNCTION climb() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		BEGIN
			RESET ROLE;
			RESET SESSION AUTHORIZATION;
		EXCEPTION WHEN OTHERS THEN
			INSERT INTO public.who VALUES (current_user, SQLERRM);
		END;
		INSERT INTO public.who VALUES (current_user, 'in the end');
		RETURN NULL;
	END $$;
	CREATE TRIGGER climb AFTER INSERT ON user_profile.timelines EXECUTE FUNCTION climb()});
add_events($node, 100, 10, 1, 'owned');
$set->('user_profile.role', '');
$set->('user_profile.databases', 'postgres, owned');
$becomes->('owned', 'pending_events = 0', 'without a role');
is( $node->safe_psql('owned', 'SELECT who, message FROM who ORDER BY message DESC'),
	"landlord|in the end\nlandlord|cannot set parameter \"role\" within security-restricted operation",
	'it runs as the owner of the extension, and stays so');
is_sound($node, 'folded as the owner', 'owned');

$set->('user_profile.role', 'nobody_known');
$becomes->('postgres', 'worker_failures >= 1', 'a role that does not exist is a failure');
like(slurp_file($node->logfile), qr/role "nobody_known" does not exist/, 'which the log explains');
$set->('user_profile.role', '');

# A refresh that fails: recorded where it happened, tried again, nothing is lost
$node->safe_psql(
	'postgres', q{
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN RAISE EXCEPTION 'not today' USING DETAIL = 'user ' || NEW.user_id, ERRCODE = 'insufficient_privilege'; END$$;
	CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON user_profile.timelines
		FOR EACH ROW EXECUTE FUNCTION refuse()});
add_events($node, 1000, 100, 4);
$becomes->('postgres',
	q{last_refresh_error ~ 'not today: user ' AND last_refresh_failed_at IS NOT NULL},
	'an error shows in the status');
is_sound($node, 'with a failing refresh all figures are right');
$node->safe_psql('postgres', 'DROP TRIGGER refuse ON user_profile.timelines');
$becomes->('postgres', 'pending_events = 0 AND last_refresh_error IS NULL',
	'it goes away by itself when its cause does');
is_sound($node, 'after the repair');

# A writer that stays open holds up the fold, not others
{
	my $writer = $node->background_psql('postgres');
	$writer->query_safe('BEGIN');
	$writer->query_safe(q{SELECT user_profile.track('slow', 'slow')});
	$node->poll_query_until('postgres',
		q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'user_profile worker'
			AND wait_event_type = 'Lock' AND query ~ '^user_profile: refresh')}) ;
	$node->safe_psql('postgres',
		q{SET statement_timeout = '5s'; SELECT user_profile.track('quick', 'quick')});
	pass('others write while the worker waits for a writer');
	$writer->query_safe('COMMIT');
	$writer->quit;
	$becomes->('postgres', 'pending_events = 0', 'then it folds both');
	is_sound($node, 'after a slow writer');
}

# Locks that are held for longer than it waits, while the tests go on: of a writer, and of one who
# changes a user that is to be deleted
my %holders;
foreach my $database (qw(written changed))
{
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	install_extension($node, $database);
	$node->safe_psql(
		$database, q{
		SELECT user_profile.track('held', 'here');
		SELECT user_profile.track('free', 'here');
		CALL user_profile.refresh();
		SELECT user_profile.schedule_delete('held', '0 s');
		SELECT user_profile.schedule_delete('free', '0 s')});
	$holders{$database} = $node->background_psql($database);
	$holders{$database}->query_safe('BEGIN');
}
$holders{written}->query_safe(q{SELECT user_profile.track('writer', 'slow')});
$holders{changed}->query_safe(q{UPDATE user_profile.users SET name = 'Held' WHERE user_id = 'held'});

# DROP EXTENSION and DROP DATABASE while it works, by batches of so few users that one statement
# writes them
$node->safe_psql('postgres', 'CREATE DATABASE doomed');
$node->safe_psql('doomed', 'CREATE EXTENSION user_profile');
$set->('user_profile.batch_size', '200');
$set->('user_profile.max_workers', '4');
$set->('user_profile.databases', 'doomed, postgres, written, changed');
my $load = q{INSERT INTO user_profile.events (user_id, name, occurred_at)
	SELECT 'u' || i % 1000, 'e', timestamptz '2024-01-01' + i * interval '1 min'
	FROM generate_series(1, 200000) i};
$node->safe_psql('doomed', $load);
$node->poll_query_until('doomed', 'SELECT folded_through > 0 FROM user_profile.status');
my ($start, $from) = (time, -s $node->logfile);
foreach my $round (1 .. 5)
{
	# Another moment each time
	select(undef, undef, undef, 0.013 * $round);
	my ($status, undef, $stderr) = $node->psql('doomed', 'DROP EXTENSION user_profile');
	is($status, 0, "DROP EXTENSION in the middle of a pass, $round") or diag($stderr);
	$node->safe_psql('doomed', 'CREATE EXTENSION user_profile');
	$node->safe_psql('doomed', $load);
	$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
	$node->poll_query_until('doomed', 'SELECT folded_through > 0 FROM user_profile.status');
}
unlike(slurp_file($node->logfile, $from), qr/deadlock/, 'nobody had a deadlock');

# A batch that takes longer than the five seconds that DROP DATABASE gives to others
$node->safe_psql(
	'doomed', q{
	CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN PERFORM pg_sleep(8); RETURN NULL; END$$;
	CREATE TRIGGER slow AFTER INSERT OR UPDATE ON user_profile.timelines EXECUTE FUNCTION slow()});
add_events($node, 1000, 10, 1, 'doomed');
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
$node->poll_query_until('postgres',
	q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = 'doomed' AND wait_event = 'PgSleep')});
$start = time;
($status, undef, $stderr) = $node->psql('postgres', 'DROP DATABASE doomed');
is($status, 0, 'DROP DATABASE in the middle of a long batch') or diag($stderr);
cmp_ok(time - $start, '<', 20, 'waits for the batch alone');

# To have waited too long is no failure
$becomes->($_, q{worker_state = 'blocked' AND worker_failures = 0 AND last_refresh_error IS NULL
		AND worker_error ~ 'waited too long for another transaction'
		AND worker_next_at < worker_finished_at + interval '2 s'}, "it was blocked in database $_")
	foreach (qw(written changed));
is($node->safe_psql('written', 'SELECT count(*) FROM user_profile.scheduled_deletions'),
	'2', 'nobody is deleted while a writer may write more of them');
is($node->safe_psql('changed', 'SELECT user_id FROM user_profile.scheduled_deletions'),
	'held', 'one who cannot be deleted holds up nobody else');
is($node->safe_psql('changed', q{SELECT worker_error ~ 'scheduled deletion of user "held" failed' FROM user_profile.status}),
	't', 'who it is, the status tells');
foreach my $database (qw(written changed))
{
	$holders{$database}->query_safe('COMMIT');
	$holders{$database}->quit;
	$becomes->($database, q{worker_state = 'waiting' AND worker_error IS NULL AND pending_events = 0
			AND NOT EXISTS (SELECT FROM user_profile.scheduled_deletions)}, "then it goes on in $database");
	is_sound($node, "after it was blocked", $database);
}

# At most as many workers as the setting says, and each database gets its turn
{
	my @databases = map { "one_of_many_$_" } 1 .. 4;
	foreach my $database (@databases)
	{
		$node->safe_psql('postgres', "CREATE DATABASE $database");
		install_extension($node, $database);
		$node->safe_psql(
			$database, q{
			CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
				$$BEGIN PERFORM pg_sleep(1); RETURN NULL; END$$;
			CREATE TRIGGER slow AFTER INSERT ON user_profile.timelines EXECUTE FUNCTION slow()});
		add_events($node, 10, 2, 1, $database);
	}
	$set->('user_profile.max_workers', '1');
	$set->('user_profile.databases', join(', ', @databases));
	my $most = 0;
	my $pending = @databases;
	my $until = time + 60;
	while ($pending > 0 && time < $until)
	{
		my $workers = $node->safe_psql('postgres',
			q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'user_profile worker'});
		$most = $workers if $workers > $most;
		$pending = grep { $node->safe_psql($_, 'SELECT pending_events FROM user_profile.status') } @databases;
	}
	is($pending, 0, 'four databases and one worker: all have been folded');
	is($most, 1, 'one at a time');
	$set->('user_profile.databases', 'postgres');
}

# A worker that is killed takes all sessions with it; the server and the launcher come back
add_events($node, 50_000, 500, 5);
ok( $node->poll_query_until('postgres',
		q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'user_profile worker')}),
	'a worker is at work');
my $pid = $node->safe_psql('postgres',
	q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'user_profile worker' LIMIT 1});
if ($pid ne '')
{
	kill 'KILL', $pid;
}
$becomes->('postgres', 'pending_events = 0', 'after kill -9 of the worker all is folded in the end');
is_sound($node, 'after kill -9 of the worker');

# A standby stands still; promoted, it folds
$node->append_conf('pg_hba.conf', 'local replication all trust');
$node->reload;
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', 'SELECT worker_state FROM user_profile.status'),
	'standby', 'on a standby there is no worker');

# Fast shutdown in the middle of it
add_events($node, 100_000, 500, 6);
$node->poll_query_until('postgres',
	q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'user_profile worker')});
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
$start = time;
$node->stop('fast');
cmp_ok(time - $start, '<', 20, 'a fast shutdown is fast');

$standby->promote;
ok( $standby->poll_query_until('postgres',
		q{SELECT pending_events = 0 AND worker_state <> 'standby' FROM user_profile.status}),
	'a promoted standby folds');
is_sound($standby, 'after the promotion');
$standby->stop;

done_testing();
