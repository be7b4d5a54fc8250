package load

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
)

// TestOutages: each client for itself, from the first operation that went wrong to
// the first acknowledgement after the last.
func TestOutages(t *testing.T) {
	const ms = time.Millisecond
	fails := func(d time.Duration) result {
		time.Sleep(d)
		return result{Outcome: record.Failed, Kind: "25006", Node: 1}
	}
	serves := func(d time.Duration, node int) result {
		time.Sleep(d)
		return result{Outcome: record.OK, Node: node}
	}
	tests := []struct {
		name    string
		timeout time.Duration
		do      func(at time.Duration, n int) result // at: when it is sent; n: how many were sent before
		want    []record.ClientOutage
	}{
		{"all is well", 0, func(time.Duration, int) result { return serves(10*ms, 1) }, nil},
		{"failures, one weak acknowledgement among the successes", 0, func(at time.Duration, _ int) result {
			switch {
			case at >= 100*ms && at < 130*ms:
				return fails(10 * ms)
			case at == 130*ms:
				time.Sleep(10 * ms)
				return result{Outcome: record.Weak, Kind: "01000", Node: 2}
			}
			return serves(10*ms, 1)
		}, []record.ClientOutage{{LastOK: 100 * ms, Before: 1, Sent: 100 * ms, FirstError: 110 * ms, LastError: 130 * ms, FirstOK: 140 * ms, After: 2, Errors: 3}}},
		{"two outages", 0, func(at time.Duration, _ int) result {
			if at == 100*ms || at == 200*ms {
				return fails(10 * ms)
			}
			return serves(10*ms, 1)
		}, []record.ClientOutage{
			{LastOK: 100 * ms, Before: 1, Sent: 100 * ms, FirstError: 110 * ms, LastError: 110 * ms, FirstOK: 120 * ms, After: 1, Errors: 1},
			{LastOK: 200 * ms, Before: 1, Sent: 200 * ms, FirstError: 210 * ms, LastError: 210 * ms, FirstOK: 220 * ms, After: 1, Errors: 1},
		}},
		{"an answer that takes long, though it succeeds", 0, func(at time.Duration, _ int) result {
			if at == 100*ms {
				return serves(250*ms, 1)
			}
			return serves(10*ms, 1)
		}, []record.ClientOutage{{LastOK: 100 * ms, Before: 1, Sent: 100 * ms, FirstOK: 350 * ms, After: 1}}},
		{"just not long enough", 0, func(at time.Duration, _ int) result {
			if at == 100*ms {
				return serves(249*ms, 1)
			}
			return serves(10*ms, 1)
		}, nil},
		{"never served", 0, func(time.Duration, int) result { return fails(100 * ms) },
			[]record.ClientOutage{{Sent: 0, FirstError: 100 * ms, LastError: 1000 * ms, Errors: 10}}},
		{"never served again", 0, func(at time.Duration, _ int) result {
			if at >= 500*ms {
				return fails(100 * ms)
			}
			return serves(100*ms, 1)
		}, []record.ClientOutage{{LastOK: 500 * ms, Before: 1, Sent: 500 * ms, FirstError: 600 * ms, LastError: 1000 * ms, Errors: 5}}},
		{"given up on: another attempt, but the same client", 300 * ms, func(_ time.Duration, n int) result {
			if n == 1 {
				return serves(700*ms, 1) // too late an answer is none
			}
			return serves(100*ms, 2)
		}, []record.ClientOutage{{LastOK: 100 * ms, Before: 2, Sent: 100 * ms, FirstError: 400 * ms, LastError: 400 * ms, FirstOK: 500 * ms, After: 2, Errors: 1}}},
		{"a node that there is not is not known", 0, func(at time.Duration, _ int) result {
			if at == 100*ms {
				return fails(10 * ms)
			}
			return serves(10*ms, 3)
		}, []record.ClientOutage{{LastOK: 100 * ms, Sent: 100 * ms, FirstError: 110 * ms, LastError: 110 * ms, FirstOK: 120 * ms, Errors: 1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clock := record.StartClock()
				var n atomic.Int64
				s := &server{do: func(int, <-chan struct{}) result { return tt.do(clock.Now(), int(n.Add(1))-1) }}
				w := New(Config{Clients: 1, Nodes: 2, Timeout: tt.timeout, MaxAbandoned: 1, Open: s.open, Clock: clock})
				w.Start()
				time.Sleep(999 * ms)
				w.Stop()
				rec := ended(t, w, s, -1)
				if len(rec.Clients) != 1 || rec.Clients[0].Discarded != 0 {
					t.Fatalf("clients %+v", rec.Clients)
				}
				if diff := cmp.Diff(tt.want, rec.Clients[0].Outages); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestAPoolStuckOnADeadNode: seven of eight clients are served all the time, so that
// nothing shows in the whole; the eighth is out, and stays the eighth.
func TestAPoolStuckOnADeadNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := record.StartClock()
		s := &server{do: func(client int, closed <-chan struct{}) result {
			if client == 7 && clock.Now() > time.Second {
				<-closed
				return result{Outcome: record.Unknown, Kind: "closed"}
			}
			time.Sleep(time.Millisecond)
			return result{Outcome: record.OK, Node: 1}
		}}
		w := New(Config{Clients: 8, Nodes: 1, Timeout: 500 * time.Millisecond, MaxAbandoned: 2, Open: s.open, Clock: clock})
		w.Start()
		time.Sleep(5 * time.Second)
		w.Stop()
		rec := ended(t, w, s, -1)
		for i, n := range rec.Activity[100:500] {
			if n.OK == 0 {
				t.Fatalf("nothing was served in bucket %d", 100+i)
			}
		}
		for client, c := range rec.Clients {
			if client < 7 && len(c.Outages) != 0 {
				t.Errorf("client %d: %+v", client, c.Outages)
			}
		}
		e := rec.Clients[7].Outages
		// The third that was given up on was beyond MaxAbandoned: from then on the client
		// has no attempt, and is out all the same.
		if len(e) != 1 || e[0].FirstOK != 0 || e[0].Errors != 3 || e[0].Sent < time.Second || e[0].Sent > time.Second+2*time.Millisecond {
			t.Errorf("client 7: %+v", e)
		}
	})
}

// TestDroppedBelongsToNoClient: nobody had taken it.
func TestDroppedBelongsToNoClient(t *testing.T) {
	var tr outageTracker
	tr.note(&record.Op{Due: 1, Done: 5 * time.Second, Outcome: record.Dropped})
	if r := tr.record(); len(r.Outages) != 0 {
		t.Errorf("%+v", r.Outages)
	}
}

// TestOutagesAreBounded: of too many the longest are kept, in their order.
func TestOutagesAreBounded(t *testing.T) {
	tr := outageTracker{keep: outagesKept(1)}
	at := time.Duration(0)
	out := func(length time.Duration) {
		at += time.Second
		tr.note(&record.Op{Sent: at, Done: at + length/2, Outcome: record.Failed})
		tr.note(&record.Op{Sent: at + length/2, Done: at + length, Outcome: record.OK})
	}
	for i := range maxOutages {
		out(time.Duration(10+i%2) * time.Millisecond)
	}
	for range 100 {
		out(5 * time.Millisecond) // shorter than all
	}
	for range 3 {
		out(20 * time.Millisecond)
	}
	tr.note(&record.Op{Sent: at + 500*time.Millisecond, Done: at + 600*time.Millisecond, Outcome: record.Unknown})
	r := tr.record()
	if len(r.Outages) != maxOutages+1 || r.Discarded != 103 {
		t.Fatalf("%d outages, %d discarded", len(r.Outages), r.Discarded)
	}
	count := map[time.Duration]int{}
	for i, e := range r.Outages {
		length, _ := e.Length()
		count[length]++
		if i > 0 && e.Sent <= r.Outages[i-1].Sent {
			t.Fatalf("outage %d is out of order", i)
		}
	}
	if count[10*time.Millisecond] != 509 || count[11*time.Millisecond] != 512 || count[20*time.Millisecond] != 3 || r.Outages[maxOutages].FirstOK != 0 {
		t.Errorf("lengths %v, the last is %+v", count, r.Outages[maxOutages])
	}
}

func TestManyClientsKeepFewerOutages(t *testing.T) {
	for clients, want := range map[int]int{1: 1024, 128: 1024, 256: 512, 2000: 65, 100_000: 16} {
		if got := outagesKept(clients); got != want {
			t.Errorf("%d clients keep %d outages each, want %d", clients, got, want)
		}
	}
}

// TestActivityByNode: the parts sum up to the whole, wherever they were booked, but
// for what nobody knows the node of.
func TestActivityByNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		clock := record.StartClock()
		s := &server{do: func(client int, _ <-chan struct{}) result {
			time.Sleep(time.Millisecond)
			if n.Add(1)%10 == 0 {
				return result{Outcome: record.Failed, Kind: "refused"} // by nobody knows whom
			}
			return result{Outcome: record.OK, Node: 1 + client}
		}}
		w := New(Config{Clients: 2, Nodes: 2, Open: s.open, Clock: clock})
		w.Start()
		time.Sleep(2500 * time.Millisecond)
		w.Phase("announced", 2600*time.Millisecond) // what is due after it, and done before the collector, is booked
		time.Sleep(1500 * time.Millisecond)
		w.Stop()
		rec := ended(t, w, s, -1)
		if len(rec.Nodes) != 2 {
			t.Fatalf("%d nodes", len(rec.Nodes))
		}
		for i, all := range rec.Activity {
			a, b := rec.Nodes[0][i], rec.Nodes[1][i]
			if a.OK+b.OK != all.OK || a.Errors+b.Errors != 0 {
				t.Fatalf("slot %d: %+v and %+v of %+v", i, a, b, all)
			}
			if i < 400 && (a.OK == 0 || b.OK == 0) {
				t.Fatalf("slot %d: %+v and %+v", i, a, b)
			}
		}
	})
}

