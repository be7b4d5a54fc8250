package local

import (
	"io"
	"net"
	"strconv"
)

// claimPort keeps a port from the nodes of other runs on this machine, whatever their directories and users, until it is closed or pgchaos ends: a
// port is free for all to see until its server listens, and again while it is stopped. The name is abstract (unix(7)): it is no file, and
// belongs to the network namespace, as the port does. The error is syscall.EADDRINUSE where another run has it.
func claimPort(port int) (io.Closer, error) {
	return net.Listen("unix", "@pgchaos-port-"+strconv.Itoa(port))
}
