# shellcheck shell=sh
# Shell functions for the benchmarks: timing, comparing, and the table of results.
# Sourced by run.sh and growth.sh after test/cluster.sh.

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

# How long a pause ends a session, in the words of all sides; the group timeout changes it
TIMEOUT='30 min'
# shellcheck disable=SC2034 # read by peers.sh
TIMEOUT_MS=1800000

# The query in file $1, without its comments; {NAME} in it is the query in the file of that name.
# $2 and $3 are what to put for its $1 and $2, the user or company and the period
# shellcheck disable=SC2016 # $1 and $2 are the query's
query() {
	awk -v directory="$BENCH/sql" '
		/^--/ { next }
		match($0, /[{][a-z_.]+[}]/) {
			file = directory "/" substr($0, RSTART + 1, RLENGTH - 2) ".sql"
			print substr($0, 1, RSTART - 1)
			while ((getline line <file) > 0) if (line !~ /^--/) print line
			close(file)
			$0 = substr($0, RSTART + RLENGTH)
		}
		{ print }' "$BENCH/sql/$1.sql" |
		sed "s/\\\$1/${2:-'c-top'}/g; s/\\\$2/${3:-tstzrange '$PERIOD'}/g; s/'30 min'/'$TIMEOUT'/g"
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

# Stop unless the two lines on standard input, answers of $1 and $2, are the same
same_lines() {
	read -r one
	read -r other
	say "  answers of $1 and $2 (rows|hash): $one, $other"
	[ "$one" = "$other" ] || die "$1 and $2 don't give the same answer"
}

# Stop unless the queries in files $2 and $3 give the same rows on database $1; for the company $4
same_answers() {
	for side in "$2" "$3"; do
		db "$1" -c "$SESSION SELECT count(*), sum(hashtextextended(answer::text, 0))
			FROM ($(query "$side" ${4:+"'$4'"})) AS answer" | tail -n 1
	done | same_lines "$2" "$3"
}

# Compare the queries in files $4 and $5 on database $1 and add a row to the table: $2 is its
# name, $3 the ratio asked for, $6 what consumes their rows in the server so that the client's
# part is the same and small, $7 the number of runs (ours is run three times as often), $8 the
# longest median asked for, $9 the company.  The summary of ours is left in OURS
compare() {
	say "$2"
	same_answers "$1" "$4" "$5" "${9-}"
	peer=$(run_times "$1" "SELECT $6 FROM ($(query "$4" ${9:+"'$9'"})) AS answer" "$7" | summary)
	OURS=$(run_times "$1" "SELECT $6 FROM ($(query "$5" ${9:+"'$9'"})) AS answer" $(($7 * 3)) | summary)
	measured "${2% (peer:*}" "$(form_name "$2")" ms "$peer"
	measured "${2% (peer:*}" user_profile ms "$OURS"
	result "$2" ms "$peer" "$OURS" ratio "$3" "${8-}"
	WORKERS=
}

# Measure the query $1 of ours with two parallel workers beside its own process, $2 times, for the
# work $3; $4 is what consumes the rows, $5 the ratio asked to the one process, whose summary is OURS
compare_workers() {
	WORKERS=$(run_times large "SELECT $4 FROM ($(query "$1")) AS answer" "$2" "$PARALLEL" | summary)
	measured "$3" 'user_profile with workers' ms "$WORKERS"
	result "$3 with two workers (peer: ours in one process)" ms "$OURS" "$WORKERS" ratio "$5"
}

# What charts call the peer of the row $1
form_name() {
	case $1 in
		*'(peer: '*) printf '%s\n' "$1" | sed 's/.*(peer: \(.*\))$/\1/' ;;
		*) echo 'plain SQL' ;;
	esac
}

# ---------------------------------------------------------------------------------------------
# Results
# ---------------------------------------------------------------------------------------------

HEADER='group,work,unit,peer_median,peer_min,peer_max,ours_median,ours_min,ours_max,ratio,asked,met,commit'
SYSTEMS_HEADER='group,work,system,unit,median,min,max'

# The commit that is measured
commit() {
	git -C "$TOP" describe --always --dirty --exclude '*' 2>/dev/null || echo unknown
}

