#!/bin/sh
# A real pg_auto_failover cluster on this machine: a monitor and two or three nodes, on loopback addresses and free ports,
# without root's rights (as root: as the user postgres). For experiments with "provider: existing", and for tests.
#
#   scripts/pg_auto_failover.sh up DIR [OPTION=VALUE ...]   starts it, checks it, and prints how to reach it
#   scripts/pg_auto_failover.sh status DIR                  pg_autoctl show state, and which processes run
#   scripts/pg_auto_failover.sh down DIR                    ends its processes, and removes DIR
#
# Options: nodes=3 (or 2), port=(the first of 20; else free ones are found), unhealthy_timeout=20, demote_timeout=30,
# health_check_period=5, all in seconds: the monitor's node_considered_unhealthy_timeout, which is how long a silent node
# stays the primary; primary_demote_timeout, which is how long its successor then waits before it lets clients write; and
# how often the monitor connects to a node.
#
# DIR must not exist; everything is in it. DIR/env has what it prints for a shell, DIR/existing.yaml an experiment.
# Its database is marked as one that pgchaos may break: that is what this cluster is for.
# DIR/bin has commands for the experiment's hooks, each with a node's name as argument. "DIR/bin/on NODE COMMAND" runs one
# without the argument, as ssh would on a node's own machine.
#
#   kill-node, start-node      pg_autoctl and PostgreSQL of a node end by SIGKILL; pg_autoctl starts again
#   stop-node, start-node      pg_autoctl ends as systemd ends it, and takes PostgreSQL down
#   kill-postgres              only PostgreSQL ends by SIGKILL; pg_autoctl starts it again, or the monitor fails over
#   hang-agent, resume-agent   SIGSTOP and SIGCONT of pg_autoctl alone
#   cut-link, mend-link        packets between a node and those who connect to it, its standbys and the monitor, are
#                              dropped (iptables; as root); clients have another address
#   node-down, agent-hangs, link-cut, agent-runs    succeed if that is so
#   healthy                    waits for at most a minute until the monitor has a primary, and secondaries that it waits for;
#                              it takes no node. Before that the monitor does not answer the death of a primary
#
# DIR/bin/pg_autoctl is pg_autoctl with the cluster's monitor, as in "DIR/bin/pg_autoctl perform switchover".
set -eu

self=$(cd "$(dirname "$0")" && pwd)/pg_auto_failover.sh
script=pg_auto_failover.sh
kind=pg_auto_failover
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=scripts/ha-common.sh
. "$(dirname "$self")/ha-common.sh"

# pg_autoctl demands that a node's name is an address of an interface, and on loopback 127.0.0.1 is the only one: so nodes
# differ by their ports. Clients have addresses of their own all the same.
replication_address() { echo 127.0.0.1; }
node_port() { echo $((postgres_port + $1)); }

options() {
	nodes=3 port= unhealthy_timeout=20 demote_timeout=30 health_check_period=5
	for option in "$@"; do
		case $option in
		nodes=[23]) nodes=${option#*=} ;;
		port=[1-9]*)
			port=${option#*=}
			case $port in *[!0-9]*) fail "$option: $port is no number" ;; esac
			;;
		unhealthy_timeout=[1-9]* | demote_timeout=[1-9]* | health_check_period=[1-9]*)
			case ${option#*=} in *[!0-9]*) fail "$option: ${option#*=} is no number of seconds" ;; esac
			eval "${option%%=*}=${option#*=}"
			;;
		*) fail "unknown option $option: see the head of $script" ;;
		esac
	done
}

# ask runs SQL as the superuser on a node's address, or with the port of the monitor on the monitor.
ask() {
	at=$1
	port_of=$2
	shift 2
	PGCONNECT_TIMEOUT=2 "$bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$at" -p "$port_of" "$@"
}

on_monitor() { ask 127.0.0.1 "$monitor_port" -U autoctl_node -d pg_auto_failover -c "$1" 2>/dev/null; }

monitor_answers() { on_monitor 'select 1 from pgautofailover.formation' >/dev/null; }

# first_node_made succeeds if the monitor knows the first node, and it is writable.
first_node_made() {
	[ "$(on_monitor "select count(*) from pgautofailover.node where reportedstate = 'single' and goalstate = 'single'")" = 1 ] &&
		[ "$(ask "$(address 1)" "$(node_port 1)" -U postgres -d chaos -c 'select pg_is_in_recovery()' 2>/dev/null)" = f ]
}

