#!/bin/sh
# Installs what building, running and testing pgchaos needs and this machine lacks:
# PostgreSQL's server programs. Quick, and without root, when nothing is missing.
set -eu

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
		echo "setup.sh: PostgreSQL's server programs are missing, and installing them needs root: $*" >&2
		exit 1
	fi
}

install_debian() {
	# The distribution would start a cluster of its own on port 5432: tell it not to.
	conf=/etc/postgresql-common/createcluster.conf
	if [ ! -e "$conf" ]; then
		as_root mkdir -p /etc/postgresql-common
		printf 'create_main_cluster = false\n' | as_root tee "$conf" >/dev/null
	fi
	as_root apt-get update -q
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
		-o Dpkg::Options::=--force-confold postgresql
}

if ! command -v go >/dev/null 2>&1; then
	echo "setup.sh: Go is missing: install Go 1.26 or newer (https://go.dev/doc/install)" >&2
	exit 1
fi
if found; then
	exit 0
fi
echo "setup.sh: installing PostgreSQL's server programs" >&2
if command -v apt-get >/dev/null 2>&1; then
	install_debian
elif command -v dnf >/dev/null 2>&1; then
	as_root dnf install -y postgresql-server
elif command -v brew >/dev/null 2>&1; then
	brew install postgresql
else
	echo "setup.sh: install PostgreSQL's server programs with this system's package manager" >&2
	exit 1
fi
found || { echo "setup.sh: PostgreSQL's server programs are still not where pgchaos looks for them" >&2; exit 1; }
