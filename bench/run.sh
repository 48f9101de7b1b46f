#!/bin/sh
# Measures user_profile against plain SQL on a throw-away cluster and prints one table.
#
#	sh bench/run.sh [--events N] [--users N] [--seed N] [--quick] [--only WORDS] [--keep] [--cpu]
#
# The defaults are 10 M events of 50 k users; --quick is 1 M of 5 k.  --only runs the groups
# named (copy refresh sessions rollup peers user company operations); --keep leaves the cluster running.  --cpu counts
# the CPU time of the server process instead of the time that passes, for a machine that has other
# work to do (the latencies of single calls stay times that pass).  The figures also go to
# bench/results/.
#
# What is fair about it: both sides are on the same server, with the same settings and the same
# log; plain SQL has the covering index that its question wants, vacuumed and analysed, so that it
# reads nothing but that index; everything is in memory and warm; nothing runs in parallel, and
# JIT compilation, which slows each of these queries down, is off for both; the answers are
# compared before times are taken.  Times are medians of several runs, with minimum and maximum,
# as a client sees them.
set -eu

EVENTS=10000000
USERS=50000
SEED=1
ONLY='copy refresh sessions rollup peers user company operations'
KEEP=
CPU=
while [ $# -gt 0 ]; do
	case $1 in
		--events) EVENTS=$2; shift ;;
		--users) USERS=$2; shift ;;
		--seed) SEED=$2; shift ;;
		--quick) EVENTS=1000000 USERS=5000 ;;
		--only) ONLY=$2; shift ;;
		--keep) KEEP=1 ;;
		--cpu) CPU=1 ;;
		*) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
	esac
	shift
done

# shellcheck source=test/cluster.sh
. "$(dirname "$0")/../test/cluster.sh"
BENCH=$TOP/bench
# shellcheck source=bench/lib.sh
. "$BENCH/lib.sh"
# shellcheck source=bench/peers.sh
. "$BENCH/peers.sh"

wants() {
	case " $ONLY " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}

# ---------------------------------------------------------------------------------------------
# The cluster and the data
# ---------------------------------------------------------------------------------------------

need_server
# shellcheck disable=SC2119 # no special compiler flags
build_extension
# What follows the first argument wins over start_cluster's own settings: durability as shipped.
start_cluster "shared_buffers = 4GB" "max_wal_size = 8GB" "checkpoint_timeout = 1h" \
	"fsync = on" "synchronous_commit = on" "full_page_writes = on" "jit = off" \
	"maintenance_work_mem = 1GB" "autovacuum = off" "max_parallel_workers_per_gather = 0" "max_parallel_workers = 2"
[ -z "$KEEP" ] || keep_cluster

FILES=$(new_directory "${TMPDIR:-/tmp}" /tmp /var/tmp)
# shellcheck disable=SC2016 # expanded on exit
at_exit 'rm -rf "$FILES"'
mkdir -p "$BENCH/results"
RESULTS=$BENCH/results/$(awk "BEGIN { printf \"%g\", $EVENTS / 1e6 }")M.csv
echo 'work,unit,peer_median,peer_min,peer_max,ours_median,ours_min,ours_max,ratio,asked,met' >"$RESULTS"
echo 'work,system,unit,median,min,max' >"${RESULTS%.csv}.systems.csv"

# The small log has a tenth of the events of a tenth of the users: the same users' same events.
say "generating $EVENTS events of $USERS users, and a tenth of both"
for size in large small; do
	mkdir "$FILES/$size"
	chown --reference "$FILES" "$FILES/$size"
	if [ $size = large ]; then events=$EVENTS users=$USERS; else events=$((EVENTS / 10)) users=$((USERS / 10)); fi
	createdb "$size"
	db "$size" -v events="$events" -v users="$users" -v seed="$SEED" -v dir="$FILES/$size" -f "$BENCH/generate.sql"
	psql -X -q -d "$size" -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION user_profile' -f "$BENCH/plain.sql"
done

# The period of every row that has one.  The one before it is the rest of the log's year, so
# that nothing can be left out for the previous_ columns.
SINCE=2025-07-01 UNTIL=2026-01-01 BEFORE=2024-12-29
PERIOD="[$SINCE, $UNTIL)"

COLUMNS='user_id, occurred_at, kind, name, action, page, properties'

# Time COPY of the file $2 into table $3 of database $1
copy_events() {
	run_once "$1" "COPY $3 ($COLUMNS) FROM '$2'"
}

