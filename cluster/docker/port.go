package docker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

const (
	loopback   = "127.0.0.1"
	serverPort = 5432 // inside
)

// The ports to choose from lie below the range from which systems give ports to
// outgoing connections. The engine would choose a new one at every start of the
// container, and clients could not find a restarted node.
const (
	firstPort = 20000
	lastPort  = 31999
)

// choosePort finds a port for a node that is free, as far as can be seen, and
// promised to no node of any run on the engine. The caller holds p.mu.
func (p *Provider) choosePort(node string) (int, error) {
	here := p.engine.clientHost() == loopback
	if port := p.options.Ports[node]; port != 0 {
		if here {
			if err := tryPort(port); err != nil {
				return 0, fmt.Errorf("port %d, which cluster.docker.ports gives it: %w; name another, or leave it out", port, err)
			}
		}
		p.ports[port] = true
		return port, nil
	}
	promised, err := p.engine.promisedPorts(p.ctx)
	if err != nil {
		return 0, err
	}
	for _, port := range p.options.Ports {
		promised[port] = true
	}
	last := errors.New("all are promised")
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if promised[port] || p.ports[port] {
			continue
		}
		if here {
			if err := tryPort(port); errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES) {
				last = err
				continue
			} else if err != nil {
				return 0, fmt.Errorf("find a free port: %w", err)
			}
		}
		p.ports[port] = true
		return port, nil
	}
	return 0, fmt.Errorf("find a free port from %d to %d: %w", firstPort, lastPort, last)
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
