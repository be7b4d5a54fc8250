# Starts, counts or kills busy processes whose command line has $MARK as an argument. "start N SECONDS" starts N, which end
# after SECONDS. "busy" prints how many have used processor time. "kill" kills all, and prints the numbers of those that it
# found. They have an environment and a directory of their own, so that they are no processes of the server's.
set -u
cd /
[ -r /proc/self/stat ] || { echo "this needs the process table in /proc, as on Linux" >&2; exit 1; }
# marked prints the numbers of the processes. One grep reads all command lines: a program for each process of the machine takes
# many seconds where the processors are busy. The mark is not an argument of grep, which would find itself.
marked() {
    for file in $(echo "$MARK" | grep -lszF -f - /proc/[0-9]*/cmdline); do
        file=${file%/cmdline}
        echo "${file#/proc/}"
    done
}
case $0 in
start)
    i=0
    while [ "$i" -lt "$1" ]; do
        env -i PATH="$PATH" setsid timeout "$2" sh -c 'while :; do :; done' "$MARK" </dev/null >/dev/null 2>&1 &
        i=$((i + 1))
    done
    ;;
busy)
    busy=0
    for pid in $(marked); do
        read -r _ _ _ _ _ _ _ _ _ _ _ _ _ user _ </proc/"$pid"/stat 2>/dev/null || continue
        [ "$user" -lt 1 ] || busy=$((busy + 1))
    done
    echo "$busy"
    ;;
kill)
    for pid in $(marked); do
        kill -9 "$pid" 2>/dev/null
        echo "$pid"
    done
    ;;
esac
