// Package web serves a run in progress as a page, which follows the run by server-sent events and becomes the finished report
// at its end. It can only be looked at: nothing that a browser sends changes the run.
package web

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"pgchaos/internal/listen"
	"pgchaos/live"
	"pgchaos/report/html"
	"pgchaos/runner"
)

const (
	// frameEvery is how often a reader gets something new at the most.
	frameEvery = 250 * time.Millisecond
	// pingEvery keeps a connection open over which nothing else comes.
	pingEvery = 15 * time.Second
	// writeWithin is how long a reader may take for one message, before its connection is closed.
	writeWithin = 10 * time.Second
	// reportWithin is how long the end of a run waits for pages to fetch the report.
	reportWithin = 5 * time.Second
	// mostReaders bounds the pages that can follow a run at once.
	mostReaders = 32
)

//go:embed page.html
var pageHTML []byte

//go:embed page.css
var pageCSS []byte

//go:embed page.js
var pageJS []byte

//go:embed points.js
var pointsJS []byte

// Options are what a Server is made with.
type Options struct {
	// Address is HOST:PORT. Without a host it is this machine alone; port 0 is any that is free.
	Address string
	Name    string // of the experiment
	Several bool   // one run follows another
	Verbose bool
}

// Server serves the page until Close. Whatever readers do, its other methods do not wait for them. It is safe for concurrent use.
type Server struct {
	listener *listen.Listener
	http     *http.Server
	served   chan struct{} // closed when nothing is served any more

	mu      sync.Mutex
	model   live.Model
	changed chan struct{} // closed by the next change
	report  []byte        // the finished report, as HTML; nil: there is none yet
	over    bool          // nothing comes any more
	readers int
	paid    chan struct{} // gets a token from each page that has all that it can get at the end
}

// Start listens on the address, and serves.
func Start(o Options) (*Server, error) {
	listener, err := listen.On(o.Address)
	if err != nil {
		return nil, err
	}
	s := &Server{listener: listener, served: make(chan struct{}), changed: make(chan struct{}), paid: make(chan struct{}, mostReaders)}
	s.model.Name, s.model.Several, s.model.Verbose = o.Name, o.Several, o.Verbose
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: writeWithin, MaxHeaderBytes: 64 << 10}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(listener) // it returns when the server is closed
	}()
	return s, nil
}

// URL is where the page is.
func (s *Server) URL() string { return s.listener.URL() }

// Warning says that other machines may reach the page, and names the flag that has the address; "": only this machine can.
func (s *Server) Warning(flag string) string { return s.listener.Warning(flag) }

// Send takes an event of the run.
func (s *Server) Send(e runner.Event) { s.change(func() { s.model.Take(e, time.Now()) }) }

// Print adds a line to the log.
func (s *Server) Print(text string) { s.change(func() { s.model.Print(text) }) }

// Begin says how far a series has come.
func (s *Server) Begin(r live.Round) { s.change(func() { s.model.Begin(r) }) }

func (s *Server) change(how func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how()
	close(s.changed)
	s.changed = make(chan struct{})
}

// Finish says that the run is over, and waits a moment for the pages to become the finished report, a page of HTML; nil: there is
// none. Only the first call counts.
func (s *Server) Finish(report []byte) {
	owed := 0
	s.change(func() {
		if !s.over {
			s.report, s.over, owed = report, true, s.readers
		}
	})
	timeout := time.NewTimer(reportWithin)
	defer timeout.Stop()
	for ; owed > 0; owed-- {
		select {
		case <-s.paid:
		case <-timeout.C:
			return
		}
	}
}

// Close ends all connections. It may be called again.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.served
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	const own = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"
	mux.Handle("GET /{$}", file("text/html; charset=utf-8", own, pageHTML))
	mux.Handle("GET /page.css", file("text/css; charset=utf-8", own, pageCSS))
	mux.Handle("GET /page.js", file("text/javascript; charset=utf-8", own, pageJS))
	mux.Handle("GET /points.js", file("text/javascript; charset=utf-8", own, pointsJS))
	mux.Handle("GET /report.css", file("text/css; charset=utf-8", own, []byte(html.Style())))
	mux.Handle("GET /charts.js", file("text/javascript; charset=utf-8", own, []byte(html.LaneScript())))
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /report.html", s.finished)
	return s.listener.Guard(mux)
}

// policyEnd is in the content security policy of every page.
const policyEnd = "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func file(kind, policy string, content []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.Header().Set("Content-Security-Policy", policy+policyEnd)
		_, _ = w.Write(content) // the reader may be gone
	})
}

// finished is the finished report.
func (s *Server) finished(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	report := s.report
	s.mu.Unlock()
	if report == nil {
		http.Error(w, "there is no report yet", http.StatusNotFound)
		return
	}
	// It is one file, with its scripts and pictures in it.
	const policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
	controller := http.NewResponseController(w)
	_ = controller.SetWriteDeadline(time.Now().Add(writeWithin))
	file("text/html; charset=utf-8", policy, report).ServeHTTP(w, r)
	_ = controller.Flush() // Close may come at once, and would cut off what the server still holds; the reader may be gone
	s.pay()
}

// pay notes that a page has all that it can get.
func (s *Server) pay() {
	select {
	case s.paid <- struct{}{}:
	default: // it is more than Finish waits for
	}
}

// events follows the run: a snapshot first, and then what has changed, as fast as the reader takes it.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	if !s.join() {
		http.Error(w, fmt.Sprintf("%d pages follow this run already", mostReaders), http.StatusServiceUnavailable)
		return
	}
	defer s.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	to := &reader{w: w, controller: http.NewResponseController(w)}
	for r.Context().Err() == nil {
		message, changed, over := s.next(to)
		if to.write("update", message) != nil {
			return
		}
		if over != "" {
			if to.write(over, []byte("{}")) != nil || over == "ended" {
				s.pay()
			}
			return
		}
		if !to.await(r.Context(), changed) {
			return
		}
	}
}

func (s *Server) join() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readers >= mostReaders {
		return false
	}
	s.readers++
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readers--
}

// next is the message that a reader lacks, what is closed by the next change, and the event that ends the page.
func (s *Server) next(to *reader) (text []byte, changed <-chan struct{}, over string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	message := to.position.message(&s.model, time.Now())
	switch {
	case s.report != nil:
		over = "finished"
	case s.over:
		over = "ended"
	}
	return message, s.changed, over
}

// reader is one page that follows.
type reader struct {
	w          http.ResponseWriter
	controller *http.ResponseController
	position   position
}

// write sends an event; the data is one line.
func (r *reader) write(event string, data []byte) error {
	if err := r.controller.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := r.w.Write(slices.Concat([]byte("event: "+event+"\ndata: "), data, []byte("\n\n"))); err != nil {
		return err
	}
	return r.controller.Flush()
}

// await waits for the next change, and for the pace; it is false where the reader is gone.
func (r *reader) await(ctx context.Context, changed <-chan struct{}) bool {
	pace := time.NewTimer(frameEvery)
	defer pace.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-pace.C:
	}
	for {
		ping := time.NewTimer(pingEvery)
		select {
		case <-ctx.Done():
			ping.Stop()
			return false
		case <-changed:
			ping.Stop()
			return true
		case <-ping.C:
			if r.write("ping", []byte("{}")) != nil {
				return false
			}
		}
	}
}