// TestClosedTwice: what is in flight at the first Close is broken off, and no failure, an answer that came all the same counts, and the series
// goes on to the last operation that was broken off, though nobody was served for long.
func TestClosedTwice(t *testing.T) {
	for answered, brokenOff := range map[bool]int64{true: 1, false: 2} {
		t.Run(fmt.Sprintf("answered=%t", answered), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { closedTwice(t, answered, brokenOff) }) })
	}
}

// closedTwice has two clients whose operations are in flight when the load is broken off; one of them may be answered.
func closedTwice(t *testing.T, answered bool, brokenOff int64) {
	clock := record.StartClock()
	s := &server{do: func(client int, closed <-chan struct{}) result {
		if clock.Now() < time.Second {
			time.Sleep(10 * time.Millisecond)
			return result{Outcome: record.OK, Node: 1}
		}
		<-closed
		if client == 0 || !answered {
			time.Sleep(2 * time.Millisecond)
			return result{Outcome: record.Unknown, Kind: "closed", Node: 1}
		}
		time.Sleep(20 * time.Millisecond)
		return result{Outcome: record.OK, Node: 1}
	}}
	w := New(Config{Clients: 2, Nodes: 1, MaxAbandoned: 2, Open: s.open, Clock: clock})
	w.Start()
	time.Sleep(5005 * time.Millisecond)
	go func() {
		time.Sleep(10 * time.Millisecond)
		w.Close()
	}()
	w.Close()
	time.Sleep(time.Second)
	rec := ended(t, w, s, -1)
	if active, series := errorsByTime(rec); rec.BrokenOff != brokenOff || active != 0 || series != brokenOff {
		t.Errorf("%d broken off, %d errors in the activity and %d in the series", rec.BrokenOff, active, series)
	}
	var served int64
	for _, slot := range rec.Activity {
		served += int64(slot.OK)
	}
	if served != rec.Total.Outcomes[record.OK] {
		t.Errorf("%d successes in the activity, %d in all", served, rec.Total.Outcomes[record.OK])
	}
}

