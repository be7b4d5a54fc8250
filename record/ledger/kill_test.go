package ledger

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pgchaos/record"
)

// roleEnv makes the test binary play a writer that will be killed, or one that may
// not write much.
const roleEnv = "PGCHAOS_LEDGER_ROLE"

func TestMain(m *testing.M) {
	role, path, _ := strings.Cut(os.Getenv(roleEnv), ":")
	switch role {
	case "victim":
		victim(path)
		os.Exit(1) // it should not have come to this
	case "limited":
		if err := limited(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func play(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), roleEnv+"="+role+":"+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// outcomeOf is the outcome that the victim records for a number, so that the reader knows what
// to expect. Every 16th is given up, and half of those are answered 40 numbers later.
func outcomeOf(seq int64) record.Outcome {
	switch {
	case seq%16 == 5:
		return record.Unknown
	case seq%50 == 7:
		return record.Failed
	case seq%50 == 9:
		return record.Weak
	}
	return record.OK
}

const (
	victims  = 4
	lateness = 40
)

func lateOutcomeOf(seq int64) record.Outcome {
	if seq%32 == 5 {
		return record.Weak
	}
	return record.Unknown
}

// victim writes with several goroutines, and reports what Record has returned for:
// the writer, and the newest number of which all is recorded. Reports are rare, so
// that the kill hits the ledger and not the pipe.
func victim(path string) {
	l, err := Create(path, "victim")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server := l.AddServer(master)
	var all sync.WaitGroup
	for range victims {
		w, err := l.AddWriter("writes")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		all.Go(func() {
			for l.Err() == nil {
				seq := w.Next(time.Duration(w.Issued()+1) * ms)
				if o := outcomeOf(seq); o != record.Unknown {
					w.Record(seq, o, server, record.LSN(seq*10), time.Duration(seq)*ms+ms/2)
				}
				if old := seq - lateness; old > 0 && outcomeOf(old) == record.Unknown && lateOutcomeOf(old) != record.Unknown {
					w.Record(old, lateOutcomeOf(old), server, record.LSN(old*10), time.Duration(seq)*ms)
				}
				if seq%128 == 0 {
					var report [12]byte
					binary.LittleEndian.PutUint32(report[:], uint32(w.ID()))
					binary.LittleEndian.PutUint64(report[4:], uint64(seq))
					_, _ = os.Stdout.Write(report[:]) // small enough to be written whole, or not at all
				}
			}
		})
	}
	all.Wait()
}

func TestKill(t *testing.T) {
	for round := range 6 {
		path := filepath.Join(t.TempDir(), "ledger")
		cmd := play(t, "victim", path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var reported [victims]int64
		reports := bufio.NewReader(out)
		first := true
		for {
			var report [12]byte
			if _, err := io.ReadFull(reports, report[:]); err != nil {
				break
			}
			if first {
				first = false
				time.AfterFunc(time.Duration(3+11*round)*ms, func() { _ = cmd.Process.Kill() })
			}
			reported[binary.LittleEndian.Uint32(report[:])] = int64(binary.LittleEndian.Uint64(report[4:]))
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
			t.Fatalf("the victim was not killed: %v", err)
		}
		autopsy(t, path, reported)
	}
}

// autopsy demands that all that was reported is in the book, and nothing wrong.
//
//nolint:gocyclo // one demand after the other
func autopsy(t *testing.T, path string, reported [victims]int64) {
	t.Helper()
	b := open(t, path)
	if b.Damage != nil || b.Closed {
		t.Errorf("closed: %v, damage %q", b.Closed, b.Damage)
	}
	var total int64
	for id, all := range reported {
		total += all
		a := b.account(id)
		if all == 0 {
			continue
		}
		if a == nil || a.Issued < all {
			t.Fatalf("writer %d: %d were reported, not all of them are there", id, all)
		}
		for e, err := range b.Entries(id, 1, record.MaxSeq) {
			if err != nil {
				t.Fatal(err)
			}
			want, got := outcomeOf(e.Seq), e.Outcome
			if want == record.Unknown {
				want = lateOutcomeOf(e.Seq)
				if got == record.Unknown && e.Seq+lateness > all {
					continue // its late answer was never reported
				}
			} else if got == record.Unknown && e.Seq > all {
				continue // nor was this one
			}
			if got != want {
				t.Fatalf("writer %d: %d is %v, was recorded as %v (%d reported, %d issued)", id, e.Seq, got, want, all, a.Issued)
			}
			if got != record.Unknown && (e.LSN != record.LSN(e.Seq*10) || e.Server != master) || e.Sent != time.Duration(e.Seq)*ms {
				t.Fatalf("writer %d: %+v", id, e)
			}
			if e.Seq < a.Issued && e.Seq > all && got == record.Unknown && outcomeOf(e.Seq) != record.Unknown {
				t.Fatalf("writer %d: %d is unknown, though %d came after it", id, e.Seq, a.Issued)
			}
		}
	}
	t.Logf("%d reported", total)
}

// fillUp writes until there is an Err, and demands that the book tells what was
// recorded before, and nothing else.
func fillUp(path string) error {
	l, err := Create(path, "full")
	if err != nil {
		return err
	}
	w, err := l.AddWriter("writes")
	if err != nil {
		return err
	}
	var recorded int64
	for range 2_000_000 {
		seq := w.Next(time.Duration(recorded) * ms)
		if seq == 0 {
			break
		}
		w.Record(seq, record.Failed, 0, 1, time.Duration(seq)*ms)
		if l.Err() == nil {
			recorded = seq
		}
	}
	full := l.Err()
	if full == nil {
		return errors.New("the disk is never full")
	}
	w.Record(1, record.OK, 0, 0, 1)
	if _, err := l.AddWriter("more"); err == nil || w.Next(0) != 0 || l.AddServer(master) != 1 {
		return errors.New("something goes on after an error")
	}
	if err := l.Close(); !errors.Is(err, full) {
		return fmt.Errorf("close says %w, the first error was %w", err, full)
	}
	b, err := Open(path)
	if err != nil {
		return err
	}
	n := b.Writers()[0].Count()
	if n[record.Failed] != recorded || n[record.OK] != 0 || n[record.Unknown] > 1 || b.Closed || b.Damage != nil {
		return fmt.Errorf("%d recorded, %v in the book, damage %q", recorded, n, b.Damage)
	}
	return errors.Join(b.Close(), checkCause(full))
}

func checkCause(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EFBIG) {
		return nil
	}
	return fmt.Errorf("another error than the one of a full disk: %w", err)
}

// limited fills a file up to RLIMIT_FSIZE. SIGXFSZ, which the kernel sends then, is
// left to Go's runtime: it does not end the process.
func limited(path string) error {
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 3<<20 + 5000, Max: 3<<20 + 5000}); err != nil {
		return err
	}
	return fillUp(path)
}

func TestFileSizeLimit(t *testing.T) {
	if out, err := play(t, "limited", filepath.Join(t.TempDir(), "ledger")).Output(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestCutOff takes the file away under the mapping, which is what a store into a
// page without disk space does: SIGBUS.
func TestCutOff(t *testing.T) {
	l, path := create(t)
	w := addWriter(t, l)
	other := addWriter(t, l)
	w.Record(w.Next(ms), record.OK, 0, 0, ms)
	other.Next(ms)
	if err := os.Truncate(path, BlockSize); err != nil {
		t.Fatal(err)
	}
	if w.Next(ms) != 0 || l.Err() == nil {
		t.Errorf("a number was issued that is not on disk: %v", l.Err())
	}
	other.Record(1, record.OK, 0, 0, ms)
	if err := l.Close(); err == nil {
		t.Error("Close does not tell")
	}

	l, path = create(t)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := l.AddWriter("writes"); err == nil || l.Err() == nil {
		t.Error("a writer's name is not on disk")
	}
}
