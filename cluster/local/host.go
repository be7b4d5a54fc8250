package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"pgchaos/cluster"
)

// host is one node: a directory, a port, and the processes in it.
type host struct {
	provider *Provider
	name     string
	dir      string
	log      string
	address  cluster.Address
	relays   *relays // on the links to it

	mu     sync.Mutex // held while the main process is started or moved
	main   *mainProcess
	limits []limit // those in force

	usage usage
}

// What a node of this provider can do.
var _ interface {
	cluster.Host
	cluster.Processes
	cluster.Freezing
	cluster.Limited
	cluster.Files
	cluster.Measured
	cluster.Linked
} = (*host)(nil)

// mainProcess is one life of the node's main process.
type mainProcess struct {
	*cluster.Life // it ends when the process has been waited for
	identity
	handle *os.Process
}

func (h *host) Name() string               { return h.name }
func (h *host) Dir() string                { return h.dir }
func (h *host) Program(name string) string { return filepath.Join(h.provider.install.BinDir, name) }

// Address is that of a relay where one is on the way from there, and else of the server: all are on this machine.
func (h *host) Address(from cluster.Vantage) cluster.Address {
	if at, ok := h.relays.address(from); ok {
		return at
	}
	return h.address
}

// Listen is the server's address.
func (h *host) Listen() cluster.Address { return h.address }

// newest is the main process started last, nil before the first.
func (h *host) newest() *mainProcess {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.main
}

// running is the main process, nil when none runs.
func (h *host) running() *mainProcess {
	m := h.newest()
	if m == nil || m.Over() {
		return nil
	}
	return m
}

// Start starts the main process in the node's directory. It does not end with the
// context, nor with pgchaos. After an error nothing runs.
func (h *host) Start(ctx context.Context, argv []string) error {
	if len(argv) == 0 {
		return fmt.Errorf("start %s: no command", h.name)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("start %s: %w", h.name, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.main != nil && !h.main.Over() {
		return fmt.Errorf("start %s: it runs already, as process %d", h.name, h.main.pid)
	}
	output, err := os.OpenFile(h.log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: open its log: %w", h.name, err)
	}
	defer func() { _ = output.Close() }() // the server has its own
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = h.dir, h.provider.environment(h.dir)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = h.provider.owner.attributes()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", h.name, err)
	}
	// Nobody has waited for it yet, so that the number is still its own.
	id, known := identityOf(cmd.Process.Pid)
	m := &mainProcess{identity: id, handle: cmd.Process, Life: cluster.NewLife()}
	go func() {
		err := cmd.Wait()
		status := "unknown"
		if cmd.ProcessState != nil {
			status = cmd.ProcessState.String()
		} else if err != nil {
			status += ": " + err.Error()
		}
		m.End(status, time.Now())
	}()
	before := h.main
	if h.main = m; known {
		err = errors.Join(h.provider.note(h.name, id), h.join(ctx))
	} else {
		err = errors.New("it is not in the process table")
	}
	if err != nil {
		h.main = before
		err = errors.Join(err, cmd.Process.Kill())
		<-m.Ended()
		return fmt.Errorf("start %s: %w", h.name, err)
	}
	return nil
}

// Signal sends a signal to the main process; an error that is os.ErrProcessDone
// when none runs. On a frozen node a signal other than SIGKILL waits for Thaw.
func (h *host) Signal(_ context.Context, sig syscall.Signal) error {
	m, err := h.running(), os.ErrProcessDone
	if m != nil {
		err = m.handle.Signal(sig)
	}
	if err != nil {
		return fmt.Errorf("send %v to %s: %w", sig, h.name, err)
	}
	return nil
}

// Life is the newest life of the main process.
func (h *host) Life() *cluster.Life {
	if m := h.newest(); m != nil {
		return m.Life
	}
	return nil
}

// logLimit bounds what Log reads of a server that floods its log, in bytes.
const logLimit = 16 << 20

// Log reads what servers wrote to their standard output and error, from an offset
// in bytes on, at most the last 16 MiB. Before the first Start, and past the end, there is nothing.
func (h *host) Log(_ context.Context, from int64) ([]byte, error) {
	f, err := os.Open(h.log)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", h.name, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err == nil {
		from = max(from, info.Size()-logLimit)
		_, err = f.Seek(from, io.SeekStart)
	}
	if err != nil {
		return nil, fmt.Errorf("read the log of %s from byte %d: %w", h.name, from, err)
	}
	data, err := io.ReadAll(io.LimitReader(f, logLimit))
	if err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", h.name, err)
	}
	return data, nil
}
