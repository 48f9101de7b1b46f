#!/bin/sh
# From a fresh Debian to a printed user profile:
#
#	sh demo/run.sh                         on the sample workspace (workspace.sql)
#	sh demo/run.sh FILE.csv[.gz]           on your own log
#	sh demo/run.sh --user ID [FILE]        the profile of this user
#	sh demo/run.sh --keep [...]            leave the server running, to look around in it
#	sh demo/run.sh --stop                  stop the server that --keep left running
#
# Installs what is missing (as root or by sudo), builds the extension, starts a server of its own, loads,
# refreshes, prints one user's profile tab by tab and their company's, and writes CSV exports. The server listens on
# a socket of its own, no other cluster is touched, and without --keep it is stopped and removed at the end.
#
# FILE has a header that names its columns, in any order: user_id, occurred_at, name; and where it has them
# kind, page, company_id, action, properties (JSON), message_id. Others are left out, with a note. The separator is
# a comma, a semicolon or a tab.
#
# Other options: --seed N and --as-of TIME make another sample workspace, --out DIR is where the exports go
# (default: out beside this script).

set -eu
umask 022

# shellcheck source=test/cluster.sh
. "$(dirname "$0")/../test/cluster.sh"

DEMO=$TOP/demo
SELF="sh $0"

usage() {
	sed -n '2,/^$/{/^#/{s/^# \{0,1\}//;p;};}' "$DEMO/run.sh"
}

# Show a number with thousands separated
thousands() {
	printf '%s\n' "$1" | sed -e :a -e 's/^\([0-9]\{1,\}\)\([0-9]\{3\}\)/\1,\2/;ta'
}

# One value from the database
value() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

# Run the SQL of standard input and show its notices as they come
tell_notices() {
	{ value 2>&1 || : >"$WORK/failed"; } | sed 's/^NOTICE: */  /' >&2
	[ ! -e "$WORK/failed" ] || die "can't go on"
}

# Read a log, compressed or not
read_log() {
	case $1 in
		*.gz) gzip -dc -- "$1" ;;
		*) cat -- "$1" ;;
	esac
}

# Turn the header of a log into the separator, on a line of its own, and a table definition: one line "column type"
# for each column. Writes what is wrong with it, or worth a note, to standard error.
read_header() {
	awk -v file="$1" '
		BEGIN {
			type["user_id"] = "text COLLATE \"C\" NOT NULL CONSTRAINT \"user_id must have 1 to 1024 bytes\" CHECK (octet_length(user_id) BETWEEN 1 AND 1024)"
			type["occurred_at"] = "timestamptz NOT NULL CONSTRAINT \"occurred_at must be finite\" CHECK (isfinite(occurred_at))"
			type["name"] = "text COLLATE \"C\" NOT NULL CONSTRAINT \"name must not be empty\" CHECK (name <> '\'\'')"
			type["kind"] = "user_profile.event_kind"
			type["company_id"] = "text COLLATE \"C\" CONSTRAINT \"company_id must have up to 1024 bytes\" CHECK (octet_length(company_id) <= 1024)"
			type["page"] = type["action"] = type["message_id"] = "text COLLATE \"C\""
			type["properties"] = "jsonb"
		}
		function fail(message) {
			printf "%s: %s\n", file, message > "/dev/stderr"
			failed = 1
			exit 1
		}
		# Cut the next field off the header
		function next_field(    at, field) {
			if (substr(header, 1, 1) == "\"") {
				header = substr(header, 2)
				gsub(/""/, "\001", header)
				at = index(header, "\"")
				if (at == 0)
					fail("the header has a quote that does not end")
				field = substr(header, 1, at - 1)
				header = substr(header, at + 1)
				gsub(/\001/, "\"", field)
				gsub(/\001/, "\"\"", header)
				at = index(header, separator)
			} else {
				at = index(header, separator)
				field = at ? substr(header, 1, at - 1) : header
			}
			more = at > 0
			header = at ? substr(header, at + 1) : ""
			gsub(/^[ \t]+|[ \t]+$/, "", field)
			return tolower(field)
		}
		NR == 1 {
			header = $0
			sub(/^\357\273\277/, "", header)
			sub(/\r$/, "", header)
			separator = index(header, "\t") ? "\t" : index(header, ";") && !index(header, ",") ? ";" : ","
			print separator == "\t" ? "tab" : separator
			more = 1
			while (more) {
				column = next_field()
				if (column in seen)
					fail("the header names the column " column " twice")
				seen[column] = 1
				n++
				if (column in type)
					print column, type[column]
				else {
					print "left_out_" n, "text"
					left_out = left_out (left_out == "" ? "" : ", ") (column == "" ? "(no name)" : column)
				}
			}
			exit
		}
		END {
			if (failed)
				exit 1
			if (NR == 0)
				fail("the file is empty; its first line should name the columns")
			split("user_id occurred_at name", required, " ")
			for (i = 1; i <= 3; i++)
				if (!(required[i] in seen))
					missing = missing (missing == "" ? "" : ", ") required[i]
			if (missing != "")
				fail("the header lacks " missing "; its columns are: " substr($0, 1, 200))
			if (left_out != "")
				printf "%s: columns left out: %s\n", file, left_out > "/dev/stderr"
		}'
}

