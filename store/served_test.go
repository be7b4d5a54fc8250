package store_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"pgchaos/internal/listen"
	"pgchaos/store"
	"pgchaos/store/web"
)

// TestServedFromPostgreSQL: the pages of a store in PostgreSQL are those of any other, and none has its password.
func TestServedFromPostgreSQL(t *testing.T) {
	t.Parallel()
	at, secret := store.Database(t)
	where := at + "?files=" + t.TempDir()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(t.Context(), where)
	check(err)
	var ids []string
	for _, dir := range []string{"local", "quorum"} {
		added, err := s.Add(t.Context(), "../cmd/pgchaos/testdata/compare/kill-modes/1/"+dir)
		check(err)
		ids = append(ids, added.ID)
	}
	check(s.Close())
	server, err := web.New(t.Context(), web.Options{Store: where})
	check(err)
	l, err := listen.On("127.0.0.1:0")
	check(err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l) }()
	for address, want := range map[string]string{
		"":                             ids[1],
		"?text=LOCAL&since=2026-11-01": ids[0],
		"?text=nothing":                "No run of the store is as the filter says.",
		"?experiment=%00":              "a parameter is no text",
		"report?run=" + ids[0]:         `id="pgchaos-data"`,
		"run?run=" + ids[0]:            "lost_writes",
		"trends?experiment=kill-modes": "kill-modes/quorum",
		"run?run=none":                 "the store has no such run",
		"compare?baseline=" + ids[0] + "&with=" + ids[1]: "p99 of writes",
	} {
		answer, err := http.Get(l.URL() + address)
		check(err)
		body, err := io.ReadAll(answer.Body)
		check(errors.Join(err, answer.Body.Close()))
		if !strings.Contains(string(body), want) || strings.Contains(string(body), secret) {
			t.Errorf("%s: status %d\n%s", address, answer.StatusCode, body)
		}
	}
	cancel()
	http.DefaultClient.CloseIdleConnections()
	check(<-ended)
}
