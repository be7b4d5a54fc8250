package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster/link"
	"pgchaos/internal/units"
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
	bytes := max(1, int(min(bound*filling.Seconds(), most)))
	if w.filter != nil {
		bytes = max(fewest, int(min(bound*2*filling.Seconds(), most)))
	}
	return sample{bytes, time.Duration(float64(bytes) / bound / 2 * float64(time.Second))}
}

// bounded verifies that data takes as long as a bound demands, in each direction that is meant.
func bounded(ctx context.Context, w way, bound float64, patience time.Duration) (seen string, err error) {
	s := sampleOf(w, bound)
	for d, meant := range w.meant {
		if !meant || !w.shapes(link.Direction(d)) {
			continue
		}
		if err := w.open(); err != nil {
			return "", err
		}
		var bytes [2]int
		bytes[d] = s.bytes
		passing := w.passing()
		met, err := w.transfer(ctx, bytes, patience)
		switch {
		case err != nil:
			return "", err
		case met.Hung: // others may have filled the link
			if seen, err = passing(bound); err != nil {
				return "", err
			}
		case met.Refused || met.Took < s.least:
			return "", fmt.Errorf("%w: data that was to take at least %s through the link %s", chaos.ErrNoEffect, s.least.Round(time.Millisecond), met)
		}
	}
	return seen, nil
}

// open is an error while a rule lets nothing pass a relay, so that nothing can be seen of what else is in force.
func (w way) open() error {
	if w.filter != nil {
		return nil // whose counters have shown that packets pass
	}
	if names := w.relay.Blocks(); len(names) > 0 {
		return fmt.Errorf("%w that could be seen: nothing passes while %s is in force", chaos.ErrNoEffect, strings.Join(names, " and "))
	}
	return nil
}

// passing begins to count what passes in the directions that are meant. What it returns is to be called once a sample did not pass: the
// bound is seen none the less where others have filled the link, and as much has passed as it allows. A sample goes there and back
// through a relay, so that one direction that is full is enough to stop it. No direction may have carried more.
func (w way) passing() func(bound float64) (seen string, err error) {
	if w.filter != nil {
		return func(float64) (string, error) {
			return "", unmeasuredError{errors.New("data got no answer")}
		}
	}
	begun, before := time.Now(), w.relay.Counters().Passed
	return func(bound float64) (string, error) {
		now, took := w.relay.Counters().Passed, time.Since(begun)
		var n int64 // in the direction that carried the most
		for d, meant := range w.meant {
			if meant {
				n = max(n, now[d]-before[d])
			}
		}
		passed := fmt.Sprintf("others have filled the link: %s passed in %s", units.Bytes(uint64(n)), took.Round(time.Millisecond))
		if full := bound * took.Seconds(); float64(n) >= full/2 && float64(n) <= 1.5*full+float64(fewest) {
			return passed, nil
		}
		if err := w.open(); err != nil {
			return "", err
		}
		return "", fmt.Errorf("%w: data got no answer within %s, and %s of others passed", chaos.ErrNoEffect, took.Round(time.Millisecond), units.Bytes(uint64(n)))
	}
}

// visible is the bound from which on it is seen beforehand whether the link carries more at all.
const visible = 100e6

// canBite is an error where links carry no more than a bound without it, so that their own speed would look like the bound.
// Where other rules are in force nothing is known beforehand.
func canBite(ctx context.Context, ways []way, bound float64) error {
	if bound < visible {
		return nil
	}
	return chaos.AtOnce(len(ways), func(i int) error {
		w := ways[i]
		if w.filter != nil || len(w.relay.Rules()) > 0 {
			return nil
		}
		s := sampleOf(w, bound)
		met, err := w.relay.Probe(ctx, s.bytes, answering)
		if err == nil && !met.Refused && (met.Hung || met.Took >= s.least) {
			err = fmt.Errorf("on the link %s: %w that could be seen: without the bound, %s %s as well", w.name, chaos.ErrNoEffect, units.Bytes(uint64(s.bytes)), met)
		}
		return err
	})
}

// shapes tells whether a direction of a link is shaped at the node that it leads to: the kernel shapes what another
// node sends where it is sent.
func (w way) shapes(d link.Direction) bool {
	return w.filter == nil || d == link.Back || w.from == Clients
}