# Tell every two seconds how far the COPY is
watch_copy() {
	while sleep 2; do
		rows=$(value -c 'SELECT tuples_processed FROM pg_stat_progress_copy LIMIT 1' 2>/dev/null) || rows=
		[ -z "$rows" ] || say "  $(thousands "$rows") rows read"
	done
}

# Load a log of the user's own. It goes through a table of the file's columns, so that a bad value is reported with
# its line, and nothing of a file with a bad line is loaded.
load_log() {
	say "loading $1"
	separator=$(printf '%s\n' "$header" | sed -n 1p)
	[ "$separator" != tab ] || separator=$(printf '\t')
	columns=$(printf '%s\n' "$header" | sed 1d)
	value -c "CREATE UNLOGGED TABLE log ($(printf '%s\n' "$columns" | paste -s -d , -))" >/dev/null

	watch_copy &
	watcher=$!
	# shellcheck disable=SC2016 # for later
	at_exit '[ -z "$watcher" ] || kill "$watcher" 2>/dev/null || true'
	errors=$WORK/errors
	copy_status=0
	{ read_log "$1" || echo "$1: can't be read to its end" >"$WORK/unread"; } |
		value -c "COPY log FROM STDIN (FORMAT csv, HEADER, DELIMITER '$separator')" 2>"$errors" >/dev/null || copy_status=$?
	kill "$watcher" 2>/dev/null || true
	wait "$watcher" 2>/dev/null || true
	watcher=''
	if [ -s "$WORK/unread" ]; then
		die "$(cat "$WORK/unread"); nothing is loaded"
	elif [ "$copy_status" -ne 0 ]; then
		sed "s|COPY log, line|line|; s|relation \"log\"|the log|" "$errors" >&2
		if grep -q 'enum user_profile.event_kind' "$errors"; then
			say "HINT:  the kinds are $(value -c "SELECT string_agg(k::text, ', ') FROM unnest(enum_range(NULL::user_profile.event_kind)) AS k")"
		fi
		die "$1: nothing is loaded"
	fi

	has() {
		printf '%s\n' "$columns" | grep -q "^$1 "
	}
	targets='user_id, occurred_at, name'
	sources='user_id, occurred_at, name'
	for column in page action message_id; do
		if has "$column"; then
			targets="$targets, $column"
			sources="$sources, nullif($column, '')"
		fi
	done
	if has properties; then
		targets="$targets, properties"
		sources="$sources, properties"
	fi
	if has kind; then
		targets="$targets, kind"
		sources="$sources, coalesce(kind, 'tracked')"
	fi
	ignore=
	if has message_id; then
		ignore='ON CONFLICT DO NOTHING'
	fi

	# In pieces of some 100,000 rows, in the order of the file
	tell_notices <<-SQL
		DO \$\$
		DECLARE
			blocks bigint := pg_relation_size('log') / current_setting('block_size')::integer;
			block bigint := 0;
			begun timestamptz := clock_timestamp();
			loaded bigint := 0;
			more bigint;
		BEGIN
			WHILE block < blocks LOOP
				INSERT INTO user_profile.events ($targets)
				SELECT $sources FROM log
				WHERE ctid >= format('(%s,0)', block)::tid AND ctid < format('(%s,0)', block + 1200)::tid
				$ignore;
				GET DIAGNOSTICS more = ROW_COUNT;
				COMMIT;
				loaded := loaded + more;
				block := block + 1200;
				RAISE NOTICE '% events loaded (% %%), % s', to_char(loaded, 'FM999,999,999,990'),
					least(100, 100 * block / blocks), round(extract(epoch FROM clock_timestamp() - begun)::numeric, 1);
			END LOOP;
		END \$\$;
	SQL
	if has company_id; then
		say "  companies: each user joins a company at the first event that names it"
		value <<-SQL
			INSERT INTO user_profile.companies (company_id)
			SELECT DISTINCT company_id FROM log WHERE company_id <> '';
			INSERT INTO user_profile.users (user_id)
			SELECT DISTINCT user_id FROM log
			ON CONFLICT DO NOTHING;
			INSERT INTO user_profile.memberships (user_id, company_id, joined_at)
			SELECT user_id, company_id, min(occurred_at) FROM log WHERE company_id <> '' GROUP BY user_id, company_id;
		SQL
	fi
	value -c 'DROP TABLE log'
}

