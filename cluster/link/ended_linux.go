package link

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// established is TCP_ESTABLISHED of the kernel's include/net/tcp_states.h.
const established = 1

// hasEnded tells whether the other end of a connection has closed or reset it, though what it had sent before may
// still be there to be read.
func hasEnded(c net.Conn) (ended bool) {
	of, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := of.SyscallConn()
	if err != nil {
		return false
	}
	err = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		ended = err == nil && info.State != established
	})
	return err == nil && ended
}
