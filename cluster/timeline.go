package cluster

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"pgchaos/history"
)

// fork is one line of a timeline history file: where the WAL left a timeline.
type fork struct {
	Timeline uint32      // the one that was left
	At       history.LSN // the first position that is no longer on it
}

// parseHistory reads a timeline history file: lines of a timeline, the position
// where it was left, and a reason, oldest first; # begins a comment
// (src/backend/access/transam/timeline.c).
func parseHistory(text string) ([]fork, error) {
	var forks []fork
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 2 {
			return nil, fmt.Errorf("timeline history: %q: not a timeline and a position", strings.TrimSpace(line))
		}
		timeline, err := strconv.ParseUint(fields[0], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("timeline history: %q: not a timeline: %w", fields[0], err)
		}
		at, err := history.ParseLSN(fields[1])
		if err != nil {
			return nil, fmt.Errorf("timeline history: %w", err)
		}
		if n := len(forks); n > 0 && forks[n-1].Timeline >= uint32(timeline) {
			return nil, fmt.Errorf("timeline history: %d does not come after %d", timeline, forks[n-1].Timeline)
		}
		forks = append(forks, fork{Timeline: uint32(timeline), At: at})
	}
	return forks, nil
}

// historyFile is the name of a timeline's history file in pg_wal.
func historyFile(timeline uint32) string { return fmt.Sprintf("%08X.history", timeline) }

// lineage is a timeline and how it came about; forks is nil where that is not known.
type lineage struct {
	timeline uint32
	forks    []fork
}

// readLineage asks a running server, whose timeline it is given.
func readLineage(ctx context.Context, conn *pgx.Conn, timeline uint32) (lineage, error) {
	l := lineage{timeline: timeline}
	if timeline <= 1 {
		return l, nil
	}
	var text string
	if err := conn.QueryRow(ctx, "select pg_read_file('pg_wal/' || $1)", historyFile(timeline)).Scan(&text); err != nil {
		return l, fmt.Errorf("read the history of timeline %d: %w", timeline, err)
	}
	forks, err := parseHistory(text)
	l.forks = forks
	return l, err
}

// excludes says why a node of the lineage own, with WAL up to at, can never follow
// this lineage; nil: as far as its position tells, it can. Timelines are told
// apart by their forks, not by number alone: two nodes that were promoted
// independently have the same number.
func (l lineage) excludes(own lineage, at history.LSN) error {
	forks := l.forks
	if own.timeline != l.timeline {
		i := slices.IndexFunc(l.forks, func(f fork) bool { return f.Timeline == own.timeline })
		if i < 0 {
			return fmt.Errorf("it is on timeline %d, which timeline %d does not come from", own.timeline, l.timeline)
		}
		if at > l.forks[i].At {
			return fmt.Errorf("its own WAL goes to %s, past %s where timeline %d left timeline %d", at, l.forks[i].At, l.timeline, own.timeline)
		}
		forks = l.forks[:i]
	}
	if len(own.forks) > 0 && !slices.Equal(own.forks, forks) {
		return fmt.Errorf("its timeline %d is another one of the same number: it left timeline %d at %s", own.timeline, own.last().Timeline, own.last().At)
	}
	return nil
}

// last is where the lineage's own timeline began.
func (l lineage) last() fork { return l.forks[len(l.forks)-1] }
