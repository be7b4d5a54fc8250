package chaos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// healTimeout bounds one reversal at the end of a run: the time a server may need
// to recover from a crash, and then some.
const healTimeout = 60 * time.Second

// Undo takes back what the steps of a run have changed. Everything is taken back at the end of a
// run at the latest, last first.
type Undo struct {
	Scene   *Scene
	Kinds   map[string]ReversalKind // by name
	Journal Journal

	mu  sync.Mutex
	all []*standing // in the order of their changes
}

// standing is a reversal of a change that may be in place.
type standing struct {
	Reversal
	mu   sync.Mutex
	done bool
}

// intend records how changes are taken back that are about to be made. After an error they may not be made.
func (u *Undo) intend(all []Reversal) ([]*standing, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	added := make([]*standing, len(all))
	for i := range all {
		if _, known := u.Kinds[all[i].Kind]; !known {
			return nil, fmt.Errorf("%s: there is no such reversal", all[i])
		}
		all[i].ID = len(u.all) + i + 1
		added[i] = &standing{Reversal: all[i]}
	}
	if err := u.Journal.Intend(all); err != nil {
		return nil, fmt.Errorf("record how the step is taken back, without which nothing is changed: %w", err)
	}
	u.all = append(u.all, added...)
	return added, nil
}

// look says what had ended of a change before it is taken back; "" is nothing, as far as is known.
func (u *Undo) look(ctx context.Context, r *standing) (gone string) {
	look := u.Kinds[r.Kind].Look
	if look == nil {
		return ""
	}
	if err := protect(func() error { gone = look(ctx, u.Scene.Cluster.Node(r.Node), r.Reversal); return nil }); err != nil {
		return ""
	}
	return gone
}

// takeBack does a reversal, unless that has been done already. What it calls is idempotent, since a step of the timeline
// may have done the same.
func (u *Undo) takeBack(ctx context.Context, r *standing, ending bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done {
		return nil
	}
	do := u.Kinds[r.Kind].Do
	if err := protect(func() error { return do(ctx, u.Scene, u.Scene.Cluster.Node(r.Node), r.Reversal, ending) }); err != nil {
		return fmt.Errorf("%s: %w", r, err)
	}
	r.done = true
	u.Journal.Undone(r.Reversal)
	return nil
}

// Heal does every reversal that has not been done yet, last first, each under its own time-out,
// which a deadline of ctx does not shorten. It returns all their errors. When ctx is cancelled, it ends at once: the one
// under way is broken off, and no other is begun.
func (u *Undo) Heal(ctx context.Context) error {
	return u.heal(ctx, func(ReversalKind) bool { return true })
}

// HealOutliving does those alone whose changes would outlive the end of the run: all of them on nodes that were there before it, and that nobody
// removes.
func (u *Undo) HealOutliving(ctx context.Context) error {
	return u.heal(ctx, func(k ReversalKind) bool { return k.Outlives || u.Scene.Cluster.Met() })
}

func (u *Undo) heal(ctx context.Context, which func(ReversalKind) bool) error {
	u.mu.Lock()
	all := slices.Clone(u.all)
	u.mu.Unlock()
	var errs []error
	for _, r := range slices.Backward(all) {
		switch {
		case !which(u.Kinds[r.Kind]):
		case errors.Is(ctx.Err(), context.Canceled):
			if r.stands() {
				errs = append(errs, fmt.Errorf("%s: %w", u.says(r.Reversal), ctx.Err()))
			}
		default:
			errs = append(errs, within(ctx, func(ctx context.Context) error { return u.takeBack(ctx, r, true) }))
		}
	}
	return errors.Join(errs...)
}

// Standing are the reversals that have not been done, last first: what a run leaves that does not take them back.
func (u *Undo) Standing() (all []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, r := range slices.Backward(u.all) {
		if r.stands() {
			all = append(all, u.says(r.Reversal))
		}
	}
	return all
}

// says names a reversal for a person.
func (u *Undo) says(r Reversal) (text string) {
	if says := u.Kinds[r.Kind].Says; says != nil {
		text = says(r)
	}
	return cmp.Or(text, strings.ReplaceAll(r.Kind, "_", " ")+" "+r.Node)
}

// stands tells whether a reversal has not been done.
func (r *standing) stands() bool {
	if !r.mu.TryLock() { // it is under way
		return true
	}
	defer r.mu.Unlock()
	return !r.done
}

// within does one reversal under its own time-out.
func within(parent context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), healTimeout)
	defer cancel()
	defer context.AfterFunc(parent, func() {
		if errors.Is(parent.Err(), context.Canceled) {
			cancel()
		}
	})()
	return do(ctx)
}
