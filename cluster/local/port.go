package local

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const loopback = "127.0.0.1"

// ports is a range of port numbers, both ends in it.
type ports struct{ first, last int }

func (r ports) size() int { return r.last - r.first + 1 }

// portRange is where nodes get their ports from: outside the range from which the
// system gives ports to outgoing connections, or a stopped node could find its
// port taken when it comes back.
func portRange() ports {
	data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return rangeBeside("")
	}
	return rangeBeside(string(data))
}

// rangeBeside takes the kernel's text of the ephemeral range ("32768 60999"). If
// that cannot be read, or leaves next to nothing, the usual range must do.
func rangeBeside(text string) ports {
	usual := ports{20000, 25999} // containers have those above (package docker), and scripts/patroni.sh has those above these
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return usual
	}
	low, err1 := strconv.Atoi(fields[0])
	high, err2 := strconv.Atoi(fields[1])
	if err1 != nil || err2 != nil || low > high {
		return usual
	}
	const enough = 1000
	for _, r := range []ports{
		{usual.first, min(usual.last, low-1)},
		{max(usual.first, high+1), usual.last},
		{10000, min(usual.first, low) - 1},
		{max(10000, high+1), 65535},
	} {
		if r.size() >= enough {
			return r
		}
	}
	return usual
}

// choosePort finds a port of the range that is free now and promised to nobody, and claims it.
// The choice is not reproducible on purpose: runs at the same time by different
// users, who cannot see each other's promises, should not meet.
func choosePort(r ports, promised map[int]bool) (port int, claimed io.Closer, err error) {
	const attempts = 500
	var last error
	for range attempts {
		port = r.first + rand.IntN(r.size())
		if promised[port] {
			continue
		}
		claimed, err := claimPort(port)
		if err == nil {
			if err = tryPort(port); err == nil {
				return port, claimed, nil
			}
			_ = claimed.Close() // of a socket that nothing was written to
		}
		if last = err; !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EACCES) {
			break
		}
	}
	if last == nil {
		last = errors.New("all are promised")
	}
	return 0, nil, fmt.Errorf("find a free port from %d to %d: %w", r.first, r.last, last)
}

// tryPort listens on a port for a moment.
func tryPort(port int) error {
	l, err := net.Listen("tcp4", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}

// choosePort is the same for the provider, which keeps the claim as long as it answers for the run. The caller holds p.mu.
func (p *Provider) choosePort(promised map[int]bool) (int, error) {
	port, claimed, err := choosePort(portRange(), promised)
	if err == nil {
		p.claims = append(p.claims, claimed)
	}
	return port, err
}

// promisedPorts are the ports of all nodes, and of relays to them, in the base directory, of this run and
// of others, whether they run or not. The caller holds the base directory's lock.
func (p *Provider) promisedPorts() map[int]bool {
	promised := map[int]bool{}
	promise := func(n nodeRecord) {
		for _, port := range append([]int{n.Address.Port}, n.Relays...) {
			promised[port] = true
		}
	}
	for _, n := range p.record.Nodes {
		promise(n)
	}
	entries, _ := os.ReadDir(p.base) // without it there is still the test by listening
	for _, e := range entries {
		rec, err := readRecord(filepath.Join(p.base, e.Name()))
		if err != nil {
			continue // not a run, or one that promised nothing
		}
		for _, n := range rec.Nodes {
			promise(n)
		}
	}
	return promised
}
