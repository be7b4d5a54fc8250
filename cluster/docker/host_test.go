package docker

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/longtest"
)

// inspect is one field of the server's container, as the docker command tells it.
func (h *host) inspect(t *testing.T, field string) string {
	t.Helper()
	return docker(t, "inspect", "-f", "{{"+field+"}}", h.container)
}

func TestServerIsSeenFromOutside(t *testing.T) {
	t.Parallel()
	p := testProvider(t, Options{Memory: 512 << 20, NanoCPUs: 1_500_000_000})
	h := testServer(t, p, "pgmaster")
	for field, want := range map[string]string{
		".State.Running":                         "true",
		".Config.Hostname":                       "pgmaster",
		`index .Config.Labels "pgchaos.run"`:     p.options.Run,
		`index .Config.Labels "pgchaos.node"`:    "pgmaster",
		".HostConfig.Memory":                     strconv.Itoa(512 << 20),
		".HostConfig.NanoCpus":                   "1500000000",
		".Name":                                  "/pgchaos-" + p.options.Run + "-pgmaster",
		".Config.User":                           p.image.user,
		"len .Mounts":                            "1",
		`(index .Mounts 0).Name`:                 "pgchaos-" + p.options.Run + "-pgmaster",
		`len .NetworkSettings.Networks`:          "1",
		`.HostConfig.RestartPolicy.Name`:         "no",
		`json .NetworkSettings.Ports`:            `{"5432/tcp":[{"HostIp":"127.0.0.1","HostPort":"` + strconv.Itoa(h.client.Port) + `"}]}`,
		`index .Config.Labels "pgchaos.process"`: identify(os.Getpid()),
	} {
		if got := h.inspect(t, field); got != want {
			t.Errorf("%s is %s, not %s", field, got, want)
		}
	}
	if h.inspect(t, "json .NetworkSettings.Networks"); !strings.Contains(h.inspect(t, "json .NetworkSettings.Networks"), `"pgmaster"`) {
		t.Error("the node's name is no alias on the network")
	}
	// An orphan that fails is not taken for a backend that has crashed.
	_, err := h.Exec(t.Context(), cluster.Command{Argv: []string{"sh", "-c", "(sleep 0.1; exit 3) >/dev/null 2>&1 &"}})
	must(t, err)
	time.Sleep(300 * time.Millisecond)
	if log, err := h.Log(t.Context(), 0); err != nil || strings.Contains(string(log), "exited with exit code 3") {
		t.Errorf("the server saw the end of a command: %v\n%s", err, log)
	}
	// Peers find each other by name, and so do commands that run beside the server.
	other := newServer(t, p, "pgslave")
	peer := h.Address(cluster.Vantage{From: cluster.FromNode, Node: other.name})
	if got := runOn(t, other, "sh", "-c", h.Program("psql")+" -h "+peer.Host+" -p "+strconv.Itoa(peer.Port)+" -U postgres -tAc 'select 7'"); got != "7" {
		t.Errorf("over the network it answers %q", got)
	}
	if err := h.Start(t.Context(), []string{"true"}); err == nil {
		t.Error("a running server was started again")
	}
	docker(t, "stop", h.container) // which is a fast shutdown
	<-h.Life().Ended()
	if exitStatus(h) != "exit status 0" {
		t.Errorf("docker stop ended it with %s", exitStatus(h))
	}
	start(t, h) // at the same address
}

func TestKill(t *testing.T) {
	t.Parallel()
	p := testProvider(t, Options{})
	h := newServer(t, p, "n1")
	other := testServer(t, p, "n10")
	must(t, h.Kill(t.Context())) // nobody is there, no error
	if h.Life() != nil {
		t.Error("it has ended before it began")
	}
	start(t, h)
	must(t, h.Kill(t.Context()))
	if got := h.inspect(t, ".State.Running") + h.inspect(t, ".State.ExitCode"); got != "false137" || exitStatus(h) != "signal: killed" {
		t.Errorf("the engine says %s, ended with %s", got, exitStatus(h))
	}
	if running, err := h.Running(t.Context()); running || err != nil {
		t.Errorf("running: %v, %v", running, err)
	}
	if err := h.Signal(t.Context(), syscall.SIGINT); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal to a dead server: %v", err)
	}
	if got, err := query(t, other, "select '1'", 2*time.Second); got != "1" {
		t.Errorf("the other node: %v", err)
	}
	start(t, h)
	must(t, h.Freeze(t.Context()))
	must(t, h.Kill(t.Context())) // a frozen one too
	if got := h.inspect(t, ".State.Running"); got != "false" {
		t.Error("a frozen server survived")
	}
	start(t, h)
	docker(t, "kill", h.container) // by somebody else
	<-h.Life().Ended()
	if exitStatus(h) != "signal: killed" {
		t.Errorf("ended with %s", exitStatus(h))
	}
}

