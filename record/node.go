package record

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// LSN is a position in the write-ahead log, in bytes. Positions on different
// timelines must not be compared past the fork.
type LSN uint64

// ParseLSN reads PostgreSQL's own form, such as "16/B374D848".
func ParseLSN(s string) (LSN, error) {
	left, right, ok := strings.Cut(s, "/")
	high, err1 := strconv.ParseUint(left, 16, 32)
	low, err2 := strconv.ParseUint(right, 16, 32)
	if !ok || err1 != nil || err2 != nil {
		return 0, fmt.Errorf("LSN %q: not of the form 0/16B3748", s)
	}
	return LSN(high<<32 | low), nil
}

func (l LSN) String() string { return fmt.Sprintf("%X/%X", uint32(l>>32), uint32(l)) }

// MarshalText writes PostgreSQL's own form.
func (l LSN) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads PostgreSQL's own form.
func (l *LSN) UnmarshalText(text []byte) error {
	v, err := ParseLSN(string(text))
	*l = v
	return err
}

// Role is what a node is at the moment. The zero value means unknown.
type Role string

// The roles a server can have, and RoleDown for one that does not run.
const (
	RolePrimary Role = "primary" // not in recovery: it accepts writes
	RoleStandby Role = "standby" // in recovery
	RoleDown    Role = "down"    // certainly not running; an unreachable node has the zero Role
)

// NodeState is what one node said of itself at one moment.
type NodeState struct {
	Node string        `json:"node"`
	At   time.Duration `json:"at_ns"`
	// Asked is when the node was asked: what it says was so at some moment between that
	// and At. 0: not known.
	Asked time.Duration `json:"asked_ns,omitempty"`
	// Failed is when the attempt to read the node had failed: until then it may have been well. 0: it did not fail, or that is not known.
	Failed    time.Duration `json:"failed_ns,omitempty"`
	Reachable bool          `json:"reachable"`
	Error     string        `json:"error,omitempty"` // why it could not be read
	Role      Role          `json:"role,omitempty"`
	Timeline  uint32        `json:"timeline,omitempty"`
	SystemID  string        `json:"system_id,omitempty"`
	Version   string        `json:"version,omitempty"` // server_version
	// ServerStarted and CheckpointerStarted are by the node's own clock. The server
	// ends its checkpointer only with itself, or when another of its processes has
	// crashed, for then it restarts them all and recovers.
	ServerStarted       time.Time `json:"server_started,omitzero"`
	CheckpointerStarted time.Time `json:"checkpointer_started,omitzero"`
	// Redo is where the newest checkpoint began (pg_control_checkpoint().redo_lsn). In
	// the first reading after a recovery from a crash it is the end of the WAL that was
	// recovered, for the server ends its recovery with a checkpoint: what had been
	// acknowledged past it is gone. 0 where it was not read.
	Redo LSN `json:"redo_lsn,omitempty"`
	// LSN is the current write position of a primary, the replay position of a standby.
	LSN      LSN `json:"lsn,omitempty"`
	Received LSN `json:"received_lsn,omitempty"` // standby: how far WAL was received and flushed
	// Streaming is set on a standby whose WAL receiver says "streaming".
	Streaming    bool `json:"streaming,omitempty"`
	ReplayPaused bool `json:"replay_paused,omitempty"`
	// Writable is set where new sessions of the load are certain to be let write: on a
	// primary whose default_transaction_read_only is off for them. In older results it
	// is set nowhere.
	Writable bool `json:"writable,omitempty"`
	// SyncCommit is the synchronous_commit of new sessions of the load.
	SyncCommit string `json:"synchronous_commit,omitempty"`
	// CommitOfRole tells that they have it from the role or the database ("alter role ... set"). Sessions that had begun before keep theirs
	// then, where a change of the configuration reaches them, too.
	CommitOfRole bool   `json:"synchronous_commit_of_role,omitempty"`
	SyncNames    string `json:"synchronous_standby_names,omitempty"`
	// SyncWaiters counts the backends that wait in SyncRepWaitForLSN.
	SyncWaiters int `json:"sync_waiters,omitempty"`
	// Connections counts the client backends without the one that reads. 0 also in older results.
	Connections int            `json:"connections,omitempty"`
	Standbys    []StandbyState `json:"standbys,omitempty"` // its pg_stat_replication
}

// CrashedSince tells whether the server has restarted all of its processes since it
// was in an earlier state, because one of them had crashed.
func (s NodeState) CrashedSince(earlier NodeState) bool {
	return s.ServerStarted.Equal(earlier.ServerStarted) && !earlier.CheckpointerStarted.IsZero() &&
		s.CheckpointerStarted.After(earlier.CheckpointerStarted)
}

