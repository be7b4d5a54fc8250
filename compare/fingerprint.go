package compare

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgchaos/expect"
	"pgchaos/internal/units"
	"pgchaos/record"
	"pgchaos/report"
)

// Fingerprint are the things that must be the same in runs that are compared.
type Fingerprint []Setting

// Setting is one of them. The Value of one that was not recorded is "".
type Setting struct {
	Name, Value string
	// OfFile is set for what the experiment file says: variants of one series may differ in it.
	OfFile bool
	// Measured is set for what was measured before the load, in seconds: it is never the same
	// twice, and is no part of the key.
	Measured float64
}

// MeasuredFactor is the factor from which on measured values count as different. One and the same
// disk can take twice as long from one run to the next, and other kinds of disks ten times as long.
const MeasuredFactor = 3

// roundTrip is the name of a setting. Differences below roundTripFloor, in seconds, are none: on one
// machine a round trip takes some microseconds, and more where its CPU was busy.
const (
	roundTrip      = "round trip"
	roundTripFloor = 100e-6
)

// Key is the same for runs with the same fingerprint; what was measured is not in it.
func (f Fingerprint) Key() string {
	h := sha256.New()
	for _, s := range f {
		if s.Measured == 0 {
			fmt.Fprintf(h, "%q=%q\n", s.Name, s.Value)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// Difference is a setting in which runs differ: A and B are their values, "" where it was not recorded.
type Difference struct {
	Name string `json:"name"`
	A    string `json:"a"`
	B    string `json:"b"`
}

func (d Difference) String() string {
	shown := func(value string) string {
		if value == "" {
			return "(none, or not recorded)"
		}
		return value
	}
	return d.Name + ": " + shown(d.A) + " and " + shown(d.B)
}

// Differences are those of two fingerprints. With sameSeries, what the file says may differ, and
// what was measured was measured on one machine. Otherwise that counts as different from a factor of
// MeasuredFactor on. What was not measured is no difference.
func (f Fingerprint) Differences(other Fingerprint, sameSeries bool) (all []Difference) {
	compare := func(a, b Setting) {
		switch {
		case sameSeries && (a.OfFile || b.OfFile):
		case a.Measured > 0 || b.Measured > 0:
			if !sameSeries && measuredDiffer(a, b) {
				all = append(all, differenceOf(a, b))
			}
		case a.Value != b.Value:
			all = append(all, differenceOf(a, b))
		}
	}
	for _, a := range f {
		b := other.setting(a.Name)
		compare(a, b)
	}
	for _, b := range other {
		if !slices.ContainsFunc(f, func(a Setting) bool { return a.Name == b.Name }) {
			compare(Setting{Name: b.Name, OfFile: b.OfFile}, b)
		}
	}
	return all
}

// listed separates the parts of a value that is a list.
const listed = "; "

// differenceOf is the difference of two settings. Of lists, it is the parts that are not in both.
func differenceOf(a, b Setting) Difference {
	d := Difference{a.Name, a.Value, b.Value}
	inA, inB := strings.Split(a.Value, listed), strings.Split(b.Value, listed)
	if a.Value == "" || b.Value == "" || len(inA) == 1 && len(inB) == 1 {
		return d
	}
	without := func(parts, others []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(parts), func(p string) bool { return slices.Contains(others, p) }), listed)
	}
	if a, b := without(inA, inB), without(inB, inA); a != "" || b != "" { // else the order alone differs
		d.A, d.B = a, b
	}
	return d
}

func measuredDiffer(a, b Setting) bool {
	low, high := min(a.Measured, b.Measured), max(a.Measured, b.Measured)
	return low > 0 && high >= MeasuredFactor*low && (a.Name != roundTrip || high-low >= roundTripFloor)
}

// set are the settings that were not measured.
func (f Fingerprint) set() Fingerprint {
	return slices.DeleteFunc(slices.Clone(f), func(s Setting) bool { return s.Measured > 0 })
}

// typical is the fingerprint of several runs: that of the first, but with the medians of what was measured.
func typical(runs []Run) Fingerprint {
	f := slices.Clone(runs[0].Fingerprint)
	for i := range f {
		if f[i].Measured == 0 {
			continue
		}
		var values []float64
		for _, r := range runs {
			if s := r.Fingerprint.setting(f[i].Name); s.Measured > 0 {
				values = append(values, s.Measured)
			}
		}
		slices.Sort(values)
		f[i].Measured = medianOf(values)
		f[i].Value = expect.MetricDuration.Format(f[i].Measured)
	}
	return f
}

// setting is the one of a name; without a value where there is none.
func (f Fingerprint) setting(name string) Setting {
	if i := slices.IndexFunc(f, func(s Setting) bool { return s.Name == name }); i >= 0 {
		return f[i]
	}
	return Setting{Name: name}
}

// fingerprintOf is the fingerprint of a run.
func fingerprintOf(r *report.Result) (f Fingerprint) {
	machine := func(name, value string) { f = append(f, Setting{Name: name, Value: value}) }
	measured := func(name string, d time.Duration) {
		f = append(f, Setting{Name: name, Value: expect.MetricDuration.Format(d.Seconds()), Measured: d.Seconds()})
	}
	machine("pgchaos", r.Tool)
	machine("PostgreSQL", r.Cluster.Postgres)
	machine("provider", r.Cluster.Provider)
	machine("host", r.Host.Name)
	machine("operating system", r.Host.OS)
	machine("CPU", r.Host.CPU)
	machine("CPUs", strconv.Itoa(r.Host.CPUs))
	if s := r.Cluster.Fsync; s != nil {
		measured("fsync by "+s.Method, s.Time)
	}
	if t := r.Cluster.RoundTrip; t > 0 {
		measured(roundTrip, t)
	}
	machine("server programs", r.Cluster.Bin)
	if limits := describeLimits(&r.Cluster); limits != "" {
		f = append(f, Setting{Name: "limits of a node", Value: limits, OfFile: true})
	}
	f = append(f, settingsOf(r.Cluster.Nodes)...)
	for i := range r.Workloads {
		w := &r.Workloads[i]
		f = append(f, Setting{Name: "workload " + w.Name, Value: describeLoad(w), OfFile: true})
	}
	return append(f, Setting{Name: "steps", Value: describeSteps(r.Timeline), OfFile: true})
}

// describeLimits is what each node may use; "": as much as there is.
func describeLimits(c *report.Cluster) string {
	var parts []string
	if c.NodeCPUs > 0 {
		parts = append(parts, strconv.FormatFloat(c.NodeCPUs, 'f', -1, 64)+" CPUs")
	}
	if c.NodeMemory > 0 {
		parts = append(parts, units.Bytes(uint64(c.NodeMemory)))
	}
	return strings.Join(parts, listed)
}

// perRun are settings that pgchaos chooses anew for every run.
func perRun() []string {
	return []string{"port", "data_directory", "hba_file", "ident_file", "cluster_name", "listen_addresses", "unix_socket_directories", "external_pid_file", "primary_conninfo"}
}

// settingsOf are the nodes and their settings: once where all nodes have the same value.
func settingsOf(nodes []report.ClusterNode) Fingerprint {
	names := make([]string, 0, len(nodes))
	values := map[string]map[string]string{} // by setting and node
	for _, n := range nodes {
		names = append(names, n.Name)
		for name, value := range n.Settings {
			if slices.Contains(perRun(), name) {
				continue
			}
			if values[name] == nil {
				values[name] = map[string]string{}
			}
			values[name][n.Name] = value
		}
	}
	f := Fingerprint{{Name: "nodes", Value: strings.Join(names, ", "), OfFile: true}}
	for name, byNode := range values {
		var parts []string
		same := len(byNode) == len(nodes)
		for _, n := range names {
			value, set := byNode[n]
			if set {
				parts = append(parts, value+" ("+n+")")
			}
			same = same && value == byNode[names[0]]
		}
		value := strings.Join(parts, ", ")
		if same {
			value = byNode[names[0]]
		}
		f = append(f, Setting{Name: "setting " + name, Value: value, OfFile: true})
	}
	slices.SortFunc(f[1:], func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	return f
}

// describeLoad is what a workload does, and how its operations come.
func describeLoad(w *report.Workload) string {
	parts := []string{w.Kind + " to " + w.Target, units.Count(int64(w.Clients), "client", "clients")}
	m := w.Model
	if m == nil {
		m = &report.Model{}
	}
	switch { // a capacity is measured anew for each series, and is never the same twice
	case w.RateShare > 0:
		parts = append(parts, "rate "+expect.MetricShare.Format(w.RateShare)+" of the capacity")
	case w.Rate > 0:
		parts = append(parts, strconv.FormatFloat(w.Rate, 'f', -1, 64)+"/s")
	}
	for _, s := range m.Stages {
		stage := "stage of " + s.For.String()
		if s.Rate > 0 {
			stage += " at " + strconv.FormatFloat(s.Rate, 'f', -1, 64) + "/s"
		}
		if s.Clients > 0 {
			stage += " with " + units.Count(int64(s.Clients), "client", "clients")
		}
		parts = append(parts, stage)
	}
	add := func(name, value, usual string) {
		if value != "" && value != usual {
			parts = append(parts, name+" "+value)
		}
	}
	length := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	}
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	add("arrivals", m.Arrivals, "")
	add("overflow", m.Overflow, "")
	add("catch_up", m.CatchUp, "")
	add("ramp", m.Ramp, "")
	add("think_time", length(m.ThinkTime), "")
	add("iterations", number(m.Iterations), "")
	add("duration", length(m.Duration), "")
	add("warmup", length(m.Warmup), "")
	add("connections", number(int64(m.Connections)), "")
	add("route", m.Route, "")
	add("protocol", m.Protocol, "")
	add("pipeline", number(int64(m.Pipeline)), "1")
	add("on_timeout", w.OnTimeout, "")
	for _, p := range w.Parts {
		add("part", p.Part, "")
	}
	return strings.Join(parts, listed)
}

// describeSteps are the steps of the file, and when each was to come.
func describeSteps(events []record.Event) string {
	var parts []string
	for _, m := range events {
		if m.Status == record.EventSeen || m.Reverses != "" {
			continue
		}
		at := m.At // Planned is another in each run, where kills repeats the timeline
		if at == nil {
			at = m.Planned // of an earlier pgchaos
		}
		step := m.Name
		if at != nil {
			step += " at " + at.String()
		}
		parts = append(parts, step)
	}
	return strings.Join(parts, listed)
}
