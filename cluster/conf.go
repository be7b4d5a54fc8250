package cluster

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// reserveConnections are kept for pgchaos itself on every node: the probe, the
// audit, the administration, and PostgreSQL's three for superusers.
const reserveConnections = 30

// reserved are the settings that pgchaos must have for itself, and why.
func reserved(name string) string {
	switch name {
	case "data_directory", "hba_file", "ident_file", "config_file", "external_pid_file":
		return "each node has its own files"
	case "port", "listen_addresses", "unix_socket_directories":
		return "the provider gives each node its address"
	case "primary_conninfo":
		return "follow, rejoin and clone decide whom a node follows"
	case "hot_standby":
		return "every node is read"
	case "cluster_name":
		return "it is the node's name"
	case "logging_collector", "log_destination":
		return "pgchaos reads the log from the server's standard error"
	case "default_transaction_read_only":
		return "it could not be told from a read-only start"
	case "include", "include_if_exists", "include_dir":
		return "pgchaos writes the file as a whole"
	}
	return ""
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*$`)

// checkSettings returns what is wrong with settings given by a user, as one error
// each; whether PostgreSQL accepts the values is PostgreSQL's to say.
func checkSettings(where string, settings map[string]string) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		switch {
		case !settingName.MatchString(name):
			errs = append(errs, fmt.Errorf("%s: %q is no name of a setting", where, name))
		case reserved(strings.ToLower(name)) != "":
			errs = append(errs, fmt.Errorf("%s: %s cannot be set: %s", where, name, reserved(strings.ToLower(name))))
		case strings.ContainsRune(settings[name], 0):
			errs = append(errs, fmt.Errorf("%s: %s: the value holds a zero byte", where, name))
		}
	}
	return errors.Join(errs...)
}

// mergeSettings returns base with over laid upon it, names folded as PostgreSQL does.
func mergeSettings(base, over map[string]string) map[string]string {
	merged := maps.Clone(base)
	if merged == nil {
		merged = map[string]string{}
	}
	for name, value := range over {
		merged[strings.ToLower(name)] = value
	}
	return merged
}

// DefaultSettings are pgchaos's own, which a user may override. What is in neither
// is as initdb wrote it.
func DefaultSettings(maxClients int) map[string]string {
	return map[string]string{
		"wal_level":             "replica",
		"max_wal_senders":       "10",
		"max_replication_slots": "10",
		"hot_standby":           "on",
		"wal_log_hints":         "on", // for pg_rewind, should the checksums be off
		"wal_keep_size":         "1GB",
		"max_connections":       strconv.Itoa(max(100, maxClients+reserveConnections)),
		"fsync":                 "on",
		"full_page_writes":      "on",
		"ssl":                   "off",
		"password_encryption":   "scram-sha-256",
		"log_line_prefix":       linePrefix,
		"log_timezone":          "UTC",
		"timezone":              "UTC",
		"lc_messages":           "C",
	}
}

// The files of a node's configuration.
const (
	confFile  = "postgresql.conf" // also initdb's in the data directory, which base backups copy
	hbaFile   = "pg_hba.conf"
	identFile = "pg_ident.conf"     // empty; the server complains where there is none
	aloneFile = "pg_hba_alone.conf" // instead of hbaFile, for a server that is only to be read
)

// place is what a node's configuration says of where the node is, and nobody may change.
type place struct {
	name, data, conf string // conf is the directory of the configuration
	listen           Address
	conninfo         string // empty: the node has never followed anybody
}

func (p place) settings() map[string]string {
	settings := map[string]string{
		"cluster_name":            p.name,
		"data_directory":          p.data,
		"hba_file":                path.Join(p.conf, hbaFile),
		"ident_file":              path.Join(p.conf, identFile),
		"listen_addresses":        p.listen.Host,
		"port":                    strconv.Itoa(p.listen.Port),
		"unix_socket_directories": "",
		"logging_collector":       "off",
		"log_destination":         "stderr",
	}
	if p.conninfo != "" {
		settings["primary_conninfo"] = p.conninfo
	}
	return settings
}

// initdbConf is the file that initdb wrote.
func (p place) initdbConf() string { return path.Join(p.data, confFile) }

// renderConf renders postgresql.conf. Every value is quoted, which PostgreSQL
// takes for numbers, units and booleans too; an empty one is left out, and so is
// as initdb wrote it, or else PostgreSQL's default. initdb's file comes first: it has
// what initdb found to work on this machine, such as a dynamic_shared_memory_type that
// needs no /dev/shm. Every data directory has that file, also one from a base backup.
func renderConf(p place, settings map[string]string) string {
	var b strings.Builder
	b.WriteString("# Written by pgchaos as a whole: what is changed here by hand is lost.\n")
	b.WriteString("include_if_exists " + quoteConf(p.initdbConf()) + "\n\n")
	own := p.settings()
	for _, name := range slices.Sorted(maps.Keys(own)) {
		b.WriteString(ConfLine(name, own[name]))
	}
	b.WriteString("\n")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if settings[name] != "" {
			b.WriteString(ConfLine(name, settings[name]))
		}
	}
	return b.String()
}

// ConfLine is one setting as a line of postgresql.conf.
func ConfLine(name, value string) string { return name + " = " + quoteConf(value) + "\n" }

// quoteConf quotes a value for postgresql.conf, whose strings know backslash
// escapes, and no line break.
func quoteConf(value string) string {
	return "'" + strings.NewReplacer(`'`, `''`, `\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(value) + "'"
}

// renderHBA renders pg_hba.conf: the run's three users, with their passwords.
// Where a node listens beyond its own machine, its peers and clients can come
// from any network of the provider's, so that only the users bound who gets in:
// their passwords are random, and live as long as the run.
func renderHBA(listen Address, creds Credentials, refusesStandbys bool) string {
	from := clientsOf(listen)
	var b strings.Builder
	b.WriteString("# Written by pgchaos.\n")
	for _, address := range from {
		for _, user := range []string{creds.Superuser.Name, creds.Load.Name} {
			fmt.Fprintf(&b, "host all %s %s scram-sha-256\n", user, address)
		}
		if !refusesStandbys {
			fmt.Fprintf(&b, "host replication %s %s scram-sha-256\n", creds.Replication.Name, address)
		}
	}
	return b.String()
}

// renderAlone renders the file that lets pgchaos itself in, and nobody else.
func renderAlone(listen Address, creds Credentials) string {
	var b strings.Builder
	b.WriteString("# Written by pgchaos.\n")
	for _, address := range clientsOf(listen) {
		fmt.Fprintf(&b, "host all %s %s scram-sha-256\n", creds.Superuser.Name, address)
	}
	return b.String()
}

// clientsOf are the addresses that clients of a server can have.
func clientsOf(listen Address) []string {
	if loopback(listen.Host) {
		return []string{"127.0.0.1/32", "::1/128"}
	}
	return []string{"all"}
}
