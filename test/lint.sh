#!/bin/sh
# Check the sources and the objects that the extension makes; prints TAP.
#
#	sh test/lint.sh            check
#	sh test/lint.sh --indent   lay out the C files in place
#
# Run by itself, it builds the extension and starts a cluster of a server of its own, so that nothing
# is installed into the machine's; test/run.sh hands it a database (LINT_DATABASE) where the extension
# is installed, in a tree that is built.

set -eu
# shellcheck source=test/cluster.sh
. "$(dirname -- "$0")/cluster.sh"

JOBS=${JOBS:-$(nproc)}

need_server
if [ -z "${LINT_DATABASE:-}" ]; then
	need_packages perl shellcheck cppcheck clang-tidy pg-bsd-indent binutils \
		"postgresql-$PG_MAJOR-plpgsql-check"
fi

work=$(new_directory "${TMPDIR:-/tmp}" /tmp /var/tmp) || exit
at_exit 'rm -rf "$work"'
if [ -z "${LINT_DATABASE:-}" ]; then
	private_server "$work/server"
	build_extension
fi
cd -- "$TOP"

# The C files of ours, and the fuzz harness
c_files() {
	find src test/fuzz -name '*.[ch]' 2>/dev/null | sort
}

# List the type names that the sources use: pg_bsd_indent needs them to tell a declaration
# from an expression. Those of the server come from the debug information of the objects, as
# PostgreSQL's own list does; ours from the sources too, as an object has only what it uses.
typedefs() {
	{
		readelf --debug-dump=info src/*.o 2>/dev/null |
			perl -ne '
				if (/DW_TAG_(\w+)/) { $tag = $1 }
				elsif ($tag eq "typedef" && /DW_AT_name\s*:\s*(?:\(.*?\):\s*)?(\w+)/) { print "$1\n" }'
		c_files | xargs perl -0777 -ne '
			print "$1\n" while /^\}\s*(\w+);/mg;
			print "$1\n" while /^typedef\s+[^{};]*?\(?\*?\s*(\w+)\)?\s*(?:\([^;]*\))?;/mg;'
	} | grep -Ev '^(FD_SET|date|interval|timestamp|ANY)$' | LC_ALL=C sort -u
}

if [ "${1:-}" = --indent ]; then
	typedefs >"$work/typedefs"
	c_files | while read -r file; do
		sh test/pgindent.sh "$work/typedefs" "$file" >"$work/indented"
		cmp -s "$work/indented" "$file" || cat "$work/indented" >"$file"
	done
	exit
fi

tests=0

# Run a command that prints what is wrong. check NAME COMMAND...
check() {
	name=$1
	shift
	tests=$((tests + 1))
	if "$@" >"$work/output" 2>&1 </dev/null && [ ! -s "$work/output" ]; then
		echo "ok $tests - $name"
	else
		echo "not ok $tests - $name"
		echo "# Not so: $name" >&2
		sed 's/^/# /' "$work/output" >&2
	fi
}

# The shell scripts. Switched off: SC2016, as what stands in single quotes here is for perl, another
# shell or at_exit; SC2119, as start_cluster's arguments are optional.
shell_scripts() {
	# -x: follow what a script sources
	find . -name '*.sh' -not -path './.git/*' -print0 |
		xargs -0 shellcheck -x -s sh -e SC2016,SC2119
	shellcheck .ci/run
}

perl_scripts() {
	find test bench demo -name '*.pl' -o -name '*.pm' 2>/dev/null | while read -r file; do
		perl -I "$(dirname -- "$("$PG_CONFIG" --pgxs)")/../test/perl" -I test/perl -Mwarnings \
			-wc "$file" 2>&1 | grep -v ' syntax OK$' || true
	done
}

# The version is in the control file; what must repeat it agrees
version() {
	version=$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" user_profile.control)
	[ -n "$version" ] || echo "user_profile.control has no default_version"
	perl -MJSON::PP -0777 -e '
		my $meta = decode_json(<STDIN>);
		my %versions = (version => $meta->{version},
			"provides.user_profile.version" => $meta->{provides}{user_profile}{version});
		foreach my $key (sort keys %versions)
		{
			print "META.json: $key is $versions{$key}, default_version is $ARGV[0]\n"
			  if $versions{$key} ne $ARGV[0];
		}' "$version" <META.json
	grep -qF "$version" CHANGELOG.md || echo "CHANGELOG.md doesn't mention $version"
	# Nowhere else
	grep -rnF "$version" Makefile src sql/parts 2>/dev/null || true
}

# An install script makes its objects or fails: it takes over nothing that stands there
# already. (A comment may say so.)
install_script() {
	grep -rniE '\bor[[:space:]]+replace\b|\bif[[:space:]]+not[[:space:]]+exists\b' sql/parts |
		grep -vE '^[^:]*:[0-9]+:[[:space:]]*--' || true
}

lint_psql() {
	psql -X -Atq -v ON_ERROR_STOP=1 -d "$LINT_DATABASE" "$@"
}

catalogs() {
	lint_psql -f test/lint.sql
}

# The extension has no function in PL/pgSQL. Those of the tests are checked that stand in a file of
# their own; the others run whenever their test does.
plpgsql() {
	lint_psql -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION plpgsql_check' \
		-f test/stress/schema.sql -f - <<-'SQL'
		CREATE TEMP VIEW functions AS
		SELECT p.oid::regprocedure AS function, COALESCE(t.tgrelid, 0) AS relation
		FROM pg_proc p
		LEFT JOIN pg_trigger t ON t.tgfoid = p.oid
		WHERE p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')
			AND p.pronamespace = 'stress'::regnamespace;
		SELECT 'no functions' WHERE NOT EXISTS (SELECT FROM functions);
		SELECT function || ': ' || message
		FROM functions, plpgsql_check_function(function, relation, extra_warnings => true,
			performance_warnings => false, security_warnings => false) AS message;
	SQL
}

# cppcheck, style included. Switched off:
#   variableScope         PostgreSQL declares at the start of a block, also of an outer one
#   unusedStructMember    layouts on disk have members that only the size speaks of
#   constParameter...     asks for const on the parameters of functions whose type the server gives
#   missingInclude...     test/cppcheck.cfg stands in for the server's headers
#   unmatchedSuppression  some of the above are of one version of cppcheck only
cpp_check() {
	cppcheck --quiet --error-exitcode=1 -j "$JOBS" --std=c99 --inline-suppr \
		--enable=warning,style,performance,portability --library=posix \
		--library=test/cppcheck.cfg -I src \
		--suppress=variableScope --suppress=unusedStructMember \
		--suppress=constParameter --suppress=constParameterCallback \
		--suppress=missingInclude --suppress=missingIncludeSystem \
		--suppress=unmatchedSuppression src
}

# clang-tidy; .clang-tidy says which checks and why. The server's headers are system headers
# to it, so that it reports on our code only.
clang_tidy() {
	INCLUDEDIR=$("$PG_CONFIG" --includedir-server)
	export INCLUDEDIR
	find src -name '*.c' | sort | xargs -n 1 -P "$JOBS" sh -c '
		output=$(clang-tidy --quiet "$0" -- -std=gnu99 -Isrc -isystem "$INCLUDEDIR" \
			-D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter 2>&1 |
			grep -v "warnings\{0,1\} \(and [0-9]* errors\{0,1\} \)\{0,1\}generated\.$")
		[ -z "$output" ] || printf "%s\n" "$output"'
}

indentation() {
	typedefs >"$work/typedefs"
	c_files | while read -r file; do
		sh test/pgindent.sh "$work/typedefs" "$file" >"$work/indented"
		diff -u --label "$file" --label "$file, indented" "$file" "$work/indented" || true
	done
}

if [ -z "${LINT_DATABASE:-}" ]; then
	start_cluster
	LINT_DATABASE=postgres
	lint_psql -c 'CREATE EXTENSION user_profile'
fi
check "shellcheck has nothing to say" shell_scripts
check "the perl scripts compile" perl_scripts
check "the version is the control file's everywhere" version
check "the install script replaces nothing and skips nothing" install_script
check "the installed objects keep the rules of test/lint.sql" catalogs
check "plpgsql_check has nothing to say" plpgsql
check "cppcheck has nothing to say" cpp_check
check "clang-tidy has nothing to say" clang_tidy
check "the C files are laid out as pgindent does (sh test/lint.sh --indent)" indentation
echo "1..$tests"
