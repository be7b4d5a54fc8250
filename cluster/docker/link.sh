# Pulls the cables of containers, or plugs them in again: takes the engine's ends of them
# down or up. $1 is the run's bridge, $2 down or up, the others are those ends' interface
# indexes. Only interfaces of the run's bridge are touched. One that is not there any more has ended with its container; but when they are
# pulled, the two of a node must be there.
#
# While a cable is out, the bridge asks for the container's address all the time and
# never gives up. With the usual three attempts, new connections would end with "no
# route to host" after three seconds: an answer, where a black hole has none.
set -e
bridge=$1
direction=$2
shift 2
if [ "$direction" = down ]; then
	asking=/proc/sys/net/ipv4/neigh/$bridge/mcast_solicit
	[ ! -e "$asking" ] || echo 100000 >"$asking"
fi
turned=0
for index in "$@"; do
	for interface in /host-sys/class/net/*; do
		[ "$(cat "$interface/ifindex" 2>/dev/null)" = "$index" ] || continue
		[ -e "/host-sys/class/net/$bridge/brif/${interface##*/}" ] || continue
		flags=$(cat "$interface/flags")
		case $direction in
		down) echo $((flags & ~1)) >"$interface/flags" ;;
		up) echo $((flags | 1)) >"$interface/flags" ;;
		esac
		turned=$((turned + 1))
	done
done
if [ "$direction" = down ] && [ "$turned" -lt 2 ]; then
	echo "the engine's machine has $turned of the interfaces $*"
	exit 1
fi
