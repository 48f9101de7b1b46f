#!/bin/sh
# Run all tests, from a machine that may have nothing but this source tree.
#
#	sh test/run.sh [--keep] [STAGE...]
#
# Stages: regress isolation pgtap tap docs sanitize fuzz lint parallel; without any, all but the
# last. sanitize is the first three again, with a library that stops at undefined behaviour and at
# an access outside of a variable; parallel is the first three again, with parallel plans wherever a
# query allows one.
# --keep leaves the working directory (logs, results, diffs), and says where it is.
#
# Everything happens in a copy of the tree, and in a copy of the server: the build starts
# clean, user postgres can read what root checked out, nothing is installed into the machine's
# PostgreSQL, and the tree stays as it was. The last line counts the tests:
# "N passed, N failed".
#
# Environment: PG_CONFIG chooses the server; OLD_PG_CONFIG is an older one, for the test of
# pg_upgrade; FUZZ_SECONDS is how long to fuzz (10);
# JOBS is how many tests run at a time (number of CPUs); CFLAGS are the compiler's flags in
# place of those that make every warning an error; PGTAP are the names of the only pgTAP files to
# run; SETTINGS are lines for the server's postgresql.conf, SERVER_UNDER is a command to run it
# under (both for regress, isolation, pgtap and lint); SESSION_SETTING (name=value) is a setting for
# the sessions of regress and pgtap, but for those that install the extension.

# shellcheck disable=SC2030,SC2031 # a subshell may have a PG_CONFIG of its own

set -eu
# shellcheck source=test/cluster.sh
. "$(dirname -- "$0")/cluster.sh"

STAGES='regress isolation pgtap tap docs sanitize fuzz lint'
MORE_STAGES='parallel'
FUZZ_SECONDS=${FUZZ_SECONDS:-10}
JOBS=${JOBS:-$(nproc)}

# With these, gcc has nothing to say about our code. Only unused parameters are let pass:
# every SQL-callable function has the one parameter that PG_FUNCTION_ARGS declares, whether
# it uses it or not, and so have callbacks whose type PostgreSQL gives.
CFLAGS=${CFLAGS:--Wall -Wextra -Werror -Wno-unused-parameter}

keep=
stages=
for argument in "$@"; do
	case " $STAGES $MORE_STAGES " in
		*" $argument "*) stages="$stages $argument"; continue ;;
	esac
	case $argument in
		--keep) keep=1 ;;
		*) die "usage: sh test/run.sh [--keep] [STAGE...], STAGE one of: $STAGES $MORE_STAGES" ;;
	esac
done
stages=${stages:-$STAGES}

passed=0
failed=0

wanted() {
	case " $stages " in
		*" $1 "*) ;;
		*) return 1 ;;
	esac
}

# Print a stage's one line, and if something failed all that it printed.
# report STAGE PASSED FAILED SKIPPED
report() {
	passed=$((passed + $2))
	failed=$((failed + $3))
	skipped=
	if [ "$4" -gt 0 ]; then
		skipped=", $4 skipped"
	fi
	printf '%-10s %5d passed, %d failed%s  (%d s)\n' "$1" "$2" "$3" "$skipped" \
		$(($(date +%s) - started))
	if [ "$3" -gt 0 ]; then
		printf -- '----- %s -----\n' "$1"
		cat "$work/$1.log"
		printf -- '----- end of %s -----\n' "$1"
	elif [ "$4" -gt 0 ]; then
		sort -u "$work/tally/$1.skipped" | sed 's/^/    skipped: /'
	fi
}

begin() {
	started=$(date +%s)
}

# Nothing to run counts as nothing
absent() {
	printf '%-10s     - nothing to run\n' "$1"
}