load_sample() {
	say "loading the sample workspace: 90 days of Fernway, an invoicing product (seed $seed)"
	set -- -v seed="$seed"
	if [ -n "$as_of" ]; then
		set -- "$@" -v as_of="$as_of"
	fi
	value "$@" -f "$DEMO/workspace.sql"
}

# Write a query's result as a CSV file into $out
export_csv() {
	value -c "COPY ($2) TO STDOUT (FORMAT csv, HEADER)" >"$out/$1"
	printf '  %-14s %8s rows   %s\n' "$1" "$(thousands "$(value -c "SELECT count(*) FROM ($2) AS q")")" "$2"
}

# Stop the server that --keep left running. Its stop command stands in $out/server.
stop_kept() {
	[ -f "$out/server" ] || die "no server was left running"
	say "stopping the server"
	sh "$out/server" || say "it was not running any more"
	rm -f "$out/server"
}


# Options ----------------------------------------------------------------------

file=''
user=''
seed=1
as_of=''
keep=''
stop=''
out=$DEMO/out
while [ $# -gt 0 ]; do
	case $1 in
		--user | --seed | --as-of | --out)
			[ $# -ge 2 ] || die "$1 needs a value"
			case $1 in
				--user) user=$2 ;;
				--seed) seed=$2 ;;
				--as-of) as_of=$2 ;;
				--out) out=$2 ;;
			esac
			shift
			;;
		--keep) keep=1 ;;
		--stop) stop=1 ;;
		-h | --help) usage; exit 0 ;;
		-*) die "unknown option: $1 (see sh demo/run.sh --help)" ;;
		*)
			[ -z "$file" ] || die "one file at a time: $file, or $1?"
			file=$1
			;;
	esac
	shift
done

case $seed in
	'' | *[!0-9]* | ??????????*) die "--seed: not a whole number of up to 9 digits: $seed" ;;
esac
if [ -n "$stop" ]; then
	stop_kept
	exit
fi
if [ -n "$file" ]; then
	[ -e "$file" ] || die "no such file: $file"
	if [ ! -f "$file" ] || [ ! -r "$file" ]; then
		die "not a file that can be read: $file"
	fi
	header=$(read_log "$file" | read_header "$file") || exit 1
fi
if [ -n "$keep" ] && [ -f "$out/server" ]; then
	die "a server is running already; stop it by: $SELF --stop"
fi
if ! mkdir -p "$out" || [ ! -w "$out" ]; then
	die "can't write the exports to $out; --out DIR names another directory"
fi


# Server -----------------------------------------------------------------------

WORK=$(mktemp -d "${TMPDIR:-/tmp}/user_profile.XXXXXX")
at_exit "rm -rf $(quoted "$WORK")"

say "building the extension"
# shellcheck disable=SC2119 # no flags
build_extension
say "starting a server of PostgreSQL $PG_MAJOR"
# shellcheck disable=SC2119 # no settings
start_cluster
value -c 'CREATE DATABASE demo'
export PGDATABASE=demo
value -c 'CREATE EXTENSION user_profile'

if [ -n "$file" ]; then
	load_log "$file"
