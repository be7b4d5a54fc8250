package cluster

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster/probe"
	"pgchaos/record"
)

// parseHistory reads a timeline history file: lines of a timeline, the position
// where it was left, and a reason, oldest first; # begins a comment
// (src/backend/access/transam/timeline.c).
func parseHistory(text string) ([]record.Fork, error) {
	var forks []record.Fork
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
		at, err := record.ParseLSN(fields[1])
		if err != nil {
			return nil, fmt.Errorf("timeline history: %w", err)
		}
		if n := len(forks); n > 0 && forks[n-1].Timeline >= uint32(timeline) {
			return nil, fmt.Errorf("timeline history: %d does not come after %d", timeline, forks[n-1].Timeline)
		}
		forks = append(forks, record.Fork{Timeline: uint32(timeline), At: at})
	}
	return forks, nil
}

// historyFile is the name of a timeline's history file in pg_wal.
func historyFile(timeline uint32) string { return fmt.Sprintf("%08X.history", timeline) }

// readLineage asks a running server, whose timeline it is given.
func readLineage(ctx context.Context, conn *pgx.Conn, timeline uint32) (record.Lineage, error) {
	l := record.Lineage{Timeline: timeline}
	if timeline <= 1 {
		return l, nil
	}
	var text string
	if err := conn.QueryRow(ctx, "select pg_catalog.pg_read_file('pg_wal/' || $1)", historyFile(timeline)).Scan(&text); err != nil {
		return record.Lineage{}, fmt.Errorf("read the history of timeline %d: %w", timeline, err)
	}
	forks, err := parseHistory(text)
	l.Forks = forks
	return l, err
}

// Lineage asks the running server at the other end of conn, a superuser's, for the
// timeline that it is on and how that came about.
func Lineage(ctx context.Context, conn *pgx.Conn, node string) (record.Lineage, error) {
	state, err := probe.Read(ctx, conn, node, "") // whose load it has does not matter
	if err != nil {
		return record.Lineage{}, err
	}
	return readLineage(ctx, conn, state.Timeline)
}

// excludes says why a node of the lineage own, with WAL up to at, can never follow
// the lineage line; nil: as far as its position tells, it can. Timelines differ
// by their forks, not by number alone: two nodes that were promoted
// independently have the same number.
func excludes(line, own record.Lineage, at record.LSN) error {
	if own.Timeline == 0 || line.Timeline == 0 {
		return nil // a role that lacks rights does not see them
	}
	forks := line.Forks
	if own.Timeline != line.Timeline {
		i := slices.IndexFunc(line.Forks, func(f record.Fork) bool { return f.Timeline == own.Timeline })
		if i < 0 {
			return fmt.Errorf("it is on timeline %d, which timeline %d does not come from", own.Timeline, line.Timeline)
		}
		if at > line.Forks[i].At {
			return fmt.Errorf("its own WAL goes to %s, past %s where timeline %d left timeline %d", at, line.Forks[i].At, line.Timeline, own.Timeline)
		}
		forks = line.Forks[:i]
	}
	if len(own.Forks) > 0 && !slices.Equal(own.Forks, forks) {
		last := own.Forks[len(own.Forks)-1]
		return fmt.Errorf("its timeline %d is another one of the same number: it left timeline %d at %s", own.Timeline, last.Timeline, last.At)
	}
	return nil
}
