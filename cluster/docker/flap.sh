# Puts the rules of the chains $1-in and $1-out in force for $2, and out of force for $3, in hundredths of a second, until it is
# ended. A rule at their beginning that returns is what puts them out of force. When this starts, they are in force.
#
# The period is counted from the start of the machine: the nodes on both sides of a link have rules of their own,
# which must be out of force at the same time.
export XTABLES_LOCKFILE=/run/pgchaos.lock
down=$2
period=$(($2 + $3))
is=down
while :; do
	read -r seconds idle </proc/uptime
	phase=$((${seconds%.*}${seconds#*.} % period))
	if [ "$phase" -lt "$down" ]; then
		now=down
		left=$((down - phase))
	else
		now=up
		left=$((period - phase))
	fi
	if [ "$now" != "$is" ]; then
		case $now in
		up) change="-I CHAIN 1 -j RETURN" ;;
		down) change="-D CHAIN 1" ;;
		esac
		{
			echo "*filter"
			for chain in "$1-in" "$1-out"; do echo "$change" | sed "s/CHAIN/$chain/"; done
			echo COMMIT
		} | chroot /host iptables-restore --noflush || exit 1
		is=$now
	fi
	sleep "$(printf '%d.%02d' $((left / 100)) $((left % 100)))"
done
