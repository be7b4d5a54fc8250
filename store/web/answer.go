package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"

	"pgchaos/internal/redact"
	"pgchaos/internal/units"
	"pgchaos/report/html"
	"pgchaos/store"
)

//go:embed *.tmpl
var templates embed.FS

//go:embed own.css
var ownCSS string

// The content security policies. The pages of this package have their style sheet beside them. The others are files that also open from
// disk: their styles are in them, and the scripts of a report, which its own policy names by their hashes.
const (
	policyEnd      = "; base-uri 'none'; frame-ancestors 'none'"
	ownPolicy      = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'" + policyEnd
	picturesPolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'" + policyEnd
	reportPolicy   = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; form-action 'none'" + policyEnd
)

// answer is a page as it is sent.
type answer struct {
	status int
	policy string
	body   []byte
}

func (a *answer) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", a.policy)
	h.Set("Content-Length", fmt.Sprint(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the reader may be gone
}

// maker makes a page.
type maker func(ctx context.Context, from *store.Store, q query) (*answer, error)

// page answers with what a maker makes, or with a page about its error.
func (s *Server) page(by maker) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := s.make(r, by)
		if err != nil {
			a = s.problem(err)
		}
		a.write(w)
	}
}

// make makes a page from one look at the store.
func (s *Server) make(r *http.Request, by maker) (a *answer, err error) {
	ctx, cancel := context.WithTimeout(r.Context(), makeWithin)
	defer cancel()
	defer func() {
		if err != nil && ctx.Err() != nil { // a database may say it in words of its own
			err = errors.Join(ctx.Err(), err)
		}
	}()
	q, err := readQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	select {
	case s.making <- struct{}{}:
		defer func() { <-s.making }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%d other pages are being made", mostMade)
	}
	from, err := store.Reading(ctx, s.options.Store)
	if err != nil {
		return nil, err
	}
	a, err = by(ctx, from, q)
	return a, errors.Join(err, from.Close())
}

// requestError is the error of a request that another request mends.
type requestError struct {
	status      int
	title, text string
}

func (e *requestError) Error() string { return e.text }

// problem is the page about an error.
func (s *Server) problem(err error) *answer {
	p := messagePage{frame: s.frame("The page could not be made"), Text: whole(err.Error())}
	status := http.StatusInternalServerError
	var request *requestError
	switch {
	case errors.As(err, &request):
		status, p.Title = request.status, request.title
	case errors.Is(err, store.ErrNoRun):
		status, p.Title = http.StatusNotFound, "No such run"
	case errors.Is(err, context.DeadlineExceeded):
		status, p.Title = http.StatusServiceUnavailable, fmt.Sprintf("The page was not ready within %s", units.Span(makeWithin))
	}
	a, err := fill("message.tmpl", p)
	if err != nil { // the templates are a part of the program
		return &answer{http.StatusInternalServerError, ownPolicy, []byte(template.HTMLEscapeString(err.Error()))}
	}
	a.status = status
	return a
}

// messagePage is what message.tmpl shows.
type messagePage struct {
	frame
	Text string
}

// frame is what all pages of this package have.
type frame struct {
	Title, Version, Store string
	Links                 []html.Link
}

func (s *Server) frame(title string) frame {
	return frame{Title: title, Version: s.options.Version, Store: whole(s.name), Links: []html.Link{allRuns(), {Text: "Trends", URL: "trends"}}}
}

func allRuns() html.Link { return html.Link{Text: "All runs", URL: "./"} }

// fill is a page of this package.
func fill(name string, content any) (*answer, error) {
	t, err := template.New(name).ParseFS(templates, "layout.tmpl", name)
	if err != nil {
		return nil, fmt.Errorf("read the template of the page: %w", err)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout.tmpl", content); err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return &answer{http.StatusOK, ownPolicy, b.Bytes()}, nil
}

// whole is a text of a store as a page shows it: without what looks like a secret, and without characters that change what stands beside them.
func whole(text string) string { return redact.Short((*redact.Redactor)(nil).Text(text)) }

// short is the same in a table, where a text is one line.
func short(text string) string { return units.OneLine(whole(text)) }
