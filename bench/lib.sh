# shellcheck shell=sh
# Shell functions for the benchmarks: timing, comparing, and the table of results.
# Sourced by run.sh after test/cluster.sh.

# Settings of every timed session.  One process, as the figures are per core; compiling by LLVM
# off, as it makes each of these queries slower; memory enough that nothing goes to disk.
SESSION="SET max_parallel_workers_per_gather = 0; SET jit = off; SET work_mem = '1GB'; SET timezone = 'UTC';"

# What a session adds to have up to two parallel workers beside its own process.
# shellcheck disable=SC2034 # read by run.sh and peers.sh
PARALLEL="SET max_parallel_workers_per_gather = 2;"

# Run psql on database $1, quietly, without headers
db() {
	database=$1
	shift
	PGOPTIONS="-c client_min_messages=warning ${PGOPTIONS-}" psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$database" "$@"
}

# The query in file $1, without its comments.  $2 and $3 are what to put for its $1 and $2, the
# user or company and the period
# shellcheck disable=SC2016 # $1 and $2 are the query's
query() {
	grep -v '^--' "$BENCH/sql/$1.sql" | sed "s/\\\$1/${2:-'c-top'}/g; s/\\\$2/${3:-tstzrange '$PERIOD'}/g"
}

# Print "median minimum maximum" of the numbers on standard input
summary() {
	sort -g | awk '{ v[NR] = $1 } END { if (NR) print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2, v[1], v[NR] }'
}

# The CPU time that a server process has used so far, in nanoseconds
CPU_CLOCK="split_part(pg_read_file('/proc/self/schedstat', 0, 200), ' ', 1)::bigint"

# Print the SQL that runs the SQL $1, $2 times, and tells how many milliseconds each run took
timed() {
	for _ in $(seq "$2"); do
		if [ -n "${CPU:-}" ]; then
			printf 'SELECT %s AS start \\gset\n\\o /dev/null\n%s;\n\\o\n' "$CPU_CLOCK" "$1"
			printf "SELECT 'Time: ' || (%s - :start) / 1e6 || ' ms';\n" "$CPU_CLOCK"
		else
			printf '\\timing on\n\\o /dev/null\n%s;\n\\o\n\\timing off\n' "$1"
		fi
	done
}

# Print how many milliseconds each of $3 runs of the SQL $2 takes on database $1, as its client
# sees it, after one run to warm up; $4 is settings more
run_times() {
	{
		printf '%s\n\\o /dev/null\n%s;\n\\o\n' "$SESSION ${4-}" "$2"
		timed "$2" "$3"
	} | db "$1" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p'
}

# Print how many milliseconds the SQL $2 takes on database $1, once, cold or warm as it comes
run_once() {
	{
		printf '%s\n' "$SESSION"
		timed "$2" 1
	} | db "$1" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p'
}

# Stop unless the queries in files $2 and $3 give the same rows on database $1
same_answers() {
	for side in "$2" "$3"; do
		db "$1" -c "$SESSION SELECT count(*), sum(hashtextextended(answer::text, 0)) FROM ($(query "$side")) AS answer" |
			tail -n 1
	done | {
		read -r one
		read -r other
		say "  answers of $2 and $3 (rows|hash): $one, $other"
		[ "$one" = "$other" ] || die "$2 and $3 don't give the same answer"
	}
}

# Compare the queries in files $4 and $5 on database $1 and add a row to the table: $2 is its
# name, $3 the ratio asked for, $6 what consumes their rows in the server so that the client's
# part is the same and small, $7 the number of runs (ours is run three times as often), $8 the
# longest median asked for
compare() {
	say "$2"
	same_answers "$1" "$4" "$5"
	peer=$(run_times "$1" "SELECT $6 FROM ($(query "$4")) AS answer" "$7" | summary)
	ours=$(run_times "$1" "SELECT $6 FROM ($(query "$5")) AS answer" $(($7 * 3)) | summary)
	measured "${2% (peer:*}" "$(form_name "$2")" ms "$peer"
	measured "${2% (peer:*}" user_profile ms "$ours"
	result "$2" ms "$peer" "$ours" ratio "$3" "${8-}"
}

