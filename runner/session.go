package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/redact"
	"pgchaos/internal/regular"
	"pgchaos/report"
	"pgchaos/spec"
)

// Session is a cluster that several runs use, one after the other. Each run has its own directory, id, ledger, audit
// and verdict. Before each, the cluster is made as a new one would be: see cluster.Cluster.Reset. Where that cannot be done,
// it is removed and built anew, and the run's result says why. Make one with NewSession; only one run at a time.
type Session struct {
	SessionOptions
	single bool // it ends with its first run
	// What follows is of the cluster at hand; the Provider is nil while there is none.
	own      opened
	shape    shape
	cluster  *cluster.Cluster
	snapshot *cluster.Snapshot
	machine  machine
	runs     int    // that have used it
	doubt    string // why it cannot be used again; "": nothing is known
	// outlive takes back what the steps of the newest run have changed and the removal of the nodes would not.
	outlive func(context.Context) error
	builtIn string // the result directory of the run that built it, which `clean` knows
	access  string // the result directory that lets others in; "": none

	mu  sync.Mutex
	log func(string, ...any) // of the run that is going on; nil: none
}

// SessionOptions are what a Session can have. The zero value removes the cluster at its end.
type SessionOptions struct {
	Keep bool // leave the cluster up
	// EndAtOnce, when closed, ends the removal of the cluster. Nil: never.
	EndAtOnce <-chan struct{}
}

// NewSession makes a session without a cluster: its first run builds one. Call Close at its end, whatever happened.
func NewSession(o SessionOptions) *Session { return &Session{SessionOptions: o} }

// shape is what only a new cluster can have otherwise.
type shape struct {
	provider, bin string
	major         int
	nodes         []cluster.NodeConfig // without settings
	links         []cluster.Link
	docker        *spec.Docker
}

func shapeOf(p *Plan, bin string) shape {
	c := p.Experiment.Cluster
	s := shape{provider: c.Provider, bin: bin, major: c.Postgres, docker: c.Docker, links: p.Experiment.Links()}
	for _, n := range c.Nodes {
		s.nodes = append(s.nodes, cluster.NodeConfig{Name: n.Name, Absent: n.Absent})
	}
	return s
}

// Run is a run in the session, as the function Run is one with a cluster of its own.
func (s *Session) Run(ctx context.Context, plan *Plan, provider cluster.Kind, to []Sink, o Options) (result *report.Result, err error) {
	p := *plan // which may be run again, with another seed
	plan = &p
	if plan.Seed == 0 {
		if plan.Seed, err = NewSeed(); err != nil {
			return nil, err
		}
	}
	begun := time.Now()
	d, err := claimDirectory(o.Out, plan.Experiment.Name, begun)
	if err != nil {
		return nil, err
	}
	o.Out = d.path
	secrets := redact.New(plan.Experiment.Secrets...)
	r := &run{Options: o, plan: plan, session: s, sinks: startSinks(secrets, to), panics: newPanics()}
	defer func() {
		err = errors.Join(err, r.sinks.end())
		if result != nil {
			result.Dir = d.path
		}
	}()
	if r.opened, r.use, err = s.take(ctx, plan, provider, o, begun, r.sinks); err != nil {
		return nil, errors.Join(err, d.release())
	}
	r.send(r.began())
	return r.run(ctx)
}

// take gives a run the cluster of the runs before, if it can be used again, or else opens a provider for a new one, and
// says why. After an error the run has not begun.
func (s *Session) take(ctx context.Context, p *Plan, k cluster.Kind, o Options, begun time.Time, to *sinks) (of opened, use report.ClusterUse, err error) {
	id, err := NewRunID(p.Experiment.Name, begun)
	if err != nil {
		return opened{}, use, err
	}
	if err := enoughSpace(p, o.Out, k); err != nil {
		return opened{}, use, err
	}
	s.setLog(to.logf)
	want := shapeOf(p, o.BinDir)
	if s.own.Provider != nil {
		if use.Rebuilt = s.unfit(ctx, p, want, to); use.Rebuilt == "" {
			of, use.Run, use.RunsBefore = s.own, s.own.Run, s.runs
			of.Run = id
			return of, use, nil
		}
		if ctx.Err() != nil {
			return opened{}, use, fmt.Errorf("make the cluster ready for the next run: %s: %w", use.Rebuilt, ctx.Err())
		}
		to.say("building the cluster anew: " + use.Rebuilt)
		if err := s.remove(ctx, to); err != nil {
			return opened{}, use, err
		}
	}
	if s.own, err = open(ctx, id, p, k, o, to); err != nil {
		s.own = opened{}
		return opened{}, use, err
	}
	s.shape, s.builtIn = want, o.Out
	return s.own, use, nil
}