registered() { [ "$(on_monitor 'select count(*) from pgautofailover.node')" = "$1" ]; }

# healthy succeeds if the monitor has one primary, all others are secondaries, and these stream.
healthy() {
	[ "$(on_monitor "select count(*) filter (where reportedstate = 'primary' and goalstate = 'primary'),
		count(*) filter (where reportedstate = 'secondary' and goalstate = 'secondary') from pgautofailover.node")" = "1|$((nodes - 1))" ] || return 1
	for i in $numbers; do
		[ "$(ask "$(address "$i")" "$(node_port "$i")" -U postgres -d chaos -c 'select pg_is_in_recovery()' 2>/dev/null)" != f ] ||
			[ "$(ask "$(address "$i")" "$(node_port "$i")" -U postgres -d chaos -c "select count(*) from pg_stat_replication where state = 'streaming' and sync_state in ('sync', 'quorum')" 2>/dev/null)" != $((nodes - 1)) ] || return 0
	done
	return 1
}

# healthy_soon has the first node make a checkpoint before it looks: pg_autoctl's base backups wait for one, for minutes.
healthy_soon() {
	ask "$(address 1)" "$(node_port 1)" -U postgres -d postgres -c checkpoint 2>/dev/null || true
	healthy
}

node_dsn() { echo "postgres://chaos@$(address "$1"):$(node_port "$1")/chaos?passfile=$dir/passfile"; }

monitor_uri() { echo "postgres://autoctl_node@127.0.0.1:$monitor_port/pg_auto_failover?sslmode=disable"; }

write_env() {
	hosts=
	for i in $numbers; do hosts=$hosts${hosts:+,}$(address "$i"):$(node_port "$i"); done
	cat <<-END
		DIR=$dir
		NODES=$nodes
		MONITOR='$(monitor_uri)'
		MULTIHOST_DSN='postgres://chaos@$hosts/chaos?target_session_attrs=read-write&passfile=$dir/passfile'
		PG_AUTOCTL=$dir/bin/pg_autoctl
	END
	for i in $numbers; do
		echo "DSN_n$i='$(node_dsn "$i")'"
		echo "REPLICATION_n$i=$(replication_address "$i"):$(node_port "$i")"
	done
}

write_experiment() {
	cat <<-END
		# An experiment on this cluster, to change as you like.
		name: $(basename "$dir" | tr 'A-Z' 'a-z' | tr -c 'a-z0-9\n' -)
		cluster:
		  provider: existing
		  existing:
		    nodes:
	END
	for i in $numbers; do
		echo "      n$i: {dsn: \"$(node_dsn "$i")\", standby: pgautofailover_standby_$i, host: n$i}"
	done
	cat <<-END
		    # In the place of nodes, this finds the same ones, by the addresses that cut_link cuts off:
	    # discover: {pg_auto_failover: "$(monitor_uri)", as: "postgres:///chaos?user=chaos&passfile=$dir/passfile"}
	END
	write_hooks
	write_load
}

# set_environment sets what pg_autoctl of a node runs with. It keeps its configuration and state below HOME. The server's
# socket is there, too: before pg_rewind, pg_autoctl has a killed server recover without TCP, and that needs a socket.
set_environment() {
	environment="PATH=$bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME=$dir/$1 XDG_RUNTIME_DIR=$dir/$1/run PG_REGRESS_SOCK_DIR=$dir/$1/run PGUSER=postgres"
}

start_node() {
	set_environment "n$1"
	if [ -e "$dir/n$1/data/PG_VERSION" ]; then
		launch "n$1" pg_autoctl run --pgdata "$dir/n$1/data"
	else
		launch "n$1" pg_autoctl create postgres --pgdata "$dir/n$1/data" --pgport "$(node_port "$1")" --name "n$1" \
			--hostname "$(replication_address "$1")" --listen "$(address "$1"),$(replication_address "$1")" --username postgres \
			--dbname chaos --skip-pg-hba --no-ssl --monitor "$(monitor_uri)" --pghost "$(address "$1")" --run
	fi
}

