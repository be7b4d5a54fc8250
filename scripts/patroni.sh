#!/bin/sh
# A real Patroni cluster on this machine: etcd, two or three nodes, and HAProxy, on loopback addresses and free ports,
# without root's rights (as root: as the user postgres). For experiments with "provider: existing", and for tests.
#
#   scripts/patroni.sh up DIR [OPTION=VALUE ...]   starts it, checks it, and prints how to reach it
#   scripts/patroni.sh status DIR                  patronictl list, and which processes run
#   scripts/patroni.sh down DIR                    ends its processes, and removes DIR
#
# Options: nodes=3 (or 2), synchronous_mode=false, synchronous_node_count=1, ttl=30, loop_wait=10, retry_timeout=10,
# maximum_lag_on_failover=1048576, wal_retrieve_retry_interval=5000 (ms, after which a standby tries its primary again),
# port=(the first of 20; else free ones are found).
#
# DIR must not exist; everything is in it. DIR/env has what it prints for a shell, DIR/existing.yaml an experiment.
# Its database is marked as one that pgchaos may break: that is what this cluster is for.
# DIR/bin has commands for the experiment's hooks, each with a node's name as argument. "DIR/bin/on NODE COMMAND" runs one
# without the argument, as ssh would on a node's own machine.
#
#   kill-node, start-node      Patroni and PostgreSQL of a node end by SIGKILL; Patroni starts again
#   stop-node, start-node      Patroni ends as systemd ends it, and takes PostgreSQL down
#   kill-postgres              only PostgreSQL ends by SIGKILL; Patroni starts it again, or fails over
#   hang-agent, resume-agent   SIGSTOP and SIGCONT of Patroni alone
#   restart-agent              Patroni alone ends and starts; in maintenance mode PostgreSQL stays up
#   pause-manager, resume-manager    maintenance mode, of the whole cluster
#   cut-link, mend-link        packets between a node and those who replicate from it are dropped (iptables; as root)
#   promoted                   waits for at most 50 s until the node accepts writes
#   node-down, agent-hangs, agent-runs, link-cut, manager-paused, manager-runs    succeed if that is so
set -eu

self=$(cd "$(dirname "$0")" && pwd)/patroni.sh
script=patroni.sh
kind=patroni
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=scripts/ha-common.sh
. "$(dirname "$self")/ha-common.sh"

options() {
	nodes=3 synchronous_mode=false synchronous_node_count=1 ttl=30 loop_wait=10 retry_timeout=10
	maximum_lag_on_failover=1048576 wal_retrieve_retry_interval=5000 port=
	for option in "$@"; do
		value=${option#*=}
		case $option in
		nodes=[23] | synchronous_mode=true | synchronous_mode=false | synchronous_mode=on | synchronous_mode=off) ;;
		synchronous_node_count=[1-9] | ttl=[1-9]* | loop_wait=[1-9]* | retry_timeout=[1-9]* | maximum_lag_on_failover=[1-9]* | wal_retrieve_retry_interval=[1-9]* | port=[1-9]*)
			case $value in *[!0-9]*) fail "$option: $value is no number" ;; esac
			;;
		*) fail "unknown option $option: see the head of $script" ;;
		esac
		eval "${option%%=*}=\$value"
	done
	[ $((loop_wait + 2 * retry_timeout)) -le "$ttl" ] || fail "loop_wait + 2 * retry_timeout must be at most ttl, says Patroni"
}

write_haproxy() {
	cat <<-END
		global
		    maxconn 2000
		    stats socket $dir/haproxy/admin.sock mode 600 level admin
		    log stdout format iso local0 info
		defaults
		    mode tcp
		    log global
		    option tcplog
		    retries 2
		    timeout connect 4s
		    timeout client 30m
		    timeout server 30m
		    timeout check 2s
		    default-server inter 1s fall 3 rise 2 on-marked-down shutdown-sessions
		listen write
		    bind 127.0.0.1:$write_port
		    option httpchk OPTIONS /primary
		    http-check expect status 200
	END
	for i in $numbers; do
		echo "    server n$i $(address "$i"):$postgres_port check addr $(address "$i") port $rest_port"
	done
	cat <<-END
		listen read
		    bind 127.0.0.1:$read_port
		    balance roundrobin
		    option httpchk OPTIONS /replica
		    http-check expect status 200
	END
	for i in $numbers; do
		echo "    server n$i $(address "$i"):$postgres_port check addr $(address "$i") port $rest_port"
	done
	cat <<-END
		listen stats
		    mode http
		    bind 127.0.0.1:$stats_port
		    stats enable
		    stats uri /
	END
}