# Say where the results go; those of other groups stay
open_results() {
	mkdir -p "$OUT"
	RESULTS=$OUT/$(awk "BEGIN { printf \"%g\", $EVENTS / 1e6 }")M.csv
	SYSTEMS=${RESULTS%.csv}.systems.csv
	COMMIT=$(commit)
	[ "$(head -n 1 "$RESULTS" 2>/dev/null)" = "$HEADER" ] || echo "$HEADER" >"$RESULTS"
	[ "$(head -n 1 "$SYSTEMS" 2>/dev/null)" = "$SYSTEMS_HEADER" ] || echo "$SYSTEMS_HEADER" >"$SYSTEMS"
}

# Forget what the group $1 brought before
forget_results() {
	for file in "$RESULTS" "$SYSTEMS"; do
		awk -F , -v group="$1" '$1 != group' "$file" >"$FILES/others"
		cp "$FILES/others" "$file"
	done
}

# Add a row: $1 name, $2 unit, $3 the peer's and $4 our "median minimum maximum" (either may be
# empty), $5 what the demand is about: ratio (peer / ours, at least $6; and at most $7 where that
# is given), limit (ours / peer, at most $6), share (ours / peer, at least $6), most or least (our
# median), each (our maximum)
result() {
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$5" "$6" "${7-}" | awk -F '\t' -v OFS=, -v group="$GROUP" -v commit="$COMMIT" '{
		split($3, p, " "); split($4, o, " ")
		ratio = ""
		if (p[1] > 0 && o[1] > 0) ratio = ($5 == "limit" || $5 == "share") ? o[1] / p[1] : p[1] / o[1]
		asked = met = ""
		if ($6 == "") {
			if ($7 != "") { asked = "<= " $7 " " $2; met = o[1] <= $7 }
		}
		else if ($5 == "ratio" && $7 != "") { asked = ">= " $6 " x; <= " $7 " " $2; met = ratio >= $6 && o[1] <= $7 }
		else if ($5 == "ratio" || $5 == "share") { asked = ">= " $6 " x"; met = ratio >= $6 }
		else if ($5 == "limit") { asked = "<= " $6 " x"; met = ratio <= $6 }
		else if ($5 == "most") { asked = "<= " $6 " " $2; met = o[1] <= $6 }
		else if ($5 == "each") { asked = "each <= " $6 " " $2; met = o[3] <= $6 }
		else if ($5 == "least") { asked = ">= " $6 " " $2; met = o[1] >= $6 }
		if (met != "") met = met ? "yes" : "no"
		if (ratio != "") ratio = sprintf("%.3g", ratio)
		print group, "\"" $1 "\"", $2, p[1], p[2], p[3], o[1], o[2], o[3], ratio, "\"" asked "\"", met, commit
	}' >>"$RESULTS"
	tail -n 1 "$RESULTS" | table_rows >&2
}

# Note what the system $2 takes for the work $1, in unit $3, for the charts: $4 is "median minimum
# maximum"
measured() {
	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" |
		awk -F '\t' -v OFS=, -v group="$GROUP" '{ split($4, t, " "); print group, "\"" $1 "\"", "\"" $2 "\"", $3, t[1], t[2], t[3] }' >>"$SYSTEMS"
}

# Print on what the run ran; $1 is what it was about
describe_run() {
	echo
	db postgres -c 'SELECT version()'
	[ ! -s "$FILES/versions" ] || paste -s -d , "$FILES/versions"
	echo "user_profile $COMMIT"
	printf '%s, %s processors, %s MB memory (%s MB of huge pages); load %s\n' \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
		"$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" \
		"$(awk '/^Hugetlb/ { print int($2 / 1024) }' /proc/meminfo)" "$(cut -d ' ' -f 1-3 /proc/loadavg)"
	echo "$1; $(date -u +%Y-%m-%d)${CPU:+; CPU time of the server process}"
	echo
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
		printf "| %-62s | %-26s | %-26s | %6s | %-18s | %-3s |\n", $2, show($4, $5, $6, $3), show($7, $8, $9, $3),
			$10 == "" ? "" : $10 " x", $11, $12
	}'
}

# Print the table of all results, group by group
print_table() {
	printf '| %-62s | %-26s | %-26s | %6s | %-18s | %-3s |\n' work 'plain SQL, or the peer named' user_profile ratio asked met
	printf '|---|---|---|---|---|---|\n'
	for part in $ALL; do
		awk -F , -v group="$part" '$1 == group' "$RESULTS"
	done | table_rows
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
