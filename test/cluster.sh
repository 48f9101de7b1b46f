# shellcheck shell=sh
# Shell functions shared by the tests, the demo and the benchmarks. POSIX sh; to be
# sourced by a script that lives one directory below the top of the source tree:
#
#	. "$(dirname "$0")/../test/cluster.sh"
#
#	need_packages PKG...       install the Debian packages that are missing
#	need_server                choose a server, install it and its headers if missing
#	private_server DIR         copy the server to DIR and use the copy
#	build_extension [CFLAGS]   make and make install
#	start_cluster [LINE...]    start a throw-away cluster; each LINE goes to postgresql.conf;
#	                           the server runs under the command $SERVER_UNDER, if set
#	stop_cluster               stop it and remove it (also done on exit)
#	keep_cluster               let it outlive the script; $CLUSTER_STOP says how to stop it
#	at_exit COMMAND            evaluate COMMAND on exit, last one first
#	as_root, as_postgres CMD   run CMD as root (by sudo), or as the owner of the cluster
#
# A cluster, here, is a server of our own: its data and its socket are in new directories,
# it listens on that socket only, and whatever clusters the machine has stay untouched.
#
# PG_CONFIG in the environment chooses the server; without it, the newest one in
# /usr/lib/postgresql, and on a machine without any, the one of the Debian release.
# After need_server: PG_CONFIG, PG_BINDIR and PG_MAJOR are set, and PG_BINDIR leads PATH.

# TOP: the source tree, absolute. It follows from the caller's name, as sh doesn't tell a
# sourced file its own.
TOP=$(unset CDPATH && cd -- "$(dirname -- "$0")/.." && pwd -P)
if [ ! -f "$TOP/test/cluster.sh" ]; then
	echo "cluster.sh: $0 is not one directory below the top of user_profile's source" >&2
	exit 1
fi

# One locale for everything: Debian always has this one, and with it psql, perl and initdb
# speak UTF-8 and English whatever the caller's locale is.
unset LANGUAGE
export LC_ALL=C.UTF-8 LANG=C.UTF-8

# sbin is missing from the PATH of some ordinary users; dpkg and runuser need it.
export PATH="$PATH:/usr/sbin:/sbin"

CLUSTER_DATA=
CLUSTER_SOCKET=
CLUSTER_STOP=
CLUSTER_KEPT=
AT_EXIT=:

say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "$(basename -- "$0"): $*"
	exit 1
}

# Quote a word for use in a shell command
quoted() {
	printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

at_exit() {
	AT_EXIT="$*
$AT_EXIT"
}

run_at_exit() {
	exit_status=$?
	set +e
	trap - EXIT
	trap '' HUP INT PIPE TERM	# a second Ctrl-C must not leave half of it behind
	eval "$AT_EXIT"
	exit "$exit_status"
}

# sh runs an EXIT trap on a signal only if the signal ends in exit
trap run_at_exit EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

is_root() {
	[ "$(id -u)" -eq 0 ]
}

as_root() {
	if is_root; then
		"$@"
	elif ! command -v sudo >/dev/null; then
		die "this needs root, and there is no sudo here: $*"
	elif sudo -n true 2>/dev/null; then
		sudo -n -- "$@"
	elif [ -t 0 ]; then
		sudo -- "$@"
	else
		die "this needs root, and sudo asks for a password: $*"
	fi
}

# Run a command as the user that may run the server: oneself, unless that is root. From /,
# because a working directory that the user can't enter makes the server's tools complain:
# so give absolute paths.
as_postgres() {
	if is_root; then
		(cd / && exec runuser -u "$CLUSTER_USER" -- "$@")
	else
		(cd / && exec "$@")
	fi
}

# Run a command silently; show all that it printed if it fails
quietly() {
	quiet_log=$(mktemp "${TMPDIR:-/tmp}/user_profile.XXXXXX")
	if "$@" >"$quiet_log" 2>&1 </dev/null; then
		rm -f "$quiet_log"
	else
		quiet_status=$?
		cat "$quiet_log" >&2
		rm -f "$quiet_log"
		return "$quiet_status"
	fi
}

apt_get() {
	quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o Acquire::Retries=3 -o DPkg::Lock::Timeout=600 "$@"
}

missing_packages() {
	for package in "$@"; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true) in
			installed) ;;
			*) printf ' %s' "$package" ;;
		esac
	done
}

# Update the package lists, once in a run
update_packages() {
	if [ -z "${PACKAGES_UPDATED:-}" ]; then
		say "updating the package lists"
		apt_get update || die "apt-get update failed"
		PACKAGES_UPDATED=1
	fi
}