write_patroni() {
	cat <<-END
		scope: $scope
		name: n$1
		restapi:
		  listen: $(address "$1"):$rest_port
		  connect_address: $(address "$1"):$rest_port
		etcd3:
		  hosts: 127.0.0.1:$etcd_port
		bootstrap:
		  dcs:
		    ttl: $ttl
		    loop_wait: $loop_wait
		    retry_timeout: $retry_timeout
		    maximum_lag_on_failover: $maximum_lag_on_failover
		    synchronous_mode: $synchronous_mode
		    synchronous_node_count: $synchronous_node_count
		    postgresql:
		      use_pg_rewind: true
		      parameters:
		        wal_log_hints: 'on'
		        wal_keep_size: 256MB
		        max_connections: 200
		        wal_retrieve_retry_interval: ${wal_retrieve_retry_interval}ms
		  initdb: [{encoding: UTF8}, {locale: C}, data-checksums, no-sync]
		postgresql:
		  listen: $(address "$1"),$(replication_address "$1"):$postgres_port
		  connect_address: $(replication_address "$1"):$postgres_port
		  data_dir: $dir/n$1/data
		  bin_dir: $bin
		  pgpass: $dir/n$1/pgpass
		  authentication:
		    superuser: {username: postgres, password: '$admin_password'}
		    replication: {username: replicator, password: '$replication_password'}
		    rewind: {username: postgres, password: '$admin_password'}
		  create_replica_methods: [basebackup]
		  basebackup: [{checkpoint: fast}, no-sync]
		  pg_hba:
		  - host all all 127.0.0.0/8 scram-sha-256
		  - host replication all 127.0.0.0/8 scram-sha-256
		  parameters:
		    unix_socket_directories: ''
		    dynamic_shared_memory_type: mmap # which goes with the directory where a server is killed
		    password_encryption: scram-sha-256
		    log_connections: 'off'
		    log_line_prefix: '%m [%p] '
		    log_timezone: UTC
		    log_checkpoints: 'on'
		watchdog: {mode: 'off'}
		tags: {nofailover: false, noloadbalance: false, clonefrom: false, nosync: false}
	END
}

# ask runs SQL as the superuser on an address and port.
ask() {
	at=$1
	port_of=$2
	shift 2
	PGPASSFILE=$dir/admin.passfile PGCONNECT_TIMEOUT=2 "$bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$at" -p "$port_of" -U postgres "$@"
}

# leader prints the number of the node that is writable, by SQL; it fails unless there is just one.
leader() {
	found=
	for i in $numbers; do
		if [ "$(ask "$(address "$i")" "$postgres_port" -c 'select pg_is_in_recovery()' 2>/dev/null)" = f ]; then
			[ -z "$found" ] || return 1
			found=$i
		fi
	done
	[ -n "$found" ] && echo "$found"
}

has_leader() { leader >/dev/null; }

# set_leader leaves its number in i.
set_leader() { i=$(leader); }

# healthy succeeds if all standbys stream from the one leader, synchronously where that is asked for.
healthy() {
	i=$(leader) || return 1
	# A base backup streams, too, under another name.
	[ "$(ask "$(address "$i")" "$postgres_port" -c "select count(*) from pg_stat_replication where state = 'streaming' and application_name ~ '^n[1-3]\$'" 2>/dev/null)" = $((nodes - 1)) ] || return 1
	for standby in $numbers; do
		[ "$standby" = "$i" ] ||
			[ "$(ask "$(address "$standby")" "$postgres_port" -c 'select status from pg_stat_wal_receiver' 2>/dev/null)" = streaming ] || return 1
	done
	case $synchronous_mode in
	true | on)
		count=$synchronous_node_count
		[ "$count" -lt "$nodes" ] || count=$((nodes - 1))
		[ "$(ask "$(address "$i")" "$postgres_port" -c "select count(*) from pg_stat_replication where sync_state in ('sync', 'quorum')" 2>/dev/null)" = "$count" ] || return 1
		;;
	esac
}

