# shellcheck shell=sh
# Shell functions for the benchmarks: single events from many clients, with the worker on.
# Sourced by run.sh and growth.sh after data.sh.

# Let the worker fold in database $1 every 10 seconds
start_worker() {
	db postgres -c "ALTER SYSTEM SET user_profile.databases = '$1'" \
		-c "ALTER SYSTEM SET user_profile.refresh_interval = '10s'" -c 'SELECT pg_reload_conf()' >/dev/null
}

stop_worker() {
	db postgres -c 'ALTER SYSTEM RESET user_profile.databases' -c 'SELECT pg_reload_conf()' >/dev/null
	while [ -n "$(db postgres -c "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'user_profile worker'")" ]; do
		sleep 0.2
	done
}

# How many events of database $1 are not folded yet.  By the numbers given out, as to count them
# would take time from those that are measured
unfolded() {
	db "$1" -c 'SELECT q.last_value - coalesce(s.folded_through, 0)
		FROM user_profile.events_event_id_seq q LEFT JOIN user_profile.refresh_state s ON true'
}

# Wait until all events of database $1 are folded
wait_for_fold() {
	for _ in $(seq 600); do
		[ "$(db "$1" -c 'SELECT count(*) FROM user_profile.pending_events')" != 0 ] || return 0
		sleep 0.2
	done
	die "the worker doesn't fold: $(db "$1" -c 'SELECT worker_state, worker_error FROM user_profile.status')"
}

# Print how many events 8 clients of pgbench bring into database $1 per second, in $3 seconds, each
# in a transaction of its own: by track() if $2 is ours, else by INSERT into the bare table.  What is
# not folded yet goes to the file $4, each second
bring_events() {
	{
		# shellcheck disable=SC1003 # pgbench's backslash
		echo '\set n random(1, 5000)'
		if [ "$2" = ours ]; then
			cat <<-'SQL'
				SELECT user_profile.track('u-' || :n, 'Report opened', page => '/app/home', properties => '{"plan": "team", "items": 3}');
			SQL
		else
			cat <<-'SQL'
				INSERT INTO plain.events (user_id, name, page, properties) VALUES ('u-' || :n, 'Report opened', '/app/home', '{"plan": "team", "items": 3}') RETURNING event_id;
			SQL
		fi
	} >"$FILES/track.sql"
	: >"$4"
	pgbench -n -M prepared -c 8 -j 2 -T "$3" -f "$FILES/track.sql" "$1" >"$FILES/track.log" 2>&1 &
	bench_pid=$!
	while kill -0 $bench_pid 2>/dev/null; do
		sleep 1
		unfolded "$1" >>"$4"
	done
	wait $bench_pid || die "pgbench: $(cat "$FILES/track.log")"
	sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$FILES/track.log"
}
