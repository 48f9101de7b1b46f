#!/bin/sh
# Fuzz the timeline codec for a time, from the seeds beside this file.
#
#	sh test/fuzz/run.sh [SECONDS]			(10)
#	sh test/fuzz/run.sh --reproduce FILE	run one input
#
# By libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer, installed if missing; where
# that can't be had, by a plain driver and gcc's sanitizers. The random seed is fixed. The last line
# says how many inputs were tried without a fault. One that makes it fail is printed in
# hexadecimal digits, and kept in TMPDIR.
#
# Environment: CLANG is the compiler with libFuzzer; FUZZ_SEED the random seed (1).

set -eu

here=$(unset CDPATH && cd -- "$(dirname -- "$0")" && pwd -P)
seed=${FUZZ_SEED:-1}
seconds=10
reproduce=
case ${1:-} in
	--reproduce) reproduce=${2:?--reproduce needs a file} ;;
	'') ;;
	*[!0-9]*) echo "usage: sh test/fuzz/run.sh [SECONDS | --reproduce FILE]" >&2; exit 2 ;;
	*) seconds=$1 ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/user_profile_fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

sanitizers='-g -O2 -fno-omit-frame-pointer -fno-sanitize-recover=all'
warnings='-std=gnu99 -Wall -Wextra'
sources="$here/timeline.c $here/../../src/timeline_codec.c"

# Build with libFuzzer. No word of it: it is tried before and after an installation.
build_with_clang() {
	for clang in ${CLANG:-clang} $(ls /usr/bin/clang-[0-9]* 2>/dev/null || true); do
		# shellcheck disable=SC2086 # lists of words
		"$clang" $warnings $sanitizers -fsanitize=fuzzer,address,undefined $sources \
			-o "$work/fuzz" 2>"$work/clang.log" && return
	done
	return 1
}

# cluster.sh takes the place of the tree from the name of the script that reads it
install_clang() {
	command -v apt-get >/dev/null || return
	sh -c '. "$(dirname -- "$0")/cluster.sh" && need_packages clang libclang-rt-dev' \
		"$here/../run.sh"
}

fuzzer=libFuzzer
if ! build_with_clang && ! { install_clang && build_with_clang; }; then
	sed 's/^/# /' "$work/clang.log"
	echo '# no libFuzzer here (clang and libclang-rt-dev): a plain driver instead, blind to coverage'
	fuzzer=standalone
	# shellcheck disable=SC2086 # lists of words
	gcc $warnings $sanitizers -fsanitize=address,undefined $sources "$here/standalone.c" \
		-o "$work/fuzz" || {
		echo "not ok - the harness can't be built"
		exit 1
	}
fi

# Unpack the seeds: one a line, a name and hexadecimal digits
mkdir "$work/corpus"
while read -r name digits; do
	case $name in
		'#'*|'') continue ;;
	esac
	# printf of sh knows no \x
	perl -e 'local $/; print pack("H*", $ARGV[0])' "$digits" >"$work/corpus/$name"
done <"$here/seeds"

status=0
if [ -n "$reproduce" ] && [ $fuzzer = libFuzzer ]; then
	"$work/fuzz" "$reproduce"
	exit
elif [ -n "$reproduce" ]; then
	"$work/fuzz" 0 "$seed" "$reproduce"
	exit
elif [ $fuzzer = libFuzzer ]; then
	"$work/fuzz" -seed="$seed" -max_total_time="$seconds" -max_len=8192 -timeout=10 \
		-rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$work/found-" \
		"$work/corpus" >"$work/log" 2>&1 || status=$?
else
	"$work/fuzz" "$seconds" "$seed" "$work"/corpus/* >"$work/log" 2>&1 || status=$?
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
	echo "not ok - the codec fails on an input ($fuzzer)"
	exit 1
fi
executions=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$work/log" | tail -n 1)
if [ "${executions:-0}" -eq 0 ]; then
	tail -n 20 "$work/log"
	echo 'not ok - nothing was tried'
	exit 1
fi
echo "ok - $executions executions in $seconds s, no crash ($fuzzer)"
