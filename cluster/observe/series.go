package observe

import (
	"context"
	"slices"
	"time"

	"pgchaos/internal/wait"
	"pgchaos/record"
)

const (
	sampleEvery = time.Second
	// mostSamples bounds the series of one node, and so the size of result.json: those of an hour. When there are more, the
	// step is doubled.
	mostSamples = int(time.Hour / sampleEvery)
)

// sample adds to the series of every node until ctx ends. It asks no node: a node is as its last reading
// found it, where that is not older than the pace.
func (w *Watcher) sample(ctx context.Context) {
	for at := sampleEvery; wait.For(ctx, at-w.clock.Now()) == nil; at += sampleEvery {
		w.sampleAll(w.clock.Now())
	}
}

func (w *Watcher) sampleAll(now time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.readers {
		if r.node.Absent() {
			continue
		}
		name := r.node.Name()
		s := w.series[name]
		if s == nil {
			s = &record.NodeSeries{Node: name, Step: sampleEvery}
			w.series[name] = s
		}
		add(s, w.sampleOf(name, now))
	}
}

// Series is every node that has been built through the run, in the order of the cluster.
func (w *Watcher) Series() (all []record.NodeSeries) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.readers {
		if s := w.series[r.node.Name()]; s != nil {
			all = append(all, record.NodeSeries{Node: s.Node, Step: s.Step, Samples: slices.Clone(s.Samples)})
		}
	}
	return all
}

// recent is the last reading of a node, or nothing where it is older than a sample may be, or where the node was asked
// before since. mu is held.
func (w *Watcher) recent(node string, now, since time.Duration) record.NodeState {
	if st := w.last[node]; now-st.At <= sampleEvery && st.Asked >= since {
		return st
	}
	return record.NodeState{Node: node}
}

// sampleOf is a node now. mu is held.
func (w *Watcher) sampleOf(node string, now time.Duration) record.NodeSample {
	s, _ := w.look(node, now, 0)
	return s
}

// look is a node now, by readings for which it was asked at since or later, and the line of pg_stat_replication that the
// node has on the one that it streams from. mu is held.
func (w *Watcher) look(node string, now, since time.Duration) (s record.NodeSample, line record.StandbyState) {
	own := w.recent(node, now, since)
	s = record.NodeSample{
		At: now, Role: own.Role, Timeline: own.Timeline, LSN: own.LSN, Received: own.Received,
		SyncWaiters: own.SyncWaiters, Connections: own.Connections,
	}
	var upstream record.NodeState
	for _, r := range w.readers { // of several that still list it, the newest timeline
		up := w.recent(r.node.Name(), now, since)
		i := slices.IndexFunc(up.Standbys, func(l record.StandbyState) bool { return l.Name == node })
		if i >= 0 && up.Reachable && (upstream.Node == "" || up.Timeline > upstream.Timeline) {
			upstream, line = up, up.Standbys[i]
		}
	}
	s.SyncState = line.SyncState
	primary := w.recent(w.last.Writable(), now, since)
	if node == primary.Node || !primary.Reachable {
		return s, line
	}
	var replayed record.LSN
	switch {
	case upstream.Node == primary.Node && line.Replay > 0: // both positions are of one moment
		replayed = line.Replay
	case own.Role == record.RoleStandby && own.Timeline == primary.Timeline:
		replayed = own.LSN
	}
	if replayed == 0 {
		return s, line
	}
	bytes := int64(max(primary.LSN, replayed) - replayed)
	lag := max(w.written.behind(replayed, now), line.ReplayLag)
	if bytes == 0 {
		lag = 0 // the server goes on to show the last lag for some seconds
	}
	s.LagBytes, s.Lag = &bytes, &lag
	return s, line
}

// add adds a sample, and keeps the series within its bound.
func add(s *record.NodeSeries, one record.NodeSample) {
	s.Samples = merged(s.Samples, one, s.Step)
	if len(s.Samples) <= mostSamples {
		return
	}
	s.Step *= 2
	var fewer []record.NodeSample
	for _, old := range s.Samples {
		fewer = merged(fewer, old, s.Step)
	}
	s.Samples = fewer
}

// merged adds a sample to those before, or makes one of it and the last where both are of one step. The
// greatest figures are kept: a mean would hide a short lag.
func merged(all []record.NodeSample, one record.NodeSample, step time.Duration) []record.NodeSample {
	n := len(all)
	// A sample is taken at the end of its second, or a moment later.
	if n == 0 || (all[n-1].At-sampleEvery)/step != (one.At-sampleEvery)/step {
		return append(all, one)
	}
	last := all[n-1]
	one.LagBytes, one.Lag = greater(last.LagBytes, one.LagBytes), greater(last.Lag, one.Lag)
	one.SyncWaiters, one.Connections = max(last.SyncWaiters, one.SyncWaiters), max(last.Connections, one.Connections)
	all[n-1] = one
	return all
}

func greater[T int64 | time.Duration](a, b *T) *T {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

// positions are how far a primary had written its WAL, by time.
type positions struct {
	node     string
	timeline uint32
	list     []position
}

type position struct {
	at  time.Duration
	lsn record.LSN
}

// mostPositions bounds the list. When it is full, positions are dropped that lie close together for their age: every lag is
// known to about one part in lagPrecision.
const (
	mostPositions = 4096
	lagPrecision  = 100
)

func (p *positions) add(st record.NodeState) {
	if st.Node != p.node || st.Timeline != p.timeline {
		*p = positions{node: st.Node, timeline: st.Timeline}
	}
	if n := len(p.list); n > 0 && p.list[n-1].lsn >= st.LSN {
		return
	}
	p.list = append(p.list, position{st.At, st.LSN})
	if len(p.list) <= mostPositions {
		return
	}
	kept := p.list[:1]
	for _, one := range p.list[1:] {
		if one.at-kept[len(kept)-1].at >= (st.At-one.at)/lagPrecision {
			kept = append(kept, one)
		}
	}
	p.list = kept
}

// behind is how long ago the primary was first read to have written more than was replayed: a standby is at least so
// far behind it.
func (p *positions) behind(replayed record.LSN, now time.Duration) time.Duration {
	i, _ := slices.BinarySearchFunc(p.list, replayed+1, func(p position, lsn record.LSN) int {
		switch {
		case p.lsn < lsn:
			return -1
		case p.lsn > lsn:
			return 1
		}
		return 0
	})
	if i == len(p.list) {
		return 0
	}
	return now - p.list[i].at
}
