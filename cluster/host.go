// Package cluster is a replicated PostgreSQL cluster: its nodes and their life
// cycle (initialise, clone, promote, follow, rewind, configure), written once
// over Host. What PostgreSQL runs on, a provider decides.
package cluster

import (
	"bytes"
	"context"
	"io"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Host is one node of a provider. What it can do beside being connected to, it says by
// the interfaces that it has: see Capability. It knows nothing of PostgreSQL beyond where
// its programs are.
type Host interface {
	// Name is the node's name.
	Name() string
	// Address is where the server is reached from there; zero where it is not reached
	// at all. It is known before the server runs, and does not change as long as pgchaos runs.
	Address(from Vantage) Address
}

// Provider makes hosts and removes them.
type Provider interface {
	// Describe is what the provider says about itself.
	Describe() Description
	// Host makes one more node.
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
	FromPgchaos Origin = iota + 1 // pgchaos itself
	FromNode                      // a node's programs, and its server where it is a standby
	FromServer                    // programs among the server's own processes
	FromClients                   // the clients of the load, on pgchaos's machine
)

// Command is a program to run on a host.
type Command struct {
	Argv  []string
	Env   []string // beside a minimal environment, such as "PGPASSWORD=..."
	Stdin io.Reader
	// Template is how a user's own program runs it on the machine of a node of an existing cluster; "": as all commands there.
	Template string
	// Keep bounds what is kept of each stream, in bytes from its beginning; 0: all.
	Keep int
}

// WithEnv is the command with its environment, as arguments of env.
func (c Command) WithEnv() []string {
	if len(c.Env) == 0 {
		return c.Argv
	}
	return slices.Concat([]string{"env"}, c.Env, c.Argv)
}

// Sink keeps what a command writes to one stream, as much as is to be kept of it.
type Sink struct {
	// It is no part of Sink's own methods: io.Copy would find its ReadFrom, which knows no bound.
	kept bytes.Buffer
	most int
}

// Sink is a new one for one of the command's streams.
func (c Command) Sink() *Sink { return &Sink{most: c.Keep} }

func (s *Sink) Write(p []byte) (int, error) {
	fits := len(p)
	if s.most > 0 {
		fits = min(fits, s.most-s.kept.Len())
	}
	s.kept.Write(p[:fits])
	return len(p), nil
}

// String is what was kept.
func (s *Sink) String() string { return s.kept.String() }

// Output is what a command wrote.
type Output struct {
	Stdout, Stderr string
	// Held says that the command has ended, and a process that it left in the background holds its output. What that writes later is lost.
	// An engine that does not tell leaves it false.
	Held bool
}

// ExitError is a command that ran and did not succeed.
type ExitError struct {
	Argv   []string
	Status string // "exit status 1", "signal: killed"
	// Code is the exit status, or what a shell makes of the signal that ended the command:
	// 128 and its number.
	Code   int
	Stderr string // its Complaint
}

// Exited is the error of a command of this machine that ran and did not succeed.
func Exited(exit *exec.ExitError, argv []string, stderr string) *ExitError {
	code := exit.ExitCode()
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		code = 128 + int(status.Signal())
	}
	return &ExitError{Argv: argv, Status: exit.String(), Code: code, Stderr: Complaint(stderr)}
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
