package load

import (
	"context"
	"time"

	"pgchaos/load/eventloop"
	"pgchaos/record"
)

// Session does one client's operations, one at a time.
type Session interface {
	// Do performs one operation and blocks until it is over. It leaves the outcome
	// in op: Outcome, Kind, Err, Node, Part, Retries, Out and In, which are zero
	// before. Due and Sent are there; a session that had to wait for a connection before
	// it could send sets Sent again. Done is not its business. A Node that is not in 1 to
	// Config.Nodes counts as 0, unknown.
	//
	// ctx is cancelled when the operation is given up on, and when the workload closes: a
	// session that is still connecting should then return at once with record.Dropped, so
	// that nothing is sent on behalf of a client that has gone. What has already
	// been sent must not be cancelled by it.
	//
	// pause is how long this client should leave the server alone before its next
	// operation: the backoff after a connection that could not be made. It lies
	// between operations and so is part of none: a closed loop is quiet
	// meanwhile, and in an open loop the arrivals are taken late, or by other
	// clients.
	Do(ctx context.Context, op *record.Op) (pause time.Duration)
	// Settle receives the outcome of the operation. The goroutine that called Do calls it
	// afterwards. Late is one that had been given up on: in every figure of the
	// workload it is Unknown, and op is what Do has returned for it since. Nothing is
	// asked of the session after a late one but to close. It must not keep op.
	Settle(op *record.Op, late bool)
	// Close breaks off whatever still runs, so that Do returns, and releases the
	// connection. It is called once, possibly from another goroutine during Do.
	Close()
}

// Interrupter is a Session that can have the server end its operation, where
// Config.Grace asks for that.
type Interrupter interface {
	// Interrupt asks the server to end the operation in flight, and does not wait for
	// anything: it is called while Do runs, by another goroutine and under a lock. Do
	// returns what comes of it. False means that there was nothing to end, because
	// nothing has been sent, or Do is about to return: the operation is then given
	// up on as any other.
	Interrupt() bool
}

// Config is one workload.
type Config struct {
	Name string
	// Clients bounds the operations in flight; at least 1.
	Clients int
	// Schedule is when arrivals are due; nil: a closed loop.
	Schedule *Schedule
	// Punctual has the arrivals of clients that are goroutines sent within some 0.1 ms of their
	// due time instead of 1 ms, for some 10 % of a core at 5,000 a second. It sleeps in the kernel,
	// so that it must not be set under testing/synctest, whose time would stand still; and it keeps
	// a place among GOMAXPROCS meanwhile, of which the caller has to provide one more for each workload.
	Punctual bool
	// Loops run the clients of a workload without think time, where they are given: for clients
	// that would rest most of the time goroutines are as cheap. They wait in the kernel, so that
	// they are not for testing/synctest, and keep a place each among GOMAXPROCS, which the caller has
	// to provide. Do must not block otherwise than eventloop says.
	Loops *eventloop.Group
	// Groups splits the clients (client i is in group i modulo Groups), and gives
	// each group arrivals of its own on the whole Schedule, so that one that is slow
	// leaves nothing to the others. 0: one group.
	Groups int
	// ThinkTime is how long a client rests after each operation.
	ThinkTime time.Duration
	// ClientStages change how many clients of each group work: client 0 of a group
	// does so while they are above 0, client 1 while they are above 1. An operation in
	// flight is not touched. None: all of them, always.
	ClientStages []Stage
	// Iterations ends the workload after exactly so many operations (arrivals that were
	// dropped included), of all groups together; 0: no bound.
	Iterations int
	// Duration ends the workload so long after a start; 0: no bound. It ends with the
	// stages of Schedule and of ClientStages, too. Every start begins all of that anew.
	Duration time.Duration
	// Warmup is how long after the first start what is due is measured apart.
	Warmup time.Duration
	// Overflow says what to do with an arrival that finds every client busy. Queue (the
	// default): it waits until one is free, at most Timeout. Drop: it is dropped, which is
	// recorded by the next client that comes free.
	Overflow string
	// CatchUp says what to do with arrivals that are more than 100 ms overdue when a
	// client comes free. Burst (the default): they are sent at once. Spread: they, and
	// those that come to be due meanwhile, are sent at no more than twice the rate. Skip:
	// they are dropped.
	CatchUp string
	// Parts are the names of a mix's parts, for Op.Part; none: it is no mix.
	Parts []string
	// Nodes is how many nodes can answer, for Op.Node; 0: who answers is not recorded.
	Nodes int
	// Timeout is how long a client waits for one operation, counted from when it
	// was sent, without what the client itself has slept in it (Sleeps), and how late an
	// arrival may be taken. 0: 5 s.
	Timeout time.Duration
	// Grace makes the client interrupt an operation that has reached Timeout, if its
	// session is an Interrupter, and wait for the answer for so much longer before it
	// gives up. 0: it gives up at Timeout, and interrupts nothing.
	Grace time.Duration
	// MaxAbandoned bounds the operations that were given up on and have not
	// returned: each still holds a connection. A client whose operation is given
	// up on beyond the bound waits until one of them returns.
	MaxAbandoned int
	// Open makes the session of a client. It must be cheap, and must not connect
	// (Do does that), for it is called under a lock. It is called again for the same
	// client after its operation was given up on, while the session before may
	// still be in Do.
	Open func(client int) Session
	// OnSample receives every operation, also those of the warm-up, and those of one client
	// in order. The client is -1 for an arrival that was dropped because no client was
	// free. It is called under a lock, up to some 100 ms after the
	// operation has ended, and must not call the workload. It may be nil.
	OnSample func(client int, op record.Op)
	// Ended is called each time that the workload has ended by itself, when nothing of
	// it runs any more, in a goroutine of its own, which Close does not wait for.
	Ended func()
	// Panicked is called with the value of a panic of a session, by the goroutine that it
	// came from; the workload goes on. nil: it ends the process.
	Panicked func(value any)
	// Broken is called with the value of a panic of the engine itself, by the goroutine that it
	// came from, which ends. What the workload has counted may be wrong from then on, and Connect,
	// Stop and Close may never return. nil: the panic ends the process.
	Broken func(value any)
	// Clock is the run's clock; all times recorded are offsets on it.
	Clock record.Clock
}

// What Config.Overflow and Config.CatchUp can be.
const (
	Queue = "queue"
	Drop  = "drop"

	Burst  = "burst"
	Spread = "spread"
	Skip   = "skip"
)

// looped tells whether the clients are for Loops.
func (c *Config) looped() bool { return c.ThinkTime == 0 && c.Loops.Threads() > 0 }

const defaultTimeout = 5 * time.Second
