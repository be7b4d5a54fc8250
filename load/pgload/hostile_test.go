package pgload

import (
	"context"
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"pgchaos/internal/fakepg"
	"pgchaos/internal/skip"
	"pgchaos/load"
	"pgchaos/load/eventloop"
	"pgchaos/record"
)

// Bounds of what a hostile server may do to the end of a load. They are far from what is
// needed, as the machine may be busy; a hang is for ever, and a message says that it has 900 MB.
const (
	hostilePatience = 30 * time.Second
	hostileMemory   = 300 << 20
)

// TestHostileServers: whatever a server sends, or does not, the load ends within a bound,
// takes bounded memory, and leaves no connection.
func TestHostileServers(t *testing.T) {
	modes := fakepg.HostileModes()
	slices.Sort(modes)
	for _, mode := range modes {
		for _, way := range []string{"goroutines", "event loops", "shared connections"} {
			t.Run(mode+", "+way, func(t *testing.T) { withHostile(t, mode, way) })
		}
	}
}

func withHostile(t *testing.T, mode, way string) {
	server, err := fakepg.NewHostile(mode)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	cfg := Config{
		Workload: "w", Work: Work{Kind: SQL, SQL: []string{"insert into t values (1)"}}, Target: Primary,
		Endpoints: []Endpoint{{Node: "a", Host: "127.0.0.1", Port: server.Port()}}, User: "u", Password: "p", Database: "d",
		Clients: 4, MaxAbandoned: 2, ConnectTimeout: 200 * time.Millisecond, Clock: record.StartClock(),
	}
	model := load.Config{Clients: cfg.Clients, MaxAbandoned: cfg.MaxAbandoned, Timeout: 100 * time.Millisecond, Clock: cfg.Clock}
	switch way {
	case "event loops":
		loops, err := eventloop.New(2, nil)
		if err != nil {
			skip.Test(t, "there are no event loops here: %v", err)
		}
		defer loops.Close()
		model.Loops = loops
	case "shared connections":
		cfg.Connections = 2
		cfg.Protocol = Simple
		cfg.OnTimeout, model.Grace = Cancel, 100*time.Millisecond
	}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	model.Open = w.Open
	l := load.New(model)
	runtime.GC()
	before := memory()
	most := before
	ended := make(chan struct{})
	began := time.Now()
	l.Start()
	go func() {
		defer close(ended)
		time.Sleep(200 * time.Millisecond)
		l.Stop()
		l.Close()
		w.Close()
	}()
	for done := false; !done; {
		select {
		case <-ended:
			done = true
		case <-time.After(10 * time.Millisecond):
			most = max(most, memory())
		}
		if time.Since(began) > hostilePatience {
			t.Fatalf("the load has not ended after %s", hostilePatience)
		}
	}
	if most > before+hostileMemory {
		t.Errorf("it took %d MiB", (most-before)>>20)
	}
	for deadline := time.Now().Add(hostilePatience); server.Open() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are left", server.Open())
		}
	}
}

// memory is what Go has from the system and has not given back.
func memory() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

// TestSetupAgainstHostileServers: the tables' session ends with an error within its bound.
func TestSetupAgainstHostileServers(t *testing.T) {
	for _, mode := range fakepg.HostileModes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			server, err := fakepg.NewHostile(mode)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			cfg := Config{Workload: "w", Work: Work{Kind: Insert}, Target: Primary, User: "u", Database: "d", ConnectTimeout: 200 * time.Millisecond, Clients: 1}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			if _, err := Setup(ctx, cfg, Endpoint{Node: "a", Host: "127.0.0.1", Port: server.Port()}); err == nil {
				t.Error("it is set up")
			}
			if took := time.Since(began); took > hostilePatience {
				t.Errorf("it took %s", took)
			}
		})
	}
}
