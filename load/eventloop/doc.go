// Package eventloop runs many clients on few threads: one for each core, as pgbench does
// with its -j. A thread waits in the kernel for the sockets of all its clients, and resumes
// each whose answer has come; an operation is then a send and a receive, without Go's
// scheduler and poller between them. Those take as much CPU time again as the operation
// itself, which a load generator that shares a machine with its server takes from that.
//
// A client stays an ordinary function, which waits where it reads (Socket.Receive) or until its
// next operation is due (Task.Sleep); it is a coroutine (iter.Pull) that hands the thread over to
// its loop meanwhile. What else may wait, for a lock that is held for long or a connection being
// made, has to stand within Task.Block, which has it done in a goroutine: else it holds up every
// client of the loop.
//
// The loops rely on Go's interrupting their threads: not with GODEBUG=asyncpreemptoff=1.
//
// There are loops on Linux only; elsewhere New returns nil, and clients are goroutines.
package eventloop

import "context"

type taskKey struct{}

// With returns a context that has a task. The dialer of the task's connections reads it.
func With(ctx context.Context, t *Task) context.Context {
	if t == nil {
		return ctx
	}
	return context.WithValue(ctx, taskKey{}, t)
}

// TaskOf is the task of a context; nil: what is done there is done by a goroutine.
func TaskOf(ctx context.Context) *Task {
	t, _ := ctx.Value(taskKey{}).(*Task)
	return t
}