# Install the Debian packages among PKG... that are missing
need_packages() {
	if ! command -v apt-get >/dev/null; then
		say "not a Debian system; going on without installing: $*"
		return 0
	fi
	packages=$(missing_packages "$@")
	[ -n "$packages" ] || return 0
	update_packages
	say "installing$packages"

	# Debian's server packages create and start a cluster "main" when installed. Nobody
	# asked for one here.
	createcluster=/etc/postgresql-common/createcluster.d
	conf=$createcluster/user-profile-$$.conf
	as_root mkdir -p "$createcluster"
	as_root sh -c 'echo "create_main_cluster = false" >"$1"' sh "$conf"
	install_status=0
	# shellcheck disable=SC2086 # a list of words
	apt_get install --no-install-recommends $packages || install_status=$?
	as_root rm -f "$conf"
	[ "$install_status" -eq 0 ] || die "can't install$packages"
}

# Find the newest installed server's pg_config
newest_pg_config() {
	for candidate in /usr/lib/postgresql/*/bin/pg_config; do
		if [ -x "$candidate" ] && [ -x "${candidate%/*}/postgres" ]; then
			printf '%s\n' "$candidate"
		fi
	done | sort -t / -k 5,5n | tail -n 1
}

# Choose the server, and see that it and its headers are there
need_server() {
	[ -z "${PG_MAJOR:-}" ] || return 0

	if [ -z "${PG_CONFIG:-}" ]; then
		PG_CONFIG=$(newest_pg_config)
	fi
	if [ -z "$PG_CONFIG" ]; then
		command -v apt-get >/dev/null ||
			die "no PostgreSQL server found; set PG_CONFIG to its pg_config"
		update_packages
		release=$(apt-cache show postgresql |
			sed -n 's/^Depends:.*postgresql-\([0-9][0-9]*\).*/\1/p' | sort -n | tail -n 1)
		[ -n "$release" ] || die "the package lists know no postgresql"
		need_packages "postgresql-$release" "postgresql-server-dev-$release"
		PG_CONFIG=$(newest_pg_config)
	fi
	command -v "$PG_CONFIG" >/dev/null || die "PG_CONFIG: no such program: $PG_CONFIG"

	PG_BINDIR=$("$PG_CONFIG" --bindir)
	PG_MAJOR=$("$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
	[ -x "$PG_BINDIR/postgres" ] || die "there is no server in $PG_BINDIR"
	if [ ! -f "$("$PG_CONFIG" --includedir-server)/postgres.h" ] ||
		[ ! -f "$("$PG_CONFIG" --pgxs)" ]; then
		need_packages "postgresql-server-dev-$PG_MAJOR"
	fi
	export PG_CONFIG
	export PATH="$PG_BINDIR:$PATH"

	CLUSTER_USER=postgres
	if is_root && ! id postgres >/dev/null 2>&1; then
		CLUSTER_USER=nobody
	fi
}

# Copy the server into DIR, whose name has no blanks, and use the copy from here on: to install
# the extension there needs no rights and touches nobody else's installation. (The programs find
# their libraries and files relative to where they are. The copy takes 50 MB and a second.)
private_server() {
	need_server
	for path in "$("$PG_CONFIG" --bindir)" "$("$PG_CONFIG" --pkglibdir)" \
		"$("$PG_CONFIG" --sharedir)"; do
		[ -e "$1$path" ] || {
			mkdir -p "$1${path%/*}"
			cp -a "$path" "$1$path"
		}
	done
	for path in "$("$PG_CONFIG" --includedir)" "$("$PG_CONFIG" --libdir)"; do
		[ -e "$1$path" ] || {
			mkdir -p "$1${path%/*}"
			ln -s "$path" "$1$path"
		}
	done
	PG_CONFIG=$1$("$PG_CONFIG" --bindir)/pg_config
	PG_BINDIR=$("$PG_CONFIG" --bindir)
	PATH="$PG_BINDIR:$PATH"
}

# Build and install the extension; arguments are C compiler flags. The directory to build
# in is BUILD_DIR, or the source tree.
build_extension() {
	need_server
	if ! command -v make >/dev/null || ! command -v gcc >/dev/null; then
		need_packages make gcc libc6-dev
	fi
	build_dir=${BUILD_DIR:-$TOP}

	# make doesn't see that objects were compiled for another server or with other flags
	stamp="$("$PG_CONFIG" --version) $PG_CONFIG $*"
	if [ "$(cat "$build_dir/.build-stamp" 2>/dev/null)" != "$stamp" ]; then
		quietly make -C "$build_dir" PG_CONFIG="$PG_CONFIG" clean || return
		printf '%s\n' "$stamp" >"$build_dir/.build-stamp"
	fi
	quietly make -C "$build_dir" -j "$(nproc)" PG_CONFIG="$PG_CONFIG" COPT="$*" all || return

	if [ -w "$("$PG_CONFIG" --pkglibdir)" ] && [ -w "$("$PG_CONFIG" --sharedir)/extension" ]; then
		quietly make -C "$build_dir" PG_CONFIG="$PG_CONFIG" COPT="$*" install
	else
		quietly as_root make -C "$build_dir" PG_CONFIG="$PG_CONFIG" COPT="$*" install
	fi
}

# Make a new directory that the cluster's user owns and can reach, below one of DIR...
new_directory() {
	for parent in "$@"; do
		case $parent in
			*[[:space:]]*) continue ;;	# make can't
		esac
		directory=$(mktemp -d "$parent/user_profile.XXXXXX" 2>/dev/null) || continue
		if is_root; then
			chown "$CLUSTER_USER" "$directory"
		fi
		if as_postgres test -w "$directory"; then
			printf '%s\n' "$directory"
			return 0
		fi
		rm -rf "$directory"
	done
	die "can't make a directory for user $CLUSTER_USER in any of: $*"
}

