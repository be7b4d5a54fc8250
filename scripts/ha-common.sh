# What scripts/patroni.sh and scripts/pg_auto_failover.sh share. Sourced, with $script and $kind set; needs Linux's /proc.
# A cluster is a directory: its marker, its processes' pid files, data, logs, and commands for experiments.
# shellcheck shell=sh

say() { echo "$script: $*" >&2; }
fail() {
	say "$*"
	exit 1
}

# marker is the file that says who made a directory; only one with it is ever removed.
marker=.pgchaos-ha

# mark is the comment on the database that lets pgchaos break the cluster: this one was made for it.
mark="Made by scripts/$script to be broken. [pgchaos may break this cluster]"

# pg_bin prints the directory of the newest PostgreSQL's programs; its argument is a file that this version must have, too.
pg_bin() {
	for program in $(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -t/ -k5,5nr) "$(command -v postgres || true)"; do
		[ -x "$program" ] || continue
		version=${program%/bin/postgres}
		version=${version##*/}
		if [ -z "${1:-}" ] || [ -e "/usr/share/postgresql/$version/$1" ]; then
			dirname "$program"
			return
		fi
	done
	return 1
}

# need fails unless every one of the commands is there.
need() {
	for command in "$@"; do
		command -v "$command" >/dev/null 2>&1 || fail "there is no $command: scripts/setup.sh ha installs it"
	done
}

# owner prints who the cluster's processes run as: PostgreSQL refuses root.
owner() {
	if [ "$(id -u)" != 0 ]; then
		id -un
	elif id postgres >/dev/null 2>&1; then
		echo postgres
	else
		echo nobody
	fi
}

# as_owner runs a command as this user, in a clean environment.
as_owner() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid "$(owner)" --regid "$(id -g "$(owner)")" --init-groups -- "$@"
	else
		"$@"
	fi
}

# absolute prints a directory's path, which need not exist yet, though its parent must.
absolute() {
	parent=$(cd "$(dirname "$1")" 2>/dev/null && pwd -P) || fail "$(dirname "$1") is no directory"
	echo "${parent%/}/$(basename "$1")"
}

# make_directory makes the cluster's directory, which must not exist.
make_directory() {
	case $dir in
	*[!A-Za-z0-9_./-]*) fail "the name of $dir must have only letters, digits, _, -, . and /" ;;
	esac
	mkdir "$dir" 2>/dev/null || fail "$dir exists, or cannot be made: give a directory that does not exist yet"
	echo "$kind" >"$dir/$marker"
	chmod 755 "$dir"
	mkdir "$dir/bin" "$dir/log" "$dir/pid"
	[ "$(id -u)" != 0 ] || chown "$(owner)" "$dir/log"
	as_owner test -x "$dir" || fail "$(owner) may not enter $dir: put it somewhere else, such as /var/tmp"
}

# ours fails unless the directory is a cluster of this kind.
ours() {
	[ "$(cat "$dir/$marker" 2>/dev/null)" = "$kind" ] || fail "$dir was not made by $script"
}

# listening succeeds if something listens on one of the ports from $1 to $2, on whatever address.
listening() {
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v from="$1" -v to="$2" '
		function number(hex,   i, n) { n = 0; for (i = 1; i <= length(hex); i++) n = n * 16 + index("0123456789ABCDEF", substr(hex, i, 1)) - 1; return n }
		$4 == "0A" { split($2, at, ":"); port = number(at[2]); if (port >= from && port <= to) found = 1 }
		END { exit !found }'
}

# free_ports prints the first of $1 free ports in a row, below those that the kernel gives to clients.
free_ports() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		base=$((29000 + $(od -An -N2 -tu2 /dev/urandom) % 100 * 20)) # below are those of nodes that pgchaos builds
		if ! listening "$base" $((base + $1 - 1)); then
			echo "$base"
			return
		fi
	done
	fail "there are no $1 free ports in a row between 29000 and 31000"
}

