package rowscan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/rows"
)

func TestPassing(t *testing.T) {
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	for _, c := range []struct {
		why  string
		err  error
		want bool
	}{
		{"conflict with recovery", &pgconn.PgError{Code: "40001"}, true},
		{"conflict with recovery over a pin", &pgconn.PgError{Code: "40P01"}, true},
		{"starting", &pgconn.PgError{Code: "57P03"}, true},
		{"terminated", &pgconn.PgError{Severity: "FATAL", Code: "57P01"}, true},
		{"crash of another backend", &pgconn.PgError{Code: "57P02"}, true},
		{"all connections taken", &pgconn.PgError{Severity: "FATAL", Code: "53300"}, true},
		{"canceled by somebody", &pgconn.PgError{Code: "57014"}, false},
		{"no table", &pgconn.PgError{Code: "42P01"}, false},
		{"corrupted page", &pgconn.PgError{Code: "XX001"}, false},
		{"wrong password", &pgconn.PgError{Severity: "FATAL", Code: "28P01"}, false},
		{"refused", fmt.Errorf("connect to a: %w", dial(syscall.ECONNREFUSED)), true},
		{"reset", &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, true},
		{"end", io.ErrUnexpectedEOF, true},
		{"timeout", dial(syscall.ETIMEDOUT), false},
		{"deadline", fmt.Errorf("connect to a: %w", context.DeadlineExceeded), false},
		{"ended context", context.Canceled, false},
		{"a COPY that is none", errors.New("decode COPY: a row of 7 fields"), false},
		{"no host", errors.New("a has no host yet"), false},
	} {
		if got := passing(c.err); got != c.want {
			t.Errorf("%s: %t, want %t", c.why, got, c.want)
		}
	}
}

// TestUnreachable: a node that nobody can connect to is an error after a bounded
// time, and never an empty table.
func TestUnreachable(t *testing.T) {
	for _, c := range []struct {
		why   string
		err   error
		dials int
		took  time.Duration
	}{
		{"refused", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, 6, 3100 * time.Millisecond},
		{"wrong password", &pgconn.PgError{Code: "28P01"}, 1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			dials, began := 0, time.Now()
			h, err := Scan(t.Context(), func(context.Context) (*pgx.Conn, error) { dials++; return nil, c.err }, rows.Table{Name: "t"}, ScanOptions{})
			if h != nil || !errors.Is(err, c.err) || dials != c.dials || time.Since(began) != c.took {
				t.Errorf("%s: %v, %v after %d dials and %s", c.why, h, err, dials, time.Since(began))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
			defer cancel()
			began = time.Now()
			if _, err := Scan(ctx, func(context.Context) (*pgx.Conn, error) { return nil, c.err }, rows.Table{Name: "t"}, ScanOptions{}); err == nil || time.Since(began) > 150*time.Millisecond {
				t.Errorf("%s: %v after %s", c.why, err, time.Since(began))
			}
		})
	}
}

// TestRanges: the ranges are the whole heap, each block once, and the last is open.
func TestRanges(t *testing.T) {
	for _, c := range []struct {
		why     string
		heap    heap
		options ScanOptions
		want    []blocks
	}{
		{"empty", heap{0, 1, 150000}, ScanOptions{}, []blocks{{0, 0}}},
		{"one", heap{12288, 1, 150000}, ScanOptions{}, []blocks{{0, 0}}},
		{"two", heap{12289, 1, 150000}, ScanOptions{}, []blocks{{0, 12288}, {12288, 0}}},
		{"small ones", heap{7, 1, 140000}, ScanOptions{RangeBlocks: 3}, []blocks{{0, 3}, {3, 6}, {6, 0}}},
		{"before 14", heap{1000000, 1, 130020}, ScanOptions{}, []blocks{{0, 0}}},
		{"no length", heap{2, 1, 150000}, ScanOptions{RangeBlocks: -1}, []blocks{{0, 1}, {1, 0}}},
	} {
		s := scan{heap: c.heap, options: c.options}
		var got []blocks
		for r, ok := s.take(); ok; r, ok = s.take() {
			got = append(got, r)
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
	}
}
