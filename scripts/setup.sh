#!/bin/sh
# Installs what this machine lacks of what pgchaos needs: PostgreSQL's server
# programs; with the argument "test" also what only the tests need (psql, ps, a C
# compiler for Go's race detector, HAProxy, PgBouncer, tmux, npm, Chromium and systemd-analyze, and in .tools
# Prometheus); with "docker" a Docker engine, started, with an image of PostgreSQL, and a registry and busybox in
# .tools, for the tests of the Docker provider; with "ha" Patroni, etcd, HAProxy and pg_auto_failover, for
# scripts/patroni.sh and scripts/pg_auto_failover.sh, without starting any of them. Quick, and without root, when nothing
# is missing. Without an engine, or without HA managers, the tests that need them are skipped, so that their lack is an
# error in CI alone.
set -eu

tools=$(cd "$(dirname "$0")/.." && pwd)/.tools

# found succeeds if the server programs are where pgchaos looks for them.
found() {
	for dir in $(echo "$PATH" | tr ':' ' ') /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
		/opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin /opt/homebrew/bin \
		/Applications/Postgres.app/Contents/Versions/*/bin; do
		if [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ] && [ -x "$dir/pg_basebackup" ] && [ -x "$dir/pg_rewind" ]; then
			return 0
		fi
	done
	return 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		echo "setup.sh: something that is needed is missing, and installing it needs root: $*" >&2
		exit 1
	fi
}

# have succeeds if every one of the commands is there.
have() {
	for command in "$@"; do
		command -v "$command" >/dev/null 2>&1 || return 1
	done
}

# systemd_checker succeeds if systemd's checker of units is there, or cannot be, because this is not Linux.
systemd_checker() {
	[ "$(uname)" != Linux ] || have systemd-analyze
}

# browser succeeds if one of the browsers is there that the tests of the pages can use.
browser() {
	for name in chromium chromium-browser google-chrome; do
		have "$name" && return
	done
	return 1
}

debian_package() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
		-o Dpkg::Options::=--force-confold "$@"
}

install_debian() {
	# The distribution would start a cluster of its own on port 5432: tell it not to.
	conf=/etc/postgresql-common/createcluster.conf
	if [ ! -e "$conf" ]; then
		as_root mkdir -p /etc/postgresql-common
		printf 'create_main_cluster = false\n' | as_root tee "$conf" >/dev/null
	fi
	as_root apt-get update -q
	debian_package postgresql
}

install_test_tools() {
	echo "setup.sh: installing what the tests need" >&2
	if have apt-get; then
		as_root apt-get update -q
		debian_package gcc libc6-dev procps postgresql-client tmux
		have npm || debian_package npm
		browser || debian_package chromium
		systemd_checker || debian_package systemd
		for proxy in haproxy pgbouncer; do
			if ! [ -x "/usr/sbin/$proxy" ]; then
				debian_package "$proxy"
				no_service "$proxy"
			fi
		done
	elif have dnf; then
		as_root dnf install -y gcc procps-ng postgresql haproxy pgbouncer tmux npm chromium systemd
	else
		echo "setup.sh: the tests need gcc, ps, psql, haproxy, pgbouncer, tmux, npm, chromium and, on Linux, systemd-analyze: install them with this system's package manager" >&2
		exit 1
	fi
}

# no_service stops what Debian has just installed and started: the tests start their own.
no_service() {
	if [ -d /run/systemd/system ]; then
		as_root systemctl disable --now "$1" >/dev/null 2>&1 || true
	elif [ -x "/etc/init.d/$1" ]; then
		as_root "/etc/init.d/$1" stop >/dev/null 2>&1 || true
	fi
}

# unstarted installs Debian packages without starting the services in them. Debian asks policy-rc.d before it starts
# one; a policy that is there already is left, and decides.
unstarted() (
	policy=/usr/sbin/policy-rc.d
	if ! [ -e "$policy" ]; then
		trap 'as_root rm -f "$policy"' EXIT
		trap 'exit 130' INT TERM HUP
		printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
		as_root chmod 755 "$policy"
	fi
	debian_package "$@"
)

# ha_programs are what scripts/patroni.sh and scripts/pg_auto_failover.sh start.
ha_programs="patroni patronictl etcd etcdctl haproxy pg_autoctl"

# ha_version prints the newest installed version of PostgreSQL that has pg_auto_failover's extension or, with the
# argument "available", a package with it.
ha_version() {
	for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -t/ -k5,5nr); do
		dir=${dir%/bin/postgres}
		version=${dir##*/}
		if [ -e "/usr/share/postgresql/$version/extension/pgautofailover.control" ] ||
			{ [ "${1:-}" = available ] && apt-cache show "postgresql-$version-auto-failover" >/dev/null 2>&1; }; then
			echo "$version"
			return
		fi
	done
	return 1
}

