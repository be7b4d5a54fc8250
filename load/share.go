package load

import (
	"sync"
	"sync/atomic"
)

// shares are the operations that a closed loop may do, Config.Iterations, as long as they
// have not been taken. One count for all the clients would be fetched from processor to
// processor for every operation, which takes longer than to record it: each client has
// a count of its own instead, and takes from the others' when that is empty. So nothing is
// reserved: what a client that is stuck has not taken, any other may.
type shares struct {
	clients []share
	spent   chan struct{} // closed when the last has been taken
	once    sync.Once
}

// share is one client's. Its size keeps it off its neighbours' lines, and off those
// that the processor fetches along with them.
type share struct {
	left atomic.Int64 // below 0: several have tried for the last
	// from is the share that the client takes from: its own until that is empty. Nobody else
	// looks at it.
	from int
	_    [112]byte
}

// newShares divides a limit among so many clients.
func newShares(limit int64, clients int, spent chan struct{}) *shares {
	s := &shares{clients: make([]share, clients), spent: spent}
	n := int64(clients)
	for i := range s.clients {
		s.clients[i].from = i
		s.clients[i].left.Store((limit + n - 1 - int64(i)) / n)
	}
	return s
}

// take takes one operation for a client; false means that none is left.
func (s *shares) take(client int) bool {
	c := &s.clients[client]
	for range s.clients {
		of := &s.clients[c.from]
		if of.left.Load() > 0 {
			if left := of.left.Add(-1); left >= 0 {
				if left == 0 && s.empty() {
					s.once.Do(func() { close(s.spent) })
				}
				return true
			}
		}
		c.from = (c.from + 1) % len(s.clients)
	}
	return false
}

// empty tells whether nothing is left. Of two who take the last of two shares at the same
// time at least one learns it, and both may.
func (s *shares) empty() bool {
	for i := range s.clients {
		if s.clients[i].left.Load() > 0 {
			return false
		}
	}
	return true
}
