package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/record"
)

// learned are the timelines of a cluster that was there before, as they began while it was watched. Only a superuser may read
// the files of a timeline's history; but a node that was promoted goes on to say where its recovery ended
// (pg_last_wal_replay_lsn, which stays as it was, xlogfuncs.c), and that is where its timeline begins. The zero value knows
// nothing.
type learned struct {
	mu  sync.Mutex
	all []learnedLineage
}

type learnedLineage struct {
	node string // which became the primary on it; "": the timeline that was found
	line record.Lineage
}

// begin notes the timeline that the cluster was found on.
func (l *learned) begin(timeline uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = []learnedLineage{{"", record.Lineage{Timeline: timeline}}}
}

// misses tells whether a primary is on a timeline that is not known yet.
func (l *learned) misses(s record.NodeState) bool {
	if s.Role != record.RolePrimary || s.Timeline == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	known := slices.ContainsFunc(l.all, func(k learnedLineage) bool {
		return k.line.Timeline == s.Timeline && (k.node == s.Node || k.node == "")
	})
	return len(l.all) > 0 && !known
}

// add notes that a node began a timeline at a position.
func (l *learned) add(node string, timeline uint32, at record.LSN) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var before record.Lineage
	for _, k := range l.all {
		if k.line.Timeline < timeline && k.line.Timeline > before.Timeline {
			before = k.line
		}
	}
	forks := append(slices.Clone(before.Forks), record.Fork{Timeline: before.Timeline, At: at})
	l.all = append(l.all, learnedLineage{node, record.Lineage{Timeline: timeline, Forks: forks}})
}

// of is how the timeline that a node is on came about. Where two nodes began one of the same number, only they know theirs.
func (l *learned) of(node string, timeline uint32) (line record.Lineage, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []learnedLineage
	for _, k := range l.all {
		if k.line.Timeline == timeline {
			found = append(found, k)
		}
	}
	for _, k := range found {
		if k.node == node {
			return k.line, true
		}
	}
	if len(found) != 1 {
		return record.Lineage{}, false
	}
	return found[0].line, true
}

// learnTimeline asks a node where its timeline began, if it has become the primary on one that is not known yet.
func (n *Node) learnTimeline(ctx context.Context, s record.NodeState) {
	if !n.Met() || !n.cluster.learned.misses(s) {
		return
	}
	if was := n.standbySince.Load(); was == nil || !was.Equal(s.ServerStarted) {
		return // since its server was started anew, it says where that start's recovery ended
	}
	ctx, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	conn, err := n.Connect(ctx, "state")
	if err != nil {
		return // the next reading tries it again
	}
	defer abandon(conn)
	var text *string
	if err := conn.QueryRow(ctx, "select pg_catalog.pg_last_wal_replay_lsn()::pg_catalog.text").Scan(&text); err != nil || text == nil {
		return
	}
	at, err := record.ParseLSN(*text)
	if err == nil {
		n.cluster.learned.add(n.Name(), s.Timeline, at)
	}
}

// Lineage asks a running node for the timeline that it is on and how that came about.
func (n *Node) Lineage(ctx context.Context) (record.Lineage, error) {
	conn, err := n.Connect(ctx, "audit")
	if err != nil {
		return record.Lineage{}, err
	}
	defer abandon(conn)
	line, err := Lineage(ctx, conn, n.Name())
	if !n.Met() || !mayNot(err) {
		return line, err
	}
	return n.learnedLineage(ctx, err)
}

func (n *Node) learnedLineage(ctx context.Context, why error) (record.Lineage, error) {
	state, err := n.readState(ctx)
	if err != nil {
		return record.Lineage{}, err
	}
	n.learnTimeline(ctx, state)
	if line, ok := n.cluster.learned.of(n.Name(), state.Timeline); ok {
		return line, nil
	}
	return record.Lineage{}, fmt.Errorf("it was not seen how timeline %d began, and %w", state.Timeline, why)
}

// mayNot tells whether an error is that the role lacks a right.
func mayNot(err error) bool {
	var said *pgconn.PgError
	return errors.As(err, &said) && said.Code == "42501"
}
