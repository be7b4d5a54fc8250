package chaos

import (
	"sync"

	"github.com/jackc/pgx/v5"

	"pgchaos/internal/endsession"
)

// holding are the sessions that faults hold open, by their application_name. That a session has ended is verified on the
// server, by that name: what is kept here only closes pgchaos's own end.
type holding struct {
	mu    sync.Mutex
	conns map[string][]*pgx.Conn
}

// Hold keeps a session open until Drop.
func (s *Scene) Hold(app string, conn *pgx.Conn) {
	s.held.mu.Lock()
	defer s.held.mu.Unlock()
	if s.held.conns == nil {
		s.held.conns = map[string][]*pgx.Conn{}
	}
	s.held.conns[app] = append(s.held.conns[app], conn)
}

// Drop closes pgchaos's end of the sessions of a name.
func (s *Scene) Drop(app string) {
	s.held.mu.Lock()
	conns := s.held.conns[app]
	delete(s.held.conns, app)
	s.held.mu.Unlock()
	var wg sync.WaitGroup
	for _, conn := range conns {
		wg.Go(func() { endsession.AtOnce(conn) })
	}
	wg.Wait()
}
