package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster/link"
)

// transfer has data pass a link in a new connection, and says what that met. Through a relay the most of both directions
// goes there and comes back; where the kernel filters packets, a session of the superuser sends and receives what is wanted of each.
func (w way) transfer(ctx context.Context, bytes [2]int, patience time.Duration) (link.Met, error) {
	if w.filter == nil {
		return w.relay.Probe(ctx, max(bytes[link.Forward], bytes[link.Back]), patience)
	}
	trying, enough := context.WithTimeout(ctx, patience)
	defer enough()
	took, err := w.server.Transfer(trying, vantage(w.from), bytes[link.Forward], bytes[link.Back])
	switch {
	case ctx.Err() != nil:
		return link.Met{}, context.Cause(ctx)
	case trying.Err() != nil:
		return link.Met{Hung: true}, nil
	case err != nil:
		return link.Met{}, unmeasuredError{err}
	}
	return link.Met{Took: took}, nil
}

// unmeasuredError is why no data could be sent: a server that lets nobody in says nothing about the network.
type unmeasuredError struct{ error }

// measured is a check of what passes links, where the kernel's counters have shown already that its rules match packets: what
// cannot be measured is noted.
func measured(verify func(ctx context.Context, w way) (string, error)) func(context.Context, way) (string, error) {
	return func(ctx context.Context, w way) (string, error) {
		seen, err := verify(ctx, w)
		if why := (unmeasuredError{}); errors.As(err, &why) {
			return fmt.Sprintf("on the link %s the effect was not measured: %v", w.name, why.error), nil
		}
		return seen, err
	}
}

// sample is how much data is sent in each direction that is meant, to see a bound.
type sample struct {
	bytes int
	least time.Duration // that it takes; half of what the bound demands, since a link that was idle lets a little pass at once
}

// The kernel lets a packet begin as long as the bound is not exceeded, and one that is not yet cut into those of the wire has up to 64 kB.
const (
	fewest = 128 << 10
	most   = 32 << 20
)

// sampleOf is what shows a bound, in bytes a second.
func sampleOf(w way, bound float64) sample {
	bytes := max(1, int(bound*filling.Seconds()))
	if w.filter != nil {
		bytes = min(max(fewest, int(bound*2*filling.Seconds())), most)
	}
	return sample{bytes, time.Duration(float64(bytes) / bound / 2 * float64(time.Second))}
}

// bounded verifies that data takes as long as a bound demands, in each direction that is meant.
func bounded(ctx context.Context, w way, bound float64) (seen string, err error) {
	s := sampleOf(w, bound)
	for d, meant := range w.meant {
		if !meant || !w.shapes(link.Direction(d)) {
			continue
		}
		var bytes [2]int
		bytes[d] = s.bytes
		met, err := w.transfer(ctx, bytes, answering)
		switch {
		case err != nil:
			return "", err
		case !met.Hung && (met.Refused || met.Took < s.least): // it hangs where others have filled the link
			return "", fmt.Errorf("%w: data that was to take at least %s through the link %s", chaos.ErrNoEffect, s.least.Round(time.Millisecond), met)
		}
	}
	return "", nil
}

// shapes tells whether a direction of a link is shaped at the node that it leads to: the kernel shapes what another
// node sends where it is sent.
func (w way) shapes(d link.Direction) bool {
	return w.filter == nil || d == link.Back || w.from == Clients
}
