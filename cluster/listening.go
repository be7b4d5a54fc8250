package cluster

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ListenersCommand is what a Witness runs on a node's machine beside the user's commands: it prints who listens on a machine, and where the container has a network of its own, in that: the lines of
// Linux's tables of sockets that are in the state LISTEN (0A in include/net/tcp_states.h), and their head, which shows that it ran.
func ListenersCommand() []string {
	return []string{"grep", "-hE", "local_address| 0A ", "/proc/net/tcp", "/proc/net/tcp6"}
}

// listensAt tells from the command's output whether something listens at an address, or at its port on all addresses. An error is that
// the output says nothing.
func listensAt(text string, at netip.AddrPort) (bool, error) {
	if !strings.Contains(text, "local_address") {
		return false, errors.New("it did not print who listens")
	}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 || f[3] != "0A" {
			continue
		}
		address, err := procAddress(f[1])
		if err != nil {
			return false, err
		}
		if address.Port() == at.Port() && (address.Addr().IsUnspecified() || address.Addr() == at.Addr().Unmap()) {
			return true, nil
		}
	}
	return false, nil
}

// procAddress reads an address of /proc/net/tcp or tcp6: words of four bytes as the machine has them (get_tcp4_sock in net/ipv4/tcp_ipv4.c),
// which is taken to be a little-endian one, and the port.
func procAddress(text string) (netip.AddrPort, error) {
	words, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(words)
	if err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("%q is no address of /proc/net/tcp", text)
	}
	for i := 0; i < len(raw); i += 4 {
		slices.Reverse(raw[i : i+4])
	}
	address, ok := netip.AddrFromSlice(raw)
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil || !ok {
		return netip.AddrPort{}, fmt.Errorf("%q is no address of /proc/net/tcp", text)
	}
	return netip.AddrPortFrom(address.Unmap(), uint16(n)), nil
}

// listensTimeout bounds how long a machine may take to say who listens.
const listensTimeout = 10 * time.Second

// listens asks the node's machine whether something listens at an address of its own.
func (n *Node) listens(ctx context.Context, at netip.AddrPort) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listensTimeout)
	defer cancel()
	out, err := n.RunBeside(ctx, Command{Argv: ListenersCommand(), Keep: ExecKeeps})
	is, said := listensAt(out.Stdout, at)
	if said != nil {
		return false, errors.Join(said, err)
	}
	return is, nil // the command ends with an error where one of the tables is not there
}
