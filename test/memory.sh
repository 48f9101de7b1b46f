#!/bin/sh
# Look for errors of memory that a usual server hides: what palloc() gives is a part of a larger
# piece, freed memory keeps what was in it, and a cache keeps what it may drop at any time.
#
#	sh test/memory.sh [STAGE...]
#
# Stages: valgrind assertions discard; without any, all of them.
#	valgrind	the server under memcheck over the regress tests and some pgTAP files. An error
#				counts that has a frame in our library
#	assertions	assertions on, freed memory overwritten, new memory filled with random bytes, over
#				the regress and isolation tests and all pgTAP files
#	discard		the same, and all caches dropped whenever they may be, over the regress tests and a
#				pgTAP file: each statement takes a hundred times as long
#
# The server for these is built from Debian's source package, with USE_VALGRIND and assertions:
# five minutes. Where there is none, memcheck watches the installed server, in which it sees only
# what is not palloc'd, and the other two are left out; it says so. All in all this takes up to an
# hour, so it is no part of test/run.sh. The sanitizers are: sh test/run.sh sanitize.
#
# The last line counts: "N passed, N failed".
#
# Environment: SERVER_DIR is where the server is built and stays for the next time; REGRESS_ONLY=1
# leaves out pgTAP.

set -eu
# shellcheck source=test/cluster.sh
. "$(dirname -- "$0")/cluster.sh"

STAGES='valgrind assertions discard'
for stage in "$@"; do
	case " $STAGES " in
		*" $stage "*) ;;
		*) die "usage: sh test/memory.sh [STAGE...], STAGE one of: $STAGES" ;;
	esac
done
stages=${*:-$STAGES}
pgtap=pgtap
if [ -n "${REGRESS_ONLY:-}" ]; then
	pgtap=
fi

