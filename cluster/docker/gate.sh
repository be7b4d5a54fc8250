# Process 1 waits at the gate, the file $1, while that says "shut": for $2 seconds at most. Then it becomes the server, which is the rest.
gate=$1
ends=$(($(date +%s) + $2))
shift 2
state=
while read -r state <"$gate" && [ "$state" = shut ]; do
	[ "$(date +%s)" -lt "$ends" ] || {
		echo "this server does not start: pgchaos has not said that the rules of its network are in force" >&2
		exit 1
	}
	sleep 0.05
done
exec "$@"
