# Says who the user postgres is (uid:gid), and the directory of PostgreSQL's programs.
user=$(id -u postgres 2>/dev/null):$(id -g postgres 2>/dev/null) || {
	echo "it has no user postgres, whom the server could run as; use an image with PostgreSQL's server, such as postgres:17"
	exit 1
}
for dir in "$(pg_config --bindir 2>/dev/null)" $(echo "$PATH" | tr : ' ') \
	$(ls -d /usr/lib/postgresql/*/bin /usr/libexec/postgresql*/ /usr/pgsql-*/bin 2>/dev/null | sort -rV) /usr/local/bin; do
	dir=${dir%/}
	[ -x "$dir/postgres" ] && [ -x "$dir/initdb" ] && [ -x "$dir/pg_basebackup" ] && [ -x "$dir/pg_rewind" ] || continue
	version=$("$dir/postgres" --version) || {
		echo "its $dir/postgres does not run"
		exit 1
	}
	version=${version##*) }
	if [ "$1" = 0 ] || [ "${version%%[!0-9]*}" = "$1" ]; then
		echo "$user $dir"
		exit 0
	fi
	other=$version
done
if [ -n "${other:-}" ]; then
	echo "it has PostgreSQL $other, and the experiment wants $1 (cluster.postgres)"
else
	echo "it has no PostgreSQL server (postgres, initdb, pg_basebackup and pg_rewind in one directory); use an image such as postgres:17"
fi
exit 1
