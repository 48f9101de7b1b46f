# shellcheck shell=sh
# Shell functions for the benchmarks: the cluster and what is in it.
# Sourced by run.sh and growth.sh after lib.sh.

# The period of every question that has one.  The one before it is the rest of the log's year, so
# that nothing can be left out for the previous_ columns.
SINCE=2025-07-01 UNTIL=2026-01-01
# shellcheck disable=SC2034 # read by peers.sh
BEFORE=2024-12-29
# shellcheck disable=SC2034 # read by lib.sh and users.sh
PERIOD="[$SINCE, $UNTIL)"

# The server's shared memory, in kB: 4 GB of buffers, and what goes with them
SHARED_MEMORY=$((4400 * 1024))

# Reserve huge pages for it, as PostgreSQL's documentation advises for large shared_buffers. A machine
# that has none to give, or doesn't let us, goes without; describe_run says so. They are given back at
# the end, those still in use when the server stops.
reserve_huge_pages() {
	reserved=$(cat /proc/sys/vm/nr_hugepages 2>/dev/null) || return 0
	wanted=$((reserved + SHARED_MEMORY / $(awk '/^Hugepagesize/ { print $2 }' /proc/meminfo)))
	(as_root sysctl -q -w "vm.nr_hugepages=$wanted") >/dev/null 2>&1 </dev/null || return 0
	at_exit "as_root sysctl -q -w vm.nr_hugepages=$reserved"
}

# Start a cluster that is durable as shipped; LINE... goes to its settings.  FILES is a directory
# beside it, for the server too.
start_server() {
	need_server
	reserve_huge_pages
	# shellcheck disable=SC2119 # no special compiler flags
	build_extension
	start_cluster "shared_buffers = 4GB" "max_wal_size = 8GB" "checkpoint_timeout = 1h" \
		"fsync = on" "synchronous_commit = on" "full_page_writes = on" "jit = off" \
		"maintenance_work_mem = 1GB" "autovacuum = off" "max_parallel_workers_per_gather = 0" "max_parallel_workers = 2" \
		"shared_preload_libraries = 'user_profile'" "$@"
	FILES=$(new_directory "${TMPDIR:-/tmp}" /tmp /var/tmp)
	at_exit '[ -n "$CLUSTER_KEPT" ] || rm -rf "$FILES"'
}

# Write a log of $2 events of $3 users, and its companies, as files into the directory $4, by
# database $1
generate() {
	mkdir "$4"
	chown --reference "$FILES" "$4"
	db "$1" -v events="$2" -v users="$3" -v seed="$SEED" -v dir="$4" -f "$BENCH/generate.sql"
}

# Make the database $1 with the tables of both sides
new_database() {
	createdb "$1"
	psql -X -q -d "$1" -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION user_profile' -f "$BENCH/plain.sql"
}

# Copy the log in the directory $2 into the table $3 of database $1, and tell the milliseconds
copy_events() {
	run_once "$1" "COPY $3 (user_id, occurred_at, kind, name, action, page, properties) FROM '$2/events.copy'"
}

# Copy the users and companies in the directory $2 into database $1
copy_users() {
	for schema in plain user_profile; do
		db "$1" -c "COPY $schema.users (user_id, name, email, country, signed_up_at) FROM '$2/users.copy'" \
			-c "COPY $schema.companies (company_id, name) FROM '$2/companies.copy'" \
			-c "COPY $schema.memberships (user_id, company_id, joined_at) FROM '$2/memberships.copy'"
	done
}

# Fold what is pending in database $1; print "milliseconds megabytes"
refresh() {
	db "$1" -c CHECKPOINT
	watch_memory "$1" refresh >"$FILES/memory" &
	watcher=$!
	took=$(PGAPPNAME=refresh run_once "$1" 'CALL user_profile.refresh()')
	wait $watcher
	printf '%s %s\n' "$took" "$(cat "$FILES/memory")"
}

# Make the databases large and small, folded and indexed.  The small log has a tenth of the events
# of a tenth of the users: the same users' same events.
make_data() {
	say "generating $EVENTS events of $USERS users, and a tenth of both"
	generate postgres "$EVENTS" "$USERS" "$FILES/large"
	generate postgres $((EVENTS / 10)) $((USERS / 10)) "$FILES/small"
	for size in small large; do
		say "loading $size: $(wc -l <"$FILES/$size/events.copy") events"
		new_database $size
		for table in plain.events user_profile.events; do
			copy_events $size "$FILES/$size" $table >/dev/null
		done
		copy_users $size "$FILES/$size"
		say "folding, indexing and vacuuming $size"
		refresh $size >/dev/null
		db $size -f "$BENCH/plain_indexes.sql" -c 'VACUUM ANALYZE' -c CHECKPOINT
	done
	# shellcheck disable=SC2034 # read by the groups
	LOADED=$(db large -c 'SELECT count(*) FROM plain.events')
	# shellcheck disable=SC2034 # read by the groups
	LOADED_SMALL=$(db small -c 'SELECT count(*) FROM plain.events')
	for name in EVENTS USERS SEED LOADED LOADED_SMALL PGHOST PGPORT PGUSER PGDATABASE CLUSTER_DATA CLUSTER_STOP; do
		eval "printf '%s=%s\n' $name \"\$(quoted \"\$$name\")\""
	done >"$FILES/settings"
}

# Take the data that a run kept in the directory $1
use_data() {
	[ -f "$1/settings" ] || die "no data were kept in $1"
	FILES=$1
	need_server
	# shellcheck disable=SC2119 # no special compiler flags
	build_extension
	# shellcheck source=/dev/null
	. "$FILES/settings"
	export PGHOST PGPORT PGUSER PGDATABASE PSQLRC=/dev/null
	data=$CLUSTER_DATA/data
	CLUSTER_DATA=	# not ours to remove
	reserve_huge_pages
	as_postgres "$PG_BINDIR/pg_ctl" -D "$data" -s -w -t 120 -m fast -l "${data%/data}/log" restart >&2 </dev/null
}

# Make the database $1 as a copy of large, to be changed
copy_of_large() {
	db postgres -c "DROP DATABASE IF EXISTS $1"
	createdb -T large --strategy file_copy "$1"
}

# Make the materialised view of all sessions in database $1 if it isn't there
need_rollup() {
	[ -z "$(db "$1" -c "SELECT 1 WHERE to_regclass('rollup.sessions') IS NOT NULL")" ] || return 0
	say "a materialised view of all sessions"
	db "$1" -c 'CREATE SCHEMA rollup' \
		-c "CREATE MATERIALIZED VIEW rollup.sessions AS $(query sessions_listed.plain)" \
		-c 'CREATE UNIQUE INDEX sessions_user_number ON rollup.sessions (user_id, session_number)' \
		-c 'VACUUM ANALYZE rollup.sessions'
}
