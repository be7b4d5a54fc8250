package monitoring

import (
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"pgchaos/record"
	"pgchaos/runner"
	"pgchaos/spec"
)

// setter gives a gauge a value, with the values of its labels in their order.
type setter func(value float64, labels ...string)

// gauge is a metric of the newest run.
type gauge struct {
	name, help string
	labels     []string
	// values are those that are known: what is not known has no value, rather than 0.
	values func(r *run, set setter)
}

// allGauges are all of them. docs/monitoring.md lists them; a test compares.
func allGauges() []gauge {
	return slices.Concat(runGauges(), nodeGauges(), []gauge{
		{"pgchaos_workload_running", "Whether the workload runs.", []string{"workload"}, func(r *run, set setter) {
			for _, name := range r.Workloads {
				set(is(slices.ContainsFunc(r.status.Workloads, func(w runner.WorkloadStatus) bool { return w.Name == name })), name)
			}
		}},
		{"pgchaos_fault_active", "Whether the fault of a step is in force on the node: 0 once it is over.", []string{"fault", "node"}, func(r *run, set setter) {
			for f, inForce := range r.faults {
				set(is(inForce), f.step, f.node)
			}
		}},
	})
}

func runGauges() []gauge {
	return []gauge{
		{
			"pgchaos_run_info", "The newest run; always 1.",
			[]string{"run", "experiment", "variant", "round", "provider", "seed", "version"},
			func(r *run, set setter) {
				var variant, round string
				if v := r.Variant; v != nil {
					variant, round = spec.JoinVariant(v.Name, v.Cell), roundName(v.Round, v.Warmup)
				}
				set(1, r.Run, r.Experiment, variant, round, r.Provider, strconv.FormatUint(r.Seed, 10), r.Tool)
			},
		},
		{"pgchaos_run_start_time_seconds", "When the load began, as seconds since 1970.", nil, func(r *run, set setter) {
			if !r.started.IsZero() {
				set(float64(r.started.UnixMilli()) / 1000)
			}
		}},
		{"pgchaos_run_elapsed_seconds", "How long the load has gone on.", nil, func(r *run, set setter) {
			if !r.started.IsZero() {
				set(r.status.Elapsed.Seconds())
			}
		}},
		{"pgchaos_run_planned_end_seconds", "When load and timeline can be over by plan, in seconds after the beginning of the load.", nil, func(r *run, set setter) {
			if r.status.End > 0 {
				set(r.status.End.Seconds())
			}
		}},
		{"pgchaos_run_progress_ratio", "Which part of the load and the timeline is over, from 0 to 1.", nil, func(r *run, set setter) {
			switch {
			case r.ended:
				set(1)
			case r.status.End > 0:
				set(min(r.status.Elapsed.Seconds()/r.status.End.Seconds(), 1))
			}
		}},
		{"pgchaos_run_phase", "The phase of the run; always 1, and of the present phase only.", []string{"phase"}, func(r *run, set setter) {
			if r.status.Phase != "" {
				set(1, r.status.Phase)
			}
		}},
	}
}

// roundName is the number of a round of a series; warm-up rounds have numbers of their own.
func roundName(round int, warmup bool) string {
	if warmup {
		return "warmup-" + strconv.Itoa(round)
	}
	return strconv.Itoa(round)
}

