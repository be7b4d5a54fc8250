# $1 is the directory of the programs, the others are texts of postgresql.conf.
programs=$1
shift
dir=$(mktemp -d) || exit 1
n=0
for conf in "$@"; do
	printf '%s' "$conf" >"$dir/postgresql.conf"
	if ! "$programs/postgres" -C data_directory -D "$dir" -c "config_file=$dir/postgresql.conf" >"$dir/out" 2>&1; then
		echo "pgchaos refused $n"
		cat "$dir/out"
	fi
	n=$((n + 1))
done
