# Bounds and delays the packets of a container, in whose network namespace it runs, with the programs of the engine's machine, which is
# mounted at /host. What the container sends is shaped on its eth0. What it receives goes through an interface of pgchaos's own, since
# the kernel shapes only what is sent. $1 says what to do:
#   try OUT IN             tells whether the kernel can do what the commands of tc in OUT and IN say: in a namespace of its own, on lo
#   set OUT IN PROBE PEERS replaces all that was done before by it, then tries a new connection to each of PEERS (addresses) with
#                          PROBE, which is pg_isready, and writes the counters of both interfaces. The peer "-" tries by itself, for
#                          half a second.
#   end                    removes all of it
on() { chroot /host "$@"; }
for program in tc ip; do
	chroot /host /bin/sh -c 'command -v "$0"' "$program" >/dev/null || {
		echo "the engine's machine has no $program; install it there (package iproute2)"
		exit 1
	}
done
in=pgchaos-in
act=$1
shift
device=eth0
[ "$act" != try ] || device=lo
left() { on tc qdisc show dev "$device" | grep -e "htb 7067: root" -e ingress; }
remove() {
	if on ip link show dev "$in" >/dev/null 2>&1; then # then the ingress is pgchaos's, too
		on tc qdisc del dev "$device" ingress 2>/dev/null
		on ip link del dev "$in" || exit 1
	fi
	if left | grep -q htb; then
		on tc qdisc del dev "$device" root || exit 1
	fi
	if left; then
		echo "this is still there"
		exit 1
	fi
}
apply() {
	[ -z "$1" ] || printf '%s' "$1" | on tc -batch - || exit 1
	[ -n "$2" ] || return 0
	on ip link add "$in" type ifb && on ip link set "$in" up || exit 1
	printf '%s' "$2" | on tc -batch - || exit 1
	on tc qdisc add dev "$device" handle ffff: ingress &&
		on tc filter add dev "$device" parent ffff: protocol ip u32 match u32 0 0 action mirred egress redirect dev "$in" || exit 1
}
case $act in
try) apply "$1" "$2" ;;
end) remove ;;
set)
	remove
	apply "$1" "$2"
	probe=$3
	shift 3
	for peer in "$@"; do
		case $peer in
		-) sleep 0.5 & ;;
		*) "$probe" -q -h "$peer" -p 5432 -t 1 & ;;
		esac
	done
	wait
	for interface in "$device" "$in"; do
		on ip link show dev "$interface" >/dev/null 2>&1 || continue
		echo "interface $interface"
		on tc -s class show dev "$interface" || exit 1
	done
	;;
esac
