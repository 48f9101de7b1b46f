#!/bin/sh
# Run the tests on the PostgreSQL releases that this machine's own release does not have.
#
#	sh test/versions.sh [VERSION...]
#
# VERSION is 17 or 18; without any, both. Each gets a tree of the Debian release that has it, made
# by debootstrap from the mirror that apt uses here, in a directory that goes at exit. The
# tests run in there by chroot. The release before it is copied beside it, for pg_upgrade.
# The last lines count: "PostgreSQL 17: N passed, N failed".
#
# A tree needs root (or sudo without password), a Debian mirror and the right to mount. Where one
# of these is missing there are no trees: the script says so and succeeds. A tree that was
# made and does not pass is a failure.
#
# Environment: STAGES are the stages of test/run.sh to run in a tree.

set -eu
# shellcheck source=test/cluster.sh
. "$(dirname -- "$0")/cluster.sh"

STAGES=${STAGES:-regress isolation pgtap tap}

# The Debian release that has a version of PostgreSQL
release_of() {
	case $1 in
		17) echo trixie ;;
		18) echo sid ;;
		*) die "usage: sh test/versions.sh [VERSION...], VERSION one of: 17 18" ;;
	esac
}

without_trees() {
	say "no tests of other PostgreSQL versions: $*"
	exit 0
}

# The mirror of Debian's main archive, as apt has it
mirror() {
	# shellcheck disable=SC2016 # the names are apt's
	apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Label: Debian' \
		'Component: main' 2>/dev/null | head -n 1
}

# Run a command with a tree as its root. Its mounts and processes end with it: they are in
# namespaces of their own. in_tree TREE COMMAND...
in_tree() {
	# shellcheck disable=SC2016 # expanded inside
	unshare --mount --pid --fork --kill-child sh -c '
		set -e
		tree=$1
		shift
		mount -t proc proc "$tree/proc"
		mkdir -p "$tree/dev/pts" "$tree/dev/shm"
		mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$tree/dev/pts"
		mount -t tmpfs -o mode=1777 shm "$tree/dev/shm"
		# Not by exec: the first process of a namespace is treated differently by signals
		chroot "$tree" "$@"' sh "$@"
}

# Make the tree of a release. make_tree RELEASE TREE
# shellcheck disable=SC2317 # called by quietly
make_tree() {
	debootstrap --variant=minbase --include=ca-certificates "$1" "$2" "$mirror" || return

	# What apt is told here about proxies, retries and dates holds there as well. The Release
	# file of sid may be past its date on a mirror that stands still.
	{
		apt-config dump | grep '^Acquire::[^ ]*\(::Proxy\|::Verify\|Check-\)' || true
		echo 'Acquire::Check-Valid-Until "false";'
		echo 'Acquire::Languages "none";'
	} >"$2/etc/apt/apt.conf.d/90here"
	echo "deb $mirror $1 main" >"$2/etc/apt/sources.list"
	for file in /etc/resolv.conf /etc/hosts; do
		cp -L "$file" "$2$file" || return
	done
	mkdir -p "$2/src"
	(cd "$TOP" && tar -cf - --exclude=./.git --exclude='*.o' --exclude='*.so' --exclude='*.bc' \
		--exclude=./.build-stamp .) | (cd "$2/src" && tar -xf - --no-same-owner)
	if [ -d "$TOP/../shared" ]; then
		cp -a "$TOP/../shared/." "$2/shared"
	fi
}

