package cluster

import (
	"context"
	"io"
	"slices"
	"syscall"

	"pgchaos/record"
)

// Capability is something that a provider's nodes can do, or cannot. Each is an interface
// below, which the hosts of the provider have or have not.
type Capability string

// The capabilities.
const (
	CanRun        Capability = "processes" // Processes
	CanFreeze     Capability = "freeze"    // Freezing
	CanCommand    Capability = "commands"  // Executor or Files
	CanManage     Capability = "manager"   // Managed
	CanReachFiles Capability = "files"     // Files
	CanCutOff     Capability = "network"   // Networked
	CanLimit      Capability = "limits"    // Limited
	CanMeasure    Capability = "usage"     // Measured
	CanFill       Capability = "disk"      // Bounded
	CanLink       Capability = "links"     // Linked or Filtered
	CanShape      Capability = "shaping"   // Linked or Filtered
	CanDelay      Capability = "delay"     // Linked or Filtered
)

// Processes starts and ends the server.
type Processes interface {
	// Start starts the node's main process, and returns once it has been started,
	// not once it serves. Its output is appended to the node's log. An error if one
	// already runs.
	Start(ctx context.Context, argv []string) error
	// Signal sends a signal to the main process alone.
	Signal(ctx context.Context, sig syscall.Signal) error
	// Kill ends every process of the node at once and returns when none is left.
	// No error when none ran.
	Kill(ctx context.Context) error
	// Running tells whether any process of the node is left.
	Running(ctx context.Context) (bool, error)
	// Life is the newest life of the main process; nil before the first Start. It can
	// have begun without Start, where somebody else may start the server again.
	Life() *Life
}

// Freezing stops every process of the node from running, without ending it; Thaw lets them
// go on. Both are idempotent and return when it is so.
type Freezing interface {
	Freeze(ctx context.Context) error
	Thaw(ctx context.Context) error
}

// Files runs programs on the node, and reads and writes its files.
type Files interface {
	// Dir is the node's own directory, as commands run on the host see it. It
	// exists from the beginning, is empty then, and belongs to the user that the
	// server runs as.
	Dir() string
	// Program is the path of one of PostgreSQL's programs, such as "initdb".
	Program(name string) string
	// Listen is where the server is to listen, for its configuration. The host "*" is
	// every address.
	Listen() Address
	// Run runs a command on the host, beside the server or without it, as the user
	// that the server runs as, and waits for it. A non-zero exit is an *ExitError,
	// which carries the end of its standard error.
	Run(ctx context.Context, cmd Command) (Output, error)
	// Put unpacks a tar archive into an existing directory; Get packs a directory
	// (its contents, without its own name) as one. Owners are not kept: everything
	// put belongs to the user that the server runs as. Modes are.
	Put(ctx context.Context, dir string, archive io.Reader) error
	Get(ctx context.Context, dir string) (io.ReadCloser, error)
	// Log is the node's log from a byte offset on.
	Log(ctx context.Context, from int64) ([]byte, error)
}

// Networked cuts the node off from everybody, clients included, without telling anybody:
// nothing answers, and nothing is refused. Both methods are idempotent and return when it
// is so.
type Networked interface {
	Disconnect(ctx context.Context) error
	Connect(ctx context.Context) error
}

// Limited changes what the node may use, while it runs.
type Limited interface {
	Limits(ctx context.Context) (Limits, error)
	SetLimits(ctx context.Context, to Limits) error
}

// Measured tells what all processes of the node use now. CPUPercent counts since the call
// before (0 at the first).
type Measured interface {
	Usage(ctx context.Context) (record.ResourceSample, error)
}

// Bounded tells of the file system that the node's directory is on.
type Bounded interface {
	// DiskSize is its size in bytes where it is the node's alone; 0: it is not.
	DiskSize() int64
}

// capabilities are all of them, in the order in which they are listed: whether a host has
// one, and what cannot be done without it.
var capabilities = []struct {
	name    Capability
	has     func(Host) bool
	without string
}{
	{CanRun, has[Processes], "start, stop or kill its server"},
	{CanFreeze, has[Freezing], "freeze its processes"},
	{CanCommand, func(h Host) bool { return has[Executor](h) || has[Files](h) }, "run commands on it"},
	{CanManage, has[Managed], "ask for a switchover what manages its cluster"},
	{CanReachFiles, has[Files], "run PostgreSQL's programs on it or reach its files"},
	{CanCutOff, has[Networked], "cut it off from the network"},
	{CanLimit, has[Limited], "change what it may use"},
	{CanMeasure, has[Measured], "measure what it uses"},
	{CanFill, has[Bounded], "fill its file system, which is not its own"},
	{CanLink, onLinks, "disturb its links to others"},
	{CanShape, onLinks, "bound what passes its links to others"},
	{CanDelay, onLinks, "delay what passes its links to others"},
}

func onLinks(h Host) bool { return has[Linked](h) || has[Filtered](h) }

func has[T any](h Host) bool {
	_, ok := h.(T)
	return ok
}

// Capabilities are those that a host has.
func Capabilities(h Host) (all []Capability) {
	for _, c := range capabilities {
		if c.has(h) {
			all = append(all, c.name)
		}
	}
	return all
}

// AllCapabilities are all that there are.
func AllCapabilities() (all []Capability) {
	for _, c := range capabilities {
		all = append(all, c.name)
	}
	return all
}

// LacksError is the error of an operation that needs a capability which the node's provider
// does not have.
type LacksError struct{ Lacks Capability }

func (e *LacksError) Error() string {
	what := "do this"
	for _, c := range capabilities {
		if c.name == e.Lacks {
			what = c.without
		}
	}
	return "pgchaos cannot " + what + ": the provider of this node lacks the capability \"" + string(e.Lacks) + "\"; use a provider that has it ('pgchaos providers' lists them)"
}

// Can is a LacksError where the node's host does not have a capability.
func (n *Node) Can(c Capability) error {
	host, err := n.machine()
	if err == nil && !slices.Contains(Capabilities(host), c) {
		err = &LacksError{c}
	}
	return err
}

// capable is the host's part that has a capability, or a LacksError.
func capable[T any](n *Node, c Capability) (part T, err error) {
	host, err := n.machine()
	if err != nil {
		return part, err
	}
	part, ok := host.(T)
	if !ok {
		return part, &LacksError{c}
	}
	return part, nil
}

func (n *Node) processes() (Processes, error) { return capable[Processes](n, CanRun) }
func (n *Node) freezing() (Freezing, error)   { return capable[Freezing](n, CanFreeze) }
func (n *Node) files() (Files, error)         { return capable[Files](n, CanReachFiles) }
func (n *Node) networked() (Networked, error) { return capable[Networked](n, CanCutOff) }
func (n *Node) managed() (Managed, error)     { return capable[Managed](n, CanManage) }
func (n *Node) limited() (Limited, error)     { return capable[Limited](n, CanLimit) }
func (n *Node) measured() (Measured, error)   { return capable[Measured](n, CanMeasure) }
func (n *Node) linked() (Linked, error)       { return capable[Linked](n, CanLink) }