# ha_missing prints what the HA managers' tests need and is not there, one thing a line.
ha_missing() {
	for command in $ha_programs; do
		(PATH="$PATH:/usr/sbin" have "$command") || echo "$command"
	done
	ha_version >/dev/null || echo "pg_auto_failover's extension of PostgreSQL"
}

# no_ha says that the tests on the clusters of HA managers are skipped; in CI that is an error.
no_ha() {
	echo "setup.sh: the tests on clusters of Patroni and pg_auto_failover need these: $1" >&2
	if [ "${CI:-}" = true ]; then
		exit 1
	fi
}

install_ha() {
	if ! have apt-get; then
		no_ha "install patroni, etcd, HAProxy and pg_auto_failover with this system's package manager"
		return
	fi
	echo "setup.sh: installing Patroni, etcd, HAProxy and pg_auto_failover" >&2
	as_root apt-get update -q
	for package in patroni etcd-server etcd-client haproxy pg-auto-failover-cli; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' && continue
		unstarted "$package" || { no_ha "$package cannot be installed"; return; }
		case $package in
		patroni | haproxy) no_service "$package" ;;
		etcd-server) no_service etcd ;;
		esac
	done
	if ! ha_version >/dev/null; then
		if ! { version=$(ha_version available) && unstarted "postgresql-$version-auto-failover"; }; then
			no_ha "there is no package of pg_auto_failover's extension for the installed PostgreSQL"
		fi
	fi
}

no_engine() {
	echo "setup.sh: the Docker provider and its tests need an engine: $1" >&2
	if [ "${CI:-}" = true ]; then
		exit 1
	fi
}