// TestBrokenOffIsNoOutage: what Close breaks off is an error, but none of a client that was served until then.
func TestBrokenOffIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := record.StartClock()
		s := &server{do: func(client int, closed <-chan struct{}) result {
			took := 10 * time.Millisecond
			switch {
			case client == 1 && clock.Now() > time.Second: // waits for a second when all ends
				took = time.Minute
			case client == 2 && clock.Now() > 1500*time.Millisecond: // fails, and waits then
				time.Sleep(10 * time.Millisecond)
				return result{Outcome: record.Failed, Kind: "25006", Node: 1, Pause: time.Minute}
			}
			select {
			case <-closed:
				return result{Outcome: record.Unknown, Kind: "closed", Node: 1}
			case <-time.After(took):
				return result{Outcome: record.OK, Node: 1}
			}
		}}
		w := New(Config{Clients: 3, Nodes: 1, MaxAbandoned: 2, Open: s.open, Clock: clock})
		w.Start()
		time.Sleep(2005 * time.Millisecond)
		w.Close()
		rec := ended(t, w, s, -1)
		if rec.BrokenOff != 2 || rec.Total.Outcomes[record.Unknown] != 2 || rec.Total.Outcomes[record.Failed] != 1 {
			t.Errorf("%d broken off of %v", rec.BrokenOff, rec.Total.Outcomes)
		}
		active, series := errorsByTime(rec)
		if active != 1 || series != 3 || len(rec.Clients[0].Outages) != 0 {
			t.Errorf("%d errors in the activity and %d in the series; client 0: %+v", active, series, rec.Clients[0].Outages)
		}
		if e := rec.Clients[1].Outages; len(e) != 1 || e[0].Errors != 0 || e[0].FirstOK != 0 || e[0].Sent > 1010*time.Millisecond {
			t.Errorf("client 1 waits in vain: %+v", e)
		}
		if e := rec.Clients[2].Outages; len(e) != 1 || e[0].Errors != 1 || e[0].FirstOK != 0 {
			t.Errorf("client 2 has failed and rests: %+v", e)
		}
	})
}

func errorsByTime(rec Record) (active, series int64) {
	for _, n := range rec.Activity {
		active += int64(n.Errors)
	}
	for _, p := range rec.Series {
		series += p.Errors
	}
	return active, series
}