# started prints when a process was started, in the kernel's ticks: a number that a later process of the same id has not.
started() {
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

# launch starts a process of the cluster in the background, with its log and its pid file: launch NAME COMMAND...
launch() {
	name=$1
	shift
	(
		cd "$dir/$name"
		exec >>"$dir/log/$name.log" 2>&1 </dev/null
		if [ "$(id -u)" = 0 ]; then
			exec setsid setpriv --reuid "$(owner)" --regid "$(id -g "$(owner)")" --init-groups -- env -i $environment "$@"
		fi
		exec setsid env -i $environment "$@"
	) &
	pid=$!
	echo "$pid $(started "$pid")" >"$dir/pid/$name"
}

# running prints the id of the process that a pid file names, and fails if it has ended.
running() {
	read -r pid ticks 2>/dev/null <"$dir/pid/$1" || return 1
	[ -n "$ticks" ] && [ "$(started "$pid")" = "$ticks" ] || return 1
	[ "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f1)" != Z ] || return 1
	echo "$pid"
}

# agents prints the ids of the processes that one pid file stands for: the process and the children that it made for
# itself, which may outlive it. They are the session that it leads, but for PostgreSQL, which works in its own directory.
agents() {
	read -r leader ticks 2>/dev/null <"$dir/pid/$1" || return 0
	[ -n "$ticks" ] || return 0
	case $(started "$leader") in
	"$ticks" | "") ;;
	*) return 0 ;; # another process has this id now
	esac
	cat /proc/[0-9]*/stat 2>/dev/null | sed -n 's/^\([0-9]*\) (.*) \(.\) [0-9]* [0-9]* \([0-9]*\) .*/\1 \2 \3/p' | while read -r process state session; do
		[ "$session" = "$leader" ] && [ "$state" != Z ] || continue
		# The first is known by when it was started, wherever it works.
		if [ "$process" = "$leader" ] || [ "$(readlink "/proc/$process/cwd" 2>/dev/null)" = "$dir/$1" ]; then
			echo "$process"
		fi
	done
}

no_agents() { [ -z "$(agents "$1")" ]; }

# hangs succeeds if a signal has stopped all these processes, which takes a moment where there are threads.
hangs() {
	processes=$(agents "$1")
	[ -n "$processes" ] || return 1
	for process in $processes; do
		[ "$(sed 's/.*) //' "/proc/$process/stat" 2>/dev/null | cut -d' ' -f1)" = T ] || return 1
	done
}

# reaped succeeds if nothing is left of the process of a pid file: pg_autoctl takes an ended one for running until then.
reaped() {
	read -r leader ticks <"$dir/pid/$1" && [ "$(started "$leader")" != "$ticks" ]
}

# kill_agents kills them, and all that they start meanwhile.
kill_agents() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		processes=$(agents "$1")
		if [ -z "$processes" ]; then
			within 5 reaped "$1" || true
			return 0
		fi
		kill -KILL $processes 2>/dev/null || true
		sleep 0.1
	done
	fail "$1 (process $(echo $processes)) does not end"
}

# stop_agent ends the manager of a node as systemd ends it, and waits.
stop_agent() {
	process=$(running "$1") || fail "$1 does not run"
	kill -TERM "$process"
	within 60 no_agents "$1" || fail "$1 does not end"
}

# within repeats a command until it succeeds, at most $1 seconds.
within() {
	deadline=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$deadline" ] || return 1
		sleep 0.2
	done
}

# servers prints the ids of the cluster's PostgreSQL processes, or of those of one node.
# They are found by what they run and where: a backend leaves its postmaster's process group, and outlives it.
servers() {
	find /proc/[0-9]*/cwd -maxdepth 0 -lname "$dir/${1:-*}/data*" 2>/dev/null | while read -r at; do
		at=${at%/cwd}
		case $(readlink "$at/exe" 2>/dev/null) in
		*/postgres | */postgres\ \(deleted\)) echo "${at#/proc/}" ;;
		esac
	done
}

no_servers() { [ -z "$(servers "${1:-}")" ]; }

