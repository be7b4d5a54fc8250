package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"pgchaos/internal/fakepg"
	"pgchaos/load"
	"pgchaos/load/eventloop"
	"pgchaos/load/pgload"
	"pgchaos/record"
	"pgchaos/record/ledger"
)

// clientCommand makes the program the load engine in a process of its own, so that its
// CPU time can be held against pgbench's.
const clientCommand = "client"

// job is what a client process is to do; it reads it from its standard input.
type job struct {
	Host                     string
	Port                     int
	User, Password, Database string
	Fake                     bool   // the server is a fake one within the process
	Dir                      string // for the ledger
	Profile                  string // file of a CPU profile; "": none

	Kind        string // insert or sql
	SQL         string
	Pipeline    int
	Clients     int
	Connections int     // 0: one for each client
	Rate        float64 // 0: a closed loop
	Poisson     bool    // arrivals come independently of each other
	Span        time.Duration
	Operations  int // instead of Span
}

// answerWithin is how long an answer may take. A server that takes longer has stalled.
const answerWithin = 10 * time.Second

// one is the answer of the fake server to every statement.
var one = fakepg.Answer{Rows: [][]string{{"1"}}}

// answer is what a client process has done.
type answer struct {
	Samples, Asked, Errors int64
	Span                   time.Duration
	Example                string // of an error
	// Of operations with a response, or a service time, of more than a second.
	SlowResponses, SlowServices int64
	ResponseP99, ServiceP99     time.Duration
	Lateness                    [3]time.Duration // median, 99 %, maximum
	Lag                         time.Duration    // mean time from due to sent
	Memory                      []int64          // resident, in bytes, ten times while it ran
}

// ours runs a job in a process of its own, on some processors.
func (b *bench) ours(ctx context.Context, name string, on []int, j job) (answer, outcome, error) {
	var a answer
	self, err := os.Executable()
	if err != nil {
		return a, outcome{}, err
	}
	creds, address := b.server.node.Credentials(), b.server.node.Address()
	j.Host, j.Port, j.User, j.Password, j.Database = address.Host, address.Port, creds.Load.Name, creds.Load.Password, creds.Database
	if j.Dir, err = os.MkdirTemp(b.server.base, "client-"); err != nil {
		return a, outcome{}, err
	}
	defer func() { _ = os.RemoveAll(j.Dir) }() // at the latest the server's end removes it
	if b.profiles != "" {
		j.Profile = filepath.Join(b.profiles, strings.Map(fileName, name)+".pprof")
	}
	text, err := json.Marshal(j)
	if err != nil {
		return a, outcome{}, err
	}
	cmd := exec.CommandContext(ctx, self, clientCommand)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(text)), os.Stderr
	said, err := outputOn(on, cmd)
	if err != nil {
		return a, outcome{}, fmt.Errorf("the client process: %w", err)
	}
	if err := decode(strings.NewReader(string(said)), &a); err != nil {
		return a, outcome{}, err
	}
	if a.Errors > 0 {
		return a, outcome{}, fmt.Errorf("%d of %d operations failed, such as: %s", a.Errors, a.Samples, a.Example)
	}
	return a, outcome{perSecond: float64(a.Samples) / a.Span.Seconds(), cpu: cpuOf(cmd), switches: switchesOf(cmd), done: float64(a.Samples), lag: a.Lag}, nil
}

func fileName(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return r
	}
	return '-'
}

