package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"pgchaos/cluster"
	"pgchaos/cluster/observe"
	"pgchaos/internal/wait"
	"pgchaos/record"
)

// tickEvery is how often the sinks get the Status.
const tickEvery = 250 * time.Millisecond

// background starts what goes on beside load and timeline: the status for the
// sinks, and the look-out for what befalls nodes on its own. The returned
// function ends both and waits for them.
func (r *run) background(ctx context.Context) (end func()) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() {
		// Half a tick late, so that the second that is over has been collected.
		if wait.For(ctx, tickEvery/2) == nil {
			wait.Every(ctx, tickEvery, func() { r.panics.guard(func() { r.send(Ticked{r.status()}) }) })
		}
	})
	wg.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-r.noticed.Ready():
				r.panics.guard(func() { r.seeIncidents(ctx) })
			}
		}
	})
	for _, n := range r.cluster.Nodes() {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case i := <-n.Incidents():
					at := r.clock.Offset(i.At)
					if i.Kind == cluster.IncidentExit && r.steps.killed(n.Name(), at, at) {
						continue
					}
					r.panics.guard(func() { r.see(string(i.Kind), n.Name(), at, at, i.Detail) })
				}
			}
		})
	}
	return func() { stop(); wg.Wait() }
}

// seeIncidents puts what the watcher has seen befall nodes so far on the timeline.
func (r *run) seeIncidents(ctx context.Context) {
	changes, missed := r.noticed.Take()
	// A promotion explains that another server was started again, also where that was read first.
	slices.SortStableFunc(changes, func(a, b observe.Change) int {
		return cmp.Compare(map[bool]int{true: 1}[a.Kind == observe.Restarted], map[bool]int{true: 1}[b.Kind == observe.Restarted])
	})
	for _, c := range changes {
		switch c.Kind {
		case observe.Crashed:
			if !r.steps.killed(c.Node, c.Since, c.At) {
				r.see("crash", c.Node, c.Since, c.At, "one of its processes had crashed, and the server restarted them all")
			}
		case observe.Restarted:
			r.seeRestart(c)
		case observe.Promoted:
			r.seePromotion(ctx, c)
		case observe.RegimeChanged:
			r.seeRegime(c)
		case observe.WritableMoved: // was not asked for
		}
	}
	if missed > 0 {
		r.note("", fmt.Sprintf("%d more crashes, restarts and promotions of servers are not on the timeline", missed))
	}
}

// see puts something on the timeline that nobody had asked for: it happened after the
// node was last seen to be well, and at the latest when it was noticed.
func (r *run) see(what, node string, well, noticed time.Duration, detail string) {
	r.seen(r.incident(what, node, well, noticed, detail))
}

func (r *run) incident(what, node string, well, noticed time.Duration, detail string) record.Event {
	return record.Event{
		Name: r.unused(what + "-" + node), Action: what, Nodes: []string{node}, Fault: true,
		Issued: well, Effective: noticed, Ended: noticed, Detail: detail,
	}
}

func (r *run) seen(m record.Event) {
	r.watch.StepBegins(m)
	r.line.See(m)
}

// phaseLog is the list of phases as they begin.
type phaseLog struct {
	mu   sync.Mutex
	list []record.Phase
}

// begin adds a phase, which begins at the moment that now returns.
func (p *phaseLog) begin(name string, now func() time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := now()
	if n := len(p.list); n > 0 {
		p.list[n-1].End = at
	}
	p.list = append(p.list, record.Phase{Name: name, Start: at})
	return at
}

func (p *phaseLog) end(at time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list[len(p.list)-1].End = at
}

func (p *phaseLog) current() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.list) == 0 {
		return ""
	}
	return p.list[len(p.list)-1].Name
}

func (p *phaseLog) all() []record.Phase {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]record.Phase(nil), p.list...)
}
