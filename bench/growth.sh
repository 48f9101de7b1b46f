#!/bin/sh
# Measures what user_profile takes as the log grows, and draws it.
#
#	sh bench/growth.sh [--sizes 'N...'] [--seed N] [--results DIR] [--only-chart]
#
# --sizes are numbers of events, 1 M, 10 M and 100 M unless told; a user has 200 events on average,
# at any size.  A size needs some 400 bytes of disk for each of its events, files and WAL included: 40 GB for 100 M.
#
# growth.csv has time and memory of each work at each size, growth.svg the chart.  Times are medians
# of several runs, with minimum and maximum; memory is the largest anonymous memory of the server
# process, its own without shared buffers.  The one user, the company of 1,000 and the late events
# are the same at any size, so they should take the same; the others grow with the log.
set -eu

SIZES='1000000 10000000 100000000'
SEED=1
OUT=
CHART_ONLY=
CPU=
while [ $# -gt 0 ]; do
	case $1 in
		--sizes) SIZES=$2; shift ;;
		--seed) SEED=$2; shift ;;
		--results) OUT=$2; shift ;;
		--only-chart) CHART_ONLY=1 ;;
		*) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
	esac
	shift
done

# shellcheck source=test/cluster.sh
. "$(dirname "$0")/../test/cluster.sh"
BENCH=$TOP/bench
OUT=${OUT:-$BENCH/results}
# shellcheck source=bench/lib.sh
. "$BENCH/lib.sh"
# shellcheck source=bench/data.sh
. "$BENCH/data.sh"
# shellcheck source=bench/users.sh
. "$BENCH/users.sh"
# shellcheck source=bench/track.sh
. "$BENCH/track.sh"

CSV=$OUT/growth.csv

# Add a row: the work $1, flat or linear as $2 says, takes $4 ("median minimum maximum") in unit $3,
# and $5 MB of memory
row() {
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "${5-}" |
		awk -F '\t' -v OFS=, -v events="$loaded" '{ split($4, t, " "); print events, "\"" $1 "\"", $2, $3, t[1], t[2], t[3], $5 }' >>"$CSV"
	tail -n 1 "$CSV" >&2
}

# Run a command that measures on database growing and prints milliseconds; leave its memory in the
# file memory
with_memory() {
	watch_memory growing measured >"$FILES/memory" &
	watcher=$!
	PGAPPNAME=measured "$@"
	wait $watcher
}

# Measure the work $1, flat or linear as $2 says, by the command that follows
measure() {
	work=$1
	shape=$2
	shift 2
	with_memory "$@" >"$FILES/times"
	row "$work" "$shape" ms "$(summary <"$FILES/times")" "$(cat "$FILES/memory")"
}

# Measure query $3 of ours in a session of its own, $4 times, as measure does: $5 consumes its rows,
# $6 is the company
measure_query() {
	measure "$1" "$2" run_times growing "SELECT ${5:-*} FROM ($(query "$3" ${6:+"'$6'"})) AS answer" "$4" "${settings-}"
}

