package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
)

// MaxClients is how many connections the workloads can need at one node, with those of operations that were given up on.
func (e *Experiment) MaxClients() (n int) {
	for _, w := range e.Load {
		n += w.Clients + w.MaxAbandoned
		if w.OnTimeout == onTimeoutTerminate { // each client's over a connection of its own
			n += w.Clients
		}
	}
	return n
}

// impossible finds the settings with which no server of the cluster can start, or no standby can follow. `postgres -C`
// checks each value alone; PostgreSQL checks these together, and only when the server starts.
func (v *validator) impossible() {
	for i := range v.e.Cluster.Nodes {
		v.reservedConnections(i)
		v.walLevel(i)
		v.certificate(i)
		if i > 0 {
			v.asLargeAsThePrimary(i)
			v.neverStreams(i)
		}
	}
	v.baseBackups()
}

// setting is what the file sets for a node's first start; ok is false where it leaves the parameter alone, or empty.
func (e *Experiment) setting(node int, name string) (s Setting, ok bool) {
	c := e.Cluster
	for _, from := range []struct {
		path     string
		settings map[string]string
	}{{"cluster.nodes." + c.Nodes[node].Name, c.Nodes[node].Settings}, {"cluster", c.Settings}} {
		for key, value := range from.settings {
			if strings.EqualFold(key, name) {
				return Setting{from.path + ".settings." + key, name, value}, value != ""
			}
		}
	}
	return Setting{}, false
}

// number is a node's parameter when it first starts, by the file or else by default; known is false for a value that
// is no whole number.
func (e *Experiment) number(node int, name string) (n int64, known bool) {
	text := defaultParameters(e)[name]
	if s, _ := e.setting(node, name); s.Path != "" { // which may be empty: as initdb wrote it
		text = s.Value
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 0, 32) // as PostgreSQL reads it: 0x10 and 020 are numbers
	return n, err == nil
}

// defaultParameters are PostgreSQL's defaults of what is compared here, and pgchaos's own over them.
func defaultParameters(e *Experiment) map[string]string {
	all := map[string]string{
		"superuser_reserved_connections": "3", "reserved_connections": "0",
		"max_worker_processes": "8", "max_prepared_transactions": "0", "max_locks_per_transaction": "64",
	}
	for name, value := range cluster.DefaultSettings(e.MaxClients()) {
		all[name] = value
	}
	return all
}

// reservedConnections: PostgreSQL refuses to start without a connection for others than superusers.
func (v *validator) reservedConnections(node int) {
	connections, known := v.e.number(node, "max_connections")
	reserved, knownReserved := v.e.reserved(node)
	if !known || !knownReserved || reserved < connections {
		return
	}
	right := "leave max_connections out, and pgchaos makes it large enough for the clients"
	s, ok := v.e.setting(node, "max_connections")
	if !ok {
		if s, ok = v.e.setting(node, "superuser_reserved_connections"); !ok {
			s, _ = v.e.setting(node, "reserved_connections")
		}
		right = "write a smaller number, or a larger max_connections"
	}
	v.bad(s.Path, fmt.Sprintf("no server starts with this: max_connections is %d, and %d of them are reserved (superuser_reserved_connections)", connections, reserved),
		right)
}

// reserved is how many of a node's connections are not for the load.
func (e *Experiment) reserved(node int) (n int64, known bool) {
	superusers, known := e.number(node, "superuser_reserved_connections")
	more, knownMore := e.number(node, "reserved_connections") // from PostgreSQL 16 on
	return superusers + more, known && knownMore
}

// replicates tells whether WAL is ever sent: to standbys, or for a base backup.
func (v *validator) replicates() bool {
	return len(v.e.Cluster.Nodes) > 1 || slices.ContainsFunc(v.e.Timeline, func(s Step) bool {
		_, backup := s.Parameters().(*fault.Backup)
		return backup
	})
}

// walLevel: with wal_level minimal there is neither a standby nor an archive.
func (v *validator) walLevel(node int) {
	level, ok := v.e.setting(node, "wal_level")
	if !ok || !strings.EqualFold(level.Value, "minimal") {
		return
	}
	senders, _ := v.e.number(node, "max_wal_senders")
	archive, archives := v.e.setting(node, "archive_mode")
	switch {
	case v.replicates():
		v.bad(level.Path, "with wal_level minimal there can be no standby and no base backup", "write replica or logical, or leave it out")
	case senders > 0:
		v.bad(level.Path, fmt.Sprintf("no server starts with wal_level minimal while max_wal_senders is %d", senders), "write max_wal_senders: 0 as well, or leave wal_level out")
	case archives && !isOff(archive.Value):
		v.bad(level.Path, "no server starts with wal_level minimal and archive_mode "+archive.Value, "write wal_level: replica, or leave archive_mode out")
	}
}

