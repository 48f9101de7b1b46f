# shellcheck shell=sh
# Shell functions for the peers of other makes: embedded databases, run by node.
# Sourced by run.sh after lib.sh.
#
# A work WORK has, in bench/peers/, its query in the words of each peer (WORK.PEER.sql, or
# WORK.PEER_FORM.sql for another form of it) and WORK.sql, which puts our rows, called "answer", into
# the columns that these queries give.  user_WORK, company_WORK and workspace_WORK share WORK's.

PEERS_READY=

# Install the peers and hand them the log; without them (no node, no way to the registry) the run
# goes on
need_peers() {
	[ -n "$PEERS" ] && [ -z "$PEERS_READY" ] || return 0
	if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
		say "there is no node here: $PEERS are left out"
		PEERS=
	elif [ ! -d "$BENCH/peers/node_modules" ] &&
		# Not npm ci, which asks for the packages of all platforms
		! (cd "$BENCH/peers" && npm install --no-save --no-audit --no-fund --loglevel=error) >&2; then
		say "npm can't install the peers: $PEERS are left out"
		PEERS=
	else
		load_peers large
		for one in $PEERS; do peer "$one" version; done >"$FILES/versions"
		PEERS_READY=1
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

# The file of the work $1 that ends in $2
peer_file() {
	file=$BENCH/peers/$1.$2
	[ -f "$file" ] || file=$BENCH/peers/${1#*_}.$2
	printf '%s\n' "$file"
}

# The query of work $1 in form $2; $3 is the user or company
peer_query() {
	case $1 in
		user_*) whose="user_id = '{key}'" ;;
		company_*) whose="user_id IN (SELECT user_id FROM bench.memberships WHERE company_id = '{key}')" ;;
		*) whose=true ;;
	esac
	sed "s/{whose}/$whose/g; s/{key}/${3-}/g; s/{since}/$SINCE/g; s/{until}/$UNTIL/g; s/{before}/$BEFORE/g; s/{timeout}/$TIMEOUT_MS/g" \
		"$(peer_file "$1" "$2.sql")"
}

# Hand the log of database $1 to those peers that don't have it yet, as CSV files
load_peers() {
	mkdir "$FILES/csv"
	chmod 777 "$FILES/csv"
	for one in $PEERS; do
		[ ! -e "$FILES/$one.db" ] || continue
		if [ ! -f "$FILES/csv/events.csv" ]; then
			say "handing the log to the peers"
			db "$1" -c "SET timezone = 'UTC'" \
				-c "COPY (SELECT user_id, occurred_at AT TIME ZONE 'UTC', kind, name, action, page, properties FROM plain.events)
					TO '$FILES/csv/events.csv' (FORMAT csv)" \
				-c "COPY (SELECT user_id, company_id, joined_at AT TIME ZONE 'UTC' FROM plain.memberships)
					TO '$FILES/csv/memberships.csv' (FORMAT csv)"
		fi
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

# The query $1, whose rows are called "answer", put into the columns of work $2's peers, with the
# columns $3 before them
as_peers() {
	# shellcheck disable=SC2016 # a back-reference
	printf 'COPY (WITH answer AS (%s) %s) TO STDOUT (FORMAT csv)' "$1" \
		"$(sed "s/\\([a-z_]*_at\\)\\>/\\1 AT TIME ZONE 'UTC' AS \\1/g; 1s/^SELECT /SELECT ${3-} /" "$(peer_file "$2" sql)")"
}

# Stop unless the files answer.ours and answer.peer are the same; $1 is the work, $2 the form
same_files() {
	say "  answers of $1, ours and $2: $(wc -l <"$FILES/answer.ours") and $(wc -l <"$FILES/answer.peer") rows"
	cmp "$FILES/answer.ours" "$FILES/answer.peer" >&2 || {
		diff "$FILES/answer.ours" "$FILES/answer.peer" | head -n 6 >&2
		die "$1: $2 doesn't give our answer"
	}
}

# Stop unless form $2 of work $1 gives the rows that ours does on database $3; for the company $4
same_answer_of_peer() {
	db "$3" -c "$SESSION" -c "$(as_peers "$(query "$1.ours" ${4:+"'$4'"})" "$1")" | canonical >"$FILES/answer.ours"
	peer_query "$1" "$2" "${4-}" | peer "$(peer_of "$2")" answer | canonical >"$FILES/answer.peer"
	same_files "$1" "$2"
}

# Stop unless form $2 of work $1 gives the rows that ours does for every user of the sample on
# database $3
same_answers_of_users_of_peer() {
	db "$3" -c "$SESSION" -c "$(as_peers "$(query_of_users "$1.ours")" "$1" 'subject,')" | canonical >"$FILES/answer.ours"
	peer_query "$1" "$2" '{key}' | peer "$(peer_of "$2")" answers "$FILES/keys" | canonical >"$FILES/answer.peer"
	same_files "$1" "$2"
}

# Measure all forms ($2) of a work beside ours, whose summary is OURS, and WORKERS with workers (empty:
# not measured): $1 is the work, $3 its name, $4 what consumes the rows, $5 the number of runs, $6 and
# $7 the ratios asked to DuckDB's best form and to ClickHouse, $8 the company
compare_peers() {
	for form in $2; do
		case " $PEERS " in *" $(peer_of "$form") "*) ;; *) continue ;; esac
		say "$3: $form"
		same_answer_of_peer "$1" "$form" large "${8-}"
		peer=$(printf 'SELECT %s FROM (%s) AS answer' "$4" "$(peer_query "$1" "$form" "${8-}")" |
			peer "$(peer_of "$form")" time "$5" | summary)
		case $form in duckdb) asked=$6 ;; clickhouse) asked=$7 ;; *) asked= ;; esac
		measured "$3" "$(system_name "$form")" ms "$peer"
		result "$3 (peer: $(system_name "$form"))" ms "$peer" "$OURS" ratio "$asked"
		[ -z "$WORKERS" ] ||
			result "$3 with two workers (peer: $(system_name "$form"))" ms "$peer" "$WORKERS" ratio ""
	done
}

# Print how many MB the log takes in the peer $1; of ClickHouse, without the parts that were merged,
# which it removes later
peer_disk() {
	case $1 in
		clickhouse) echo "SELECT sum(bytes_on_disk) / 1e6 FROM system.parts WHERE active AND database = 'bench'" | peer "$1" answer ;;
		*) du -sk "$FILES/$1.db" | awk '{ print $1 * 1024 / 1e6 }' ;;
	esac
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