engine_answers() {
	have docker && docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

# set_up_engine installs and starts an engine where none answers and it may, and
# builds the image that the tests run, once.
set_up_engine() {
	if engine_answers && docker image inspect pgchaos/postgres:15 >/dev/null 2>&1; then
		return
	fi
	if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
		no_engine "start one that this user may use, and run scripts/postgres-image.sh; setting it up takes root"
		return
	fi
	if ! engine_answers; then
		if ! have apt-get; then
			no_engine "install Docker and start it"
			return
		fi
		install_engine
		start_engine || { no_engine "dockerd does not start here; see /var/log/pgchaos-dockerd.log"; return; }
	fi
	if ! docker image inspect pgchaos/postgres:15 >/dev/null 2>&1; then
		if ! [ -x /usr/sbin/debootstrap ] && have apt-get; then
			as_root apt-get update -q
			debian_package debootstrap
		fi
		"$(dirname "$0")/postgres-image.sh" 15 || no_engine "its image cannot be built"
	fi
}

# unpack_tool takes programs that only some tests need out of a Debian package, into .tools: installed,
# docker-registry and prometheus would be started as services, and busybox-static would drive busybox out.
# Its arguments are the package and the paths of the programs in it. It fails where there are no Debian packages.
unpack_tool() {
	package=$1
	shift
	lacking=
	for path in "$@"; do
		PATH="$tools:$PATH" have "${path##*/}" || lacking="$lacking ${path##*/}"
	done
	[ -n "$lacking" ] || return 0
	have apt-get dpkg-deb || return 1
	echo "setup.sh: unpacking$lacking into .tools" >&2
	mkdir -p "$tools"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	(cd "$work" && apt-get download -q "$package" >/dev/null 2>&1) || {
		as_root apt-get update -q
		(cd "$work" && apt-get download -q "$package") || return 1
	}
	dpkg-deb -x "$work"/*.deb "$work/root" || return 1
	for path in "$@"; do
		cp "$work/root/$path" "$tools/" || return 1
	done
	rm -rf "$work"
}

# no_prometheus says that the tests which scrape a run are skipped; in CI that is an error.
no_prometheus() {
	echo "setup.sh: the tests of --metrics need prometheus and promtool: install them" >&2
	if [ "${CI:-}" = true ]; then
		exit 1
	fi
}

install_engine() {
	if [ -x /usr/sbin/dockerd ] || [ -x /usr/bin/dockerd ]; then
		return
	fi
	echo "setup.sh: installing a Docker engine" >&2
	as_root apt-get update -q
	client=
	if apt-cache show docker-cli >/dev/null 2>&1; then
		client=docker-cli # part of docker.io up to Debian 12
	fi
	debian_package docker.io $client iptables debootstrap
}

# start_engine starts the engine as a service, or by hand where there is no systemd,
# and waits until it answers.
start_engine() {
	if [ -d /run/systemd/system ]; then
		as_root systemctl start docker || return 1
	else
		echo "setup.sh: starting dockerd" >&2
		as_root sh -c 'PATH=$PATH:/usr/sbin:/sbin; setsid dockerd >/var/log/pgchaos-dockerd.log 2>&1 </dev/null &'
	fi
	for _ in $(seq 60); do
		engine_answers && return
		sleep 0.5
	done
	return 1
}

# missing prints what it would install for its arguments, one thing a line.
missing() {
	found || echo "PostgreSQL's server programs"
	if wanted test "$@"; then
		for command in psql ps tmux "${CC:-gcc}" haproxy pgbouncer npm; do
			(PATH="$PATH:/usr/sbin" have "$command") || echo "$command"
		done
		browser || echo chromium
		systemd_checker || echo systemd-analyze
		for command in prometheus promtool; do
			(PATH="$tools:$PATH" have "$command") || echo "$command, into .tools"
		done
	fi
	if wanted ha "$@"; then
		ha_missing
	fi
	if wanted docker "$@"; then
		engine_answers || echo "a Docker engine, which will be started"
		if ! engine_answers || ! docker image inspect pgchaos/postgres:15 >/dev/null 2>&1; then
			echo "the image pgchaos/postgres:15, built with debootstrap"
		fi
		for command in docker-registry busybox; do
			(PATH="$tools:$PATH" have "$command") || echo "$command, into .tools"
		done
	fi
}

# announce says what is going to be installed, and leaves somebody at a terminal the time to stop it.
announce() {
	list=$(missing "$@")
	[ -n "$list" ] || return 0
	echo "setup.sh: this machine lacks the following; it will be installed (as root) where that is possible:" >&2
	echo "$list" | sed 's/^/  /' >&2
	if [ -t 2 ]; then
		echo "setup.sh: Ctrl-C within 5 seconds to install nothing; 'make unit' needs none of it" >&2
		sleep 5
	fi
}

# wanted succeeds if its first argument is among the others.
wanted() {
	wanted=$1
	shift
	for argument in "$@"; do
		[ "$argument" = "$wanted" ] && return
	done
	return 1
}

if [ "${1:-}" = list ]; then
	missing "$@"
	exit
fi
have go || {
	echo "setup.sh: Go is missing: install Go 1.26 or newer (https://go.dev/doc/install)" >&2
	exit 1
}
announce "$@"
if ! found; then
	echo "setup.sh: installing PostgreSQL's server programs" >&2
	if have apt-get; then
		install_debian
	elif have dnf; then
		as_root dnf install -y postgresql-server
	elif have brew; then
		brew install postgresql
	else
		echo "setup.sh: install PostgreSQL's server programs with this system's package manager" >&2
		exit 1
	fi
	found || { echo "setup.sh: PostgreSQL's server programs are still not where pgchaos looks for them" >&2; exit 1; }
fi
if wanted test "$@" && ! { have psql ps tmux npm && browser && systemd_checker && have "${CC:-gcc}" && PATH="$PATH:/usr/sbin" have haproxy pgbouncer; }; then
	install_test_tools
fi
if wanted test "$@"; then
	unpack_tool prometheus usr/bin/prometheus usr/bin/promtool || no_prometheus
fi
if wanted ha "$@" && [ -n "$(ha_missing)" ]; then
	install_ha
fi
if wanted docker "$@"; then
	set_up_engine
	unpack_tool docker-registry usr/bin/docker-registry || no_engine "install docker-registry"
	unpack_tool busybox-static bin/busybox || no_engine "install busybox"
fi