// certificate: initdb makes none, so that it must be named.
func (v *validator) certificate(node int) {
	ssl, ok := v.e.setting(node, "ssl")
	_, certificate := v.e.setting(node, "ssl_cert_file")
	_, key := v.e.setting(node, "ssl_key_file")
	if ok && !isOff(ssl.Value) && (!certificate || !key) {
		v.bad(ssl.Path, "no server starts with ssl and without a certificate and its key", "write ssl_cert_file and ssl_key_file as well, with whole paths, or leave ssl out")
	}
}

// isOff tells whether PostgreSQL reads the value as off: 0, or a beginning of "false", "no" or "off".
func isOff(value string) bool {
	return value == "0" || slices.ContainsFunc([]string{"false", "no", "off"}, func(word string) bool {
		return strings.HasPrefix(word, strings.ToLower(value))
	})
}

// atLeastThePrimarys are the parameters of which a standby does not start with less than its primary
// (https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-ADMIN).
func atLeastThePrimarys() []string {
	return []string{"max_connections", "max_wal_senders", "max_worker_processes", "max_prepared_transactions", "max_locks_per_transaction"}
}

// smallerStandby finds what a step gives standbys that is less than their primary has, where it is certain who is which, and the file says
// in one place only what they have. Nodes are those that the step can act on.
func (t *timelineStates) smallerStandby(settings map[string]string, nodes []*nodeState, path string) {
	if t.promoted || slices.ContainsFunc(nodes, func(n *nodeState) bool { return n.role != standby }) {
		return
	}
	for key, text := range settings {
		name := strings.ToLower(key)
		if !slices.Contains(atLeastThePrimarys(), name) || len(t.v.e.configured(name)) > 1 {
			continue
		}
		primary, known := t.v.e.number(0, name)
		n, err := strconv.ParseInt(strings.TrimSpace(text), 0, 32)
		if !known || err != nil || n >= primary {
			continue
		}
		t.v.bad(path+".settings."+key, fmt.Sprintf("the standby %s ends with this: its %s is %d, and %d on the primary %s", nodes[0].name, name, n, primary, t.nodes[0].name),
			"give no standby less than the primary")
	}
}

// asLargeAsThePrimary: a standby does not start with less than its primary of what the WAL can make it need.
func (v *validator) asLargeAsThePrimary(node int) {
	nodes := v.e.Cluster.Nodes
	for _, name := range atLeastThePrimarys() {
		primary, known := v.e.number(0, name)
		standby, knownStandby := v.e.number(node, name)
		if !known || !knownStandby || standby >= primary || nodes[node].Absent && len(v.e.configured(name)) > 0 {
			continue
		}
		s, ok := v.e.setting(node, name)
		if !ok {
			s, _ = v.e.setting(0, name)
		}
		v.bad(s.Path, fmt.Sprintf("the standby %s cannot start: its %s is %d, and %d on the primary %s", nodes[node].Name, name, standby, primary, nodes[0].Name),
			"write it in cluster.settings, for all nodes, or give no standby less than the primary")
	}
}

// configured are the values that steps give the parameter, on any node.
func (e *Experiment) configured(name string) (values []string) {
	for _, s := range e.PostgresSettings() {
		if strings.HasPrefix(s.Path, "timeline") && strings.EqualFold(s.Name, name) {
			values = append(values, s.Value)
		}
	}
	return values
}

// neverStreams: what keeps a standby that is there from the beginning from ever streaming.
func (v *validator) neverStreams(node int) {
	if v.e.Cluster.Nodes[node].Absent {
		return
	}
	if s, ok := v.e.setting(node, "primary_slot_name"); ok {
		v.bad(s.Path, "no standby streams with this: there is no replication slot when the cluster is built", "leave it out; an sql step can create the slot, and a configure step can then set primary_slot_name")
	}
	if s, ok := v.e.setting(node, "recovery_target"); ok && strings.EqualFold(s.Value, "immediate") {
		v.bad(s.Path, "no standby streams with this: its recovery ends when the backup is consistent", "leave it out")
	}
}

// baseBackups: a base backup takes two WAL senders of the primary, and all of them one temporary replication slot; each standby takes
// one sender after that.
func (v *validator) baseBackups() {
	if !v.replicates() {
		return
	}
	standbys := int64(-1)
	for _, n := range v.e.Cluster.Nodes {
		if !n.Absent {
			standbys++
		}
	}
	least := max(2, standbys)
	if s, ok := v.e.setting(0, "max_wal_senders"); ok {
		if senders, known := v.e.number(0, s.Name); known && senders < least {
			v.bad(s.Path, fmt.Sprintf("max_wal_senders is %d: a base backup takes 2 WAL senders of the primary, and each standby 1 after that", senders),
				fmt.Sprintf("write at least %d, or leave it out", least))
		}
	}
	if s, ok := v.e.setting(0, "max_replication_slots"); ok {
		if slots, known := v.e.number(0, s.Name); known && slots < 1 {
			v.bad(s.Path, fmt.Sprintf("max_replication_slots is %d: a base backup takes a temporary slot of the primary", slots), "write at least 1, or leave it out")
		}
	}
}