// unfit makes the cluster ready for the next run, or says why it cannot be used again.
func (s *Session) unfit(ctx context.Context, p *Plan, want shape, to *sinks) string {
	switch {
	case s.doubt != "":
		return s.doubt
	case !reflect.DeepEqual(s.shape, want):
		return "the run needs another provider, another version of PostgreSQL, other nodes or other relays than the run before"
	case s.cluster != nil && s.cluster.Met():
		return "a cluster that was there before is met anew for each run"
	case s.snapshot == nil:
		return "the run before did not get its cluster up"
	}
	to.stage("making the cluster ready for the next run")
	if err := s.cluster.Reset(ctx, p.clusterConfig(s.own.Run, s.logf), *s.snapshot); err != nil {
		return err.Error()
	}
	return ""
}

// build builds the cluster that a run needs, unless there is one.
func (s *Session) build(ctx context.Context, p *Plan) (*cluster.Cluster, error) {
	if s.cluster != nil {
		return s.cluster, nil
	}
	s.doubt = "the run before did not build it to the end"
	var err error
	if s.cluster, err = cluster.New(s.own.Provider, p.clusterConfig(s.own.Run, s.logf)); err != nil {
		return nil, err
	}
	if err := s.cluster.Up(ctx); err != nil {
		if s.cluster.Met() {
			return s.cluster, &notMetError{err}
		}
		return s.cluster, fmt.Errorf("build the cluster: %w", err)
	}
	if !s.single && !s.cluster.Met() {
		snapshot, err := s.cluster.Snapshot(ctx)
		if err != nil {
			return s.cluster, err
		}
		s.snapshot = &snapshot
	}
	return s.cluster, nil
}

// notMetError is why a run could not begin on a cluster that was there before, and was well when its provider looked at it.
type notMetError struct{ err error }

func (e *notMetError) Error() string { return "look at the cluster again: " + e.err.Error() }
func (e *notMetError) Unwrap() error { return e.err }

// begin says on the disk which run uses the cluster from now on, and lets others into it by that run's directory.
func (s *Session) begin(r *run) error {
	if s.access != "" {
		if err := removeAccess(s.access); err != nil {
			return fmt.Errorf("remove the passwords of the run before: %w", err)
		}
	}
	s.access = r.Out
	if s.builtIn != r.Out {
		if err := writeUser(s.builtIn, s.own.Run, r.Out); err != nil {
			return err
		}
	}
	s.doubt = "the run before did not come to its end" // which its end takes back
	if err := r.writeAccess(); err != nil {
		return err
	}
	s.runs++
	return nil
}

// ended takes the cluster back from a run. Whole tells that the run has come to its end, and left nothing undone.
func (s *Session) ended(r *run, whole bool) {
	s.setLog(nil)
	if whole {
		s.doubt = ""
	}
	if undo := r.undo; undo != nil {
		s.outlive = undo.HealOutliving
	}
}

// Close removes the cluster, or leaves it where that was asked for. It can be called again.
// An error that is an ErrLeftBehind names what is left.
func (s *Session) Close(ctx context.Context, to ...Sink) error {
	if s.own.Provider == nil {
		return nil
	}
	events := startSinks(nil, to)
	err := s.close(ctx, events)
	return errors.Join(err, events.end())
}