measure_size() {
	events=$1
	users=$((events / 200))
	say "--- $events events of $users users ($(date +%T))"
	generate postgres "$events" "$users" "$FILES/growing"
	loaded=$(wc -l <"$FILES/growing/events.copy")
	new_database growing
	db growing -c CHECKPOINT
	measure 'COPY of the log' linear copy_events growing "$FILES/growing" user_profile.events
	copy_users growing "$FILES/growing"
	rm -r "$FILES/growing"
	refresh growing >"$FILES/refreshed"
	row 'refresh of the log' linear ms "$(cut -d ' ' -f 1 "$FILES/refreshed")" "$(cut -d ' ' -f 2 "$FILES/refreshed")"
	db growing -c 'VACUUM ANALYZE' -c CHECKPOINT
	row 'disk: log' linear MB "$(db growing -c "SELECT pg_total_relation_size('user_profile.events') / 1e6")"
	row 'disk: timelines' linear MB "$(db growing -c "SELECT sum(pg_total_relation_size(c)) / 1e6
		FROM unnest('{user_profile.timelines, user_profile.event_types, user_profile.pages}'::regclass[]) c")"

	settings=
	listed='count(*), max(user_id COLLATE "C"), sum(session_number), max(started_at), max(ended_at), sum(events)'
	profiles='count(*), max(user_id COLLATE "C"), max(company_name COLLATE "C"), sum(total_sessions), sum(total_events), max(first_seen_at)'
	measure_query 'all sessions counted' linear sessions_counted.ours 7
	measure_query 'all sessions listed' linear sessions_listed.ours 5 "$listed"
	settings="SET user_profile.session_timeout = '10 min';"
	measure_query 'all sessions counted - a timeout of 10 min' linear sessions_counted.ours 7
	settings=$PARALLEL
	measure_query 'all sessions counted - two workers' linear sessions_counted.ours 7
	measure_query 'workspace overview - two workers' linear workspace_overview.ours 7
	settings=
	measure_query 'workspace overview' linear workspace_overview.ours 7
	measure_query 'user_profiles in full' linear user_profiles.ours 5 "$profiles"

	# The users of the sample are picked in the smallest log, which all others contain
	db growing -c 'CREATE TABLE bench_sample (n serial PRIMARY KEY, user_id text NOT NULL COLLATE "C")'
	[ -f "$FILES/sample" ] || db growing -c "COPY (SELECT user_id FROM user_profile.timelines
		GROUP BY user_id HAVING sum(events) BETWEEN 200 AND 2000 ORDER BY hashtext(user_id) LIMIT 1000) TO STDOUT" >"$FILES/sample"
	db growing -c 'COPY bench_sample (user_id) FROM STDIN' <"$FILES/sample"
	db growing -c 'VACUUM ANALYZE bench_sample'
	for work in overview sessions top_events; do
		measure "user_$work" flat run_in_server growing user_$work.ours
	done
	for work in overview top_events; do
		measure_query "company_$work - 1000 users" flat company_$work.ours 15 '*' c-1000
	done

	# What follows changes the data
	[ -f "$FILES/late" ] || db growing -c 'SELECT user_id FROM user_profile.users ORDER BY hashtext(user_id) LIMIT 5000' >"$FILES/late"
	late=$(wc -l <"$FILES/late")
	: >"$FILES/refreshed"
	for round in 1 2 3; do
		db growing -c "COPY user_profile.events (user_id, occurred_at, name) FROM STDIN" <<-ROWS
			$(sed "s/$/$(printf '\t')2025-06-0$round 00:00+00$(printf '\t')Late/" "$FILES/late")
		ROWS
		refresh growing >>"$FILES/refreshed"
	done
	row "fold of $late late events - one a user" flat ms "$(awk '{ print $1 }' "$FILES/refreshed" | summary)" \
		"$(awk '{ print $2 }' "$FILES/refreshed" | sort -n | tail -n 1)"
	for operation in exclude_user delete_user; do
		row $operation flat ms "$(tail -n 10 "$FILES/sample" | while read -r user; do
			run_once growing "SELECT user_profile.$operation('$user')"
		done | summary)"
	done
	start_worker growing
	wait_for_fold growing
	rate=$(bring_events growing ours 20 "$FILES/unfolded")
	wait_for_fold growing
	stop_worker
	row 'track() from 8 clients with the worker on' flat events/s "$rate"
	row 'events not folded yet meanwhile' flat events "$(summary <"$FILES/unfolded")"
	dropdb growing
}

if [ -z "$CHART_ONLY" ]; then
	start_server "max_wal_size = 16GB"
	mkdir -p "$OUT"
	echo 'events,work,shape,unit,median,min,max,memory_mb' >"$CSV"
	COMMIT=$(commit)
	# A session waits a little before it is measured, so that the watcher of its memory is there
	SESSION="$SESSION DO 'BEGIN PERFORM pg_sleep(0.5); END';"
	for size in $SIZES; do
		measure_size "$size"
	done
	describe_run "seed $SEED" | tee "${CSV%.csv}.txt"
fi

# ---------------------------------------------------------------------------------------------
# The chart: times, and memory, over the number of events, both on logarithmic scales: what is flat
# is a level line, what is linear one that rises by 1 in 1
# ---------------------------------------------------------------------------------------------

[ -f "$CSV" ] || die "no such file: $CSV"
command -v gnuplot >/dev/null || need_packages gnuplot-nox
work_dir=$(mktemp -d "${TMPDIR:-/tmp}/user_profile.XXXXXX")
at_exit 'rm -rf "$work_dir"'

# Print the plot command of the works whose shape is $1 in column $2, under the title $3
plot_of() {
	printf 'set title "%s"\n' "$3"
	sed 's/"//g' "$CSV" | awk -F , -v shape="$1" -v column="$2" -v directory="$work_dir" '
		NR > 1 && $3 == shape && $4 == "ms" && $column != "" {
			if (!($2 in file)) { order[++n] = $2; file[$2] = directory "/" shape "." column "." n }
			print $1, $column >file[$2]
		}
		END {
			printf "plot "
			for (i = 1; i <= n; i++) printf "%s\"%s\" using 1:2 with linespoints pointtype 7 title \"%s\"", (i > 1 ? ", " : ""), file[order[i]], order[i]
			print ""
		}'
}

{
	printf 'set terminal svg size 900,1300 font "sans-serif,12" background "#ffffff" noenhanced\n'
	printf 'set output "%s"\n' "${CSV%.csv}.svg"
	printf 'set multiplot layout 3,1\nset logscale xy\nset format x "%%.0s %%c"\nset grid\nset key outside right Left reverse\nset rmargin 42\n'
	printf 'set xlabel "events in the log"\nset ylabel "milliseconds, median"\n'
	plot_of linear 5 'Of everyone: grows with the log'
	plot_of flat 5 'Of one user, one company, one batch: the same in any log'
	printf 'set ylabel "MB of the process"\nset yrange [1:*]\n'
	plot_of linear 8 'Memory of what grows with the log'
	printf 'unset multiplot\n'
} >"$work_dir/chart.gp"
gnuplot "$work_dir/chart.gp"
say "$CSV"
say "${CSV%.csv}.svg"