# ---------------------------------------------------------------------------------------------
# COPY: alternately, each time into two empty tables of a new database, with a checkpoint between
# ---------------------------------------------------------------------------------------------

if wants copy; then
	say "COPY into events and into a bare table"
	head -n 2000000 "$FILES/large/events.copy" >"$FILES/head.copy"
	chmod a+r "$FILES/head.copy"
	: >"$FILES/copy.plain"
	: >"$FILES/copy.ours"
	for round in 1 2 3 4 5 6; do
		createdb copying
		psql -X -q -d copying -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION user_profile' -f "$BENCH/plain.sql"
		if [ $((round % 2)) -eq 1 ]; then order='plain ours'; else order='ours plain'; fi
		for side in $order; do
			db copying -c CHECKPOINT
			if [ "$side" = plain ]; then table=plain.events; else table=user_profile.events; fi
			copy_events copying "$FILES/head.copy" $table >>"$FILES/copy.$side"
		done
		dropdb copying
	done
	result "COPY of $(wc -l <"$FILES/head.copy") events (peer: bare table with a bigint key)" ms \
		"$(summary <"$FILES/copy.plain")" "$(summary <"$FILES/copy.ours")" limit 1.2
	rm "$FILES/head.copy"
fi

# ---------------------------------------------------------------------------------------------
# Load both logs for good
# ---------------------------------------------------------------------------------------------

for size in small large; do
	say "loading $size: $(wc -l <"$FILES/$size/events.copy") events"
	db $size -c CHECKPOINT
	copy_events $size "$FILES/$size/events.copy" plain.events >"$FILES/$size.load"
	copy_events $size "$FILES/$size/events.copy" user_profile.events >>"$FILES/$size.load"
	say "  ms, plain and ours: $(tr '\n' ' ' <"$FILES/$size.load")"
	db $size <<-SQL
		COPY plain.users (user_id, name, email, country, signed_up_at) FROM '$FILES/$size/users.copy';
		COPY plain.companies (company_id, name) FROM '$FILES/$size/companies.copy';
		COPY plain.memberships (user_id, company_id, joined_at) FROM '$FILES/$size/memberships.copy';
		COPY user_profile.users (user_id, name, email, country, signed_up_at) FROM '$FILES/$size/users.copy';
		COPY user_profile.companies (company_id, name) FROM '$FILES/$size/companies.copy';
		COPY user_profile.memberships (user_id, company_id, joined_at) FROM '$FILES/$size/memberships.copy';
	SQL
	rm -r "${FILES:?}/$size"
done

# ---------------------------------------------------------------------------------------------
# Refresh: of the loaded log, several times on copies of it, then for good
# ---------------------------------------------------------------------------------------------

# Refresh database $1; print "milliseconds megabytes"
refresh() {
	db "$1" -c CHECKPOINT
	watch_memory "$1" refresh >"$FILES/memory" &
	watcher=$!
	took=$(PGAPPNAME=refresh run_once "$1" 'CALL user_profile.refresh()')
	wait $watcher
	printf '%s %s\n' "$took" "$(cat "$FILES/memory")"
}

for size in small large; do
	say "refreshing $size"
	: >"$FILES/refresh.$size"
	if wants refresh; then
		for _ in 1 2; do
			createdb -T $size --strategy file_copy again
			refresh again >>"$FILES/refresh.$size"
			dropdb again
		done
	fi
	refresh $size >>"$FILES/refresh.$size"
done
LOADED=$(db large -c 'SELECT count(*) FROM plain.events')
LOADED_SMALL=$(db small -c 'SELECT count(*) FROM plain.events')
if wants refresh; then
	result "refresh of $LOADED events" events/s "" \
		"$(awk -v n="$LOADED" '{ print n / $1 * 1000 }' "$FILES/refresh.large" | summary)" least 500000
	result "peak memory of refreshing $LOADED_SMALL events" MB "" \
		"$(awk '{ print $2 }' "$FILES/refresh.small" | summary)" "" ""
	result "peak memory of refreshing $LOADED events (peer: the row above)" MB \
		"$(awk '{ print $2 }' "$FILES/refresh.small" | summary)" \
		"$(awk '{ print $2 }' "$FILES/refresh.large" | summary)" limit "$(
			# Below a batch, memory grows with the log
			if [ "$LOADED_SMALL" -ge 1000000 ]; then echo 1.1; fi)"
fi

