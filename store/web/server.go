// Package web serves the runs of a store as pages: a list with filters, the report of each run, trends, and the comparison of two runs.
// Nothing that a browser sends changes the store.
package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"pgchaos/internal/listen"
	"pgchaos/report/html"
	"pgchaos/store"
)

// Bounds of what a reader can ask for. A request beyond them is an error, and does not disturb the others.
const (
	readWithin  = 10 * time.Second // a request
	makeWithin  = 30 * time.Second // a page
	writeWithin = 90 * time.Second // an answer, from the end of its request on
	idleWithin  = 2 * time.Minute
	endWithin   = 3 * time.Second // what is under way when the server ends

	perPage      = 50        // runs of the list
	mostHeader   = 128 << 10 // bytes: an address may have the names of two runs
	mostMade     = 4         // pages that are made at once; others wait
	mostAnswered = 64        // requests at once
)

// Options are what a Server is made with.
type Options struct {
	Store   string    // a directory, or the URL of a PostgreSQL database
	Version string    // pgchaos's
	Log     io.Writer // for what goes wrong in the server itself; nil: nowhere
}

// Server serves the pages of one store. The store is opened anew for each page, so that other commands can change or rebuild it meanwhile.
type Server struct {
	options   Options
	name      string // of the store, without a password
	making    chan struct{}
	answering chan struct{}
	endWithin time.Duration
	perPage   int
}

// New looks at the store, all of it, so that one that is missing, damaged or of another version is an error here.
func New(ctx context.Context, o Options) (*Server, error) {
	from, err := store.Reading(ctx, o.Store)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(from.Check(ctx), from.Close()); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return &Server{
		options: o, name: from.Name(), making: make(chan struct{}, mostMade), answering: make(chan struct{}, mostAnswered), endWithin: endWithin,
		perPage: perPage,
	}, nil
}

// Name is the store as it was named, without a password.
func (s *Server) Name() string { return s.name }

// Serve serves until the context ends. Then it gives what is under way a moment to end, and returns nil once nothing is. It closes the
// listener, and can be called once.
func (s *Server) Serve(ctx context.Context, l *listen.Listener) error {
	alive, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	server := &http.Server{
		Handler: l.Guard(s.handler()), BaseContext: func(net.Listener) context.Context { return alive },
		ReadHeaderTimeout: readWithin, ReadTimeout: readWithin, WriteTimeout: writeWithin, IdleTimeout: idleWithin, MaxHeaderBytes: mostHeader,
		ErrorLog: log.New(s.options.Log, "pgchaos serve: ", 0),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", l.URL(), err)
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(alive, s.endWithin)
	defer cancel()
	if server.Shutdown(limit) != nil { // a page is still being made or read
		end()
		_ = server.Close() // the listener is closed already
	}
	err := <-ended
	for range cap(s.answering) { // until nothing is answered any more
		s.answering <- struct{}{}
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.URL(), err)
	}
	return nil
}

// handler answers GET and HEAD, so many requests at once.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", s.page(s.runs))
	mux.HandleFunc("/report", s.page(s.report))
	mux.HandleFunc("/run", s.page(s.run))
	mux.HandleFunc("/trends", s.page(s.trends))
	mux.HandleFunc("/compare", s.page(s.compare))
	mux.HandleFunc("/style.css", style)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		s.problem(&requestError{http.StatusNotFound, "No such page", "There is no page at this address."}).write(w)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the runs of a store can only be looked at: GET and HEAD are the only methods", http.StatusMethodNotAllowed)
			return
		}
		select {
		case s.answering <- struct{}{}:
			defer func() { <-s.answering }()
			mux.ServeHTTP(w, r)
		default:
			http.Error(w, fmt.Sprintf("%d requests are being answered already; try again later", mostAnswered), http.StatusServiceUnavailable)
		}
	})
}

// style is the style sheet of the pages that are of this package: that of the report, and what only they need.
func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = io.WriteString(w, html.Style()+ownCSS) // the reader may be gone
}
