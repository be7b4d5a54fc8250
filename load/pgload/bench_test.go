package pgload

import (
	"bytes"
	"context"
	"net"
	"testing"

	"pgchaos/record"
)

// canned is a connection to a fake server which answers everything itself, without
// allocating, once it is switched on: what is measured then is this package and pgx.
type canned struct {
	net.Conn
	answer []byte // nil: the fake server answers
	rest   []byte
}

func (c *canned) Write(b []byte) (int, error) {
	if c.answer == nil || len(b) == 5 {
		return c.Conn.Write(b)
	}
	c.rest = c.answer
	return len(b), nil
}

func (c *canned) Read(b []byte) (int, error) {
	if c.answer == nil {
		return c.Conn.Read(b)
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

const (
	bindComplete = "2\x00\x00\x00\x04"
	oneLSN       = "D\x00\x00\x00\x12\x00\x01\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x10\x00"
	inserted     = "C\x00\x00\x00\x0fINSERT 0 1\x00"
	ready        = "Z\x00\x00\x00\x05I"
)

// BenchmarkInsert is one prepared autocommit insert, with its entry in the ledger.
func BenchmarkInsert(b *testing.B) {
	benchmark(b, func(*Config) {}, []byte(bindComplete+oneLSN+inserted+ready))
}

// BenchmarkSelect is one prepared statement of the user's.
func BenchmarkSelect(b *testing.B) {
	benchmark(b, func(c *Config) { c.Kind, c.SQL = SQL, []string{"select 1"} }, []byte(bindComplete+"C\x00\x00\x00\x0dSELECT 1\x00"+ready))
}

func benchmark(b *testing.B, change func(c *Config), answer []byte) {
	cl := newCluster(b, 1)
	cl.cfg.Target, cl.cfg.Payload, cl.cfg.Clock = "a", 64, record.StartClock()
	change(&cl.cfg)
	var conn *canned
	cl.cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := cl.network.Dial(ctx, network, address)
		conn = &canned{Conn: c}
		return conn, err
	}
	w, err := New(cl.cfg)
	if err != nil {
		b.Fatal(err)
	}
	s := w.Open(0)
	if reply := once(s); reply.Err != nil {
		b.Fatal(reply.Err)
	}
	conn.answer = bytes.Clone(answer)
	b.ReportAllocs()
	for b.Loop() {
		reply := do(context.Background(), s)
		if reply.Err != nil {
			b.Fatal(reply.Err)
		}
		s.Settle(&record.Op{Outcome: reply.Outcome, Done: 1}, false)
	}
	b.StopTimer()
	conn.answer = nil
	s.Close()
	w.Close()
}
