package pgload

import (
	"context"
	"sync"
	"testing"

	"pgchaos/load"
	"pgchaos/record"
)

// TestConnectedBeforeTheFirstOperation: connections are made, and statements prepared, by
// Connect, so that operations make no more; also of connections that clients share, and
// for each part of a mix.
func TestConnectedBeforeTheFirstOperation(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	a := pg.admin()
	defer func() { _ = a.Close(t.Context()) }()
	a.exec("create role loader login")
	for _, shared := range []int{0, 3} {
		cfg := pg.config(Mix)
		cfg.Mix = []Part{
			{Name: "one", Weight: 1, Work: Work{Kind: SQL, SQL: []string{"select 1"}}},
			{Name: "two", Weight: 1, Work: Work{Kind: SQL, SQL: []string{"select 2"}}},
		}
		cfg.Clients, cfg.Connections = 6, shared
		want := int64(6)
		if shared > 0 {
			want = int64(shared)
		}
		w := pg.open(cfg)
		var sessions []load.Session
		var all sync.WaitGroup
		for client := range cfg.Clients {
			s := w.Open(client)
			sessions = append(sessions, s)
			all.Go(func() {
				if err := s.(load.Connector).Connect(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		made := w.conns
		if made > want || made < 1 || shared == 0 && made != want {
			t.Errorf("%d connections, want %d", made, want)
		}
		for range 5 {
			for _, s := range sessions {
				expect(t, do(t.Context(), s), record.OK, "")
			}
		}
		if w.conns != made {
			t.Errorf("%d connections after the operations, %d before", w.conns, made)
		}
		for _, s := range sessions {
			s.Close()
		}
		if err := sessions[0].(load.Connector).Connect(context.Background()); err == nil {
			t.Error("a session that is closed connects")
		}
		w.Close()
	}
}
