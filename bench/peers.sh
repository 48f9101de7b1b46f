# shellcheck shell=sh
# Shell functions for the peers of other makes: embedded databases, run by node.
# Sourced by run.sh after lib.sh.
#
# A work WORK has, in bench/peers/, its query in the words of each peer (WORK.PEER.sql, or
# WORK.PEER_FORM.sql for another form of it) and WORK.sql, which puts our rows, called "answer", into
# the columns that these queries give.

PEERS=

# Install the peers; without them (no node, no way to the registry) the run goes on
find_peers() {
	if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
		say "there is no node here: DuckDB and ClickHouse are left out"
	elif [ -d "$BENCH/peers/node_modules" ] ||
		(cd "$BENCH/peers" && npm ci --no-audit --no-fund --loglevel=error) >&2; then
		PEERS='duckdb clickhouse'
	else
		say "npm can't install the peers: DuckDB and ClickHouse are left out"
	fi
}

# Run the peer $1 in mode $2, with arguments
peer() {
	engine=$1
	shift
	node "$BENCH/peers/peer.mjs" "$engine" "$FILES/$engine.db" "$@"
}

# The peer that runs form $1: duckdb_windows is a form of duckdb
peer_of() {
	printf '%s\n' "${1%%_*}"
}

# The query of work $1 in form $2; $3 is what to put for the user or company
peer_query() {
	sed "s/{key}/${3:-c-top}/g; s/{since}/$SINCE/g; s/{until}/$UNTIL/g; s/{before}/$BEFORE/g; s/{timeout}/${TIMEOUT_MS:-1800000}/g" \
		"$BENCH/peers/$1.$2.sql"
}

# Hand the log of database $1 to the peers, as CSV files
load_peers() {
	mkdir "$FILES/csv"
	chmod 777 "$FILES/csv"
	db "$1" -c "SET timezone = 'UTC'" \
		-c "COPY (SELECT user_id, occurred_at AT TIME ZONE 'UTC', kind, name, action, page, properties FROM plain.events)
			TO '$FILES/csv/events.csv' (FORMAT csv)" \
		-c "COPY (SELECT user_id, company_id, joined_at AT TIME ZONE 'UTC' FROM plain.memberships)
			TO '$FILES/csv/memberships.csv' (FORMAT csv)"
	for one in $PEERS; do
		sed "s,{dir},$FILES/csv,g" "$BENCH/peers/$one.load.sql" | peer "$one" run >"$FILES/load.$one"
		say "  $one: loaded and sorted in $(cat "$FILES/load.$one") ms"
	done
	rm -r "$FILES/csv"
}

# Bring CSV from any of the databases into one form, sorted: numbers with three places, times
# without trailing zeros, nothing quoted
canonical() {
	sed 's/"//g; s/\\N//g' | awk -F , -v OFS=, '{
		for (i = 1; i <= NF; i++) {
			if ($i ~ /^-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?$/) $i = sprintf("%.3f", $i)
			else if ($i ~ /:[0-9][0-9]\.[0-9]+$/) { sub(/0+$/, "", $i); sub(/\.$/, "", $i) }
		}
		print
	}' | sort
}

# Stop unless form $2 of work $1 gives the rows that ours does on database $3; for the user or
# company $4
same_answer_of_peer() {
	db "$3" -c "$SESSION
		COPY (WITH answer AS ($(query "$1.ours" ${4:+"'$4'"}))
			$(sed 's/\([a-z_]*_at\)\>/\1 AT TIME ZONE '"'UTC'"' AS \1/g' "$BENCH/peers/$1.sql")) TO STDOUT (FORMAT csv)" |
		canonical >"$FILES/answer.ours"
	peer_query "$1" "$2" "${4-}" | peer "$(peer_of "$2")" answer | canonical >"$FILES/answer.peer"
	say "  answers of $1, ours and $2: $(wc -l <"$FILES/answer.ours") and $(wc -l <"$FILES/answer.peer") rows"
	cmp "$FILES/answer.ours" "$FILES/answer.peer" >&2 || {
		diff "$FILES/answer.ours" "$FILES/answer.peer" | head -n 6 >&2
		die "$1: $2 doesn't give our answer"
	}
}

# Measure ours, in one process and with parallel workers, and all forms ($2) of a work: $1 is the
# work, $3 its name, $4 what consumes the rows, $5 the number of runs, $6 and $7 the ratios asked to
# DuckDB's best form and to ClickHouse, of ours in one process
compare_peers() {
	one_process=$(run_times large "SELECT $4 FROM ($(query "$1.ours")) AS answer" $(($5 * 3)) | summary)
	several=$(run_times large "SELECT $4 FROM ($(query "$1.ours")) AS answer" $(($5 * 3)) "$PARALLEL" | summary)
	measured "$3" user_profile ms "$one_process"
	measured "$3" 'user_profile with workers' ms "$several"
	for form in $2; do
		case " $PEERS " in *" $(peer_of "$form") "*) ;; *) continue ;; esac
		say "$3: $form"
		same_answer_of_peer "$1" "$form" large
		peer=$(printf 'SELECT %s FROM (%s) AS answer' "$4" "$(peer_query "$1" "$form")" |
			peer "$(peer_of "$form")" time "$5" | summary)
		case $form in duckdb) asked=$6 ;; clickhouse) asked=$7 ;; *) asked= ;; esac
		measured "$3" "$(system_name "$form")" ms "$peer"
		result "$3 (peer: $(system_name "$form"))" ms "$peer" "$one_process" ratio "$asked"
		result "$3 with two workers (peer: $(system_name "$form"))" ms "$peer" "$several" ratio ""
	done
}

# How a form is called in tables and charts
system_name() {
	case $1 in
		duckdb) echo 'DuckDB' ;;
		duckdb_windows) echo 'DuckDB by windows' ;;
		clickhouse) echo 'ClickHouse' ;;
		*) echo "$1" ;;
	esac
}
