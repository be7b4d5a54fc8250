package monitoring

import (
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/runner"
)

func serve(t *testing.T, x *Exporter, address string) *Server {
	t.Helper()
	s, err := x.Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // again, where the test has done so
	return s
}

func get(t *testing.T, url string) (code int, body string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func TestServer(t *testing.T) {
	s := serve(t, underway(), ":0")
	if !strings.HasPrefix(s.URL(), "http://127.0.0.1:") || s.Warning("--metrics") != "" {
		t.Errorf("without a host it listens on %s", s.URL())
	}
	for _, path := range []string{Path, "/"} {
		if code, body := get(t, strings.TrimSuffix(s.URL(), Path)+path); code != 200 || !strings.Contains(body, "pgchaos_run_info{") {
			t.Errorf("%s: %d, %s", path, code, body)
		}
	}
	if code, _ := get(t, s.URL()+"/no-such"); code != 404 {
		t.Errorf("another page: %d", code)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", s.listener.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}

// TestScrapesDuringTheEnd get whole metrics or no connection, and never the beginning of an answer.
func TestScrapesDuringTheEnd(t *testing.T) {
	s := serve(t, underway(), "127.0.0.1:0")
	var scrapers sync.WaitGroup
	begun := make(chan struct{}, scrapes-1)
	for range cap(begun) {
		scrapers.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for n := 0; ; n++ {
				answer, err := client.Get(s.URL())
				if err != nil {
					return // it has ended
				}
				text, err := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), "pgchaos_workload_running{") {
					t.Errorf("%d, %v, %q", answer.StatusCode, err, text)
				}
				if n == 0 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range cap(begun) {
		<-begun
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	scrapers.Wait()
}

// TestAScraperThatHangs holds nothing up: neither the run, nor other scrapers, nor the end. No goroutine is left.
func TestAScraperThatHangs(t *testing.T) {
	before := runtime.NumGoroutine()
	x := underway()
	s := serve(t, x, "127.0.0.1:0")
	for _, request := range []string{
		"",                                     // connected, and silent
		"GET /metrics HTTP/1.1\r\nHost: a\r\n", // half a request
		strings.Repeat("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 200), // and no answer is read
	} {
		c, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
	}
	x.Of("writes")(operation(record.OK, time.Millisecond))
	take(x, runner.Ticked{Status: status()})
	if code, body := get(t, s.URL()); code != 200 || !strings.Contains(body, `pgchaos_operations_total{outcome="ok",workload="writes"} 2`) {
		t.Errorf("%d, %s", code, body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}