func (s *Session) close(ctx context.Context, to *sinks) error {
	if s.Keep && s.runs > 0 {
		err := s.cluster.Keep(ctx)
		if err == nil {
			s.forget()
		}
		return err
	}
	return s.remove(ctx, to)
}

// remove takes the cluster down.
func (s *Session) remove(ctx context.Context, to *sinks) error {
	ctx, cancel := until(context.WithoutCancel(ctx), s.EndAtOnce)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %s", ErrLeftBehind, s.remains())
	}
	if s.outlive != nil {
		if err := s.outlive(ctx); err != nil {
			return fmt.Errorf("%w: what steps have changed: %w", ErrLeftBehind, err)
		}
	}
	if s.cluster != nil && s.cluster.Met() {
		to.stage("dropping the run's tables; the cluster stays as it is")
	} else {
		to.stage("removing the cluster")
	}
	down := s.own.Provider.Remove
	if s.cluster != nil {
		down = s.cluster.Down // which knows that its servers are meant to end
	}
	if err := down(ctx); cluster.IsRemark(err) {
		to.say("warning: " + err.Error())
	} else if errors.Is(ctx.Err(), context.Canceled) && err != nil { // every call that was under way says so, in the words of its library
		return fmt.Errorf("%w: %s", ErrLeftBehind, s.remains())
	} else if err != nil {
		return fmt.Errorf("%w: %w", ErrLeftBehind, err)
	}
	var err error
	for _, dir := range []string{s.access, s.builtIn} {
		if dir != "" {
			err = errors.Join(err, removeAccess(dir))
		}
	}
	s.forget()
	return err
}

// remains is what a second interrupt leaves.
func (s *Session) remains() string {
	if s.cluster == nil {
		return "what there is of the cluster, as a second interrupt asked for"
	}
	var names []string
	for _, n := range s.cluster.Nodes() {
		names = append(names, n.Name())
	}
	return "the cluster (" + strings.Join(names, ", ") + "), as a second interrupt asked for"
}

// forget begins anew, without a cluster.
func (s *Session) forget() {
	s.own, s.shape, s.cluster, s.snapshot, s.runs, s.doubt, s.outlive, s.builtIn, s.access = opened{}, shape{}, nil, nil, 0, "", nil, "", ""
}

func (s *Session) setLog(to func(string, ...any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = to
}

// logf passes on what the cluster says is done to its nodes, to the run that is going on.
func (s *Session) logf(format string, args ...any) {
	s.mu.Lock()
	to := s.log
	s.mu.Unlock()
	if to != nil {
		to(format, args...)
	}
}

// UserFile is in the result directory of a run whose cluster a later run uses, and names that run's directory, in
// which `clean` finds what it has to take back.
const UserFile = "cluster-user.json"

// clusterUser is what UserFile says.
type clusterUser struct {
	Run string `json:"run"` // the run that built the cluster
	Dir string `json:"dir"` // of the run that uses it
}

func writeUser(dir, run, user string) error {
	user, err := filepath.Abs(user)
	if err != nil {
		return fmt.Errorf("name the result directory: %w", err)
	}
	text, err := json.Marshal(clusterUser{run, user})
	if err == nil {
		err = report.ReplaceFile(dir, UserFile, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write which run uses the cluster: %w", err)
	}
	return nil
}

// userOf is the result directory of the run that has used the cluster last which run, of the directory dir, has built.
func userOf(dir, run string) string {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return dir
	}
	defer func() { _ = root.Close() }() // it was only read
	return cmp.Or(userIn(root, run), dir)
}

// userIn is what the open directory of the run says of that; "": nothing.
func userIn(root *os.Root, run string) string {
	text, err := regular.ReadIn(root, UserFile, maxUserFile)
	var u clusterUser
	if err != nil || json.Unmarshal(text, &u) != nil || u.Run != run || !filepath.IsAbs(u.Dir) || filepath.Clean(u.Dir) == filepath.Clean(root.Name()) {
		return ""
	}
	return u.Dir
}

// maxUserFile bounds UserFile, in bytes.
const maxUserFile = 64 << 10