for size in small large; do
	say "indexing and vacuuming $size"
	db $size -f "$BENCH/plain_indexes.sql" -c 'VACUUM ANALYZE' -c CHECKPOINT
done
if wants refresh; then
	# The log is its heap, its out-of-line values and its key; the timelines are all that is
	# stored of them: heap, out-of-line values, indexes and dictionaries.
	result "disk: the log with its key; our timelines with index and dictionaries" MB \
		"$(db large -c "SELECT (pg_table_size('user_profile.events') + pg_relation_size('user_profile.events_pkey')) / 1e6")" \
		"$(db large -c "SELECT sum(pg_total_relation_size(c)) / 1e6 FROM unnest('{user_profile.timelines,user_profile.event_types,user_profile.pages}'::regclass[]) c")" ratio 10
	result "disk: the log without its key; our timelines" MB \
		"$(db large -c "SELECT pg_table_size('user_profile.events') / 1e6")" \
		"$(db large -c "SELECT sum(pg_total_relation_size(c)) / 1e6 FROM unnest('{user_profile.timelines,user_profile.event_types,user_profile.pages}'::regclass[]) c")" ratio ""
fi

# ---------------------------------------------------------------------------------------------
# Sessions of everyone
# ---------------------------------------------------------------------------------------------

LISTED='count(*), max(user_id COLLATE "C"), sum(session_number), max(started_at), max(ended_at), sum(events)'
if wants sessions; then
	compare large "all sessions counted and averaged" 100 \
		sessions_counted.plain sessions_counted.ours '*' 5
	compare large "all sessions listed (peer: best form)" 40 \
		sessions_listed.plain sessions_listed.ours "$LISTED" 5
	compare large "all sessions listed (peer: lag - running sum - GROUP BY)" "" \
		sessions_listed.usual sessions_listed.ours "$LISTED" 3
	compare large "session_number() OVER on the raw log (peer: two windows)" "" \
		session_number.plain session_number.ours 'count(*), max(user_id COLLATE "C"), max(occurred_at), sum(session_number)' 3
	compare large "all sessions counted and averaged (peer: session_number() OVER on the log)" "" \
		sessions_counted.number sessions_counted.ours '*' 3
	compare large "all sessions listed (peer: session_number() OVER on the log)" "" \
		sessions_listed.number sessions_listed.ours "$LISTED" 3

	# With parallel workers, against ours in one process
	for work in counted listed; do
		case $work in
			counted) consumer='*' name='all sessions counted and averaged' asked=1.7 ;;
			listed) consumer=$LISTED name='all sessions listed' asked= ;;
		esac
		one=$(run_times large "SELECT $consumer FROM ($(query sessions_$work.ours)) AS answer" 15 | summary)
		two=$(run_times large "SELECT $consumer FROM ($(query sessions_$work.ours)) AS answer" 15 "$PARALLEL" | summary)
		measured "$name" user_profile ms "$one"
		measured "$name" 'user_profile with workers' ms "$two"
		result "$name with two workers (peer: ours in one process)" ms "$one" "$two" ratio "$asked"
	done
fi

# ---------------------------------------------------------------------------------------------
# A rollup made by hand: a materialised view of all sessions, with an index.  It answers for one
# timeout only, and as of its last refresh.
# ---------------------------------------------------------------------------------------------

if wants rollup; then
	say "a materialised view of all sessions"
	db large -c 'CREATE SCHEMA rollup' \
		-c "CREATE MATERIALIZED VIEW rollup.sessions AS $(query sessions_listed.plain)" \
		-c 'CREATE UNIQUE INDEX sessions_user_number ON rollup.sessions (user_id, session_number)'
	for _ in 1 2 3; do
		run_once large 'REFRESH MATERIALIZED VIEW rollup.sessions'
	done | summary >"$FILES/rollup.refresh"
	result "bringing all sessions up to date (peer: REFRESH MATERIALIZED VIEW)" ms "$(cat "$FILES/rollup.refresh")" "" ratio ""
	db large -c 'VACUUM ANALYZE rollup.sessions'
	compare large "all sessions counted and averaged (peer: materialised view)" "" sessions_counted.rollup sessions_counted.ours '*' 5
	compare large "all sessions listed (peer: materialised view)" "" sessions_listed.rollup sessions_listed.ours "$LISTED" 5
fi

# ---------------------------------------------------------------------------------------------
# The peers of other makes, each with two threads
# ---------------------------------------------------------------------------------------------

