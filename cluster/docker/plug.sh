# Pulls the cable of a container, or plugs it in again: takes the engine's end of it
# down or up. $1 is that end's interface index, $2 the run's bridge, $3 down or up.
#
# While the cable is out, the bridge asks for the container's address all the time and
# never gives up. With the usual three attempts, new connections would end with "no
# route to host" after three seconds: an answer, where a black hole has none.
set -e
case $3 in
down)
	asking=/proc/sys/net/ipv4/neigh/$2/mcast_solicit
	[ ! -e "$asking" ] || echo 100000 >"$asking"
	;;
esac
for interface in /host-sys/class/net/*; do
	[ "$(cat "$interface/ifindex" 2>/dev/null)" = "$1" ] || continue
	flags=$(cat "$interface/flags")
	case $3 in
	down) echo $((flags & ~1)) >"$interface/flags" ;;
	up) echo $((flags | 1)) >"$interface/flags" ;;
	esac
	exit 0
done
echo "the engine's machine has no interface $1"
exit 1
