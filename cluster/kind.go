package cluster

import (
	"context"
	"errors"
)

// Kind is one provider, before anything of it is made: an entry of the table of providers.
type Kind struct {
	Description
	// Open prepares a run. Nothing is left behind by an error. One that the user can mend
	// with another experiment or another flag is a *UsageError.
	Open func(ctx context.Context, o OpenOptions) (Opened, error)
	// Programs finds the server's programs in a directory ("": the newest installed) and of a
	// major version (0: of any), where they are at hand before a run is opened; nil: they are not.
	Programs func(ctx context.Context, dir string, major int) (Programs, error)
	// Leftovers finds what earlier runs have left, and says in words where it looked. Where
	// an error is expected on many machines, where says so; with an *UnreachableError the
	// runs of other providers can be looked for all the same.
	Leftovers func(ctx context.Context) (found []Leftover, where string, err error)
}

// OpenOptions are what a run is opened with.
type OpenOptions struct {
	Run        string // the run's id
	Experiment string // the experiment's name, for a person who finds the run later
	Results    string // the run's result directory, for `pgchaos clean`
	BinDir     string // where the server's programs are; "": the provider chooses
	Major      int    // the wanted major version; 0: the newest
	Containers Containers
	Existing   Existing
	// Links are the links that faults of the run disturb. A provider whose nodes are Linked has relays on them.
	Links []Link
	// Needs are the capabilities that steps of the run need. A provider refuses one that its description has, and
	// that the machine turns out not to have.
	Needs []Capability
	// Progress receives the progress of an image's download, in bytes; it may be nil.
	Progress func(image string, done, total int64)
}

// Containers are how a provider makes containers, if it does. What is zero is the provider's choice.
type Containers struct {
	Image      string
	ExactNames bool           // containers are called as their nodes are
	Network    string         // a name
	Subnet     string         // such as 172.28.0.0/16
	Ports      map[string]int // of this machine, by node
	Restart    string         // restart policy
	Limits     Limits         // of each node
	Disk       int64          // the size of a file system for each node, in memory; 0: none is made
}

// Opened is a provider for one run.
type Opened struct {
	Provider
	// Bin is where the server's programs are, for a person.
	Bin string
	// Programs are the server's, where they were not at hand before; nil: they were.
	Programs Programs
}

// Programs are PostgreSQL's server programs of one version.
type Programs interface {
	// TryConfs has the server program read texts of postgresql.conf, without starting, and
	// returns what it says against each; "" is nothing. An error means that nothing can be
	// said about any of them.
	TryConfs(ctx context.Context, confs []string) ([]string, error)
	// SettingNames are the parameters that the server program describes: nearly all.
	SettingNames(ctx context.Context) ([]string, error)
}

// UsageError is an error of Open that the user can mend. Nothing was made.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// UnreachableError is an error of Leftovers which says that the provider's machine could not be
// asked, as on most machines that do not use the provider.
type UnreachableError struct{ Err error }

func (e *UnreachableError) Error() string { return e.Err.Error() }
func (e *UnreachableError) Unwrap() error { return e.Err }

// Leftover is something that an earlier run has left.
type Leftover struct {
	Run       string
	Doubt     string // why it may be no run at all, and is never touched
	Alive     bool   // its pgchaos runs
	Kept      bool   // it was left on purpose
	Borrowed  bool   // its servers were there before the run, and stay
	Elsewhere string // the other machine of its pgchaos, which may run there; "": this one
	What      string // what is left, for a person: "3 processes"
	Results   string // its result directory on this machine; "": not known
	// Nodes finds its nodes, to take back what was done to them.
	Nodes func(ctx context.Context) (LeftNodes, error)
	// Claim takes the run for this pgchaos until release, so that no other cleans it meanwhile; ErrClaimed: one does, or has just done it. Nil:
	// Remove does that.
	Claim func() (release func(), err error)
	// Remove ends its processes and deletes its files.
	Remove func(ctx context.Context) error
	// BringBack says how a person gets a node to answer again; onlyToRead, without letting
	// it accept writes. Bin is that of Opened. "": nothing is left of the node.
	BringBack func(node, bin string, onlyToRead bool) string
}

// ErrClaimed is that another pgchaos cleans a run.
var ErrClaimed = errors.New("another clean is at work on it, or has just removed it")

// LeftNodes are the nodes of a run whose pgchaos is gone.
type LeftNodes interface {
	// Host is what can still be done to a node, as capabilities; nil: the run has no such node.
	Host(node string) any
	Close() error
}