if wants peers; then find_peers; fi
if [ -n "$PEERS" ]; then
	say "handing the log to the peers"
	load_peers large
	for one in $PEERS; do
		peer "$one" version >>"$FILES/versions"
		result "disk: the log in $(system_name "$one"); our timelines" MB "$(du -sk "$FILES/$one.db" | awk '{ print $1 * 1024 / 1e6 }')" \
			"$(db large -c "SELECT sum(pg_total_relation_size(c)) / 1e6 FROM unnest('{user_profile.timelines,user_profile.event_types,user_profile.pages}'::regclass[]) c")" ratio ""
	done
	compare_peers sessions_counted 'duckdb_windows duckdb clickhouse' 'all sessions counted and averaged' \
		'max(sessions), max(avg_session)' 5 10 5
	compare_peers sessions_listed 'duckdb_windows duckdb clickhouse' 'all sessions listed' \
		'count(*), max(user_id), sum(session_number), max(started_at), max(ended_at), sum(events)' 5 "" 2
fi

# ---------------------------------------------------------------------------------------------
# One user
# ---------------------------------------------------------------------------------------------

# Remember up to $1 users of whom $2 holds as bench_sample on both databases, the same on both
sample_users() {
	for size in small large; do
		db $size -c "DROP TABLE IF EXISTS bench_sample"
		db $size -c "CREATE TABLE bench_sample (n serial PRIMARY KEY, user_id text NOT NULL COLLATE \"C\")"
	done
	db small -c "INSERT INTO bench_sample (user_id)
		SELECT user_id FROM plain.events GROUP BY user_id HAVING $2 ORDER BY hashtext(user_id) LIMIT $1"
	db small -c "COPY bench_sample TO STDOUT" | db large -c "COPY bench_sample FROM STDIN"
}

# Stop unless the queries $2 and $3 give the same rows for every user of the sample
same_answers_of_users() {
	for side in "$2" "$3"; do
		db "$1" -c "$SESSION SELECT count(*), sum(hashtextextended(answer::text, 0))
			FROM (SELECT b.user_id AS subject, q.* FROM bench_sample b,
				LATERAL ($(query "$side" b.user_id)) q) answer" | tail -n 1
	done | {
		read -r one
		read -r other
		say "  answers of $2 and $3 (rows|hash): $one, $other"
		[ "$one" = "$other" ] || die "$2 and $3 don't give the same answer"
	}
}

# Print how many milliseconds the prepared query $2 takes in the server on database $1 for each
# user of the sample: the second of two passes
run_in_server() {
	db "$1" <<-SQL
		$SESSION
		CREATE TEMPORARY TABLE timing (took float8);
		DO \$do\$
		DECLARE
			one bench_sample;
			one_period tstzrange := '$PERIOD';
			start timestamptz;
			rows bigint;
		BEGIN
			FOR pass IN 1..2 LOOP
				TRUNCATE timing;
				FOR one IN SELECT * FROM bench_sample ORDER BY n LOOP
					start := clock_timestamp();
					PERFORM * FROM ($(query "$2" one.user_id one_period)) q;
					INSERT INTO timing VALUES (extract(epoch FROM clock_timestamp() - start) * 1000);
				END LOOP;
			END LOOP;
		END
		\$do\$;
		SELECT took FROM timing;
	SQL
}

# Print how many milliseconds the prepared query $2 takes a client of pgbench on database $1
latency() {
	cat >"$FILES/pgbench.sql" <<-SQL
		\\set n random(1, $(db "$1" -c 'SELECT count(*) FROM bench_sample'))
		SELECT user_id AS one FROM bench_sample WHERE n = :n \\gset
		SELECT * FROM ($(query "$2" :one::text | tr '\n\t' '  ')) q;
	SQL
	PGOPTIONS='-c max_parallel_workers_per_gather=0' \
		pgbench -n -M prepared -c 1 -T 5 -r -f "$FILES/pgbench.sql" "$1" 2>&1 |
		sed -n 's/^ *\([0-9.]*\)  *[0-9]*  *SELECT \* FROM.*/\1/p; s/^ *\([0-9.]*\)  *SELECT \* FROM.*/\1/p' | head -n 1
}