// RestartedSince tells whether the server was started again since it was in an earlier state.
func (s NodeState) RestartedSince(earlier NodeState) bool {
	return !earlier.ServerStarted.IsZero() && !s.ServerStarted.IsZero() && !s.ServerStarted.Equal(earlier.ServerStarted)
}

// PromotedSince tells whether the node was promoted since it was in an earlier state: its server left the recovery
// without a restart, or it is a primary on a newer timeline. A former primary that came back by itself is on the
// timeline that it had, and so is a standby that was started as a primary.
func (s NodeState) PromotedSince(earlier NodeState) bool {
	if !s.AcceptsWrites() || !earlier.Reachable {
		return false
	}
	return earlier.Role == RoleStandby && s.ServerStarted.Equal(earlier.ServerStarted) || earlier.Timeline > 0 && s.Timeline > earlier.Timeline
}

// StandbyState is one line of pg_stat_replication, as a primary (or a cascading
// standby) sees a downstream node.
type StandbyState struct {
	Name      string `json:"name"`                  // application_name: the node's name
	Address   string `json:"client_addr,omitempty"` // where it connects from; "": by a socket, or not known
	State     string `json:"state"`                 // streaming, catchup, startup, backup
	SyncState string `json:"sync_state"`
	Sent      LSN    `json:"sent_lsn,omitempty"`
	Flush     LSN    `json:"flush_lsn,omitempty"`
	Replay    LSN    `json:"replay_lsn,omitempty"`
	// ReplayLag is the server's replay_lag: how long the standby took until it had replayed the newest WAL
	// that it has reported. It does not grow while the standby reports nothing. 0: not known.
	ReplayLag time.Duration `json:"replay_lag_ns,omitempty"`
}

// NodeSeries is a node through the run, at a steady pace. What it used of its machine is in the ResourceSamples.
type NodeSeries struct {
	Node    string        `json:"node"`
	Step    time.Duration `json:"step_ns"` // the pace; a long run has a slower one
	Samples []NodeSample  `json:"samples"`
}

// NodeSample is a node at one moment. Where Role is empty the node did not answer, and what it says of itself
// is not known; its SyncState and lag are what the node that it streams from says. A nil pointer is not known.
type NodeSample struct {
	At       time.Duration `json:"at_ns"`
	Role     Role          `json:"role,omitempty"`
	Timeline uint32        `json:"timeline,omitempty"`
	LSN      LSN           `json:"lsn,omitempty"` // as in NodeState
	Received LSN           `json:"received_lsn,omitempty"`
	// SyncState is of a standby that is connected: async, potential, sync, quorum.
	SyncState string `json:"sync_state,omitempty"`
	// LagBytes is how much WAL of the primary the standby has not replayed, and Lag for how long at least it has
	// been without the oldest of it. Where the step is longer than a second these two, SyncWaiters and
	// Connections are the greatest in it, and the rest is as of its end.
	LagBytes    *int64         `json:"replay_lag_bytes,omitempty"`
	Lag         *time.Duration `json:"replay_lag_ns,omitempty"`
	SyncWaiters int            `json:"sync_waiters,omitempty"`
	Connections int            `json:"connections,omitempty"`
}

// ResourceSample is what one node used of its machine at one moment: the columns of
// `docker stats`. A nil pointer is a figure that the provider cannot give.
type ResourceSample struct {
	Node        string        `json:"node"`
	At          time.Duration `json:"at_ns"`
	CPUPercent  float64       `json:"cpu_percent"` // of one core, since the sample before
	MemoryBytes uint64        `json:"memory_bytes"`
	MemoryLimit *uint64       `json:"memory_limit_bytes,omitempty"`
	NetIn       *uint64       `json:"net_in_bytes,omitempty"` // all byte counts are totals since the node's start
	NetOut      *uint64       `json:"net_out_bytes,omitempty"`
	BlockIn     *uint64       `json:"block_in_bytes,omitempty"`
	BlockOut    *uint64       `json:"block_out_bytes,omitempty"`
	Processes   int           `json:"processes"`
}

// AcceptsWrites tells whether the node is known to accept writes.
func (s NodeState) AcceptsWrites() bool { return s.Reachable && s.Role == RolePrimary }

// Unread tells whether nothing is known of the node: it may run, and could not be read.
func (s NodeState) Unread() bool { return !s.Reachable && s.Role != RoleDown }