# Run a test program that counts by Tally. counted STAGE COMMAND...
counted() {
	stage=$1
	shift
	status=0
	TALLY=$work/tally/$stage "$@" >"$work/$stage.log" 2>&1 </dev/null || status=$?
	counts=$(cat "$work/tally/$stage" 2>/dev/null || true)
	# shellcheck disable=SC2086 # three words
	set -- ${counts:-0 0 0}
	# A runner that fails without counting a failure is one
	if [ "$status" -ne 0 ] && [ "$2" -eq 0 ]; then
		set -- "$1" 1 "$3"
	fi
	if [ "$stage" = tap ]; then
		# What led there is in logs that go with the directory
		{
			sed -n 's,^.*/\([^/ ]*\)\.pl *(Wstat:.*,regress_log_\1,p' "$work/tap.log"
			(cd "$work/tap/tmp_check/log" && grep -l 'Bail out' regress_log_*)
		} 2>/dev/null | while read -r name; do
			echo "----- the last lines of $name -----"
			tail -n 60 "$work/tap/tmp_check/log/$name" || true
		done >"$work/tap.logs" 2>&1
		cat "$work/tap.logs" >>"$work/tap.log"
	fi
	report "$stage" "$@"
}

# Count the tests that pg_regress and its like ran, and show their differences.
# regress_like STAGE STATUS DIFFS
regress_like() {
	# "test NAME ... ok" up to PG 15, "ok 1 - NAME" from 16 on
	oks=$(grep -Ec '^(test )?.*\.\.\. (ok|OK)\b|^ok [0-9]+' "$work/$1.log" || true)
	nots=$(grep -Ec '\.\.\. FAILED\b|^not ok [0-9]+' "$work/$1.log" || true)
	if [ "$2" -ne 0 ] && [ "$nots" -eq 0 ]; then
		nots=1
	fi
	if [ -f "$3" ]; then
		cat "$3" >>"$work/$1.log"
	fi
	report "$1" "$oks" "$nots" 0
}

# Run a command in the copy of the tree
in_tree() (
	cd "$tree"
	"$@"
)

# make_database NAME EXTENSION...
make_database() {
	psql -X -q -v ON_ERROR_STOP=1 -c "CREATE DATABASE $1" || return
	database=$1
	shift
	for extension in "$@"; do
		psql -X -q -v ON_ERROR_STOP=1 -d "$database" -c "CREATE EXTENSION $extension" || return
	done
}

#
# What the tests need
#
begin
need_server
packages=
if wanted pgtap; then
	packages="$packages postgresql-$PG_MAJOR-pgtap libtap-parser-sourcehandler-pgtap-perl"
fi
if wanted pgtap || wanted tap || wanted docs || wanted lint; then
	packages="$packages perl"
fi
if wanted tap || wanted lint; then
	packages="$packages libipc-run-perl"
fi
if wanted lint; then
	packages="$packages shellcheck cppcheck clang-tidy pg-bsd-indent binutils"
	packages="$packages postgresql-$PG_MAJOR-plpgsql-check"
fi
if [ -n "$packages" ]; then
	# shellcheck disable=SC2086 # a list of words
	need_packages $packages
fi

# The copy is at depth one below $work, so that ../shared is where it is for the tree
work=$(new_directory "${TMPDIR:-/tmp}" /tmp /var/tmp) || exit
if [ -n "$keep" ]; then
	at_exit 'say "kept: $work"'
else
	at_exit 'rm -rf "$work"'
fi
chmod 755 "$work"
tree=$work/tree
mkdir "$tree" "$work/tally" "$work/home"
(cd "$TOP" && tar -cf - --exclude=./.git --exclude='*.o' --exclude='*.so' --exclude='*.bc' \
	--exclude=./.build-stamp .) | (cd "$tree" && tar -xf - --no-same-owner)
chmod -R u+w,go+rX "$tree"
if [ -d "$TOP/../shared" ]; then
	ln -s "$TOP/../shared" "$work/shared"
fi
# Nothing of the caller's home (.psqlrc, .perl, .proverc) has a say
export HOME="$work/home"
export PERL5LIB="$tree/test/perl"

machine_pg_config=$PG_CONFIG
private_server "$work/server"
BUILD_DIR=$tree
# shellcheck disable=SC2086 # a list of words
if ! build_extension $CFLAGS; then
	printf 'build      failed\n0 passed, 1 failed\n'
	exit 1
fi
printf '%-10s PostgreSQL %s, gcc %s  (%d s)\n' build \
	"$("$PG_CONFIG" --version | sed 's/^PostgreSQL //')" "$(gcc -dumpversion)" \
	$(($(date +%s) - started))

