package cluster

import (
	"net"
	"net/netip"
	"testing"
)

// TestListensAt has lines of /proc/net/tcp and tcp6 of a real machine.
func TestListensAt(t *testing.T) {
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	const established = "   1: 0100007F:1538 0100007F:D2A6 01 00000000:00000000 00:00000000 00000000   106        0 31313 1 0000000000000000 20 4 30 10 -1\n"
	const one = "   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   106        0 31212 1 0000000000000000 100 0 0 10 0\n"
	const all = "   0: 00000000:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   106        0 31212 1 0000000000000000 100 0 0 10 0\n"
	const six = "   0: 00000000000000000000000001000000:1538 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000   106        0 31212 1 0000000000000000 100 0 0 10 0\n"
	const allSix = "   0: 00000000000000000000000000000000:1538 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000   106        0 31212 1 0000000000000000 100 0 0 10 0\n"
	for name, c := range map[string]struct {
		text, at string
		is, says bool
	}{
		"its address":                         {head + one, "127.0.0.1:5432", true, true},
		"another address":                     {head + one, "127.0.0.2:5432", false, true},
		"another port":                        {head + one, "127.0.0.1:5433", false, true},
		"all addresses":                       {head + all, "10.1.2.3:5432", true, true},
		"a session is no listener":            {head + established, "127.0.0.1:5432", false, true},
		"by IPv6":                             {head + six, "[::1]:5432", true, true},
		"all addresses of IPv6":               {head + allSix, "10.1.2.3:5432", true, true},
		"nobody":                              {head, "127.0.0.1:5432", false, true},
		"the command did not run":             {"", "127.0.0.1:5432", false, false},
		"the command is another one":          {"Error response from daemon: container is not running\n", "127.0.0.1:5432", false, false},
		"a table that has no addresses":       {head + "   0: XYZ:1538 0 0A\n", "127.0.0.1:5432", false, false},
		"and one with addresses of no length": {head + "   0: 01:1538 0 0A\n", "127.0.0.1:5432", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			is, err := listensAt(c.text, netip.MustParseAddrPort(c.at))
			if is != c.is || (err == nil) != c.says {
				t.Errorf("%v, %v", is, err)
			}
		})
	}
}

// TestStraight: a session is straight where the server sees it come from where it began.
func TestStraight(t *testing.T) {
	tcp := func(at string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(at)) }
	socket := &net.UnixAddr{Net: "unix"}
	none := netip.AddrPort{}
	at := netip.MustParseAddrPort
	for name, c := range map[string]struct {
		ours net.Addr
		seen netip.AddrPort
		want bool
	}{
		"the same":                     {tcp("10.0.0.1:40000"), at("10.0.0.1:40000"), true},
		"IPv6 of one that has IPv4":    {tcp("[::ffff:10.0.0.1]:40000"), at("10.0.0.1:40000"), true},
		"IPv6":                         {tcp("[fe80::1%eth0]:40000"), at("[fe80::1]:40000"), true},
		"a forwarded port":             {tcp("127.0.0.1:40000"), at("127.0.0.1:50000"), false},
		"address translation":          {tcp("10.0.0.1:40000"), at("192.0.2.1:40000"), false},
		"a socket":                     {socket, none, true},
		"a socket that is forwarded":   {socket, at("127.0.0.1:50000"), false},
		"TCP that is forwarded to one": {tcp("127.0.0.1:40000"), none, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := straight(c.ours, c.seen); (err == nil) != c.want {
				t.Error(err)
			}
		})
	}
}
