package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"pgchaos/cluster"
)

// family is what belongs to the node.
func (h *host) family() family {
	f := family{dir: h.dir, uid: h.provider.owner.serverUID()}
	if m := h.running(); m != nil {
		f.roots = []identity{m.identity}
	}
	return f
}

// members are the node's processes, the main one first, those that are gone and
// not waited for among them.
func (h *host) members() ([]process, error) {
	all, err := processes(h.provider.owner)
	if err != nil {
		return nil, err
	}
	return h.family().of(all), nil
}

// Kill ends every process of the node with SIGKILL, frozen ones and commands of
// Run too, and returns when none is left and the main one has been waited for.
func (h *host) Kill(ctx context.Context) error {
	f, m := h.family(), h.running()
	if err := end(ctx, h.provider.owner, f); err != nil {
		return fmt.Errorf("kill %s: %w", h.name, err)
	}
	if m != nil {
		select {
		case <-m.Ended():
		case <-ctx.Done():
			return fmt.Errorf("kill %s: wait for process %d: %w", h.name, m.pid, context.Cause(ctx))
		}
	}
	if err := removeNodeSegments(h.dir, h.provider.owner); err != nil && !cluster.IsRemark(err) { // which Remove makes
		return fmt.Errorf("kill %s: %w", h.name, err)
	}
	return nil
}

// removeNodeSegments removes the shared memory of the servers of a node, whose directory may be gone.
func removeNodeSegments(dir string, own *owner) error {
	node, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for shared memory: %w", err)
	}
	return cluster.JoinRemovals(removeSegments(node, own), node.Close())
}

// Freeze stops every process of the node (SIGSTOP), the main one first, so that
// no child is started behind its back. Its connections stay open and unanswered,
// and new ones are accepted by the kernel. A node without processes cannot be
// frozen: that is an error, since it would be a fault without effect.
func (h *host) Freeze(ctx context.Context) error {
	var moving []process
	err := until(ctx, func() (bool, error) {
		members, err := h.members()
		if err != nil {
			return false, err
		}
		members = live(members)
		if len(members) == 0 {
			return false, errors.New("no process of it runs")
		}
		moving = slices.DeleteFunc(members, process.stopped)
		return len(moving) == 0, signalAll(moving, syscall.SIGSTOP)
	})
	if err != nil {
		return fmt.Errorf("freeze %s, processes %s: %w", h.name, someNumbers(numbersOf(moving)), err)
	}
	return nil
}

// Thaw lets every process of the node go on, the main one last: it finds its
// children at work, and until then none is added to those to be woken. What has
// no process needs nothing.
func (h *host) Thaw(ctx context.Context) error {
	var still []process
	err := until(ctx, func() (bool, error) {
		members, err := h.members()
		if err != nil {
			return false, err
		}
		still = slices.DeleteFunc(members, func(p process) bool { return !p.stopped() })
		slices.Reverse(still)
		return len(still) == 0, signalAll(still, syscall.SIGCONT)
	})
	if err != nil {
		return fmt.Errorf("thaw %s, processes %s: %w", h.name, someNumbers(numbersOf(still)), err)
	}
	return nil
}

func signalAll(list []process, sig syscall.Signal) error {
	errs := make([]error, 0, len(list))
	for _, p := range list {
		errs = append(errs, p.signal(sig))
	}
	return errors.Join(errs...)
}

// Running tells whether any process of the node is left, a child that has lost
// its postmaster and a command of Run too.
func (h *host) Running(context.Context) (bool, error) {
	if h.running() != nil {
		return true, nil
	}
	members, err := h.members()
	if err != nil {
		return false, fmt.Errorf("look whether %s runs: %w", h.name, err)
	}
	return len(live(members)) > 0, nil
}