# Start a cluster and point the PG* variables at it; arguments are lines for postgresql.conf,
# which win over those here. TMPDIR, where usable, is where the data go.
start_cluster() {
	need_server
	[ -z "$CLUSTER_DATA" ] || die "the cluster runs already"

	# The name of a socket is limited to some 100 bytes, hence not in TMPDIR
	CLUSTER_SOCKET=$(new_directory /tmp) || exit
	CLUSTER_DATA=$(new_directory "${TMPDIR:-/tmp}" /tmp /var/tmp) || exit
	at_exit '[ -n "$CLUSTER_KEPT" ] || stop_cluster'

	quietly as_postgres "$PG_BINDIR/initdb" --no-sync -D "$CLUSTER_DATA/data" \
		-U postgres -A trust -E UTF8 --locale=C.UTF-8 || die "initdb failed"
	{
		# Whoever wants to see durability or its cost says fsync = on
		cat <<-CONF
			listen_addresses = ''
			unix_socket_directories = '$CLUSTER_SOCKET'
			port = 5432
			fsync = off
			synchronous_commit = off
			full_page_writes = off
			max_wal_size = 4GB
			timezone = 'UTC'
			log_timezone = 'UTC'
		CONF
		for line in "$@"; do
			printf '%s\n' "$line"
		done
	} | as_postgres sh -c 'cat >>"$1"' sh "$CLUSTER_DATA/data/postgresql.conf"

	# Settings of the caller that would lead elsewhere or change what is printed
	unset PGHOSTADDR PGSERVICE PGSERVICEFILE PGPASSWORD PGPASSFILE PGOPTIONS PGSSLMODE \
		PGREQUIRESSL PGDATA PGTZ PGDATESTYLE PGCLIENTENCODING PGAPPNAME PGTARGETSESSIONATTRS \
		PGCHANNELBINDING PGREQUIREPEER
	export PGHOST="$CLUSTER_SOCKET" PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	export PSQLRC=/dev/null

	# Only the server, neither initdb nor the tests' programs. It takes the place of the shell, as
	# pg_ctl knows it by its process id.
	server=$PG_BINDIR/postgres
	if [ -n "${SERVER_UNDER:-}" ]; then
		server=$CLUSTER_DATA/postgres
		printf '#!/bin/sh\nexec %s %s "$@"\n' "$SERVER_UNDER" "$(quoted "$PG_BINDIR/postgres")" \
			>"$server"
		chmod 755 "$server"
	fi

	CLUSTER_LOG=$CLUSTER_DATA/log
	if ! as_postgres "$PG_BINDIR/pg_ctl" -D "$CLUSTER_DATA/data" -l "$CLUSTER_LOG" -p "$server" \
		-s -w -t 120 start >&2 </dev/null; then
		cat "$CLUSTER_LOG" >&2
		die "the cluster doesn't start"
	fi

	CLUSTER_STOP="$(quoted "$PG_BINDIR/pg_ctl") -D $(quoted "$CLUSTER_DATA/data") -s -m fast stop"
	if is_root; then
		CLUSTER_STOP="(cd / && runuser -u $CLUSTER_USER -- $CLUSTER_STOP)"
	fi
	CLUSTER_STOP="$CLUSTER_STOP; rm -rf $(quoted "$CLUSTER_DATA") $(quoted "$CLUSTER_SOCKET")"
}

# Stop the cluster and remove its files
stop_cluster() {
	[ -n "$CLUSTER_DATA" ] || return 0
	if [ -f "$CLUSTER_DATA/data/postmaster.pid" ]; then
		as_postgres "$PG_BINDIR/pg_ctl" -D "$CLUSTER_DATA/data" -s -w -m immediate stop \
			>&2 </dev/null || say "the cluster in $CLUSTER_DATA doesn't stop"
	fi
	rm -rf "$CLUSTER_DATA" "$CLUSTER_SOCKET"
	CLUSTER_DATA=
	CLUSTER_SOCKET=
	CLUSTER_STOP=
}

# Leave the cluster running when the script ends
keep_cluster() {
	# shellcheck disable=SC2034 # read by the command for at_exit
	CLUSTER_KEPT=1
}
