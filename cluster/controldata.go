package cluster

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"pgchaos/record"
)

// controlData is what the data directory of a server that does not run says of itself.
type controlData struct {
	system     string
	state      string        // "shut down", "in production", "shut down in recovery", ...
	timeline   uint32        // the newest that it has been on
	checkpoint record.LSN    // where its last checkpoint record begins
	forks      []record.Fork // how that timeline came about, where the directory knows
}

// primary tells whether the server last ran as a primary.
func (o controlData) primary() bool { return o.state == "shut down" || o.state == "in production" }

// certain tells whether the data directory says all by itself, so that what judge has made
// of it is certain: a primary that has shut down names the end of its WAL in its last
// checkpoint, and a standby on line's own timeline has nothing that does not come from
// there. Where a server was killed, or a standby's timeline ends, the WAL alone tells.
func (o controlData) certain(line record.Lineage) bool {
	standby := o.state == "shut down in recovery" || o.state == "in archive recovery"
	return o.state == "shut down" || standby && o.timeline == line.Timeline
}

// readControlData reads pg_control and the names of the WAL segments. Both are needed:
// pg_control does not yet know of a timeline that a standby has followed without a
// restart point since. A history file alone tells nothing: a standby fetches it
// before it knows whether it can go that way.
func (n *Node) readControlData(ctx context.Context) (controlData, error) {
	text, err := n.output(ctx, nil, n.program("pg_controldata"), "-D", n.dataDir())
	if err != nil {
		return controlData{}, err
	}
	o, err := parseControl(text)
	if err != nil {
		return o, err
	}
	list, err := n.output(ctx, nil, "ls", path.Join(n.dataDir(), "pg_wal"))
	if err != nil {
		return o, err
	}
	files := strings.Fields(list)
	for _, name := range files {
		if len(name) != 24 {
			continue // no segment, but a history file, a .partial or a directory
		}
		if timeline, err := strconv.ParseUint(name[:8], 16, 32); err == nil {
			o.timeline = max(o.timeline, uint32(timeline))
		}
	}
	if !slices.Contains(files, historyFile(o.timeline)) {
		return o, nil
	}
	text, err = n.output(ctx, nil, "cat", path.Join(n.dataDir(), "pg_wal", historyFile(o.timeline)))
	if err != nil {
		return o, err
	}
	o.forks, err = parseHistory(text)
	return o, err
}

// parseControl reads the output of pg_controldata in the C locale.
func parseControl(text string) (controlData, error) {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			values[key] = strings.TrimSpace(value)
		}
	}
	o := controlData{system: values["Database system identifier"], state: values["Database cluster state"]}
	for _, key := range []string{"Latest checkpoint's TimeLineID", "Min recovery ending loc's timeline"} {
		timeline, err := strconv.ParseUint(values[key], 10, 32)
		if err != nil {
			return o, fmt.Errorf("pg_controldata: %s: %q is no timeline", key, values[key])
		}
		o.timeline = max(o.timeline, uint32(timeline))
	}
	checkpoint, err := record.ParseLSN(values["Latest checkpoint location"])
	if err != nil {
		return o, fmt.Errorf("pg_controldata: latest checkpoint location: %w", err)
	}
	o.checkpoint = checkpoint
	if o.system == "" || o.state == "" {
		return o, fmt.Errorf("pg_controldata: no system identifier or no state in its output")
	}
	return o, nil
}

// impossible says which ways of rejoining cannot work, and why. Nil: it may.
type impossible struct{ restart, rewind error }

// judge tells beforehand what cannot work, where the data directory proves it.
// Beyond saving time this is needed for safety: two nodes that were promoted
// independently have timelines of the same number, by which both a standby and
// pg_rewind would take them for one.
func (o controlData) judge(up record.NodeState, line record.Lineage, readErr error) impossible {
	if readErr != nil {
		return impossible{readErr, readErr}
	}
	if o.system != up.SystemID {
		err := fmt.Errorf("it is database system %s, and %s is %s", o.system, up.Node, up.SystemID)
		return impossible{err, err}
	}
	if o.timeline == line.Timeline && (o.primary() || !slices.Equal(o.forks, line.Forks)) {
		err := fmt.Errorf("it and %s have each been on a timeline %d of their own", up.Node, line.Timeline)
		return impossible{err, err}
	}
	// A checkpoint record that begins where the fork is lies past it.
	return impossible{restart: excludes(line, record.Lineage{Timeline: o.timeline, Forks: o.forks}, o.checkpoint+1)}
}
