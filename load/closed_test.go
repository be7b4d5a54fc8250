package load

import (
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// TestClosedLoopIsDueAtOnce: in a closed loop an operation is due when the one before is
// over, whatever the session does in between, unless the client rests.
func TestClosedLoopIsDueAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct{ think, between time.Duration }{{0, 0}, {time.Second, 1002 * time.Millisecond}} {
			var ops []record.Op
			clock := record.StartClock()
			w := New(Config{
				Iterations: 5, ThinkTime: c.think, Clock: clock, Open: func(int) Session { return settles{} },
				OnSample: func(_ int, op record.Op) { ops = append(ops, op) },
			})
			time.Sleep(time.Second)
			w.Start()
			time.Sleep(time.Minute)
			w.Close()
			if len(ops) != 5 || ops[0].Due != time.Second {
				t.Fatalf("think time %v: %d operations, the first due at %v", c.think, len(ops), ops[0].Due)
			}
			for i, op := range ops[1:] {
				if op.Due-ops[i].Done != c.between || op.Sent != op.Due {
					t.Errorf("think time %v: the next is due %v after the one before, and sent at %v", c.think, op.Due-ops[i].Done, op.Sent)
				}
			}
		}
	})
}

// TestClosedLoopIsNotDueBeforeItRuns: what it takes until a client has been launched is no
// operation's.
func TestClosedLoopIsNotDueBeforeItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first record.Op
		w := New(Config{
			Iterations: 1, Clock: record.StartClock(), OnSample: func(_ int, op record.Op) { first = op },
			Open: func(int) Session { time.Sleep(3 * time.Millisecond); return instant{} },
		})
		w.Start()
		time.Sleep(time.Second)
		w.Close()
		if first.Due != 3*time.Millisecond {
			t.Errorf("the first is due at %v", first.Due)
		}
	})
}

// settles is a session that takes a while to settle an operation.
type settles struct{ instant }

func (settles) Settle(*record.Op, bool) { time.Sleep(2 * time.Millisecond) }