# kill_servers kills one node's PostgreSQL at once, or that of all, as a crash would. The postmaster is first, so that it
# cannot start anything again.
kill_servers() {
	for data in "$dir"/${1:-*}/data; do
		read -r first 2>/dev/null <"$data/postmaster.pid" || continue
		case " $(servers "${1:-}" | tr '\n' ' ') " in
		*" $first "*) kill -KILL "$first" 2>/dev/null || true ;;
		esac
	done
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		processes=$(servers "${1:-}")
		[ -n "$processes" ] || return 0
		kill -KILL $processes 2>/dev/null || true
		sleep 0.1
	done
	fail "PostgreSQL of $dir/${1:-} does not end"
}

# end_servers ends PostgreSQL on all nodes, quickly, but so that it removes its shared memory.
end_servers() {
	processes=$(servers)
	[ -n "$processes" ] || return 0
	for data in "$dir"/*/data; do
		read -r first 2>/dev/null <"$data/postmaster.pid" || continue
		case " $(echo $processes) " in
		*" $first "*) kill -QUIT "$first" 2>/dev/null || true ;;
		esac
	done
	kill -CONT $processes 2>/dev/null || true
	within 10 no_servers || kill_servers
}

# remove_memory removes the System V shared memory of servers that were killed: it would stay for ever.
remove_memory() {
	for data in "$dir"/*/data; do
		[ -e "$data/postmaster.pid" ] || continue
		read -r key id <<-END
			$(sed -n 7p "$data/postmaster.pid")
		END
		[ -n "${id:-}" ] || continue
		ipcs -m | awk -v id="$id" -v key="$(printf '0x%08x' "$key")" '$1 == key && $2 == id && $6 == 0 { found = 1 } END { exit !found }' || continue
		ipcrm -m "$id" || true
	done
}

# take_down ends the processes of the pid files and the servers, and removes the directory.
# Agents go first, or they would start again what ends.
take_down() {
	for file in "$dir"/pid/*; do
		[ -e "$file" ] || continue
		kill_agents "${file##*/}"
	done
	end_servers
	remove_memory
	mend_all
	rm -rf "$dir"
}

# password prints a new password.
password() {
	od -An -N12 -tx1 /dev/urandom | tr -d ' \n'
}

# mend_all removes the packet filter's rules of this cluster.
mend_all() {
	[ "$(id -u)" = 0 ] && command -v iptables >/dev/null 2>&1 || return 0
	iptables -S INPUT 2>/dev/null | grep -F -- "--comment \"pgchaos $dir " | sed 's/^-A/-D/' | while read -r rule; do
		echo "$rule" | xargs iptables
	done
}

# cut drops all packets between the cluster's members and one node's replication address, both ways.
cut_link() {
	[ "$(id -u)" = 0 ] || fail "cutting a link takes root: iptables drops its packets"
	need iptables
	iptables -I INPUT -p tcp -d "$1" --dport "$2" -m comment --comment "pgchaos $dir $3" -j DROP
	iptables -I INPUT -p tcp -s "$1" --sport "$2" -m comment --comment "pgchaos $dir $3" -j DROP
}

mend_link() {
	[ "$(id -u)" = 0 ] || fail "mending a link takes root"
	iptables -S INPUT | grep -F -- "--comment \"pgchaos $dir $1\"" | sed 's/^-A/-D/' | while read -r rule; do
		echo "$rule" | xargs iptables
	done
}

# command_file writes DIR/bin/NAME, which calls this script: for hooks, which have no shell.
command_file() {
	for name in "$@"; do
		printf '#!/bin/sh\nexec "%s" %s "%s" "$@"\n' "$self" "$name" "$dir" >"$dir/bin/$name"
		chmod 755 "$dir/bin/$name"
	done
	write_on >"$dir/bin/on"
	chmod 755 "$dir/bin/on"
}

# Clients use one address of a node, those who replicate from it another, so that the one can be cut without the other.
address() { echo "127.0.0.1$1"; }
replication_address() { echo "127.0.1.1$1"; }
node_port() { echo "$postgres_port"; }

# node_number prints the number of a node's name, and fails if the cluster has none of this name.
node_number() {
	case ${1:-} in
	n[1-3]) [ ! -d "$dir/$1" ] || { echo "${1#n}" && return; } ;;
	esac
	fail "there is no node \"${1:-}\""
}