# proxied succeeds if HAProxy's write port leads to the leader, and its read port to a standby.
proxied() {
	i=$(leader) || return 1
	[ "$(ask 127.0.0.1 "$write_port" -c 'select pg_is_in_recovery(), host(inet_server_addr())' 2>/dev/null)" = "f|$(address "$i")" ] &&
		[ "$(ask 127.0.0.1 "$read_port" -c 'select pg_is_in_recovery()' 2>/dev/null)" = t ]
}

node_dsn() { echo "postgres://chaos@$(address "$1"):$postgres_port/chaos?passfile=$dir/passfile"; }

write_env() {
	hosts=
	for i in $numbers; do hosts=$hosts${hosts:+,}$(address "$i"):$postgres_port; done
	cat <<-END
		DIR=$dir
		NODES=$nodes
		SCOPE=$scope
		POSTGRES_PORT=$postgres_port
		REST_PORT=$rest_port
		WRITE_DSN='postgres://chaos@127.0.0.1:$write_port/chaos?passfile=$dir/passfile'
		READ_DSN='postgres://chaos@127.0.0.1:$read_port/chaos?passfile=$dir/passfile'
		MULTIHOST_DSN='postgres://chaos@$hosts/chaos?target_session_attrs=read-write&passfile=$dir/passfile'
		ADMIN_PASSFILE=$dir/admin.passfile
		ETCD=http://127.0.0.1:$etcd_port
		HAPROXY_STATS='http://127.0.0.1:$stats_port/;csv'
		PATRONICTL='patronictl -c $dir/patronictl.yml'
	END
	for i in $numbers; do
		echo "DSN_n$i='$(node_dsn "$i")'"
		echo "REST_n$i=http://$(address "$i"):$rest_port"
		echo "REPLICATION_n$i=$(replication_address "$i"):$postgres_port"
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
		echo "      n$i: {dsn: \"$(node_dsn "$i")\", standby: n$i, host: n$i}"
	done
	cat <<-END
		    # In the place of nodes, this finds the same ones, by the addresses that cut_link cuts off:
	    # discover: {patroni: "http://$(address 1):$rest_port", as: "postgres:///chaos?user=chaos&passfile=$dir/passfile"}
		    clients: "postgres://127.0.0.1:$write_port/chaos" # with the user and password of the nodes
	END
	write_hooks
	cat <<-END
		      restart_agent: {do: restart-agent, proof: agent-runs}
		      pause_manager: {do: pause-manager, undo: resume-manager, proof: manager-paused}
		      resume_manager: {do: resume-manager, proof: manager-runs}
	END
	write_load
}

start_node() {
	environment="PATH=$bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME=$dir/n$1 PYTHONUNBUFFERED=1"
	launch "n$1" patroni "$dir/n$1/patroni.yml"
}

