package monitoring

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pgchaos/internal/listen"
)

// Bounds of a scrape. A client that is slow or hangs costs a connection for so long, and the run nothing.
const (
	readTimeout  = 5 * time.Second
	writeTimeout = 10 * time.Second
	idleTimeout  = 2 * time.Minute // longer than most servers wait from scrape to scrape
	scrapes      = 4               // at once; more get "503 Service Unavailable"
	closeTimeout = time.Second     // for scrapes under way at the end
)

// Path is where the metrics are.
const Path = "/metrics"

// Server serves the metrics of an Exporter.
type Server struct {
	listener *listen.Listener
	http     *http.Server
	done     chan struct{}
	err      error // why it ended, once done is closed
}

// Listen serves the metrics at HOST:PORT until Close. Without a host it listens on the loopback address: who may
// read names of nodes and experiments is for the user to say. Port 0 is any free port.
func (x *Exporter) Listen(address string) (*Server, error) {
	l, err := listen.On(address)
	if err != nil {
		return nil, err
	}
	s := &Server{listener: l, done: make(chan struct{}), http: &http.Server{
		Handler: x.handler(), ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		ErrorLog: log.New(io.Discard, "", 0), // what clients do wrong must not be printed into the view of a run
	}}
	go func() {
		defer close(s.done)
		s.err = s.http.Serve(l)
	}()
	return s, nil
}

func (x *Exporter) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+Path, promhttp.HandlerFor(x.registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes}))
	mux.Handle("GET /{$}", http.RedirectHandler(Path, http.StatusFound))
	return mux
}

// URL is where the metrics are.
func (s *Server) URL() string { return strings.TrimSuffix(s.listener.URL(), "/") + Path }

// Warning says that other machines may reach the metrics, and names the flag that has the address; "": only this machine can.
func (s *Server) Warning(flag string) string { return s.listener.Warning(flag) }

// Close ends the server, and every connection to it. The error says why the server had ended before.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if s.http.Shutdown(ctx) != nil { // a scrape is still under way
		_ = s.http.Close() // it closes what is left, and the listener is closed already
	}
	<-s.done
	if errors.Is(s.err, http.ErrServerClosed) {
		return nil
	}
	return s.err
}