func nodeGauges() []gauge {
	node := []string{"node"}
	return []gauge{
		{"pgchaos_node_up", "Whether the node has answered its newest question.", node, ofNodes(func(n *runner.NodeStatus) (float64, bool) {
			return is(n.Up), true
		})},
		{"pgchaos_node_role", "1 for the role that the node has: primary, standby, down, unknown or absent.", []string{"node", "role"}, func(r *run, set setter) {
			for i := range r.status.Nodes {
				has := roleOf(&r.status.Nodes[i])
				for _, role := range roles() {
					set(is(role == has), r.status.Nodes[i].Name, role)
				}
			}
		}},
		{"pgchaos_node_timeline", "The timeline of the node's WAL.", node, ofNodes(func(n *runner.NodeStatus) (float64, bool) {
			return float64(n.Timeline), n.Timeline > 0
		})},
		{"pgchaos_node_replay_lag_bytes", "How much WAL of the primary the standby has not replayed.", node, ofNodes(func(n *runner.NodeStatus) (float64, bool) {
			if n.LagBytes == nil {
				return 0, false
			}
			return float64(*n.LagBytes), true
		})},
		{"pgchaos_node_replay_lag_seconds", "For how long at least the standby has been without the oldest WAL that it has not replayed.", node, ofNodes(func(n *runner.NodeStatus) (float64, bool) {
			if n.Lag == nil {
				return 0, false
			}
			return n.Lag.Seconds(), true
		})},
		{"pgchaos_node_sync_state", "1 for the sync state that the standby has at its primary: async, potential, sync or quorum.", []string{"node", "sync_state"}, func(r *run, set setter) {
			for i := range r.status.Nodes {
				n := &r.status.Nodes[i]
				for _, state := range syncStates() {
					set(is(state == n.SyncState), n.Name, state)
				}
			}
		}},
		{"pgchaos_node_sync_waiters", "Commits on the node that wait for its synchronous standbys.", node, ofNodes(func(n *runner.NodeStatus) (float64, bool) {
			return float64(n.SyncWaiters), answered(n)
		})},
		{"pgchaos_node_connections", "Client connections to the node.", node, ofNodes(func(n *runner.NodeStatus) (float64, bool) {
			return float64(n.Connections), answered(n)
		})},
	}
}

// ofNodes sets a gauge of each node of which the value is known.
func ofNodes(value func(n *runner.NodeStatus) (v float64, known bool)) func(*run, setter) {
	return func(r *run, set setter) {
		for i := range r.status.Nodes {
			n := &r.status.Nodes[i]
			if v, known := value(n); known {
				set(v, n.Name)
			}
		}
	}
}

// answered tells whether the node has said what it is: its counts are known then.
func answered(n *runner.NodeStatus) bool {
	return n.Role == record.RolePrimary || n.Role == record.RoleStandby
}

// What a node can be beside its record.Role.
const (
	roleUnknown = "unknown"
	roleAbsent  = "absent" // it has not been built
)

func roles() []string {
	return []string{string(record.RolePrimary), string(record.RoleStandby), string(record.RoleDown), roleUnknown, roleAbsent}
}

func roleOf(n *runner.NodeStatus) string {
	switch role := string(n.Role); {
	case n.Absent:
		return roleAbsent
	case role != "" && slices.Contains(roles(), role):
		return role
	}
	return roleUnknown
}

// syncStates are the values of sync_state in pg_stat_replication.
func syncStates() []string { return []string{"async", "potential", "sync", "quorum"} }

func is(so bool) float64 {
	if so {
		return 1
	}
	return 0
}

// labelValue is a text as the value of a label. One that is not UTF-8 would keep all metrics from being served.
func labelValue(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// gauges collects the gauges of an Exporter's newest run.
type gauges struct {
	of    *Exporter
	all   []gauge
	descs []*prometheus.Desc // of each
}

func newGauges(of *Exporter) *gauges {
	g := &gauges{of: of, all: allGauges()}
	for _, m := range g.all {
		g.descs = append(g.descs, prometheus.NewDesc(m.name, m.help, m.labels, nil))
	}
	return g
}

// Describe is part of prometheus.Collector.
func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range g.descs {
		to <- d
	}
}

// Collect is part of prometheus.Collector.
func (g *gauges) Collect(to chan<- prometheus.Metric) {
	for _, m := range g.values() {
		to <- m
	}
}

// values are the gauges of one moment. They are made before the first is handed on: a collector that waits for its reader must
// not hold the events of the run up.
func (g *gauges) values() (all []prometheus.Metric) {
	g.of.mu.Lock()
	defer g.of.mu.Unlock()
	r := &g.of.run
	if !r.known {
		return nil
	}
	for i := range g.all {
		g.all[i].values(r, func(value float64, labels ...string) {
			for k := range labels {
				labels[k] = labelValue(labels[k])
			}
			m, err := prometheus.NewConstMetric(g.descs[i], prometheus.GaugeValue, value, labels...)
			if err != nil {
				m = prometheus.NewInvalidMetric(g.descs[i], err)
			}
			all = append(all, m)
		})
	}
	return all
}