func TestSignalsStopTheServer(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	p := testProvider(t, Options{Restart: "unless-stopped"})
	h := newServer(t, p, "n1")
	for _, s := range []struct {
		sig  syscall.Signal
		ends string
		says string
	}{
		{syscall.SIGINT, "exit status 0", "received fast shutdown request"},
		{syscall.SIGTERM, "exit status 0", "received smart shutdown request"},
		{syscall.SIGQUIT, "exit status 0", "received immediate shutdown request"},
	} {
		start(t, h)
		if got := h.inspect(t, ".HostConfig.RestartPolicy.Name"); got != "unless-stopped" {
			t.Errorf("restart policy %s", got)
		}
		log, err := h.Log(t.Context(), 0)
		must(t, err)
		must(t, h.Signal(t.Context(), s.sig))
		<-h.Life().Ended()
		if exitStatus(h) != s.ends {
			t.Errorf("%v: ended with %s", s.sig, exitStatus(h))
		}
		time.Sleep(300 * time.Millisecond) // for an engine that would restart it
		if got := h.inspect(t, ".State.Running"); got != "false" {
			t.Errorf("%v: the engine has restarted it", s.sig)
		}
		// The log goes on over all lives, and is read from where it had been.
		after, err := h.Log(t.Context(), int64(len(log)))
		must(t, err)
		if !strings.Contains(string(after), s.says) || strings.Contains(string(after), "starting PostgreSQL") {
			t.Errorf("%v: the log goes on with %q", s.sig, after)
		}
		whole, err := h.Log(t.Context(), 0)
		must(t, err)
		if string(whole) != string(log)+string(after) {
			t.Error("the log is not the sum of its parts")
		}
	}
	if past, err := h.Log(t.Context(), 1<<40); len(past) != 0 || err != nil {
		t.Errorf("past its end the log holds %q, %v", past, err)
	}
}

func TestFreezeAndThaw(t *testing.T) {
	t.Parallel()
	p := testProvider(t, Options{})
	h := newServer(t, p, "n1")
	if err := h.Freeze(t.Context()); err == nil {
		t.Error("nothing was frozen, and no error")
	}
	must(t, h.Thaw(t.Context()))
	start(t, h)
	for range 2 { // idempotent
		must(t, h.Freeze(t.Context()))
		if got := h.inspect(t, ".State.Status"); got != "paused" {
			t.Errorf("the engine says %s", got)
		}
	}
	if got, err := query(t, h, "select '1'", 500*time.Millisecond); !isTimeout(err) {
		t.Errorf("a frozen server answers %q, %v", got, err)
	}
	if err := h.Signal(t.Context(), syscall.SIGINT); err == nil {
		t.Error("a signal to a frozen server is no error")
	}
	for range 2 {
		must(t, h.Thaw(t.Context()))
		if got := h.inspect(t, ".State.Status"); got != "running" {
			t.Errorf("the engine says %s", got)
		}
	}
	if got, err := query(t, h, "select '7'", 2*time.Second); got != "7" {
		t.Errorf("after the thaw: %q, %v", got, err)
	}
}

// TestDisconnectIsABlackHole shows what clients see: silence, not an error, on
// sessions that were there and on new ones.
func TestDisconnectIsABlackHole(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	ctx := t.Context()
	p := testProvider(t, Options{})
	h := testServer(t, p, "n1")
	peer := testServer(t, p, "n2")
	if err := h.Connect(ctx); err != nil {
		t.Errorf("connect what is connected: %v", err)
	}
	session, err := connectTo(ctx, h)
	must(t, err)
	defer func() { _ = session.Close(ctx) }()
	must(t, h.Disconnect(ctx))
	must(t, h.Disconnect(ctx)) // idempotent
	answer := make(chan error, 1)
	go func() { // its query is on its way until the network is back
		var n int
		answer <- session.QueryRow(ctx, "select 1").Scan(&n)
	}()
	began := time.Now()
	const patience = 4 * time.Second // "no route to host" would come after three
	if got, err := query(t, h, "select '1'", patience); !isTimeout(err) || time.Since(began) < patience-time.Second/2 {
		t.Errorf("after %v a new session gets %q, %v", time.Since(began), got, err)
	}
	select {
	case err := <-answer:
		t.Errorf("the old session was told: %v", err)
	default:
	}
	out, err := peer.Run(ctx, cluster.Command{
		Argv: []string{h.Program("psql"), "-h", "n1", "-U", "postgres", "-tAc", "select 1"}, Env: []string{"PGCONNECT_TIMEOUT=2"},
	})
	if err == nil {
		t.Errorf("its peer reaches it: %q", out.Stdout)
	}
	if got, err := query(t, peer, "select '1'", 2*time.Second); got != "1" {
		t.Errorf("the other node: %v", err)
	}
	if got := h.inspect(t, ".State.Running"); got != "true" {
		t.Error("it does not run any more")
	}
	must(t, h.Connect(ctx))
	if got, err := query(t, h, "select '1'", 3*time.Second); got != "1" {
		t.Errorf("after the reconnection: %v", err)
	}
	select {
	case err := <-answer:
		must(t, err)
	case <-time.After(time.Minute): // TCP tries again in ever longer intervals
		t.Error("the old session never heard again")
	}
	must(t, h.Disconnect(ctx))
	must(t, h.Kill(ctx))
	must(t, h.Start(ctx, []string{h.Program("postgres"), "-D", dataDir(h), "-c", "listen_addresses=*"}))
	if got, err := query(t, h, "select '1'", 2*time.Second); !isTimeout(err) {
		t.Errorf("the cable grew together by a restart: %q, %v", got, err)
	}
	must(t, h.Connect(ctx))
	if got, err := query(t, h, "select '1'", 3*time.Second); got != "1" {
		t.Errorf("after the second reconnection: %v", err)
	}
	must(t, h.Kill(ctx))
	if err := h.Disconnect(ctx); err == nil {
		t.Error("nothing was disconnected, and no error")
	}
}

