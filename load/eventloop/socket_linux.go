package eventloop

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket is a connection that Go's own poller does not know. Its task reads and writes it
// by Receive and Send; who has no task, or may wait, by Read and Write.
type Socket struct {
	fd int

	closed atomic.Bool
	mu     sync.Mutex // held while another goroutine ends the connection: the descriptor must stay open meanwhile
	timer  *time.Timer
}

// Take makes a socket of a connection, which is closed; the socket has a descriptor of
// its own. It is nil where that cannot be done.
func Take(from net.Conn) *Socket {
	conn, ok := from.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil
	}
	fd := -1
	if err := raw.Control(func(of uintptr) { fd, err = unix.FcntlInt(of, unix.F_DUPFD_CLOEXEC, 0) }); err != nil || fd < 0 {
		return nil
	}
	_ = from.Close() // with which Go's poller forgets it
	return &Socket{fd: fd}
}

// Receive reads what has come, and has the task wait for it where nothing has. A nil
// task, or one that may wait, waits in the kernel.
func (s *Socket) Receive(t *Task, b []byte) (int, error) {
	if t.looped() {
		if t.inARow++; t.inARow > mostInARow {
			t.await(s, unix.POLLIN)
		}
	}
	for {
		n, errno := s.read(b)
		if errno != unix.EAGAIN {
			return s.received(n, errno)
		}
		s.await(t, unix.POLLIN)
	}
}

// Send writes everything, and waits as Receive does.
func (s *Socket) Send(t *Task, b []byte) (written int, err error) {
	for written < len(b) {
		n, errno := s.write(b[written:])
		written += n
		switch errno {
		case 0:
		case unix.EAGAIN:
			s.await(t, unix.POLLOUT)
		default:
			return written, s.failed("write", errno)
		}
	}
	return written, nil
}

// Read is as for any connection, but for the thread that waits in the kernel meanwhile.
func (s *Socket) Read(b []byte) (int, error) { return s.Receive(nil, b) }

// Write is as for any connection, but for the thread that waits in the kernel meanwhile.
func (s *Socket) Write(b []byte) (int, error) { return s.Send(nil, b) }

// await waits on the task's loop, or in the kernel; whatever that says, the next call
// tells what is the matter.
func (s *Socket) await(t *Task, events int16) {
	if t.looped() {
		t.await(s, events)
		return
	}
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: events}}, -1)
}

// read reads once: 0 bytes without an error are the end of what comes.
func (s *Socket) read(b []byte) (int, syscall.Errno) {
	if s.closed.Load() {
		return 0, unix.EBADF
	}
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

func (s *Socket) write(b []byte) (int, syscall.Errno) {
	if s.closed.Load() {
		return 0, unix.EBADF
	}
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// received is what a read has come to.
func (s *Socket) received(n int, errno syscall.Errno) (int, error) {
	switch {
	case errno != 0:
		return 0, s.failed("read", errno)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// failed is the error of a system call. Behind what we have ended ourselves stands
// net.ErrClosed.
func (s *Socket) failed(op string, errno syscall.Errno) error {
	if s.closed.Load() {
		return net.ErrClosed
	}
	return &net.OpError{Op: op, Net: "socket", Err: os.NewSyscallError(op, errno)}
}

// Sever ends the connection while a task waits for it.
func (s *Socket) Sever() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed.Load() {
		_ = unix.Shutdown(s.fd, unix.SHUT_RDWR) // the other side may have ended it
	}
}

// SetDeadline severs the connection at a time, for a wait cannot be called back; the zero
// time takes that back.
func (s *Socket) SetDeadline(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if !at.IsZero() && !s.closed.Load() {
		s.timer = time.AfterFunc(time.Until(at), s.Sever)
	}
	return nil
}

// Close closes the socket. A task may not be waiting for it; who waits in Read is woken,
// as pgx's reader in the background may, which it begins where a write takes long: a
// descriptor that is closed under a wait in the kernel would neither end that, nor the
// connection. It may be called again.
func (s *Socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Swap(true) {
		return net.ErrClosed
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	_ = unix.Shutdown(s.fd, unix.SHUT_RDWR) // the other side may have ended it
	return os.NewSyscallError("close", unix.Close(s.fd))
}