# undo_up leaves nothing of a cluster that did not come up but the ends of its logs, on the terminal.
undo_up() {
	for log in "$dir"/log/*.log; do
		[ ! -e "$log" ] || { say "the end of ${log##*/}:"; tail -n 8 "$log" >&2; }
	done
	take_down
}

up() {
	options "$@"
	make_directory
	trap undo_up EXIT
	trap 'exit 130' INT TERM HUP
	start_all
	trap - EXIT INT TERM HUP
	report
}

status() {
	for file in "$dir"/pid/*; do
		name=${file##*/}
		if hangs "$name"; then
			echo "$name: stopped by a signal"
		elif process=$(running "$name"); then
			echo "$name: process $process"
		else
			echo "$name: ended"
		fi
	done
	show_state
}

# write_on writes DIR/bin/on, which runs a command for a node, as ssh would run it on a node's machine: on NODE COMMAND...
# The commands of DIR/bin are found by their names there, and need no node as argument.
write_on() {
	cat <<-END
		#!/bin/sh
		PGCHAOS_HA_NODE=\$1 PATH=$dir/bin:\$PATH
		export PGCHAOS_HA_NODE PATH
		shift
		exec "\$@"
	END
}

# write_hooks prints the hooks of an experiment that both kinds of clusters have.
write_hooks() {
	cat <<-END
		    exec: "$dir/bin/on {host} {command}"
		    hooks:
		      kill_postgres: {do: kill-postgres, proof: down}
		      kill_node: {do: kill-node, undo: start-node, proof: down}
		      stop_node: {do: stop-node, undo: start-node, proof: down}
		      hang_agent: {do: hang-agent, undo: resume-agent, proof: agent-hangs}
		      cut_link: {do: cut-link, undo: mend-link, proof: link-cut}
	END
}

# write_load prints the rest of an experiment: the first node ends without warning, and the manager heals the cluster.
write_load() {
	cat <<-END

		load:
		  writes: {kind: insert, target: primary, clients: 4, rate: 200/s, timeout: 5s}

		timeline:
		  - {at: 10s, kill_node: n1, for: 50s}
		  - {at: 65s, name: healed, verify: {all_streaming: true, within: 60s}}
		  - {stop_load: writes}

		expect:
		  - lost_writes == 0
	END
}

# common_command does to a node what both kinds of clusters can do.
common_command() {
	i=$(node_number "${1:-${PGCHAOS_HA_NODE:-}}")
	node=n$i
	case $action in
	kill-node)
		kill_agents "$node"
		kill_servers "$node"
		;;
	stop-node) stop_agent "$node" ;;
	start-node) running "$node" >/dev/null || start_node "$i" ;;
	kill-postgres) kill_servers "$node" ;;
	hang-agent)
		processes=$(agents "$node")
		[ -n "$processes" ] || fail "$node's agent does not run"
		kill -STOP $processes
		within 10 hangs "$node" || fail "$node's agent does not stop"
		;;
	resume-agent)
		processes=$(agents "$node")
		[ -z "$processes" ] || kill -CONT $processes
		;;
	restart-agent)
		stop_agent "$node"
		start_node "$i"
		;;
	cut-link) cut_link "$(replication_address "$i")" "$(node_port "$i")" "$node" ;;
	mend-link) mend_link "$node" ;;
	node-down) no_agents "$node" && no_servers "$node" ;;
	agent-hangs) hangs "$node" ;;
	agent-runs) running "$node" >/dev/null && ! hangs "$node" ;;
	link-cut) iptables -S INPUT | grep -q -F -- "--comment \"pgchaos $dir $node\"" ;;
	*) fail "unknown command $action: see the head of $script" ;;
	esac
}

# ha_main does what the arguments of the script ask for.
ha_main() {
	if [ $# -lt 2 ]; then
		sed -n '2,/^set/s/^# \{0,1\}//p' "$self" >&2
		exit 2
	fi
	action=$1
	dir=$(absolute "$2")
	shift 2
	case $action in
	up) up "$@" ;;
	down)
		[ -e "$dir" ] || return 0
		ours
		take_down
		;;
	*)
		ours
		# shellcheck source=/dev/null
		. "$dir/settings"
		case $action in
		status) status ;;
		*) run_command "$@" ;;
		esac
		;;
	esac
}
