package existing

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
)

// Weight says what a Finding means for a run.
type Weight int

// The weights. The zero Weight is none.
const (
	Good    Weight = iota + 1 // it is as it should be
	Unknown                   // something will not be known of this cluster
	Risky                     // the run is refused, unless the user says that the cluster may break
	Bad                       // the run is refused
)

// Finding is one thing that was looked at.
type Finding struct {
	Node   string // "": it is about the cluster
	What   string // a sentence
	Right  string // what would be right; "": nothing is to be done
	Weight Weight
}

func (f Finding) String() string {
	text := f.What
	if f.Node != "" {
		text = f.Node + ": " + text
	}
	if f.Right != "" {
		text += "; " + f.Right
	}
	return text
}

// Examination is all that was looked at. Nothing is changed by it.
type Examination struct {
	Findings []Finding
	Nodes    []Seen // in the order of the experiment
}

// Refused is why a run must not begin; nil: it may. Risk tells that the user accepts what is Risky.
func (e Examination) Refused(risk bool) error {
	var errs []error
	for _, f := range e.Findings {
		if f.Weight == Bad || f.Weight == Risky && !risk {
			err := errors.New(f.String())
			if f.Weight == Risky {
				err = fmt.Errorf("%w; add --yes-this-may-break if it may", err)
			}
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("this cluster is not used: %w", errors.Join(errs...))
}

func (e *Examination) add(w Weight, node, right, format string, args ...any) {
	e.Findings = append(e.Findings, Finding{Node: node, What: fmt.Sprintf(format, args...), Right: right, Weight: w})
}

// Seen is a node as it was seen.
type Seen struct {
	Name     string
	Error    error // why it could not be read
	SystemID string
	Standby  bool
	Version  int // server_version_num
	Marked   bool
	Senders  int // standbys that stream from it
	Receives bool
}

// examineTimeout bounds how long one node is looked at.
const examineTimeout = 10 * time.Second

// Examine looks at a cluster before a run. It only reads.
func Examine(ctx context.Context, x cluster.Existing) Examination {
	e := Examination{Nodes: make([]Seen, len(x.Nodes))}
	var wg sync.WaitGroup
	for i, n := range x.Nodes {
		wg.Go(func() { e.Nodes[i] = look(ctx, n) })
	}
	wg.Wait()
	e.health()
	e.marked(x)
	return e
}

//go:embed look.sql
var lookSQL string

func look(ctx context.Context, n cluster.ExistingNode) Seen {
	s := Seen{Name: n.Name}
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	conn, err := connect(ctx, n)
	if err != nil {
		s.Error = err
		return s
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // which was only to read
	var comment string
	s.Error = conn.QueryRow(ctx, lookSQL).Scan(&s.SystemID, &s.Standby, &s.Version, &comment, &s.Senders, &s.Receives)
	s.Marked = strings.Contains(comment, Mark)
	return s
}

// connect opens a session that only reads.
func connect(ctx context.Context, n cluster.ExistingNode) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(n.DSN.For("pgchaos/doctor"))
	if err != nil {
		return nil, errors.New("its connection string cannot be used")
	}
	cfg.RuntimeParams["default_transaction_read_only"] = "on"
	cfg.RuntimeParams["search_path"] = "pg_catalog"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", n.DSN, err)
	}
	return conn, nil
}

// health wants one primary, and all others streaming from it.
func (e *Examination) health() {
	var primaries []string
	system, senders := "", 0
	for _, n := range e.Nodes {
		switch {
		case n.Error != nil:
			e.add(Bad, n.Name, "mend that first: a run on a cluster that is not healthy proves nothing", "it cannot be read: %v", n.Error)
			continue
		case system != "" && n.SystemID != system:
			e.add(Bad, n.Name, "check its dsn", "it is of another cluster than %s: its system identifier is %s", e.Nodes[0].Name, n.SystemID)
		case !n.Standby:
			primaries = append(primaries, n.Name)
			senders = n.Senders
		case !n.Receives:
			e.add(Bad, n.Name, "let it catch up first", "it is a standby and does not stream")
		}
		system = n.SystemID
	}
	switch {
	case len(primaries) == 0:
		e.add(Bad, "", "name the primary among the nodes, or promote one", "no node is a primary")
	case len(primaries) > 1:
		e.add(Bad, "", "make one of them a standby of the other", "%s accept writes: that is a split brain", strings.Join(primaries, " and "))
	case senders < len(e.Nodes)-1:
		e.add(Bad, primaries[0], "let all standbys stream first", "%d standbys stream from it, and the experiment names %d", senders, len(e.Nodes)-1)
	default:
		e.add(Good, primaries[0], "", "it is the primary, and all other nodes stream")
	}
}

// Mark is what a person writes into the comment on a database to let pgchaos break its cluster: `pgchaos mark`.
const Mark = "[pgchaos may break this cluster]"

// marked wants the mark.
func (e *Examination) marked(x cluster.Existing) {
	for _, n := range e.Nodes {
		if n.Error == nil && !n.Marked {
			e.add(Bad, "", "if it is a cluster to be broken, run 'pgchaos mark' with the connection string of its primary, once",
				"the database %s is not marked as one that pgchaos may use", x.Nodes[0].DSN.Database)
			return
		}
	}
}