# The older server, for pg_upgrade, has the extension as well. Whoever copied a server here has
# not its clang, so it goes without bitcode.
old_server() (
	unset PG_MAJOR
	PG_CONFIG=$OLD_PG_CONFIG
	private_server "$work/old-server"
	cp -a "$tree" "$work/old-tree"
	BUILD_DIR=$work/old-tree
	export MAKEFLAGS=with_llvm=no
	# shellcheck disable=SC2086 # a list of words
	build_extension $CFLAGS >&2
	printf '%s\n' "$PG_CONFIG"
)
if [ -n "${OLD_PG_CONFIG:-}" ] && wanted tap; then
	if ! OLD_PG_CONFIG=$(old_server); then
		printf 'build for the older server failed\n0 passed, 1 failed\n'
		exit 1
	fi
	export OLD_PG_CONFIG
fi

start_cluster ${SETTINGS:+"$SETTINGS"}
pgxs_tests=$(dirname -- "$("$PG_CONFIG" --pgxs)")/../test

#
# pg_regress: output and errors
#
if wanted regress; then
	begin
	status=0
	installcheck() {
		in_tree make PG_CONFIG="$PG_CONFIG" installcheck "$@" >>"$work/regress.log" 2>&1 </dev/null ||
			status=$?
	}
	if [ -z "${SESSION_SETTING:-}" ]; then
		installcheck
	else
		# The first one installs it
		installcheck REGRESS=00_objects
		export PGOPTIONS="-c $SESSION_SETTING"
		installcheck REGRESS='10_profile 20_errors' REGRESS_OPTS='--inputdir=test --dbname=contrib_regression --use-existing'
		unset PGOPTIONS
	fi
	regress_like regress "$status" "$tree/regression.diffs"
fi

#
# pg_isolation_regress: what concurrent sessions see of each other
#
if wanted isolation; then
	begin
	specs=$(find "$tree/test/specs" -name '*.spec' 2>/dev/null | sort |
		sed 's,.*/,,; s/\.spec$//')
	if [ -n "$specs" ]; then
		mkdir "$work/isolation"
		status=0
		# shellcheck disable=SC2086 # a list of words
		(cd "$work/isolation" && "$pgxs_tests/isolation/pg_isolation_regress" \
			--inputdir="$tree/test" --outputdir="$work/isolation" --bindir="$PG_BINDIR" \
			--dbname=isolation_regression $specs) \
			>"$work/isolation.log" 2>&1 </dev/null || status=$?
		regress_like isolation "$status" "$work/isolation/regression.diffs"
	else
		absent isolation
	fi
fi

