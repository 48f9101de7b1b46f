#!/bin/sh
# Fuzz the timelines for a time, from the seeds beside this file.
#
#	sh test/fuzz/run.sh [SECONDS]						(10 for each harness)
#	sh test/fuzz/run.sh --reproduce HARNESS FILE	run one input
#
# Harnesses: timeline, which is the codec; and functions, which join and read timelines,
# linked with what stands in for the server. These two are of C files of the extension as they are.
# The latter takes the headers of a server (PG_CONFIG, or the newest one installed).
#
# By libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer, installed if missing; where
# that can't be had, by a plain driver and gcc's sanitizers. The random seed is fixed. The last line
# says how many inputs were tried without a fault. One that makes it fail is printed in
# hexadecimal digits, and kept in TMPDIR.
#
# Environment: CLANG is the compiler with libFuzzer; FUZZ_SEED the random seed (1); HARNESSES those
# to run.

set -eu

here=$(unset CDPATH && cd -- "$(dirname -- "$0")" && pwd -P)
seed=${FUZZ_SEED:-1}
seconds=10
harnesses=${HARNESSES:-timeline functions}
reproduce=
case ${1:-} in
	--reproduce) harnesses=${2:?--reproduce needs a harness} reproduce=${3:?--reproduce needs a file} ;;
	'') ;;
	*[!0-9]*) echo "usage: sh test/fuzz/run.sh [SECONDS | --reproduce HARNESS FILE]" >&2; exit 2 ;;
	*) seconds=$1 ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/user_profile_fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

sanitizers='-g -O2 -fno-omit-frame-pointer -fno-sanitize-recover=all'
warnings='-std=gnu99 -Wall -Wextra'
src=$here/../../src

# Do something with the functions of cluster.sh, which takes the place of the tree from the name of
# the script that reads it
with_cluster_sh() {
	sh -c '. "$(dirname -- "$0")/cluster.sh"; '"$1" "$here/../run.sh"
}

# The sources of a harness, and how to compile and link them. Of the server's functions the harness
# has those that are called; the others are left undefined, which takes a fixed address.
choose() {
	harness=$1
	sources="$here/$harness.c $src/timeline_codec.c"
	if [ "$harness" = functions ]; then
		if [ -z "${headers:-}" ]; then
			# shellcheck disable=SC2016 # expanded there
			headers=$(with_cluster_sh 'need_server && "$PG_CONFIG" --includedir-server')
		fi
		for file in session_reader timeline_agg timeline_build timeline_counts timeline_io \
			timeline_read timeline_sessions period; do
			sources="$sources $src/$file.c"
		done
		sources="$sources $here/server.c -isystem $headers -D_GNU_SOURCE -fno-pie -no-pie
			-Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
			-Wl,--wrap=period_from_arg,--wrap=timeout_from_arg,--unresolved-symbols=ignore-all"
	fi
}

# Build with libFuzzer. No word of it: it is tried before and after an installation.
build_with_clang() {
	for clang in ${CLANG:-clang} $(ls /usr/bin/clang-[0-9]* 2>/dev/null || true); do
		# shellcheck disable=SC2086 # lists of words
		"$clang" $warnings $sanitizers -fsanitize=fuzzer,address,undefined $sources \
			-o "$work/$harness" 2>"$work/clang.log" && return
	done
	return 1
}

install_clang() {
	command -v apt-get >/dev/null || return
	with_cluster_sh 'need_packages clang libclang-rt-dev'
}

build() {
	fuzzer=libFuzzer
	build_with_clang && return
	if [ -z "${installed:-}" ]; then
		installed=1
		install_clang && build_with_clang && return
	fi
	sed 's/^/# /' "$work/clang.log"
	echo '# no libFuzzer here (clang and libclang-rt-dev): a plain driver instead, blind to coverage'
	fuzzer=standalone
	# shellcheck disable=SC2086 # lists of words
	gcc $warnings $sanitizers -fsanitize=address,undefined $sources "$here/standalone.c" \
		-o "$work/$harness"
}

# Unpack the seeds: one a line, a name and hexadecimal digits
mkdir "$work/corpus"
while read -r name digits; do
	case $name in
		'#'*|'') continue ;;
	esac
	# printf of sh knows no \x
	perl -e 'local $/; print pack("H*", $ARGV[0])' "$digits" >"$work/corpus/$name"
done <"$here/seeds"

# Run what is built; returns what it does
fuzz() {
	if [ -n "$reproduce" ] && [ $fuzzer = libFuzzer ]; then
		"$work/$harness" "$reproduce"
	elif [ -n "$reproduce" ]; then
		"$work/$harness" 0 "$seed" "$reproduce"
	elif [ $fuzzer = libFuzzer ]; then
		"$work/$harness" -seed="$seed" -max_total_time="$seconds" -max_len=8192 -timeout=30 \
			-rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$work/found-" \
			"$work/corpus" >"$work/log" 2>&1
	else
		"$work/$harness" "$seconds" "$seed" "$work"/corpus/* >"$work/log" 2>&1
	fi
}

all=0
for harness in $harnesses; do
	choose "$harness"
	build || {
		echo "not ok - the harness $harness can't be built"
		exit 1
	}
	status=0
	fuzz || status=$?
	if [ -n "$reproduce" ]; then
		exit "$status"
	fi
	if [ "$status" -ne 0 ]; then
		tail -n 80 "$work/log"
		for found in "$work"/found-*; do
			[ -f "$found" ] || continue
			kept=${TMPDIR:-/tmp}/$(basename -- "$found")
			cp "$found" "$kept"
			echo "# kept as $kept:"
			od -An -v -tx1 "$found" | tr -d ' \n' | sed 's/^/# /'
			echo
		done
		echo "not ok - $harness fails on an input ($fuzzer)"
		exit 1
	fi
	executions=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$work/log" | tail -n 1)
	if [ "${executions:-0}" -eq 0 ]; then
		tail -n 20 "$work/log"
		echo "not ok - $harness: nothing was tried"
		exit 1
	fi
	echo "# $harness: $executions executions in $seconds s ($fuzzer)"
	all=$((all + executions))
done
echo "ok - $all executions, no crash"
