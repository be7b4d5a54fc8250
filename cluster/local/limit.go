package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"pgchaos/cluster"
)

// limit is a limit that is in force on a node, by the group that has it.
type limit struct {
	of  controller
	dir string
}

// Limits are those of the node's own groups; a node without groups has none.
func (h *host) Limits(context.Context) (l cluster.Limits, err error) {
	c, err := machineCgroups()
	if err != nil {
		return l, fmt.Errorf("limits of %s: on this machine %w", h.name, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, in := range h.limits {
		n, err := c.read(in.dir, in.of)
		if err != nil {
			return l, fmt.Errorf("limits of %s: %w", h.name, err)
		}
		if in.of == ofCPU {
			l.NanoCPUs = n
		} else {
			l.Memory = n
		}
	}
	return l, nil
}

// SetLimits puts the server's processes into groups of their own that have the limits, and back where
// there is none any more. A server that is started later starts there. Memory that the server held before it came into
// a group does not count against its limit.
func (h *host) SetLimits(ctx context.Context, to cluster.Limits) error {
	if err := h.setLimits(ctx, to); err != nil {
		return fmt.Errorf("limit %s: %w", h.name, err)
	}
	return nil
}

func (h *host) setLimits(ctx context.Context, to cluster.Limits) error {
	c, err := machineCgroups()
	if err != nil {
		return fmt.Errorf("on this machine %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var next []limit
	had := map[string]bool{} // directories that were in use
	for _, in := range h.limits {
		had[in.dir] = true
	}
	values := map[controller]int64{ofCPU: to.NanoCPUs, ofMemory: to.Memory}
	for _, of := range []controller{ofCPU, ofMemory} {
		if values[of] != 0 {
			next = append(next, limit{of, filepath.Join(c.below[of], groupName(h.provider.record.Run, h.name))})
		}
	}
	// All is noted before anything is made, for a clean.
	if err := h.provider.noteGroups(h.name, next); err != nil {
		return err
	}
	// A limit that is taken from a group which stays: version 2 has one group for both.
	before := h.limits
	h.limits = next
	for _, in := range before {
		switch {
		case values[in.of] != 0:
		case h.inUse(in.dir):
			err = errors.Join(err, c.limit(in.dir, in.of, 0))
		default:
			err = errors.Join(err, dissolve(ctx, in.dir, c.own[in.of]))
		}
	}
	if err != nil {
		return err
	}
	for _, in := range next {
		if !had[in.dir] {
			if err := os.Mkdir(in.dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			had[in.dir] = true
		}
		if err := c.limit(in.dir, in.of, values[in.of]); err != nil {
			return err
		}
	}
	return h.join(ctx)
}

// inUse tells whether a limit is in force by this group. h.mu is held.
func (h *host) inUse(dir string) bool {
	for _, in := range h.limits {
		if in.dir == dir {
			return true
		}
	}
	return false
}

// join puts the main process and all that descend from it into the groups whose limits are in
// force. h.mu is held.
func (h *host) join(ctx context.Context) error {
	if h.main == nil || h.main.Over() {
		return nil
	}
	for _, in := range h.limits {
		if err := enter(ctx, in.dir, h.main.identity); err != nil {
			return err
		}
	}
	return nil
}

// groups are the directories of all groups that the node ever had. p.mu is held.
func (p *Provider) groups() (dirs []string) {
	for _, n := range p.record.Nodes {
		dirs = append(dirs, groupsOf(p.record.Run, n)...)
	}
	return dirs
}

// noteGroups writes down which groups a node may have, for Clean. None is ever left out: one that was
// removed is not there.
func (p *Provider) noteGroups(name string, limits []limit) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.record.Nodes {
		if p.record.Nodes[i].Name == name {
			p.record.Nodes[i].note(limits)
		}
	}
	return p.record.write(p.dir, true)
}
