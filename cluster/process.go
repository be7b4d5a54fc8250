package cluster

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"pgchaos/internal/wait"
)

// The time-outs of a server's start and stop, where the caller gives none.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 60 * time.Second
	// endTimeout bounds how long the children of a server may outlive it.
	endTimeout = 10 * time.Second
)

// serving is whom a server serves.
type serving int

const (
	normally serving = iota
	readOnly         // its clients may not write by mistake
	alone            // pgchaos, and nobody else
)

// process is one run of the server, from a start to the next.
type process struct {
	life  *Life
	serve serving

	mu    sync.Mutex
	up    bool // it has accepted connections
	asked bool // somebody asked for its end
	ended bool
}

// watch reports the end of a process.
func (n *Node) watch(p *process) {
	<-p.life.Ended()
	p.mu.Lock()
	p.ended = true
	unexpected := p.up && !p.asked
	p.mu.Unlock()
	if unexpected {
		status, at := p.life.Exit()
		n.report(IncidentExit, "the server ended on its own: "+status, at)
	}
}

// expectExit says that the end of the server, if it runs, is nothing unexpected.
func (n *Node) expectExit() {
	if p := n.current(); p != nil {
		p.mu.Lock()
		p.asked = true
		p.mu.Unlock()
	}
}

func (n *Node) current() *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process
}

// running is the process that has not ended, or nil. One that somebody else has
// started is the node's own from then on.
func (n *Node) running() *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process == nil {
		return nil
	}
	if n.process.life.Over() && !n.starting {
		n.adopt()
	}
	if n.process.life.Over() {
		return nil
	}
	return n.process
}

// runningNow is running, and not the process of a server that has just ended: a host can say that nothing runs before the end of the life has been
// reported.
func (n *Node) runningNow(ctx context.Context, host Processes) *process {
	p := n.running()
	if p == nil {
		return nil
	}
	if runs, err := host.Running(ctx); err != nil || runs {
		return p
	}
	select {
	case <-p.life.Ended():
	case <-ctx.Done():
	case <-time.After(endTimeout):
	}
	return n.running()
}

// down tells whether it is certain that no server runs: of a node whose processes pgchaos
// does not know, it never is.
func (n *Node) down() bool {
	_, err := n.processes()
	return err == nil && n.running() == nil
}

// EndedOnItsOwn tells whether no server runs, although no operation has asked for its end: it crashed, for one.
func (n *Node) EndedOnItsOwn() bool {
	if !n.down() {
		return false
	}
	p := n.current()
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.asked
}

// adopt takes a life that this node did not begin for the server's. n.mu is held.
func (n *Node) adopt() {
	host, err := n.processes()
	if err != nil {
		return
	}
	if life := host.Life(); life != n.process.life && !life.Over() {
		n.process = &process{life: life, serve: n.process.serve, up: true}
		go n.watch(n.process)
	}
}

// Start starts the server as what its data directory says it is, and returns
// when it answers queries: at most a minute, or as long as the context says.
// Where it runs already, Start only waits for that.
func (n *Node) Start(ctx context.Context) error { return n.locked(ctx, "start", "", n.startNormal) }

// StartReadOnly starts the server so that clients cannot write by mistake, to
// read what a former primary alone has. Nor does it vacuum by itself, or, as a
// primary, send WAL: a standby that still looks for it would take over what it alone
// has. It is a guard, not a lock: a session may still set transaction_read_only off.
func (n *Node) StartReadOnly(ctx context.Context) error {
	return n.locked(ctx, "start read-only", "", func(ctx context.Context) error { return n.start(ctx, readOnly) })
}

// StartsAsStandby tells what the data directory says the server is, whether it runs,
// answers, or not.
func (n *Node) StartsAsStandby(ctx context.Context) (bool, error) {
	files, err := n.output(ctx, nil, "ls", n.dataDir())
	if err != nil {
		return false, fmt.Errorf("look whether %s is a standby: %w", n.Name(), err)
	}
	return slices.Contains(strings.Fields(files), standbySignal), nil
}

func (n *Node) startNormal(ctx context.Context) error { return n.start(ctx, normally) }