// client is the process of one job.
func client(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	var j job
	if err := decode(stdin, &j); err != nil {
		return err
	}
	if j.Profile != "" {
		f, err := os.Create(j.Profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	a, err := j.run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(a)
}

// run is the load engine as an experiment runs it: histograms, outcomes and the ledger.
func (j *job) run(ctx context.Context) (a answer, err error) {
	book, err := ledger.Create(filepath.Join(j.Dir, "ledger.bin"), "bench")
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	clock := record.StartClock()
	cfg := pgload.Config{
		Workload: "bench", Target: "a",
		Work:      pgload.Work{Kind: j.Kind, Table: "bench_data", Payload: 64, Pipeline: j.Pipeline},
		Endpoints: []pgload.Endpoint{{Node: "a", Host: j.Host, Port: j.Port}},
		User:      j.User, Password: j.Password, Database: j.Database, AppName: "bench",
		Clients: j.Clients, Connections: j.Connections, MaxAbandoned: 1,
		Ledger: book, Clock: clock, // and no Board: nobody reads
	}
	if j.SQL != "" {
		cfg.SQL = []string{j.SQL}
	}
	if j.Fake {
		server := &fakepg.Server{Columns: []string{"one"}}
		server.Forget()
		server.SetAnswer(func(string, [][]byte) fakepg.Answer { return one })
		defer server.Close()
		cfg.Dial = fakepg.Network{net.JoinHostPort(j.Host, strconv.Itoa(j.Port)): server}.Dial
	}
	pg, err := pgload.New(cfg)
	if err != nil {
		return a, err
	}
	defer pg.Close()
	var slowResponses, slowServices atomic.Int64
	ended := make(chan struct{})
	lc := load.Config{
		Name: "bench", Clients: j.Clients, Timeout: answerWithin, MaxAbandoned: 1, Nodes: 1, Open: pg.Open, Clock: clock,
		Iterations: j.Operations, Duration: j.Span, Ended: func() { close(ended) },
	}
	if !j.Fake && j.Connections == 0 {
		if lc.Loops, err = eventloop.New(runtime.GOMAXPROCS(0), nil); err != nil { // as an experiment has it
			return a, err
		}
		defer lc.Loops.Close()
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + lc.Loops.Threads()) // for all other goroutines, as an experiment has it
	}
	if j.Rate > 0 {
		lc.Schedule, lc.Punctual = load.Constant(load.Steady(j.Rate)), true
		if lc.Loops == nil {
			runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1) // for the goroutine that wakes the clients, as an experiment has it
		}
		if j.Poisson {
			lc.Schedule = load.Poisson(1, load.Steady(j.Rate))
		}
		lc.OnSample = func(_ int, op record.Op) {
			if op.Response() > time.Second {
				slowResponses.Add(1)
			}
			if op.Outcome != record.Dropped && op.Service() > time.Second {
				slowServices.Add(1)
			}
		}
	}
	w := load.New(lc)
	if errs := w.Connect(ctx); len(errs) > 0 {
		w.Close()
		return a, fmt.Errorf("connect %d clients: %w", j.Clients, errors.Join(errs...))
	}
	w.Start()
	a.Memory = j.await(ctx, ended, w)
	w.Stop()
	rec := w.Record()
	w.Close()
	a.fill(&rec)
	a.SlowResponses, a.SlowServices = slowResponses.Load(), slowServices.Load()
	return a, ctx.Err()
}

// await waits for the end, and looks at the memory on the way: ten times in all.
func (j *job) await(ctx context.Context, ended <-chan struct{}, w *load.Workload) (memory []int64) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	begun := time.Now()
	for {
		select {
		case <-ctx.Done():
			return memory
		case <-ended:
			return append(memory, resident())
		case <-ticker.C:
		}
		share := time.Since(begun).Seconds() / max(j.Span.Seconds(), 1e-9)
		if j.Operations > 0 {
			total := w.Record().Total
			share = float64(total.Samples()) / float64(j.Operations)
		}
		if share*10 >= float64(len(memory)+1) {
			memory = append(memory, resident())
		}
	}
}

func (a *answer) fill(rec *load.Record) {
	t := rec.Total
	a.Samples, a.Asked, a.Span = t.Samples(), rec.Asked, t.Span
	a.Errors = t.Outcomes[record.Failed] + t.Outcomes[record.Unknown] // what was dropped was not achieved
	if len(rec.Errors) > 0 {                                          // the most frequent is first
		e := rec.Errors[0]
		if a.Example = e.Kind + ": " + e.Example; e.Kind == "timeout" {
			a.Example = fmt.Sprintf("no answer within %s: the server stalled", answerWithin)
		}
	}
	a.Lag = t.Response.Mean() - t.Service.Mean()
	a.ResponseP99, a.ServiceP99 = t.Response.Percentile(99), t.Service.Percentile(99)
	if l := rec.Lateness; l.Count > 0 {
		a.Lateness = [3]time.Duration{l.Percentile(50), l.Percentile(99), l.Max}
	}
}

// resident is the memory of this process that is in use now, in bytes.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