start_all() {
	numbers=$(seq "$nodes" | tr '\n' ' ')
	base=${port:-$(free_ports 20)}
	! listening "$base" $((base + 9)) || fail "something listens on a port from $base to $((base + 9)) already"
	etcd_port=$base etcd_peer_port=$((base + 1)) write_port=$((base + 2)) read_port=$((base + 3)) stats_port=$((base + 4))
	rest_port=$((base + 5)) postgres_port=$((base + 6))
	scope=pgchaos-$(basename "$dir" | tr -c 'A-Za-z0-9\n' -)
	admin_password=$(password) replication_password=$(password) chaos_password=$(password)
	umask 077
	echo "*:*:*:postgres:$admin_password" >"$dir/admin.passfile"
	echo "*:*:chaos:chaos:$chaos_password" >"$dir/passfile"
	umask 022
	printf 'scope: %s\netcd3: {hosts: "127.0.0.1:%s"}\n' "$scope" "$etcd_port" >"$dir/patronictl.yml"
	mkdir "$dir/etcd" "$dir/haproxy"
	write_haproxy >"$dir/haproxy/haproxy.cfg"
	for i in $numbers; do
		mkdir "$dir/n$i"
		write_patroni "$i" >"$dir/n$i/patroni.yml"
		chmod 600 "$dir/n$i/patroni.yml"
	done
	[ "$(id -u)" != 0 ] || chown -R "$(owner)" "$dir/etcd" "$dir/haproxy" "$dir"/n*
	write_env >"$dir/env"
	write_experiment >"$dir/existing.yaml"
	{
		echo "bin=$bin nodes=$nodes numbers='$numbers' postgres_port=$postgres_port rest_port=$rest_port scope=$scope"
		echo "write_port=$write_port read_port=$read_port synchronous_mode=$synchronous_mode synchronous_node_count=$synchronous_node_count"
	} >"$dir/settings"
	command_file kill-node start-node stop-node kill-postgres hang-agent resume-agent restart-agent cut-link mend-link node-down agent-hangs agent-runs link-cut pause-manager resume-manager manager-paused manager-runs promoted

	environment="PATH=/usr/local/bin:/usr/bin:/bin ETCD_UNSUPPORTED_ARCH=$(uname -m | sed 's/aarch64/arm64/')"
	launch etcd etcd --name etcd --data-dir "$dir/etcd/data" --listen-client-urls "http://127.0.0.1:$etcd_port" \
		--advertise-client-urls "http://127.0.0.1:$etcd_port" --listen-peer-urls "http://127.0.0.1:$etcd_peer_port" \
		--initial-advertise-peer-urls "http://127.0.0.1:$etcd_peer_port" --initial-cluster "etcd=http://127.0.0.1:$etcd_peer_port" --log-level warn
	within 20 listening "$etcd_port" "$etcd_port" || fail "etcd does not answer"
	# The first node is the leader, for what is written of it; the others copy it.
	start_node 1
	within 60 has_leader || fail "Patroni starts no leader"
	for i in $numbers; do
		[ "$i" = 1 ] || start_node "$i"
	done
	environment="PATH=/usr/sbin:/usr/bin:/bin"
	launch haproxy haproxy -db -f "$dir/haproxy/haproxy.cfg"
	within 60 set_leader || fail "no node answers as the leader" # on a busy machine it can be late to answer
	ask "$(address "$i")" "$postgres_port" -d postgres -c "create role chaos login password '$chaos_password'" \
		-c 'grant pg_monitor to chaos' -c 'create database chaos' -c 'revoke all on database chaos from public' \
		-c 'grant create, connect, temporary on database chaos to chaos' -c "comment on database chaos is '$mark'" || fail "the role chaos cannot be made"
	within 60 healthy || fail "not all standbys stream from one leader"
	within 20 proxied || fail "HAProxy's ports do not lead to the leader and to a standby"
}

report() {
	for i in $numbers; do
		echo "n$i: $(node_dsn "$i")"
		echo "    REST http://$(address "$i"):$rest_port, replication $(replication_address "$i"):$postgres_port"
	done
	# shellcheck source=/dev/null
	(. "$dir/env" && printf 'writes: %s\nreads: %s\nclients with a list of hosts: %s\nHAProxy: %s\n%s list\n' \
		"$WRITE_DSN" "$READ_DSN" "$MULTIHOST_DSN" "$HAPROXY_STATS" "$PATRONICTL")
	echo "superuser: PGPASSFILE=$dir/admin.passfile psql -U postgres -h $(address 1) -p $postgres_port"
	echo "for a shell: $dir/env; an experiment: $dir/existing.yaml; commands for hooks: $dir/bin"
	echo "scripts/patroni.sh down $dir"
}

show_state() { patronictl -c "$dir/patronictl.yml" list; }

# writable succeeds if a node is a primary.
writable() { [ "$(ask "$(address "$1")" "$postgres_port" -c 'select pg_is_in_recovery()' 2>/dev/null)" = f ]; }

# paused succeeds if Patroni is in maintenance mode.
paused() { patronictl -c "$dir/patronictl.yml" show-config | grep -q '^pause: true'; }

run_command() {
	case $action in
	# patronictl refuses both where there is nothing to do.
	pause-manager) paused || patronictl -c "$dir/patronictl.yml" pause --wait ;;
	resume-manager) ! paused || patronictl -c "$dir/patronictl.yml" resume --wait ;;
	manager-paused) paused ;;
	manager-runs) ! paused ;;
	promoted)
		i=$(node_number "${1:-${PGCHAOS_HA_NODE:-}}")
		deadline=$(($(date +%s) + 50))
		until writable "$i"; do
			[ "$(date +%s)" -lt "$deadline" ] || fail "n$i is no primary"
			sleep 1
		done
		;;
	*) common_command "$@" ;;
	esac
}

need patroni patronictl etcd haproxy setsid setpriv ipcs
bin=$(pg_bin) && [ -x "$bin/psql" ] || fail "there are no server programs of PostgreSQL: scripts/setup.sh ha installs them"
ha_main "$@"
