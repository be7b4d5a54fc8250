// Package generate makes the values of statements' parameters (numbers of a distribution,
// texts, times), as text that PostgreSQL reads, without allocating.
package generate

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"
)

// Source is what one client draws from; it is that client's alone.
type Source struct {
	Rand   *rand.Rand
	Client int              // counted from 0
	Now    func() time.Time // the clock of Now
}

// Generator makes the values of one parameter. It is shared by all clients of a
// workload, and safe for that.
type Generator interface {
	// Append adds the next value's text to dst.
	Append(dst []byte, s *Source) []byte
}

// Sequence counts: no two clients get the same number. NewSequence makes one.
type Sequence struct{ next atomic.Int64 }

// NewSequence begins with first.
func NewSequence(first int64) *Sequence {
	var s Sequence
	s.next.Store(first)
	return &s
}

// Append adds the next number of all clients.
func (q *Sequence) Append(dst []byte, _ *Source) []byte {
	return strconv.AppendInt(dst, q.next.Add(1)-1, 10)
}

// NewUniform refuses a range that is empty.
func NewUniform(low, high int64) (Uniform, error) {
	if low > high {
		return Uniform{}, fmt.Errorf("max %d is less than min %d", high, low)
	}
	return Uniform{Min: low, Max: high}, nil
}

// Append adds a number.
func (u Uniform) Append(dst []byte, s *Source) []byte {
	return strconv.AppendInt(dst, u.Draw(s.Rand), 10)
}

// NewGaussian refuses a range that is empty or too wide, and a sigma that is not above 0.
func NewGaussian(low, high int64, sigma float64) (Gaussian, error) {
	if err := width(low, high); err != nil {
		return Gaussian{}, err
	}
	// With less than a tenth hardly anything falls within the bounds, and a draw
	// would take long; it is as good as uniform there anyway.
	if math.IsNaN(sigma) || math.IsInf(sigma, 0) || sigma < 0.1 {
		return Gaussian{}, fmt.Errorf("sigma must be at least 0.1, not %v", sigma)
	}
	return Gaussian{Min: low, Max: high, Sigma: sigma}, nil
}

// Append adds a number.
func (g Gaussian) Append(dst []byte, s *Source) []byte {
	return strconv.AppendInt(dst, g.Draw(s.Rand), 10)
}

// MakeZipfian is NewZipfian for parameters that somebody wrote: it refuses a range
// that is empty or too wide, and a theta outside of pgbench's bounds.
func MakeZipfian(low, high int64, theta float64) (Zipfian, error) {
	if err := width(low, high); err != nil {
		return Zipfian{}, err
	}
	if math.IsNaN(theta) || theta < MinTheta || theta > MaxTheta {
		return Zipfian{}, fmt.Errorf("theta must be from %v to %v, not %v", MinTheta, MaxTheta, theta)
	}
	return NewZipfian(low, high, theta), nil
}

// The bounds of pgbench's random_zipfian.
const (
	MinTheta = 1.001
	MaxTheta = 1000.0
)

// Append adds a number.
func (z Zipfian) Append(dst []byte, s *Source) []byte {
	return strconv.AppendInt(dst, z.Draw(s.Rand), 10)
}

// Choice takes one of its texts, each with equal probability. NewChoice makes one.
type Choice struct{ of []string }

// NewChoice wants at least one text.
func NewChoice(of []string) (Choice, error) {
	if len(of) == 0 {
		return Choice{}, errors.New("nothing to choose from")
	}
	return Choice{of: of}, nil
}

// Append adds one of the texts.
func (c Choice) Append(dst []byte, s *Source) []byte {
	return append(dst, c.of[s.Rand.IntN(len(c.of))]...)
}

// Text is so many random characters, a to z and 0 to 5: ASCII, and nothing that has
// to be escaped anywhere.
type Text int

// Append adds the text.
func (t Text) Append(dst []byte, s *Source) []byte {
	const letters = "abcdefghijklmnopqrstuvwxyz012345" // 32, so that five bits are one
	for left := int(t); left > 0; left -= 12 {
		bits := s.Rand.Uint64()
		for range min(left, 12) {
			dst = append(dst, letters[bits&31])
			bits >>= 5
		}
	}
	return dst
}

// Now is the time as the source's clock has it, in UTC, to the microsecond, as a
// timestamptz is written.
type Now struct{}

// Append adds the time.
func (Now) Append(dst []byte, s *Source) []byte {
	return s.Now().UTC().AppendFormat(dst, "2006-01-02 15:04:05.000000+00")
}

// Client is the client's number, counted from 0.
type Client struct{}

// Append adds the number.
func (Client) Append(dst []byte, s *Source) []byte {
	return strconv.AppendInt(dst, int64(s.Client), 10)
}

// UUID is a random one (version 4), of the seeded generator: the same run makes the
// same again.
type UUID struct{}

// Append adds the UUID.
func (UUID) Append(dst []byte, s *Source) []byte {
	const hex = "0123456789abcdef"
	high, low := s.Rand.Uint64(), s.Rand.Uint64()
	high = high&^0xf000 | 0x4000       // the version
	low = low&^(3<<62) | uint64(2)<<62 // the variant
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			dst = append(dst, '-')
		}
		bits := high
		if i >= 16 {
			bits = low
		}
		dst = append(dst, hex[bits>>(60-4*(i%16))&15])
	}
	return dst
}
