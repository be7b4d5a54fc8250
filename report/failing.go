package report

import (
	"slices"
	"strings"

	"pgchaos/audit"
	"pgchaos/internal/units"
	"pgchaos/record"
)

// remedies are what to do about errors, by kind: an SQLSTATE, or a word.
func remedies() map[string]string {
	return map[string]string{
		"too many open files":   "pgchaos has too few file descriptors: raise the limit (ulimit -n), or use fewer clients",
		"no free local port":    "pgchaos ran out of local ports: use fewer connections, or widen net.ipv4.ip_local_port_range",
		"no memory for sockets": "the machine of pgchaos has no memory left for sockets",
		"not permitted":         "the machine of pgchaos does not permit the connection: look at its firewall, and at who may use the socket",
		"ledger":                "writes could not be recorded: look at the disk of the result directory",
		"script":                "correct the script",
		"copy":                  "COPY FROM STDIN has no data here: use insert",
		"tls":                   "the server's certificate is not trusted: correct sslmode or sslrootcert",
		"connection refused":    "no server listens there: correct the url, or look whether the server runs",
		"unknown host":          "correct the name of the host",
		"3D000":                 "the database does not exist: create it",
		"3F000":                 "the schema does not exist: create it in load.setup",
		"28000":                 "the load's user may not connect: look at pg_hba.conf and at the user",
		"28P01":                 "the password is wrong",
		"42501":                 "the load's user lacks a permission: create the table in load.setup, which runs as that user, or grant it",
		"42P01":                 "the table does not exist where the load looks for it: correct its name, or create it in load.setup",
		"42703":                 "the column does not exist: correct the statement",
		"42883":                 "the function does not exist, or not for these types: correct the statement, or add casts",
		"42601":                 "correct the statement",
		"42P18":                 "the type of a parameter is not known: add a cast, or use protocol: simple",
		"26000":                 "a pooler that does not keep prepared statements is in between: use protocol: simple",
	}
}

// ofMachine are those of which one is enough: no server causes them.
var ofMachine = []string{"too many open files", "no free local port", "no memory for sockets", "not permitted", "ledger"}

// byLoad tells the errors that the load itself causes, and no fault.
func byLoad(kind string) bool {
	return strings.HasPrefix(kind, "42") || slices.Contains([]string{"3D000", "3F000", "28000", "28P01", "copy", "tls"}, kind)
}

// ownShare is the share of a workload's operations from which on errors of the load
// itself count. Less can come of a script that means them, or of a standby that lacks a
// table for a moment.
const ownShare = 0.01

// failingFindings are about workloads that never worked, or that failed by their own
// fault: what they measured says nothing about the servers.
func (r *Result) failingFindings() (all []audit.Finding) {
	for i := range r.Workloads {
		w := &r.Workloads[i]
		if w.Total.Samples+w.Total.Dropped == 0 {
			continue
		}
		if w.Total.Acknowledged() == 0 {
			all = append(all, inconclusive("%s: not one of %s succeeded%s", w.Name, operations(w.Total), w.example()))
			continue
		}
		for _, part := range w.Parts {
			if part.Samples > 0 && part.Acknowledged() == 0 {
				all = append(all, inconclusive("%s: not one of %s of its part %s succeeded%s", w.Name, operations(part.Stats), part.Part, w.example()))
			}
		}
		for _, e := range w.Errors {
			if slices.Contains(ofMachine, e.Kind) || byLoad(e.Kind) && float64(e.N) >= ownShare*float64(w.Total.Samples) {
				all = append(all, inconclusive("%s: %s failed by an error of the load itself%s", w.Name, units.Count(e.N, "operation", "operations"), withRemedy(e)))
			}
		}
	}
	return all
}

// LoadFailures say which workloads never worked, or failed by their own fault.
func (r *Result) LoadFailures() (all []string) {
	for _, f := range r.failingFindings() {
		all = append(all, f.Reason)
	}
	return all
}

func operations(s Stats) string { return units.Count(s.Samples+s.Dropped, "operation", "operations") }

// example is the error that a workload met most often, and what to do about it.
func (w *Workload) example() string {
	for _, e := range w.Errors {
		if e.Outcome == record.Dropped || e.Outcome.Acknowledged() {
			continue
		}
		return withRemedy(e)
	}
	return ""
}

// withRemedy is an error as it came, and what to do about it.
func withRemedy(e ErrorCount) string {
	text := ": " + strings.TrimSuffix(units.OneLine(e.Example), ".")
	remedy := remedies()[e.Kind]
	if remedy == "" && strings.HasPrefix(e.Kind, "42") {
		remedy = "correct the statement"
	}
	if remedy != "" {
		text += "; " + remedy
	}
	return text
}