#
# pgTAP: semantics. Each file has its own database, copied from this template.
#
if wanted pgtap; then
	begin
	files="$tree/test/pgtap/*.sql"
	if [ -n "${PGTAP:-}" ]; then
		# shellcheck disable=SC2059,SC2086 # the format is used for each word
		files=$(printf "$tree/test/pgtap/%s.sql " $PGTAP)
	fi
	if ls "$tree"/test/pgtap/*.sql >/dev/null 2>&1; then
		if make_database pgtap_template pgtap user_profile >"$work/pgtap.log" 2>&1; then
			export TEMPLATE=pgtap_template PSQL="$PG_BINDIR/psql"
			# shellcheck disable=SC2086 # a list of words, or a pattern
			counted pgtap in_tree pg_prove --harness Tally --nocolor -j "$JOBS" \
				--psql-bin test/psql-own-database.sh $files
		else
			report pgtap 0 1 0
		fi
	else
		absent pgtap
	fi
fi

#
# TAP: what needs servers of its own
#
if wanted tap; then
	begin
	if ls "$tree"/test/t/*.pl >/dev/null 2>&1; then
		# Failed tests leave their sockets' directories behind; these have short names and
		# go with our own
		mkdir "$work/tap" "$CLUSTER_SOCKET/tap"
		if is_root; then
			chown "$CLUSTER_USER" "$work/tap" "$CLUSTER_SOCKET/tap" "$work/tally" "$work/home"
		fi
		# TESTDIR is for PG 15, the other two are for 16 and newer
		counted tap as_postgres env "TESTDIR=$work/tap" "TESTDATADIR=$work/tap/tmp_check" \
			"TESTLOGDIR=$work/tap/tmp_check/log" "PG_TEST_PORT_DIR=$work/tap" \
			"PG_REGRESS=$pgxs_tests/regress/pg_regress" "TMPDIR=$CLUSTER_SOCKET/tap" \
			prove -I "$pgxs_tests/perl" --harness Tally --nocolor \
			-j "$JOBS" "$tree"/test/t/*.pl
	else
		absent tap
	fi
fi

#
# The documentation: its examples print what it shows
#
if wanted docs; then
	begin
	counted docs in_tree prove --harness Tally --nocolor test/readme.pl
fi

# Run stages again in another way: again STAGE AGAIN VARIABLE=VALUE...
again() {
	stage=$1
	stages_again=$2
	shift 2
	status=0
	# shellcheck disable=SC2086 # a list of words
	env PG_CONFIG="$machine_pg_config" "$@" sh "$TOP/test/run.sh" $stages_again \
		>"$work/$stage.log" 2>&1 </dev/null || status=$?
	# The last line, by words
	# shellcheck disable=SC2046
	set -- $(tail -n 1 "$work/$stage.log" | grep -E '^[0-9]+ passed, [0-9]+ failed$')
	if [ "$status" -eq 0 ]; then
		report "$stage" "$1" 0 0
	else
		report "$stage" "${1:-0}" "${3:-1}" 0
	fi
}

#
# Undefined behaviour, and accesses outside of a variable: the server aborts where it meets some.
# What palloc() gives is part of a larger piece to the sanitizer, unless it is large itself;
# test/memory.sh looks there. JIT compilation would run other code.
#
if wanted sanitize; then
	begin
	# The sanitizer's library has to start before all others: some of the server's call what it
	# replaces as soon as they are loaded, and it hangs. It comes first with a library that asks for
	# this and does nothing.
	: >"$work/first.c"
	gcc -shared -fPIC -fsanitize=address -Wl,-z,initfirst "$work/first.c" -o "$work/first.so"
	# Leaks: a server frees nothing at its end
	again sanitize 'regress isolation pgtap' SETTINGS='jit = off' \
		CFLAGS='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all' \
		SERVER_UNDER="env 'LD_PRELOAD=$(gcc -print-file-name=libasan.so) $work/first.so' \
			ASAN_OPTIONS=detect_leaks=0:abort_on_error=1"
fi

#
# Parallel plans wherever a table is read that may be. (force_parallel_mode would put every call of
# a function into a process of its own: a hundred times as slow, and nothing runs in parallel. An
# index of one page stays out for the same reason: each look-up by a sub-select would start workers.)
#
if wanted parallel; then
	begin
	again parallel 'regress isolation pgtap' SETTINGS='parallel_setup_cost = 0
parallel_tuple_cost = 0
min_parallel_table_scan_size = 0
min_parallel_index_scan_size = 16kB'
fi

#
# Fuzzing the timeline codec
#
if wanted fuzz; then
	begin
	if [ -f "$tree/test/fuzz/run.sh" ]; then
		status=0
		sh "$tree/test/fuzz/run.sh" "$FUZZ_SECONDS" >"$work/fuzz.log" 2>&1 </dev/null ||
			status=$?
		if [ "$status" -eq 0 ]; then
			report fuzz 1 0 0
		else
			report fuzz 0 1 0
		fi
	else
		absent fuzz
	fi
fi

#
# Lint: the shell, SQL and C sources, and the objects that the extension makes
#
if wanted lint; then
	begin
	# Where this fails, the checks of the sources go on, and the one of the objects says so
	make_database lint user_profile >/dev/null 2>&1 || true
	export LINT_DATABASE=lint JOBS
	counted lint in_tree prove --harness Tally --nocolor --exec sh test/lint.sh
fi

# A crash is explained in the server's log only
if grep -E 'runtime error|AddressSanitizer|terminated by signal|TRAP:|PANIC:|FATAL:  .*library' "$CLUSTER_LOG" \
	>"$work/crashes"; then
	echo '----- from the log of the server -----'
	cat "$work/crashes"
fi

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
