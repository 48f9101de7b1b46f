#!/bin/sh
# Measures user_profile against plain SQL, a materialised view, DuckDB and ClickHouse on a
# throw-away cluster, and prints one table.
#
#	sh bench/run.sh [--events N] [--users N] [--seed N] [--quick] [--only GROUPS] [--peers PEERS]
#	                [--keep] [--use DIR] [--results DIR] [--cpu]
#
# The defaults are 10 M events of 50 k users; --quick is 1 M of 5 k.
#
#	--only GROUPS  of: load disk sessions timeout user company workspace track late operations
#	--peers PEERS  of: duckdb clickhouse; '' for none
#	--keep         leave the cluster running, with its data
#	--use DIR      take a kept cluster: the library is built anew, the data stay as they are
#	--results DIR  where the figures go; bench/results
#	--cpu          count the CPU time of the server process instead of the time that passes, for a
#	               machine that has other work to do (latencies of single calls stay time that passes)
#
# The figures go to SIZE.csv, SIZE.systems.csv (for bench/chart.sh) and SIZE.txt. A group that is
# run again replaces its rows there.
#
# What is fair about it: all sides have the same log; PostgreSQL's have the same server with the
# same settings; plain SQL has the covering index that its question wants, vacuumed and analysed;
# everything is in memory (the server's in huge pages, where we may reserve them) and warm; the answers
# are compared before times are taken. Times are medians of several runs, with minimum and maximum, as
# a client sees them.
set -eu

ALL='load disk sessions timeout user company workspace track late operations'
EVENTS=10000000
USERS=50000
SEED=1
ONLY=$ALL
PEERS='duckdb clickhouse'
KEEP=
USE=
OUT=
CPU=
while [ $# -gt 0 ]; do
	case $1 in
		--events) EVENTS=$2; shift ;;
		--users) USERS=$2; shift ;;
		--seed) SEED=$2; shift ;;
		--quick) EVENTS=1000000 USERS=5000 ;;
		--only) ONLY=$2; shift ;;
		--peers) PEERS=$2; shift ;;
		--keep) KEEP=1 ;;
		--use) USE=$2; shift ;;
		--results) OUT=$2; shift ;;
		--cpu) CPU=1 ;;
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
# shellcheck source=bench/peers.sh
. "$BENCH/peers.sh"

for group in $ONLY; do
	[ -f "$BENCH/groups/$group.sh" ] || die "no such group: $group (there are $ALL)"
done

if [ -n "$USE" ]; then
	use_data "$USE"
else
	start_server
	[ -z "$KEEP" ] || keep_cluster
	make_data
fi
open_results

for group in $ALL; do
	case " $ONLY " in *" $group "*) ;; *) continue ;; esac
	say "--- $group ($(date +%T))"
	GROUP=$group
	forget_results "$group"
	# shellcheck source=/dev/null
	. "$BENCH/groups/$group.sh"
done

{
	describe_run "$LOADED events of $USERS users (seed $SEED)"
	print_table
} | tee "${RESULTS%.csv}.txt"
[ -z "$KEEP" ] || say "kept: sh bench/run.sh --use $FILES; to stop it: $CLUSTER_STOP; rm -rf $FILES"