# What charts call the peer of the row $1
form_name() {
	case $1 in
		*'(peer: '*) printf '%s\n' "$1" | sed 's/.*(peer: \(.*\))$/\1/' ;;
		*) echo 'plain SQL' ;;
	esac
}

# Add a row: $1 name, $2 unit, $3 the peer's and $4 our "median minimum maximum" (either may be
# empty), $5 what the demand is about: ratio (peer / ours, at least $6; and at most $7 where that
# is given), limit (ours / peer, at most $6), most or least (our median), each (our maximum)
result() {
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$5" "$6" "${7-}" | awk -F '\t' -v OFS=, '{
		split($3, p, " "); split($4, o, " ")
		ratio = ""
		if (p[1] != "" && o[1] != "" && o[1] > 0) ratio = ($5 == "limit") ? o[1] / p[1] : p[1] / o[1]
		asked = met = ""
		if ($6 == "") {
			if ($7 != "") { asked = "<= " $7 " " $2; met = o[1] <= $7 }
		}
		else if ($5 == "ratio" && $7 != "") { asked = ">= " $6 " x; <= " $7 " " $2; met = ratio >= $6 && o[1] <= $7 }
		else if ($5 == "each") { asked = "each <= " $6 " " $2; met = o[3] <= $6 }
		else if ($5 == "ratio") { asked = ">= " $6 " x"; met = ratio >= $6 }
		else if ($5 == "limit") { asked = "<= " $6 " x"; met = ratio <= $6 }
		else if ($5 == "most") { asked = "<= " $6 " " $2; met = o[1] <= $6 }
		else if ($5 == "least") { asked = ">= " $6 " " $2; met = o[1] >= $6 }
		if (met != "") met = met ? "yes" : "no"
		if (ratio != "") ratio = sprintf("%.3g", ratio)
		print "\"" $1 "\"", $2, p[1], p[2], p[3], o[1], o[2], o[3], ratio, "\"" asked "\"", met
	}' >>"$RESULTS"
	tail -n 1 "$RESULTS" | table_rows >&2
}

# Note what the system $2 takes for the work $1, in unit $3, for the charts: $4 is "median minimum
# maximum"
measured() {
	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" |
		awk -F '\t' -v OFS=, '{ split($4, t, " "); print "\"" $1 "\"", "\"" $2 "\"", $3, t[1], t[2], t[3] }' >>"${RESULTS%.csv}.systems.csv"
}

# Lay out lines of the CSV file as rows of the table
table_rows() {
	sed 's/"\([^"]*\)"/\1/g' | awk -F , '
	function number(v) { return v >= 100 ? sprintf("%.0f", v) : sprintf("%.3g", v) }
	function show(m, lo, hi, unit, text) {
		if (m == "") return "-"
		if (unit == "ms" && m >= 1000) { unit = "s"; m /= 1000; lo /= 1000; hi /= 1000 }
		else if (unit == "MB" && m >= 10000) { unit = "GB"; m /= 1000; lo /= 1000; hi /= 1000 }
		text = number(m) " " unit
		if (lo != "" && lo != hi) text = text " (" number(lo) " - " number(hi) ")"
		return text
	}
	{
		printf "| %-62s | %-26s | %-26s | %6s | %-18s | %-3s |\n", $1, show($3, $4, $5, $2), show($6, $7, $8, $2),
			$9 == "" ? "" : $9 " x", $10, $11
	}'
}

print_table() {
	printf '| %-62s | %-26s | %-26s | %6s | %-18s | %-3s |\n' work "${PEER:-plain SQL}" user_profile ratio asked met
	printf '|---|---|---|---|---|---|\n'
	tail -n +2 "$RESULTS" | table_rows
}

# Print the largest anonymous memory, in MB, that the server process of application $2 on database
# $1 has until it ends: its own memory, without the shared buffers it touches
watch_memory() {
	pid=
	for _ in $(seq 100); do
		pid=$(db postgres -c "SELECT pid FROM pg_stat_activity WHERE datname = '$1' AND application_name = '$2'")
		[ -z "$pid" ] || break
		sleep 0.05
	done
	[ -n "$pid" ] || die "no process of application $2"
	while status=$(cat "/proc/$pid/status" 2>/dev/null); do
		printf '%s\n' "$status" | sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p'
		sleep 0.05
	done | sort -n | tail -n 1 | awk '{ print $1 / 1024 }'
}
