package local

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"

	"pgchaos/cluster"
	"pgchaos/cluster/link"
)

// relays are those on the links to one node. They are goroutines of pgchaos and end with it.
type relays struct {
	mu  sync.Mutex
	all map[cluster.Vantage]*link.Relay
	at  map[cluster.Vantage]cluster.Address
}

// openRelays makes the relays on the links to a node whose server listens on address, each on a port of its own. After an
// error there are none.
func (p *Provider) openRelays(name string, address cluster.Address, promised map[int]bool) (*relays, error) {
	r := &relays{all: map[cluster.Vantage]*link.Relay{}, at: map[cluster.Vantage]cluster.Address{}}
	for _, l := range p.links {
		if l.To != name || r.all[l.From] != nil {
			continue
		}
		port, err := p.choosePort(promised)
		if err == nil {
			promised[port] = true
			r.at[l.From] = cluster.Address{Host: loopback, Port: port}
			r.all[l.From], err = link.Listen(net.JoinHostPort(loopback, strconv.Itoa(port)), address.String())
		}
		if err != nil {
			delete(r.all, l.From)
			return nil, errors.Join(fmt.Errorf("make a relay to %s: %w", name, err), r.close())
		}
	}
	return r, nil
}

// ports are the relays' own, by number.
func (r *relays) ports() (all []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.at {
		all = append(all, a.Port)
	}
	slices.Sort(all)
	return all
}

// address is that of the relay on the way from there.
func (r *relays) address(from cluster.Vantage) (a cluster.Address, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok = r.at[from]
	return a, ok
}

func (r *relays) list() map[cluster.Vantage]*link.Relay {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.all)
}

// close ends the relays. It is idempotent.
func (r *relays) close() error {
	r.mu.Lock()
	all := r.all
	r.all, r.at = nil, nil
	r.mu.Unlock()
	var errs []error
	for _, one := range all {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}

// Relays are the relays on the links to the node.
func (h *host) Relays() map[cluster.Vantage]*link.Relay { return h.relays.list() }

// Direct ends the relays.
func (h *host) Direct() error { return h.relays.close() }
