// Package cluster is a replicated PostgreSQL cluster: its nodes and their life
// cycle (initialise, clone, promote, follow, rewind, configure), written once
// over Host. What PostgreSQL runs on, a provider decides.
package cluster

import (
	"bytes"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"

	"pgchaos/record"
)

// Host is the machine room of one node. It knows processes, files and addresses,
// and nothing of PostgreSQL beyond where its programs are.
type Host interface {
	// Name is the node's name.
	Name() string
	// Dir is the node's own directory, as commands run on the host see it. It
	// exists from the beginning, is empty then, and belongs to the user that the
	// server runs as.
	Dir() string
	// Program is the path of one of PostgreSQL's programs, such as "initdb".
	Program(name string) string

	// Address is where the server is reached from there; zero where it is not reached
	// at all. It is known before the server runs, and never changes.
	Address(from Vantage) Address
	// Listen is where the server is to listen, for its configuration. The host "*" is
	// every address.
	Listen() Address

	// Start starts the node's main process, and returns once it has been started,
	// not once it serves. Its output is appended to the node's log. An error if one
	// already runs.
	Start(ctx context.Context, argv []string) error
	// Signal sends a signal to the main process alone.
	Signal(ctx context.Context, sig syscall.Signal) error
	// Kill ends every process of the node at once and returns when none is left.
	// No error when none ran.
	Kill(ctx context.Context) error
	// Freeze stops every process of the node from running, without ending it; Thaw
	// lets them go on. Both are idempotent and return when it is so.
	Freeze(ctx context.Context) error
	Thaw(ctx context.Context) error
	// Running tells whether any process of the node is left.
	Running(ctx context.Context) (bool, error)
	// Life is the newest life of the main process; nil before the first Start. It can
	// have begun without Start, where somebody else may start the server again.
	Life() *Life

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

	// ResourceSample is what all processes of the node use now. CPUPercent counts since the
	// call before (0 at the first).
	Usage(ctx context.Context) (record.ResourceSample, error)
}

// Provider makes hosts and removes them.
type Provider interface {
	// Host makes room for one more node.
	Host(ctx context.Context, name string) (Host, error)
	// Keep leaves everything as it is when pgchaos ends, for `pgchaos clean RUN` to remove.
	Keep() error
	// Remove ends every process and deletes every file of the run. It is idempotent,
	// and returns an error that names whatever is left.
	Remove(ctx context.Context) error
}

// Address is a TCP address.
type Address struct {
	Host string `json:"host"`
	Port int    `json:"port"`
}

func (a Address) String() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// Vantage is from where a server is connected to: it can have another address for each.
// The zero Vantage is nowhere.
type Vantage struct {
	From Origin
	Node string // with FromNode: which one
}

// Origin is a kind of Vantage.
type Origin int

// The origins.
const (
	FromPgchaos Origin = iota + 1 // pgchaos's own machine, with the clients of the load
	FromNode                      // a node's programs, and its server where it is a standby
	FromServer                    // programs among the server's own processes
)

// Command is a program to run on a host.
type Command struct {
	Argv  []string
	Env   []string // beside a minimal environment, such as "PGPASSWORD=..."
	Stdin io.Reader
	// Keep bounds what is kept of each stream, in bytes from its beginning; 0: all.
	Keep int
}

// Sink keeps what a command writes to one stream, as much as is to be kept of it.
type Sink struct {
	bytes.Buffer
	most int
}

// Sink is a new one for one of the command's streams.
func (c Command) Sink() *Sink { return &Sink{most: c.Keep} }

func (s *Sink) Write(p []byte) (int, error) {
	room := len(p)
	if s.most > 0 {
		room = min(room, s.most-s.Len())
	}
	s.Buffer.Write(p[:room])
	return len(p), nil
}

// Output is what a command wrote.
type Output struct{ Stdout, Stderr string }

// ExitError is a command that ran and did not succeed.
type ExitError struct {
	Argv   []string
	Status string // "exit status 1", "signal: killed"
	// Code is the exit status, or what a shell makes of the signal that ended the command:
	// 128 and its number.
	Code   int
	Stderr string // its Complaint
}

// Complaint is the end of what a command wrote to its standard error, from the
// beginning of a line if it must be cut.
func Complaint(stderr string) string {
	const most = 2048
	text := strings.TrimSpace(stderr)
	if len(text) <= most {
		return text
	}
	text = text[len(text)-most:]
	if _, rest, ok := strings.Cut(text, "\n"); ok {
		text = rest
	}
	return strings.ToValidUTF8(text, "")
}

func (e *ExitError) Error() string {
	msg := e.Argv[0] + ": " + e.Status
	if e.Stderr != "" {
		msg += ": " + e.Stderr
	}
	return msg
}
