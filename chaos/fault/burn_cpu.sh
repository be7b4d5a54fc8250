# Starts, counts or kills busy processes whose command line has $MARK as an argument. They have an environment and a directory of
# their own, so that they are no processes of the server's.
#   start N SECONDS KEEPER  starts N, which end after SECONDS, and waits for them. KEEPER is $MARK and more: it marks what
#                           looks after them, too. When the standard input ends, all are killed: then pgchaos has ended, in
#                           whatever way, or no longer wants them. $SCRIPT is this text.
#   busy                    prints how many have used processor time
#   kill                    kills all, and prints the numbers of those that it found
set -u
cd /
[ -r /proc/self/stat ] || { echo "this needs the process table in /proc, as on Linux" >&2; exit 1; }
# marked prints the numbers of the processes with the mark, or with -x without those that look after them. One grep reads all
# command lines: a program for each process of the machine takes many seconds where the processors are busy. The mark is not an
# argument of grep, nor of this shell, which would find themselves.
marked() {
    for file in $(echo "$MARK" | grep -lszF "$@" -f - /proc/[0-9]*/cmdline); do
        file=${file%/cmdline}
        echo "${file#/proc/}"
    done
}
end() {
    for pid in $(marked); do
        kill -9 "$pid" 2>/dev/null
        echo "$pid"
    done
}
case $0 in
start)
    exec 3<&0
    env -i PATH="$PATH" MARK="$MARK" SCRIPT="$SCRIPT" setsid sh -c "$SCRIPT" watch "$3" <&3 3<&- >/dev/null 2>&1 &
    keeper=$!
    i=0
    busy=
    while [ "$i" -lt "$1" ]; do
        env -i PATH="$PATH" setsid timeout "$2" sh -c 'while :; do :; done' "$MARK" </dev/null 3<&- >/dev/null 2>&1 &
        busy="$busy $!"
        i=$((i + 1))
    done
    wait $busy
    # Where something has killed timeout alone, what it ran goes on, and nothing else would end it.
    for pid in $(marked -x); do kill -9 "$pid" 2>/dev/null; done
    kill -9 "$keeper"
    ;;
watch)
    read -r _
    exec sh -c "$SCRIPT" end
    ;;
end)
    while [ -n "$(end)" ]; do sleep 0.01; done
    ;;
busy)
    busy=0
    for pid in $(marked -x); do
        read -r _ _ _ _ _ _ _ _ _ _ _ _ _ user _ </proc/"$pid"/stat 2>/dev/null || continue
        [ "$user" -lt 1 ] || busy=$((busy + 1))
    done
    echo "$busy"
    ;;
kill) end ;;
esac
