package load

import (
	"math/rand/v2"
	"sort"
	"sync"
	"sync/atomic"
)

// chunk is the number of arrivals that are drawn at once, by a generator of their own.
// So arrival i can be had without drawing all arrivals before it again.
const chunk = 4096

// chance is a Poisson process of one arrival a second: sums of exponential intervals.
// What has been drawn is forgotten but for the latest chunks and the sum at the
// beginning of each, and drawn again where it is asked for.
type chance struct {
	seed   uint64
	recent [4]atomic.Pointer[draws] // by number modulo their number

	mu     sync.Mutex
	begins []float64 // the sum at the beginning of each chunk whose predecessor has been drawn
}

// draws are the arrivals of one chunk.
type draws struct {
	number int64
	sums   [chunk]float64
}

// at is when arrival i comes. It takes a lock once a chunk.
func (c *chance) at(i int64) float64 {
	number := i / chunk
	d := c.recent[number%int64(len(c.recent))].Load()
	if d == nil || d.number != number {
		d = c.draw(number)
	}
	return d.sums[i%chunk]
}

// draw makes a chunk, and those before it that have never been drawn.
func (c *chance) draw(number int64) *draws {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.begins) == 0 {
		c.begins = append(c.begins, 0)
	}
	place := &c.recent[number%int64(len(c.recent))]
	if d := place.Load(); d != nil && d.number == number { // by another, meanwhile
		return d
	}
	d := &draws{}
	for d.number = min(number, int64(len(c.begins))-1); ; d.number++ {
		sum := d.fill(c.seed, c.begins[d.number])
		if int64(len(c.begins)) == d.number+1 {
			c.begins = append(c.begins, sum)
		}
		if d.number == number {
			place.Store(d)
			return d
		}
	}
}

// fill draws the chunk's arrivals, and returns the last.
func (d *draws) fill(seed uint64, sum float64) float64 {
	random := rand.New(rand.NewPCG(seed, uint64(d.number)))
	for i := range d.sums {
		sum += random.ExpFloat64()
		d.sums[i] = sum
	}
	return sum
}

// bound is a number of arrivals of which the last comes after sum, but not long after.
func (c *chance) bound(sum float64) int64 {
	for {
		c.mu.Lock()
		chunks := len(c.begins)
		after := sort.Search(chunks, func(i int) bool { return c.begins[i] > sum })
		c.mu.Unlock()
		if after < chunks {
			return int64(after) * chunk
		}
		c.draw(int64(max(chunks, 1)) - 1)
	}
}