func TestUsage(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	ctx := t.Context()
	p := testProvider(t, Options{Memory: 512 << 20})
	h := newServer(t, p, "n1")
	idle, err := h.Usage(ctx)
	must(t, err)
	if idle.Processes > 3 || idle.CPUPercent != 0 || *idle.NetOut > 1<<16 {
		t.Errorf("before its start: %+v", idle)
	}
	// What a command does beside the server is the node's, too.
	runOn(t, h, "sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done")
	if busy, err := h.Usage(ctx); err != nil || busy.CPUPercent < 5 {
		t.Errorf("beside the server a command ran: %+v, %v", busy, err)
	}
	start(t, h)
	before, err := h.Usage(ctx)
	must(t, err)
	if before.MemoryLimit == nil || *before.MemoryLimit != 512<<20 {
		t.Errorf("the limit is %v", before.MemoryLimit)
	}
	c, err := connectTo(ctx, h)
	must(t, err)
	defer func() { _ = c.Close(ctx) }()
	const size = 8 << 20
	var text string
	must(t, c.QueryRow(ctx, "select repeat('x', $1)", size).Scan(&text))
	after, err := h.Usage(ctx)
	must(t, err)
	if sent := *after.NetOut - *before.NetOut; sent < size || sent > 2*size {
		t.Errorf("%d bytes sent for an answer of %d", sent, size)
	}
	if after.CPUPercent <= 0 || after.CPUPercent > 300 {
		t.Errorf("%v%% of a core", after.CPUPercent)
	}
	if got := docker(t, "stats", "--no-stream", "--format", "{{.PIDs}}", h.container); got != strconv.Itoa(after.Processes) {
		t.Errorf("%d processes, docker stats says %s", after.Processes, got)
	}
	must(t, h.Kill(ctx))
	start(t, h)
	again, err := h.Usage(ctx)
	must(t, err)
	if *again.NetOut < *after.NetOut {
		t.Errorf("the bytes sent went back from %d to %d", *after.NetOut, *again.NetOut)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	p := testProvider(t, Options{})
	made, err := p.Host(t.Context(), "n1")
	must(t, err)
	h := made.(*host)
	out, err := h.Run(t.Context(), cluster.Command{
		Argv: []string{"sh", "-c", `echo "out $WORD $0"; echo err >&2; cat; id -un; exit 3`, "it's"},
		Env:  []string{"WORD=a b"}, Stdin: strings.NewReader("in\n"),
	})
	var exit *cluster.ExitError
	if !errors.As(err, &exit) || exit.Status != "exit status 3" || exit.Stderr != "err" {
		t.Errorf("got %v", err)
	}
	if out.Stdout != "out a b it's\nin\npostgres\n" || out.Stderr != "err\n" {
		t.Errorf("got %+v", out)
	}
	_, err = h.Run(t.Context(), cluster.Command{Argv: []string{"sh", "-c", "kill -9 $$"}})
	if !errors.As(err, &exit) || exit.Status != "signal: killed" {
		t.Errorf("a killed command: %v", err)
	}
	if _, err = h.Run(t.Context(), cluster.Command{Argv: []string{"/no/such/program"}}); err == nil {
		t.Error("a program that is not there ran")
	}
	if got := runOn(t, h, "stat", "-c", "%a %U", h.Dir()); got != "700 postgres" {
		t.Errorf("the directory is %s", got)
	}
	if got := runOn(t, h, "ls", "-A", h.Dir()); got != "" {
		t.Errorf("the directory holds %s", got)
	}
	long := strings.Repeat("0123456789", 200_000)
	out, err = h.Run(t.Context(), cluster.Command{Argv: []string{"cat"}, Stdin: strings.NewReader(long)})
	if err != nil || out.Stdout != long {
		t.Errorf("%d bytes came back of %d, %v", len(out.Stdout), len(long), err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	p := testProvider(t, Options{})
	made, err := p.Host(t.Context(), "n1")
	must(t, err)
	h := made.(*host)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	out, err := h.Run(ctx, cluster.Command{Argv: []string{"sh", "-c", "echo begun; sleep 4321 & sleep 4322; echo never"}})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > time.Minute || out.Stdout != "begun\n" {
		t.Errorf("after %v: %q, %v", time.Since(began), out.Stdout, err)
	}
	if top := docker(t, "top", h.tools); strings.Contains(top, "432") {
		t.Errorf("left: %s", top)
	}
}
