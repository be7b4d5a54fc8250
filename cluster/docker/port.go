package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"golang.org/x/sys/unix"
)

const (
	loopback   = "127.0.0.1"
	serverPort = 5432 // inside
)

// The ports to choose from lie below the range from which systems give ports to
// outgoing connections. The engine would choose a new one at every start of the
// container, and clients could not find a restarted node.
const (
	firstPort = 26000 // nodes that are processes have those below (package local)
	lastPort  = 28999
)

// choosePort finds a port for a node that is free, as far as can be seen, and
// promised to no node of any run on the engine, and keeps it free until the first
// start. The caller holds p.mu.
func (p *Provider) choosePort(node string) (int, *reservation, error) {
	here := p.engine.clientHost() == loopback
	if port := p.options.Ports[node]; port != 0 {
		p.ports[port] = true
		if !here {
			return port, nil, nil
		}
		held, err := reserveAsked(port)
		if err != nil {
			return 0, nil, fmt.Errorf("port %d, which cluster.docker.ports gives it: %w; name another, or leave it out", port, err)
		}
		return port, held, nil
	}
	promised, err := p.engine.promisedPorts(p.ctx)
	if err != nil {
		return 0, nil, err
	}
	for _, port := range p.options.Ports {
		promised[port] = true
	}
	maps.Copy(promised, p.ports)
	reserve := reserve
	if !here { // what is taken there cannot be seen from here
		reserve = func(int) (*reservation, error) { return nil, nil }
	}
	port, held, err := drawPort(func() int { return firstPort + rand.IntN(lastPort-firstPort+1) }, promised, reserve)
	if err != nil {
		return 0, nil, err
	}
	p.ports[port] = true
	return port, held, nil
}

// drawPort draws until a port can be reserved.
func drawPort(draw func() int, promised map[int]bool, reserve func(int) (*reservation, error)) (int, *reservation, error) {
	last := errors.New("all are promised")
	for range 200 {
		port := draw()
		if promised[port] {
			continue
		}
		held, err := reserve(port)
		if err == nil {
			return port, held, nil
		}
		if last = err; !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EACCES) {
			break
		}
	}
	return 0, nil, fmt.Errorf("find a free port from %d to %d: %w", firstPort, lastPort, last)
}

// reservation keeps a port from everybody else. The clients know the node's port
// before the server runs, and a standby can be made a long time before it is
// started: somebody else could have taken the port until then.
type reservation struct {
	socket int
	once   sync.Once
}

// reserve binds a port and does not listen on it: connections are refused, as by a
// node that is down. It does not ask for SO_REUSEADDR, with which others could
// bind it, too.
func reserve(port int) (*reservation, error) {
	syscall.ForkLock.RLock()
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(socket)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Bind(socket, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return nil, errors.Join(os.NewSyscallError("bind", err), unix.Close(socket))
	}
	return &reservation{socket: socket}, nil
}

// reserveAsked reserves a port that the user has chosen. One on which connections of
// the run before still wait for their end can be listened on, and not reserved: that
// is no reason to refuse it.
func reserveAsked(port int) (*reservation, error) {
	if err := tryPort(port); err != nil {
		return nil, err
	}
	held, err := reserve(port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, nil
	}
	return held, err
}

// release leaves the port to the engine. A nil reservation holds nothing.
func (r *reservation) release() {
	if r != nil {
		r.once.Do(func() { _ = unix.Close(r.socket) }) // of a socket that nothing was written to
	}
}

// tryPort listens on a port for a moment.
func tryPort(port int) error {
	l, err := net.Listen("tcp4", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}

// promisedPorts are those of all nodes on the engine, whether they run or not.
func (e *engine) promisedPorts(ctx context.Context) (map[int]bool, error) {
	list, err := e.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", labelPort))})
	if err != nil {
		return nil, e.explain("list the ports of other runs", err)
	}
	promised := map[int]bool{}
	for _, c := range list {
		if port, err := strconv.Atoi(c.Labels[labelPort]); err == nil {
			promised[port] = true
		}
	}
	return promised, nil
}