if wants user; then
	say "one user's overview"
	sample_users 1000 'count(*) BETWEEN 200 AND 2000'
	sampled=$(db large -c 'SELECT count(*) FROM bench_sample')
	same_answers_of_users large user_overview.plain user_overview.ours
	run_in_server large user_overview.plain | summary >"$FILES/overview.plain"
	run_in_server large user_overview.ours | summary >"$FILES/overview.large"
	run_in_server small user_overview.ours | summary >"$FILES/overview.small"
	result "user_overview in the server ($sampled users of 200 - 2000 events)" ms \
		"$(cat "$FILES/overview.plain")" "$(cat "$FILES/overview.large")" most 1
	result "the same with ten times as much data of others (peer: $LOADED_SMALL events)" ms \
		"$(cat "$FILES/overview.small")" "$(cat "$FILES/overview.large")" limit 1.5
	result "the same as a client of pgbench sees it" ms \
		"$(latency large user_overview.plain)" "$(latency large user_overview.ours)" ratio ""
fi

# ---------------------------------------------------------------------------------------------
# Everyone's header, one company
# ---------------------------------------------------------------------------------------------

if wants company; then
	members=$(db large -c "SELECT count(*) FROM plain.memberships WHERE company_id = 'c-top'")
	met=$(db large -c "SELECT count(*) FROM plain.events JOIN plain.memberships USING (user_id)
		WHERE company_id = 'c-top' AND occurred_at <@ tstzrange '$PERIOD'")
	compare large "company_overview of $members users with $met events in the period" 30 \
		company_overview.plain company_overview.ours '*' 5 100
	compare large "company_top_events of the same company" 30 \
		company_top_events.plain company_top_events.ours '*' 5 100
	compare large "user_profiles in full ($USERS users)" "" user_profiles.plain user_profiles.ours \
		'count(*), max(user_id COLLATE "C"), max(company_name COLLATE "C"), sum(total_sessions), sum(total_events), max(first_seen_at), max(sign_up_date)' 3 1000
fi

# ---------------------------------------------------------------------------------------------
# What ten users said and met; erasing
# ---------------------------------------------------------------------------------------------

if wants operations; then
	sample_users 10 "count(*) BETWEEN 200 AND 2000 AND count(*) FILTER (WHERE kind IN ('nps', 'survey')) > 2"
	for tab in user_sentiment user_engagement; do
		say "$tab"
		same_answers_of_users large $tab.plain $tab.ours
		result "$tab in the server: each of ten users" ms \
			"$(run_in_server large $tab.plain | summary)" "$(run_in_server large $tab.ours | summary)" each 5
	done

	say "delete_user"
	: >"$FILES/delete.plain"
	: >"$FILES/delete.ours"
	db large -c "SELECT user_id FROM plain.events GROUP BY user_id
		HAVING count(*) BETWEEN 1000 AND 50000 ORDER BY abs(count(*) - 10000) LIMIT 5" >"$FILES/victims"
	victims=$(sed "s/.*/'&'/" "$FILES/victims" | paste -s -d ,)
	deleted=$(db large -c "SELECT round(avg(n)) FROM (SELECT count(*) AS n FROM plain.events WHERE user_id IN ($victims) GROUP BY user_id) sizes")
	while read -r victim; do
		run_once large "DELETE FROM plain.events WHERE user_id = '$victim'" >>"$FILES/delete.plain"
		run_once large "SELECT user_profile.delete_user('$victim')" >>"$FILES/delete.ours"
	done <"$FILES/victims"
	left=$(db large -c "SELECT count(*) FROM user_profile.events WHERE user_id IN ($victims)")
	[ "$left" = 0 ] || die "delete_user left $left events"
	result "delete_user of 5 users with $deleted events each on average" ms \
		"$(summary <"$FILES/delete.plain")" "$(summary <"$FILES/delete.ours")" each 200
fi

# ---------------------------------------------------------------------------------------------
# The table
# ---------------------------------------------------------------------------------------------

{
	echo
	db postgres -c 'SELECT version()'
	[ ! -s "$FILES/versions" ] || paste -s -d , "$FILES/versions"
	echo "user_profile $(git -C "$TOP" describe --always --dirty 2>/dev/null || echo 'of no known commit')"
	printf '%s, %s processors, %s MB memory; load %s\n' \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
		"$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" "$(cut -d ' ' -f 1-3 /proc/loadavg)"
	echo "$LOADED events of $USERS users (seed $SEED); $(date -u +%Y-%m-%d)${CPU:+; CPU time of the server process}"
	echo
} | tee "${RESULTS%.csv}.txt"
print_table | tee -a "${RESULTS%.csv}.txt"
[ -z "$KEEP" ] || say "the cluster is kept: PGHOST=$PGHOST PGPORT=$PGPORT; stop it with: $CLUSTER_STOP"
