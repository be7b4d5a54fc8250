# Sends a signal to processes, and says in which state they were before: a line "PID START STATE" for each that is there.
# $1 is the signal, "" for none. Each of the others is PID or PID:START, where START is field 22 of /proc/PID/stat: a number
# that another process has got since is passed over.
signal=$1
shift
[ -r /proc/self/stat ] || { echo "this system has no /proc, by which a process can be told from another with its number" >&2; exit 1; }
for one in "$@"; do
	pid=${one%%:*}
	wanted=${one#"$pid"}
	wanted=${wanted#:}
	stat=$(cat "/proc/$pid/stat" 2>/dev/null) || continue
	stat=${stat##*) } # the program's name may hold spaces and parentheses
	state=${stat%% *}
	start=$(echo "$stat" | cut -d ' ' -f 20)
	[ -z "$wanted" ] || [ "$wanted" = "$start" ] || continue
	[ -z "$signal" ] || kill -s "$signal" "$pid" || [ ! -d "/proc/$pid" ] || exit 1
	echo "$pid $start $state"
done