# Copy a server from one root directory to another, with the libraries that the other doesn't
# have. copy_server MAJOR FROM TO
copy_server() {
	for path in "lib/postgresql/$1" "share/postgresql/$1" "include/postgresql"; do
		mkdir -p "$3/usr/${path%/*}"
		cp -a "$2/usr/$path" "$3/usr/${path%/*}/" || return
	done
	mkdir -p "$3/usr/lib/postgresql/$1/needed"

	chroot "$2" sh -c "ldd /usr/lib/postgresql/$1/bin/* /usr/lib/postgresql/$1/lib/*.so" 2>/dev/null |
		sed -n 's/^.* => \(\/[^ ]*\) .*/\1/p' | sort -u |
		grep -v 'libLLVM' | while read -r library; do
		if [ -z "$(find "$3/lib/" "$3/usr/lib/" -name "${library##*/}" 2>/dev/null | head -n 1)" ]; then
			cp -L "$2$library" "$3/usr/lib/postgresql/$1/needed/"
		fi
	done
	echo "/usr/lib/postgresql/$1/needed" >"$3/etc/ld.so.conf.d/postgresql-$1.conf"
	chroot "$3" ldconfig
}

# Run the tests of a version in its tree. test_version MAJOR TREE OLD_MAJOR
test_version() {
	old=
	if [ -x "$2/usr/lib/postgresql/$3/bin/postgres" ]; then
		old=OLD_PG_CONFIG=/usr/lib/postgresql/$3/bin/pg_config
	fi
	# shellcheck disable=SC2086 # words
	in_tree "$2" env -u PG_CONFIG -u TMPDIR PG_CONFIG="/usr/lib/postgresql/$1/bin/pg_config" \
		$old sh /src/test/run.sh $STAGES
}

# Make a tree with its server. server_tree MAJOR TREE
server_tree() {
	quietly make_tree "$(release_of "$1")" "$2" || return
	# As on a machine where it is installed before the tests. No cluster is wanted.
	mkdir -p "$2/etc/postgresql-common/createcluster.d"
	echo "create_main_cluster = false" >"$2/etc/postgresql-common/createcluster.d/tests.conf"
	quietly in_tree "$2" env DEBIAN_FRONTEND=noninteractive sh -c "apt-get -q update &&
		apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends \
			postgresql-$1 postgresql-server-dev-$1 make gcc libc6-dev"
}

versions=${*:-17 18}
for version in $versions; do
	release_of "$version" >/dev/null
done

if ! is_root; then
	if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		exec sudo -n env STAGES="$STAGES" JOBS="${JOBS:-}" sh "$0" "$@"
	fi
	without_trees "not root, and no sudo without a password"
fi
command -v apt-get >/dev/null || without_trees "not a Debian system"
unshare --mount --pid --fork true 2>/dev/null || without_trees "no right to mount"
missing=$(missing_packages debootstrap)
if [ -n "$missing" ]; then
	(need_packages debootstrap) || without_trees "debootstrap can't be installed"
fi
mirror=$(mirror)
if [ -z "$mirror" ]; then
	(update_packages) || without_trees "no package lists"
	mirror=$(mirror)
fi
[ -n "$mirror" ] || without_trees "apt knows no mirror of Debian"

# debootstrap reads the proxy from the environment only
proxy=
eval "$(apt-config shell proxy Acquire::http::Proxy)"
if [ -n "$proxy" ]; then
	export http_proxy="$proxy"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/user_profile.XXXXXX")
# shellcheck disable=SC2016 # evaluated then
at_exit 'rm -rf --one-file-system "$work"'
chmod 755 "$work"

status=0
summary=
older=15
older_root=/
for version in $versions; do
	started=$(date +%s)
	tree=$work/$version
	if ! server_tree "$version" "$tree"; then
		# Nothing of ours has run: the mirror doesn't have the release, or mounts are refused
		summary="$summary
PostgreSQL $version: no tree of Debian $(release_of "$version") can be made here"
		continue
	fi
	if [ -x "$older_root/usr/lib/postgresql/$older/bin/postgres" ] &&
		[ -f "$older_root/usr/lib/postgresql/$older/lib/pgxs/src/makefiles/pgxs.mk" ]; then
		copy_server "$older" "$older_root" "$tree"
	fi
	printf -- '----- PostgreSQL %s, Debian %s -----\n' "$version" "$(release_of "$version")"
	test_version "$version" "$tree" "$older" >"$work/log" 2>&1 </dev/null || status=1
	cat "$work/log"
	counts=$(tail -n 1 "$work/log" | grep -E '^[0-9]+ passed, [0-9]+ failed$') || {
		status=1
		counts='did not come to its end'
	}
	summary="$summary
PostgreSQL $version: $counts  ($(($(date +%s) - started)) s)"
	if [ "$older" -ne 15 ]; then
		rm -rf --one-file-system "$older_root"
	fi
	older=$version
	older_root=$tree
done

printf '%s\n' "${summary#?}"
exit "$status"