// locked runs one operation at a time, and names it in the error: "start a",
// "rejoin a to b".
func (n *Node) locked(ctx context.Context, what, object string, do func(context.Context) error) error {
	name := what + " " + n.Name() + object
	unlock, err := n.lock(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer unlock()
	if err := do(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (n *Node) start(ctx context.Context, how serving) error {
	p, err := n.launch(ctx, how)
	if err != nil {
		return err
	}
	return n.awaitAnswers(ctx, p)
}

// launch starts the server's process, if it does not run.
func (n *Node) launch(ctx context.Context, how serving) (*process, error) {
	if n.Absent() {
		return nil, errors.New("it has no data directory yet; a clone makes one")
	}
	if n.paused.Load() {
		return nil, errors.New("it is paused; resume it first")
	}
	if n.cutOff.Load() {
		return nil, errors.New("it is cut off from the network; connect it first")
	}
	host, err := n.processes()
	if err != nil {
		return nil, err
	}
	if p := n.runningNow(ctx, host); p != nil {
		if p.serve != how {
			return nil, errors.New("it runs already, in another mode (read-only, say); stop it first")
		}
		return p, nil
	}
	if err := n.clearLeftovers(ctx, host); err != nil {
		return nil, err
	}
	n.markLog(ctx)
	n.leaving.Store(false)
	argv := []string{n.program("postgres"), "-D", n.confDir()}
	switch how {
	case readOnly:
		argv = append(argv, "-c", "default_transaction_read_only=on", "-c", "autovacuum=off")
		// A standby needs as many as its primary has.
		if standby, err := n.StartsAsStandby(ctx); err == nil && !standby {
			argv = append(argv, "-c", "max_wal_senders=0")
		}
	case alone:
		// A standby that lags on purpose has received more than it shows.
		argv = append(argv, "-c", "hba_file="+path.Join(n.confDir(), aloneFile), "-c", "recovery_min_apply_delay=0")
	}
	n.setStarting(true)
	err = host.Start(ctx, argv)
	if err != nil {
		n.setStarting(false)
		return nil, err
	}
	p := &process{life: host.Life(), serve: how}
	n.mu.Lock()
	n.process, n.starting = p, false
	n.mu.Unlock()
	go n.watch(p)
	return p, nil
}

func (n *Node) setStarting(to bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.starting = to
}

// clearLeftovers waits until no process of the server before is left, as children
// outlive a killed postmaster for a moment, and removes its postmaster.pid: once
// the host says that nothing runs, all the file could still do is to name a
// process that has got the same number since, for which PostgreSQL would refuse
// to start.
func (n *Node) clearLeftovers(ctx context.Context, host Processes) error {
	if err := n.awaitEnd(ctx, host); err != nil {
		return err
	}
	return n.remove(ctx, path.Join(n.dataDir(), "postmaster.pid"))
}

// awaitEnd waits until no process of the node is left.
func (n *Node) awaitEnd(ctx context.Context, host Processes) error {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	for {
		running, err := host.Running(ctx)
		if err != nil {
			return err
		}
		if !running {
			return nil
		}
		if wait.For(ctx, 5*time.Millisecond) != nil {
			return errors.New("processes of the server are left although it has ended; kill the node")
		}
	}
}

// awaitAnswers waits until the server answers a query. 57P03 and a refused
// connection mean that it still starts.
func (n *Node) awaitAnswers(ctx context.Context, p *process) error {
	ctx, cancel := withDefaultTimeout(ctx, startTimeout)
	defer cancel()
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		err := n.ping(ctx)
		if err == nil {
			p.mu.Lock()
			p.up = true
			ended := p.ended
			p.mu.Unlock()
			if !ended {
				return nil
			}
		}
		select {
		case <-p.life.Ended():
			status, _ := p.life.Exit()
			return fmt.Errorf("the server ended (%s)%s", status, n.complaints(ctx))
		case <-ctx.Done():
			return fmt.Errorf("the server runs, but does not answer yet (%w); the last try: %w%s", ctx.Err(), err, n.complaints(ctx))
		case <-time.After(pause):
		}
	}
}

func (n *Node) ping(ctx context.Context) error {
	conn, err := n.Connect(ctx, "start")
	if err != nil {
		return err
	}
	defer abandon(conn)
	var one int
	return conn.QueryRow(ctx, "select 1").Scan(&one)
}

// withDefaultTimeout bounds a context that has no deadline of its own.
func withDefaultTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, bounded := ctx.Deadline(); bounded {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}
