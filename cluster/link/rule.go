package link

import (
	"math"
	"math/rand/v2"
	"time"
)

// Direction is one of the two in which a link carries data.
type Direction int

// The directions.
const (
	Forward Direction = iota // from the client side to the server
	Back                     // from the server to the client side
)

// Distribution says how the jitter of a delay is spread.
type Distribution string

// The distributions. Each has a mean of the latency, but for the Pareto one, whose mean is the latency and the
// jitter: it has a long tail of late data, and nothing earlier than the latency.
const (
	Uniform Distribution = "uniform" // from latency - jitter to latency + jitter
	Normal  Distribution = "normal"  // the jitter is the standard deviation
	Pareto  Distribution = "pareto"  // latency + jitter * a Pareto variable with mean 1
)

// Rule is what one fault does to a link.
type Rule struct {
	// Reject: new connections are refused, and those that are open are reset when the rule is imposed.
	Reject bool
	// Ways are what happens to the data of each Direction.
	Ways [2]Shape
	// Down and Up, where they are not 0, put the rule in force for Down, then out of force for Up, and so on.
	Down, Up time.Duration
}

// Closes tells whether the rule lets something not pass.
func (r Rule) Closes() bool {
	return r.Reject || r.Ways[Forward].BlackHole || r.Ways[Back].BlackHole
}

// Shape is what happens to the data of one direction. The zero Shape lets it pass.
type Shape struct {
	// BlackHole lets nothing pass, neither data nor the end of a connection. With it, in either direction,
	// new connections are not served.
	BlackHole bool
	// Latency and Jitter delay the data. Its order stays.
	Latency, Jitter time.Duration
	Distribution    Distribution // of Jitter; "": Uniform
	// BytesPerSecond is shared by all connections of the link; 0: no limit.
	BytesPerSecond int64
	Seed           uint64 // of Jitter
}

func (s Shape) delays() bool { return s.Latency > 0 || s.Jitter > 0 }

// plain tells whether data passes as it comes.
func (s Shape) plain() bool { return !s.BlackHole && !s.delays() && s.BytesPerSecond == 0 }

// Under is the shape with another one laid over it: the newest of each kind counts.
func (s Shape) Under(over Shape) Shape {
	s.BlackHole = s.BlackHole || over.BlackHole
	if over.delays() {
		s.Latency, s.Jitter, s.Distribution, s.Seed = over.Latency, over.Jitter, over.Distribution, over.Seed
	}
	if over.BytesPerSecond > 0 {
		s.BytesPerSecond = over.BytesPerSecond
	}
	return s
}

// paretoShape gives the Pareto variable a finite variance. It is that of U^(-1/paretoShape) - 1, divided by its mean.
const paretoShape = 3

// delay is the delay of one piece of data; never less than 0.
func (s Shape) delay(rng *rand.Rand) time.Duration {
	var spread float64
	switch s.Distribution {
	case Normal:
		spread = rng.NormFloat64()
	case Pareto:
		const mean = 1.0 / (paretoShape - 1)
		spread = (math.Pow(1-rng.Float64(), -1.0/paretoShape) - 1) / mean
	default:
		spread = 2*rng.Float64() - 1
	}
	return max(0, s.Latency+time.Duration(spread*float64(s.Jitter)))
}

// state is the shape of one direction that is in force. Another one replaces it.
type state struct {
	Shape
	bucket  *bucket       // nil: no limit
	changed chan struct{} // closed when another is in force
}

func newState(s Shape) *state {
	next := &state{Shape: s, changed: make(chan struct{})}
	if s.BytesPerSecond > 0 {
		next.bucket = &bucket{rate: float64(s.BytesPerSecond)}
	}
	return next
}
