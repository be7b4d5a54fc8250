# Filters the packets of a container, in whose network namespace it runs. The programs are those of the engine's
# machine, which is mounted at /host. $1 says what to do with the chains $2-in and $2-out:
#   set RULES PROBE PEERS  makes them what iptables-restore reads from RULES, then tries a new connection to each of PEERS
#                          (NAME=ADDRESS) with PROBE, which is pg_isready, and writes both chains with their counters.
#                          The peer "-" tries by itself, for a second.
#   end                    removes them
#   reset FILTERS          resets the connections that match a filter of ss, and writes those that were open before, those that were
#                          reset, and those that are open then
export XTABLES_LOCKFILE=/run/pgchaos.lock
on() { chroot /host "$@"; }
needs() {
	chroot /host /bin/sh -c 'command -v "$0"' "$1" >/dev/null && return
	echo "the engine's machine has no $1; install it there (package $2)"
	exit 1
}
act=$1
chain=$2
shift 2
needs iptables iptables
remove() {
	for way in "INPUT -i eth0" "OUTPUT -o eth0"; do
		case $way in INPUT*) own=$chain-in ;; *) own=$chain-out ;; esac
		while on iptables -C $way -j "$own" 2>/dev/null; do on iptables -D $way -j "$own" || exit 1; done
		if on iptables -n -L "$own" >/dev/null 2>&1; then
			on iptables -F "$own" && on iptables -X "$own" || exit 1
		fi
	done
	if on iptables -S | grep -e "$chain-"; then
		echo "the chains $chain are still there"
		exit 1
	fi
}
case $act in
set)
	printf '%s' "$1" | on iptables-restore --noflush || exit 1
	on iptables -C INPUT -i eth0 -j "$chain-in" 2>/dev/null || on iptables -I INPUT -i eth0 -j "$chain-in" || exit 1
	on iptables -C OUTPUT -o eth0 -j "$chain-out" 2>/dev/null || on iptables -I OUTPUT -o eth0 -j "$chain-out" || exit 1
	probe=$2
	shift 2
	for peer in "$@"; do
		if [ "$peer" = - ]; then
			sleep 1 &
			continue
		fi
		{
			"$probe" -q -h "${peer#*=}" -p 5432 -t 1
			code=$?
			[ "$code" = 2 ] || echo "answered ${peer%%=*} $code"
		} &
	done
	wait
	on iptables -n -v -x -L "$chain-in" && on iptables -n -v -x -L "$chain-out" || exit 1
	;;
end) remove ;;
reset)
	needs ss iproute2
	list() {
		found=$(on ss -H -n -t $2 $3) || exit 1
		printf '%s\n' "$found" | sed "s/^/$1 /"
	}
	for filter in "$@"; do
		list before "" "$filter"
		list reset -K "$filter" # silently leaves those that the kernel cannot reset
		list after "" "$filter"
	done
	;;
esac