need_server
need_packages "postgresql-$PG_MAJOR-pgtap" valgrind perl
work=$(new_directory "${TMPDIR:-/tmp}" /tmp /var/tmp) || exit
at_exit 'rm -rf "$work"'
chmod 755 "$work"
server=${SERVER_DIR:-$work/server}
case $server in
	/*) ;;
	*) die "SERVER_DIR must be absolute: $server" ;;
esac

# Download the source package into the working directory: in lists of our own, as apt here may
# know binary packages only. The newest version that the mirror still has.
# shellcheck disable=SC2317 # called by quietly
download_source() {
	mkdir -p "$work/lists/partial" "$work/source" || return
	# shellcheck disable=SC2016 # the names are apt's
	apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Identifier: Packages' 'Origin: Debian' 'Component: main' >"$work/sources.list" || return
	# As the signatures are those of the binary packages, apt is told their key ring
	ring=/usr/share/keyrings/debian-archive-keyring.gpg
	if [ -f "$ring" ]; then
		sed -i "s,^deb-src ,deb-src [signed-by=$ring] ," "$work/sources.list"
	fi
	set -- -q -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o "Dir::State::Lists=$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
		-o APT::Sandbox::User=root
	apt-get "$@" update || return
	for version in $(apt-cache "$@" showsrc "postgresql-$PG_MAJOR" | sed -n 's/^Version: //p' |
		sort -rV); do
		(cd "$work/source" &&
			apt-get "$@" --download-only source "postgresql-$PG_MAJOR=$version") && return
	done
	return 1
}

# Assertions bring CLOBBER_FREED_MEMORY, MEMORY_CONTEXT_CHECKING and debug_discard_caches with
# them. Nothing that the tests don't ask for.
# shellcheck disable=SC2317 # called by quietly
build_server() {
	cd "$work/source" &&
		tar -xf postgresql-"$PG_MAJOR"_*.orig.tar.* --strip-components=1 &&
		./configure --prefix="$server" --enable-cassert --enable-debug --without-readline \
			--without-zlib --without-icu CFLAGS='-O1 -g -fno-omit-frame-pointer' \
			CPPFLAGS='-DUSE_VALGRIND -DRANDOMIZE_ALLOCATED_MEMORY' &&
		make -s -j "$(nproc)" && make -s install && make -s -C src/test/isolation install &&
		cp src/tools/valgrind.supp "$server/"
}

# pgTAP is SQL only, so that the package's serves
instrumented=
if [ -x "$server/bin/postgres" ]; then
	instrumented=1
elif ! command -v apt-get >/dev/null || ! (quietly download_source); then
	say "no source package of postgresql-$PG_MAJOR: no server with USE_VALGRIND and assertions"
else
	say "building a server in $server"
	(quietly build_server) || die "the server can't be built"
	instrumented=1
fi
suppressions=--suppressions=$TOP/test/valgrind.supp
if [ -n "$instrumented" ]; then
	pgtap_files=$("$PG_CONFIG" --sharedir)/extension
	PG_CONFIG=$server/bin/pg_config
	cp "$pgtap_files"/pgtap* "$("$PG_CONFIG" --sharedir)/extension/"
	suppressions="$suppressions --suppressions=$server/valgrind.supp"
fi
export PG_CONFIG
CFLAGS="-O1 -g -fno-omit-frame-pointer -Wall -Wextra -Werror -Wno-unused-parameter"
export CFLAGS
export MAKEFLAGS=with_llvm=no

passed=0
failed=0

# Run stages of test/run.sh, and add what they count. run NAME STAGES VARIABLE=VALUE...
run() {
	name=$1
	stages_run=$2
	shift 2
	started=$(date +%s)
	status=0
	# shellcheck disable=SC2086 # a list of words
	env "$@" sh "$TOP/test/run.sh" $stages_run >"$work/$name.log" 2>&1 </dev/null || status=$?
	counts=$(tail -n 1 "$work/$name.log" | grep -E '^[0-9]+ passed, [0-9]+ failed$') ||
		counts='0 passed, 1 failed'
	if [ "$status" -ne 0 ]; then
		cat "$work/$name.log"
	fi
	# shellcheck disable=SC2086 # words
	set -- $counts
	passed=$((passed + $1))
	failed=$((failed + $3))
	printf '%-10s %5d passed, %d failed  (%d s)\n' "$name" "$1" "$3" $(($(date +%s) - started))
}

# Errors with a frame of ours in the logs of memcheck. In XML each frame says its object file. What
# is not freed at the end of a process is none: a server frees nothing then.
memcheck_errors() {
	perl -0777 -ne '
		while (m{<error>(.*?)</error>}sg)
		{
			my $error = $1;
			next if $error =~ m{<kind>Leak_};
			$all++;
			next if $error !~ m{<obj>[^<]*/user_profile\.so</obj>};
			$ours++;
			next if $ours > 5;
			print "# ", $error =~ m{<(?:what|text)>(.*?)</}, "\n";
			print "#    $1\n" while $error =~ m{<fn>(.*?)</fn>}g;
		}
		END
		{
			printf "%d of the server alone, %d with a frame in user_profile.so\n",
			  $all - $ours, $ours;
			exit($ours > 0);
		}' "$@"
}

for stage in $stages; do
	case $stage in
		valgrind)
			if [ -z "$instrumented" ]; then
				say "memcheck does not see the bounds of what palloc() gives: that takes USE_VALGRIND"
			fi
			mkdir "$work/memcheck"
			chmod 1777 "$work/memcheck"
			# The processes need minutes for what takes seconds: no autovacuum between
			run valgrind "regress $pgtap" PGTAP='timeline bytes hostile' SETTINGS='jit = off
autovacuum = off' \
				SERVER_UNDER="valgrind -q --vgdb=no --trace-children=yes --num-callers=40 \
				$suppressions --xml=yes --xml-file=$work/memcheck/%p.xml"
			if memcheck_errors "$work"/memcheck/*.xml >"$work/errors"; then
				passed=$((passed + 1))
			else
				failed=$((failed + 1))
			fi
			printf '           errors: '
			tail -n 1 "$work/errors"
			sed '$d' "$work/errors"
			;;
		*)
			if [ -z "$instrumented" ]; then
				say "$stage: left out, as it takes a server with assertions"
			elif [ "$stage" = assertions ]; then
				run assertions "regress isolation $pgtap"
			else
				run discard "regress $pgtap" PGTAP=timeline SESSION_SETTING=debug_discard_caches=1
			fi
			;;
	esac
done

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
