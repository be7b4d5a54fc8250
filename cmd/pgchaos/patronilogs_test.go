package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgchaos/internal/hatest"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
)

// What is due at a pace comes later on a busy machine: the test measures by how much (beats).
const (
	// readEvery is how often pgchaos reads each node, and checkEvery how often HAProxy of scripts/patroni.sh looks at a server.
	readEvery  = 100 * time.Millisecond
	checkEvery = time.Second
	// roundedBy is by how much the times of the logs are rounded.
	roundedBy = 2 * time.Millisecond
)

// logLine is a line of a log: when it was written, and what it says.
type logLine struct {
	at   time.Time
	text string
}

// session is one that HAProxy led to a server, as its log has it.
type session struct {
	node       string
	began, end time.Time
	// served: the server had let the client in; it had sent more than a refusal.
	served bool
}

// haLogs are what the servers of a Patroni cluster and its HAProxy say of themselves.
type haLogs struct {
	t        *testing.T
	beats    *beats
	late     time.Duration // how late what is due can come, while the recovery that is looked at went on
	servers  map[string][]logLine
	proxy    []logLine
	sessions []session // of the port for writes
}

// serversLine is a line of PostgreSQL with log_line_prefix '%m [%p] ', and log_timezone UTC. Patroni's own lines beside it have a comma.
var serversLine = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC \[\d+\] [A-Z]+:  (.*)`)

// sessionsLine is HAProxy's of a session: how long it waited for a server, how long connecting took, how long all took, and the bytes that
// the server sent.
var sessionsLine = regexp.MustCompile(`^\S+ \[[^]]*\] write write/(n\d) (-?\d+)/(-?\d+)/(\d+) (\d+) `)

func readLogs(t *testing.T, c *hatest.Cluster, b *beats) *haLogs {
	t.Helper()
	l := &haLogs{t: t, beats: b, servers: map[string][]logLine{}}
	files, err := filepath.Glob(filepath.Join(c.Dir, "log", "n*.log"))
	must(t, err)
	for _, file := range files {
		node := strings.TrimSuffix(filepath.Base(file), ".log")
		for line := range strings.Lines(read(t, file)) {
			if m := serversLine.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
				at, err := time.Parse("2006-01-02 15:04:05.000", m[1])
				must(t, err)
				l.servers[node] = append(l.servers[node], logLine{at, m[2]})
			}
		}
	}
	for line := range strings.Lines(read(t, filepath.Join(c.Dir, "log", "haproxy.log"))) {
		stamp, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			continue // to the terminal, too, and without a time
		}
		l.proxy = append(l.proxy, logLine{at, text})
		if m := sessionsLine.FindStringSubmatch(text); m != nil {
			n := make([]int, 4)
			for i := range n {
				n[i], err = strconv.Atoi(m[2+i])
				must(t, err)
			}
			ms := func(n int) time.Duration { return time.Duration(max(n, 0)) * time.Millisecond }
			// A refusal has about 100 bytes; what the server says of itself to who is let in has more.
			l.sessions = append(l.sessions, session{m[1], at.Add(ms(n[0]) + ms(n[1]) - ms(n[2])), at, n[1] >= 0 && n[3] > 300})
		}
	}
	return l
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	return string(text)
}

// first is the first line that says this, from a moment on.
func (l *haLogs) first(of []logLine, what string, from time.Time) time.Time {
	l.t.Helper()
	i := slices.IndexFunc(of, func(s logLine) bool { return !s.at.Before(from) && strings.Contains(s.text, what) })
	if i < 0 {
		l.t.Fatalf("no log says %q after %s", what, from)
	}
	return of[i].at
}

// agrees compares the stages of the recovery from a step that took the primary away with the logs.
func (l *haLogs) agrees(r *report.Result, step string) {
	t := l.t
	t.Helper()
	at := func(offset time.Duration) time.Time { return r.Started.Add(offset) }
	recovery := r.Recoveries[slices.IndexFunc(r.Recoveries, func(v outage.Recovery) bool { return v.Event == step })]
	out := r.Outages[slices.IndexFunc(r.Outages, func(o outage.Outage) bool { return o.Event == step && o.Writes })]
	gap := r.Downtimes[slices.IndexFunc(r.Downtimes, func(d outage.Downtime) bool { return d.During == step && d.Workload == "writes" })]
	before, after := recovery.Primary, recovery.NewPrimary
	promoted := r.Timeline[slices.IndexFunc(r.Timeline, func(m record.Event) bool {
		return m.Promotion != nil && m.Effective >= recovery.Issued && slices.Contains(m.Nodes, after) // the last reading before can be older
	})]
	issued := at(recovery.Issued)
	l.late = l.beats.late(r, recovery.Issued-time.Second, max(recovery.Writable.At, out.Issued+out.RTO)+time.Second)
	t.Logf("%s: what is due can come %s late", step, l.late)

	// The new primary: it was read as a standby before, and as the primary after it had become that.
	asked := l.first(l.servers[after], "received promote request", issued)
	ready := l.first(l.servers[after], "database system is ready to accept connections", asked)
	reading := max(readEvery, promoted.Effective-promoted.Issued)
	l.within(step, "the promotion was seen", at(promoted.Effective), asked, ready.Add(reading))
	l.within(step, "it was last read as a standby", at(promoted.Issued), asked.Add(-reading), ready)
	l.within(step, "a node accepts writes again", at(recovery.Writable.At), asked, ready.Add(reading))

	// The sessions of clients that the old primary had let in end, and the new one lets others in.
	ended := l.ended(before, issued, ready)
	here := l.begun(after, asked)
	if ended.IsZero() || len(here) == 0 {
		t.Fatalf("%s: HAProxy's log has no session that %s ended, or none that %s began", step, before, after)
	}
	begun := here[0]
	up := l.first(l.proxy, "Server write/"+after+" is UP", issued)
	l.within(step, "the last write before the outage was acknowledged", at(gap.From), ended.Add(-checkEvery), ended.Add(readEvery))
	l.within(step, "the first error", at(out.FirstFail), ended.Add(-readEvery), ended.Add(checkEvery))
	l.within(step, "the first write after the outage was acknowledged", at(gap.To), later(begun, up), begun.Add(checkEvery))
	for _, w := range recovery.Workloads {
		if w.Writes {
			l.within(step, "the old primary's last acknowledgement", at(w.LastOldAck.At), ended.Add(-checkEvery), ended.Add(readEvery))
			l.within(step, "the new primary's first acknowledgement", at(w.FirstNewAck.At), later(begun, up), begun.Add(checkEvery))
		}
		if w.Writes && w.Throughput.State == outage.StageReached && at(w.Throughput.At).Before(begun.Add(-roundedBy)) {
			t.Errorf("%s: as many writes as before are said to be served at %s, and the new primary let the first client in at %s", step, at(w.Throughput.At), begun)
		}
	}
	last := here[min(len(here), r.Workloads[0].Clients)-1]
	l.within(step, "writes were served again after the last error", at(out.Issued+out.RTO), later(begun, up), last.Add(checkEvery))
}

// ended is when the last session with a node ended that had begun before a moment; only those that ended between the two count.
func (l *haLogs) ended(node string, from, to time.Time) (last time.Time) {
	for _, s := range l.sessions {
		if s.node == node && s.served && s.began.Before(from) && s.end.After(from) && s.end.Before(to) {
			last = later(last, s.end)
		}
	}
	return last
}

// begun is when a node let clients in, from a moment on, by time.
func (l *haLogs) begun(node string, from time.Time) (all []time.Time) {
	for _, s := range l.sessions {
		if s.node == node && s.served && s.began.After(from) {
			all = append(all, s.began)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// A beat is a look at the clock that came later than it was due.
type beat struct {
	at   time.Time
	late time.Duration
}

// beats looks at the clock all the time: it comes later where the machine is busy, and so does all else.
type beats struct {
	mu  sync.Mutex
	all []beat
}

// beatEvery is how often it looks.
const beatEvery = 20 * time.Millisecond

// startBeats looks until the test ends.
func startBeats(t *testing.T) *beats {
	b, ended := &beats{}, make(chan struct{})
	var looks sync.WaitGroup
	looks.Go(func() {
		for before := time.Now(); ; {
			select {
			case <-ended:
				return
			case <-time.After(beatEvery):
			}
			now := time.Now()
			b.mu.Lock()
			b.all = append(b.all, beat{now, now.Sub(before) - beatEvery})
			b.mu.Unlock()
			before = now
		}
	})
	t.Cleanup(func() {
		close(ended)
		looks.Wait()
	})
	return b
}

// severalTimes is how many times something has to wait for a processor until it is seen: HAProxy, the agent that it asks, a server, pgchaos.
const severalTimes = 3

// late is how late what is due can come, between two moments of a run.
func (b *beats) late(r *report.Result, from, to time.Duration) (most time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, look := range b.all {
		if at := look.at.Sub(r.Started); at > from && at-look.late < to {
			most = max(most, look.late)
		}
	}
	for _, s := range r.Generator.StoodStill {
		if s.To > from && s.From < to {
			most = max(most, s.To-s.From)
		}
	}
	return severalTimes * most
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (l *haLogs) within(step, what string, at, from, to time.Time) {
	l.t.Helper()
	const form = "15:04:05.000"
	l.t.Logf("%s: %s at %s; by the logs from %s to %s", step, what, at.Format(form), from.Format(form), to.Format(form))
	if at.Before(from.Add(-roundedBy-l.late)) || at.After(to.Add(roundedBy+l.late)) {
		l.t.Errorf("%s: %s at %s; by the logs from %s to %s", step, what, at.Format(form), from.Format(form), to.Format(form))
	}
}
