package fakepg

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// Hostile is a server on a real socket that does not keep to the protocol, or keeps to it
// without end. It is for tests of what a peer can do to a client.
type Hostile struct {
	listener net.Listener
	serve    func(*peer)
	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	wg       sync.WaitGroup
}

// NewHostile listens on a port of this machine's. Mode is one of HostileModes.
func NewHostile(mode string) (*Hostile, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &Hostile{listener: listener, serve: hostile()[mode], conns: map[net.Conn]struct{}{}}
	h.wg.Go(h.accept)
	return h, nil
}

// Port is where it listens.
func (h *Hostile) Port() int { return h.listener.Addr().(*net.TCPAddr).Port }

// Open is how many clients are connected.
func (h *Hostile) Open() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.conns)
}

// Close ends it, and waits until nothing of it is left.
func (h *Hostile) Close() {
	_ = h.listener.Close()
	h.mu.Lock()
	for conn := range h.conns {
		_ = conn.Close()
	}
	h.mu.Unlock()
	h.wg.Wait()
}

func (h *Hostile) accept() {
	for {
		conn, err := h.listener.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		h.conns[conn] = struct{}{}
		h.mu.Unlock()
		h.wg.Go(func() {
			h.serve(&peer{conn})
			_ = conn.Close()
			h.mu.Lock()
			delete(h.conns, conn)
			h.mu.Unlock()
		})
	}
}

// HostileModes are the names of all ways to be hostile.
func HostileModes() (names []string) {
	for name := range hostile() {
		names = append(names, name)
	}
	return names
}

// peer is one connection of a client's.
type peer struct{ net.Conn }

// message is one of the protocol's.
func message(kind byte, body string) string {
	return string(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4))) + body
}

// promised is the head of a message that has so long a body.
func promised(kind byte, length uint32) string {
	return string(binary.BigEndian.AppendUint32([]byte{kind}, length))
}

var (
	welcome  = message('R', "\x00\x00\x00\x00")
	keys     = message('K', "\x00\x00\x00\x01\x00\x00\x00\x02")
	ready    = message('Z', "I")
	readOnly = message('S', "default_transaction_read_only\x00off\x00") + message('S', "in_hot_standby\x00off\x00") + message('S', "server_version\x0015.4\x00")
	notice   = message('N', "SWARNING\x00VWARNING\x00C01000\x00M\x1b[31m"+strings.Repeat("n", 500)+"\x00\x00")
	row      = message('D', "\x00\x01\x00\x00\x01\x00"+strings.Repeat("r", 256))
	columns  = message('T', "\x00\x01c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x19\xff\xff\xff\xff\xff\xff\x00\x00")
	// failed is an error that is longer than any client wants.
	failed = message('E', "SERROR\x00VERROR\x00C42P01\x00M\x1b]0;title\x07\x1b[2J"+strings.Repeat("e", 600_000)+"\x00\x00")
)

// say sends a text; false: the client has gone.
func (p *peer) say(text string) bool {
	_, err := io.WriteString(p, text)
	return err == nil
}

// flood says the same until the client has gone.
func (p *peer) flood(text string) {
	for text = strings.Repeat(text, 1+(64<<10)/len(text)); p.say(text); {
	}
}

// drip says a text slowly, again and again.
func (p *peer) drip(text string) {
	for {
		for i := range text {
			time.Sleep(20 * time.Millisecond)
			if !p.say(text[i : i+1]) {
				return
			}
		}
	}
}

// listen reads whatever the client says, until it has gone.
func (p *peer) listen() { _, _ = io.Copy(io.Discard, p) }

// startup takes the client's first message, and refuses TLS.
func (p *peer) startup() {
	var head [8]byte
	for {
		if _, err := io.ReadFull(p, head[:]); err != nil {
			return
		}
		if bytes.Equal(head[4:], []byte{4, 210, 22, 47}) {
			p.say("N")
			continue
		}
		_, _ = io.CopyN(io.Discard, p, int64(binary.BigEndian.Uint32(head[:4]))-8)
		return
	}
}

// connected lets a client in; what it asks while it connects is answered by then.
func connected(then func(*peer)) func(*peer) {
	return func(p *peer) {
		p.startup()
		if !p.say(welcome + readOnly + keys + ready) {
			return
		}
		_, _ = p.Read(make([]byte, 64<<10)) // whatever is asked
		then(p)
	}
}

// starting does something once the client has said who it is.
func starting(then func(*peer)) func(*peer) {
	return func(p *peer) {
		p.startup()
		then(p)
	}
}

// hostile are the ways.
func hostile() map[string]func(*peer) {
	garbage := "\x00\xff\x13GET / HTTP/1.1\r\n\x1b[2J\x80\x81\xfe"
	return map[string]func(*peer){
		"never answers":                      (*peer).listen,
		"closes at once":                     func(*peer) {},
		"garbage without end":                func(p *peer) { p.flood(garbage) },
		"garbage, then nothing":              starting(func(p *peer) { p.say(garbage); p.listen() }),
		"a garbage answer about TLS":         func(p *peer) { p.say("X\x1b[2J"); p.listen() },
		"a length of 2 GB, then nothing":     starting(func(p *peer) { p.say(promised('R', 1<<31-1)); p.listen() }),
		"a length of 900 MB, and a flood":    starting(func(p *peer) { p.say(promised('E', 900<<20)); p.flood("xxxxxxxx") }),
		"a length of 0":                      starting(func(p *peer) { p.flood(promised('R', 0)) }),
		"authentication without end":         starting(func(p *peer) { p.flood(welcome) }),
		"parameters without end":             starting(func(p *peer) { p.say(welcome); p.flood(message('S', "application_name\x00x\x00")) }),
		"different parameters without end":   starting(floodParameters),
		"notices without end":                starting(func(p *peer) { p.say(welcome); p.flood(notice) }),
		"byte by byte":                       starting(func(p *peer) { p.drip(welcome) }),
		"a long error at the start":          starting(func(p *peer) { p.say(failed) }),
		"never answers a statement":          connected((*peer).listen),
		"closes in the middle of an answer":  connected(func(p *peer) { p.say(row[:20]) }),
		"notices instead of an answer":       connected(func(p *peer) { p.flood(notice) }),
		"rows without end":                   connected(func(p *peer) { p.say(columns); p.flood(row) }),
		"a row of 900 MB":                    connected(func(p *peer) { p.say(columns + promised('D', 900<<20)); p.flood("xxxxxxxx") }),
		"a notice of 900 MB":                 connected(func(p *peer) { p.say(promised('N', 900<<20)); p.flood("xxxxxxxx") }),
		"an answer byte by byte":             connected(func(p *peer) { p.drip(notice) }),
		"an error of 600 kB for a statement": connected(func(p *peer) { p.say(failed + ready); p.listen() }),
		"garbage for a statement":            connected(func(p *peer) { p.flood(garbage) }),
		"errors without end":                 connected(func(p *peer) { p.flood(message('E', "SERROR\x00VERROR\x00C42P01\x00Mno\x00\x00")) }),
	}
}

// floodParameters sends parameters that are all different, which a client may want to keep.
func floodParameters(p *peer) {
	p.say(welcome)
	for n := uint64(0); ; n++ {
		name := binary.BigEndian.AppendUint64(nil, n)
		for i := range name {
			name[i] = 'a' + name[i]%26
		}
		if !p.say(message('S', string(name)+time.Duration(n).String()+"\x00"+strings.Repeat("v", 8000)+"\x00")) {
			return
		}
	}
}
