//go:build !linux

package eventloop

import (
	"net"
	"time"
)

// Group is never made here.
type Group struct{}

// New makes none.
func New(int, func(any)) (*Group, error) { return nil, nil } //nolint:nilnil // there is none, which is no error

// Threads is 0.
func (g *Group) Threads() int { return 0 }

// Close does nothing.
func (g *Group) Close() {}

// Rouse does nothing.
func (g *Group) Rouse() {}

// Go is never called.
func (g *Group) Go(func(*Task)) {}

// Task is never made here.
type Task struct{}

// Moves is false.
func (t *Task) Moves() bool { return false }

// Continue is never called.
func (t *Task) Continue(func(*Task)) {}

// Loop is 0.
func (t *Task) Loop() int { return 0 }

// Block calls a function.
func (t *Task) Block(f func()) { f() }

// Sleep is never called.
func (t *Task) Sleep(time.Duration) {}

// Yield does nothing.
func (t *Task) Yield() (waited bool) { return false }

// Socket is never made here.
type Socket struct{ net.Conn }

// Take makes none.
func Take(net.Conn) *Socket { return nil }

// Receive reads.
func (s *Socket) Receive(_ *Task, b []byte) (int, error) { return s.Read(b) }

// Send writes.
func (s *Socket) Send(_ *Task, b []byte) (int, error) { return s.Write(b) }

// Sever closes the connection.
func (s *Socket) Sever() { _ = s.Close() }

// SetDeadline is the connection's.
func (s *Socket) SetDeadline(at time.Time) error { return s.Conn.SetDeadline(at) }