start_all() {
	numbers=$(seq "$nodes" | tr '\n' ' ')
	base=${port:-$(free_ports 20)}
	! listening "$base" $((base + nodes)) || fail "something listens on a port from $base to $((base + nodes)) already"
	monitor_port=$base postgres_port=$base
	chaos_password=$(password)
	umask 077
	echo "*:*:chaos:chaos:$chaos_password" >"$dir/passfile"
	umask 022
	for name in monitor $(seq -f n%g "$nodes"); do
		mkdir -p "$dir/$name/run"
		chmod 700 "$dir/$name/run"
	done
	[ "$(id -u)" != 0 ] || chown -R "$(owner)" "$dir/monitor" "$dir"/n*
	write_env >"$dir/env"
	write_experiment >"$dir/existing.yaml"
	echo "bin=$bin nodes=$nodes numbers='$numbers' postgres_port=$postgres_port monitor_port=$monitor_port" >"$dir/settings"
	command_file kill-node start-node stop-node kill-postgres hang-agent resume-agent cut-link mend-link node-down agent-hangs agent-runs link-cut healthy pg_autoctl

	set_environment monitor
	environment="$environment PGHOST=127.0.0.1"
	launch monitor pg_autoctl create monitor --pgdata "$dir/monitor/data" --pgport "$monitor_port" --hostname 127.0.0.1 --auth trust --no-ssl --run
	within 60 monitor_answers || fail "the monitor does not answer"
	ask 127.0.0.1 "$monitor_port" -U postgres -d pg_auto_failover \
		-c "alter system set pgautofailover.node_considered_unhealthy_timeout = '${unhealthy_timeout}s'" \
		-c "alter system set pgautofailover.primary_demote_timeout = '${demote_timeout}s'" \
		-c "alter system set pgautofailover.health_check_period = '${health_check_period}s'" \
		-c 'select pg_reload_conf()' >/dev/null || fail "the monitor's settings cannot be changed"
	start_node 1
	within 60 first_node_made || fail "pg_autoctl starts no first node"
	# The load's role must give its password; the rule is before pg_autoctl's own, and the other nodes copy it.
	hba=$dir/n1/data/pg_hba.conf
	{ echo "host chaos chaos 127.0.0.0/8 scram-sha-256" && cat "$hba"; } >"$dir/log/hba"
	cat "$dir/log/hba" >"$hba"
	rm "$dir/log/hba"
	ask "$(address 1)" "$(node_port 1)" -U postgres -d postgres -c 'select pg_reload_conf()' \
		-c "create role chaos login password '$chaos_password'" -c 'grant pg_monitor to chaos' -c 'revoke all on database chaos from public' \
		-c 'grant create, connect, temporary on database chaos to chaos' -c "comment on database chaos is '$mark'" >/dev/null || fail "the role chaos cannot be made"
	for i in $numbers; do
		[ "$i" != 1 ] || continue
		start_node "$i"
		# One after the other: the monitor numbers them, and calls the standby by its number.
		within 60 registered "$i" || fail "n$i does not register with the monitor"
	done
	within 120 healthy_soon || fail "the monitor has no healthy cluster"
}

report() {
	for i in $numbers; do
		echo "n$i: $(node_dsn "$i"), replication $(replication_address "$i"):$(node_port "$i")"
	done
	# shellcheck source=/dev/null
	(. "$dir/env" && printf 'clients: %s\nmonitor: %s\n%s show state\n' "$MULTIHOST_DSN" "$MONITOR" "$PG_AUTOCTL")
	echo "superuser: psql -U postgres -h $(address 1) -p $(node_port 1)"
	echo "for a shell: $dir/env; an experiment: $dir/existing.yaml; commands for hooks: $dir/bin"
	echo "scripts/pg_auto_failover.sh down $dir"
}

# manager runs pg_autoctl as the cluster's owner, with its monitor.
manager() {
	set_environment monitor
	as_owner env -i $environment PG_AUTOCTL_MONITOR="$(monitor_uri)" pg_autoctl "$@"
}

show_state() { manager show state; }

run_command() {
	case $action in
	pg_autoctl) manager "$@" ;;
	healthy) within 60 healthy || fail "the monitor has no healthy cluster" ;;
	*) common_command "$@" ;;
	esac
}

need pg_autoctl setsid setpriv ipcs
bin=$(pg_bin extension/pgautofailover.control) && [ -x "$bin/psql" ] || fail "there is no PostgreSQL with pg_auto_failover's extension: scripts/setup.sh ha installs it"
ha_main "$@"
