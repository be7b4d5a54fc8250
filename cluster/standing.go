package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Standing is a command that runs on a node's machine beside what pgchaos does there.
type Standing struct {
	holds *os.File // the other end of its standard input
	kill  context.CancelFunc
	over  chan struct{}
	err   error // once it is over
}

// StandBeside begins a command as RunBeside does, and returns at once. Its standard input has nothing to read, and is at its end
// after End, or when pgchaos ends, in whatever way. So a command that reads it learns of both. The context does not end it.
func (n *Node) StandBeside(ctx context.Context, cmd Command) (*Standing, error) {
	input, holds, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("begin a command on %s: %w", n.Name(), err)
	}
	ctx, kill := context.WithCancel(context.WithoutCancel(ctx))
	s := &Standing{holds: holds, kill: kill, over: make(chan struct{})}
	cmd.Stdin = input
	go func() {
		_, s.err = n.RunBeside(ctx, cmd)
		s.err = errors.Join(s.err, input.Close())
		kill()
		close(s.over)
	}()
	return s, nil
}

// Over is closed when the command has ended.
func (s *Standing) Over() <-chan struct{} { return s.over }

// Err is how the command ended, once it is over: nil, or an ExitError.
func (s *Standing) Err() error { return s.err }

// standingPatience is how long a command may take to end by itself.
const standingPatience = 5 * time.Second

// End ends the command's standard input, and kills the command where it does not end then.
func (s *Standing) End() {
	_ = s.holds.Close() // the second time it is closed already
	select {
	case <-s.over:
	case <-time.After(standingPatience):
		s.kill()
		<-s.over
	}
}
