// Package listen opens the addresses at which pgchaos serves pages and metrics, HOST:PORT, and refuses what other web pages ask of them.
package listen

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// loopback is the host of an address that names none: others must not reach what nobody has opened for them.
const loopback = "127.0.0.1"

// Listener listens at an address for HTTP.
type Listener struct {
	net.Listener
	named string // the host of the address
}

// Check refuses an address that is not HOST:PORT. Nothing is opened.
func Check(address string) error {
	_, _, err := split(address)
	return err
}

func split(address string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(address)
	if err != nil {
		example := "8080"
		if _, err := strconv.ParseUint(address, 10, 16); err == nil {
			example = address
		}
		return "", "", fmt.Errorf("write HOST:PORT, such as %s:%s; without HOST it is %s, and port 0 is any free one", loopback, example, loopback)
	}
	if host == "" {
		host = loopback
	}
	return host, port, nil
}

// On listens at HOST:PORT. Without a host it is the loopback address; port 0 is any free port.
func On(address string) (*Listener, error) {
	host, port, err := split(address)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w: choose another port, or port 0 for any free one", err)
	}
	if err != nil {
		return nil, err
	}
	return &Listener{Listener: l, named: host}, nil
}

// URL is the address for a browser; it ends with a slash.
func (l *Listener) URL() string { return "http://" + l.Addr().String() + "/" }

// Warning says that other machines may reach what is served, and names the flag that has the address; "": only this machine can.
func (l *Listener) Warning(flag string) string {
	if to, is := l.Addr().(*net.TCPAddr); is && to.IP.IsLoopback() {
		return ""
	}
	return "warning: " + flag + " serves on an address that other machines may reach, and asks for no password"
}

// allows tells whether a browser may ask by this host name. Another name that leads here belongs to a page of somebody else, whose
// name was made to resolve to this machine (DNS rebinding): the browser would let that page read the answer.
func (l *Listener) allows(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.Trim(name, "[]")
	own, _ := os.Hostname() // without it the others are left
	return name == "localhost" || net.ParseIP(name) != nil || strings.EqualFold(name, l.named) || own != "" && strings.EqualFold(name, own)
}

// Guard lets through what a page of this server asks, or a user who types its address. It refuses requests by other host names and of
// other web pages, and has browsers keep answers to themselves. A scraper is no browser, and may use any name: metrics need no guard.
func (l *Listener) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		origin := r.Header.Get("Origin")
		switch {
		case !l.allows(r.Host):
			http.Error(w, "pgchaos does not serve this host name; use the address that it has printed", http.StatusForbidden)
		case origin != "" && origin != "http://"+r.Host:
			http.Error(w, "pgchaos serves its own pages only", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