else
	load_sample
fi
say "refreshing: folding the events into timelines"
echo 'CALL user_profile.refresh()' | tell_notices
value -c 'VACUUM ANALYZE' 2>/dev/null

if [ -z "$user" ]; then
	if [ -n "$file" ]; then
		user=$(value -c 'SELECT user_id FROM user_profile.user_profiles ORDER BY total_events DESC NULLS LAST, user_id LIMIT 1')
		[ -n "$user" ] || die "$file: no events"
	else
		user=u-1001
	fi
elif [ -z "$(printf '%s\n' "SELECT user_id FROM user_profile.user_profile(:'user')" | value -v user="$user")" ]; then
	die "no such user: $user"
fi


# What there is to see ---------------------------------------------------------

# psql's variables bold, dim and plain: what switches a terminal's type
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
	esc=$(printf '\033')
	bold="${esc}[1m" dim="${esc}[2m" plain="${esc}[0m"
else
	bold='' dim='' plain=''
fi

show() {
	script=$1
	shift
	psql -X -q -v ON_ERROR_STOP=1 -v bold="$bold" -v dim="$dim" -v plain="$plain" -v user="$user" "$@" -f "$DEMO/$script"
}

# Do all these objects of the extension exist?
have() {
	for object in "$@"; do
		[ -n "$(value -c "SELECT coalesce(to_regproc('user_profile.$object')::text, to_regclass('user_profile.$object')::text)")" ] ||
			return 1
	done
}

if [ -z "$file" ]; then
	show user.sql -v search=invoice
else
	show user.sql
fi
company=$(printf '%s\n' "SELECT company_id FROM user_profile.user_profile(:'user')" | value -v user="$user")
if [ -n "$company" ] && have company_profile company_overview company_daily company_top_events company_top_pages company_users; then
	show company.sql -v company="$company"
fi

printf '\n%s━━ Exports ━━%s\n\n' "$bold" "$plain"
user_literal=$(printf '%s\n' "SELECT quote_literal(:'user')" | value -v user="$user")
if have user_export; then
	export_csv users.csv 'SELECT * FROM user_profile.user_export ORDER BY user_id'
else
	export_csv users.csv 'SELECT * FROM user_profile.user_profiles ORDER BY user_id'
fi
if have company_export; then
	export_csv companies.csv 'SELECT * FROM user_profile.company_export ORDER BY company_id'
fi
export_csv sessions.csv "SELECT * FROM user_profile.user_sessions($user_literal, '(,)')"
if have export_user; then
	export_csv one_user.csv "SELECT * FROM user_profile.export_user($user_literal)"
fi
printf '  in %s\n' "$out"

if [ -z "$file" ] && have add_exclusion_rule preview_exclusion_rule alias content_progress reset_content \
	user_engagement preview_delete delete_user; then
	show operations.sql
fi


# The end ----------------------------------------------------------------------

psql=psql
[ -x /usr/bin/psql ] || psql=$PG_BINDIR/psql
printf '\n'
if [ -z "$file" ]; then
	cat <<-END
		Others of the sample worth a look, by $SELF --user ID:
		  u-1002 left 45 days ago             u-1007 is in two companies
		  u-1003 is the internal tester       u-1008 was invited and never came
		  u-1004 was anon-5d1c09e7 before     u-1009 works offline: events come late
		  u-1005 completed the checklist      u-1010 is a critic won back
		  u-1006 changed companies

	END
fi
if [ -n "$keep" ]; then
	printf '#!/bin/sh\n%s\n' "$CLUSTER_STOP" >"$out/server"
	keep_cluster
	cat <<-END
		The server is still running.
		  connect:  $psql -h $PGHOST -p $PGPORT -U $PGUSER $PGDATABASE
		  try:      SELECT * FROM user_profile.user_profiles ORDER BY last_seen_at DESC NULLS LAST LIMIT 10;
		  stop:     $SELF --stop
	END
else
	case $file in
		*[!A-Za-z0-9_./-]*) file=$(quoted "$file") ;;
	esac
	cat <<-END
		The server is stopped and removed now. To look around in one that stays:
		  start:    $SELF --keep${file:+ $file}
		  connect:  by the psql command with which that ends
		  stop:     $SELF --stop
	END
fi
