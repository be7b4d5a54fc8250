package record

import "time"

// ReadEvent is one read that did not see what it might have, or reads alike. Times
// are offsets on the run's clock; sequence numbers are a writer's own, and 0 is none.
type ReadEvent struct {
	At     time.Duration // when the (first) read was sent
	Client int
	Node   int   // the number of the node that answered, counted from 1 as in Op
	Writer int   // the writer whose newest rows were asked for
	Seen   int64 // the newest row seen
	Next   int64 // the newest but one
	// Acked is the newest sequence number that had been acknowledged when the read was
	// sent, and AckedAt when it had been.
	Acked   int64
	AckedAt time.Duration
	// Before is the newest row that the client had seen before, on the node BeforeNode.
	Before     int64
	BeforeNode int
	N          int64 // how many reads this stands for
}
