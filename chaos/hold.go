package chaos

import (
	"sync"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/internal/endsession"
)

// holding are what ends the sessions that faults hold open, by their application_name, and the commands that they have running, by their mark.
// That they have ended is verified on the server, by that name: what is kept here only closes pgchaos's own end.
type holding struct {
	mu   sync.Mutex
	ends map[string][]func()
}

// Hold keeps a session open until Drop.
func (s *Scene) Hold(app string, conn *pgx.Conn) { s.hold(app, func() { endsession.AtOnce(conn) }) }

// HoldCommand keeps a command running until Drop.
func (s *Scene) HoldCommand(mark string, c *cluster.Standing) { s.hold(mark, c.End) }

func (s *Scene) hold(name string, end func()) {
	s.held.mu.Lock()
	defer s.held.mu.Unlock()
	if s.held.ends == nil {
		s.held.ends = map[string][]func(){}
	}
	s.held.ends[name] = append(s.held.ends[name], end)
}

// Drop closes pgchaos's end of the sessions and commands of a name.
func (s *Scene) Drop(name string) {
	s.held.mu.Lock()
	ends := s.held.ends[name]
	delete(s.held.ends, name)
	s.held.mu.Unlock()
	var wg sync.WaitGroup
	for _, end := range ends {
		wg.Go(end)
	}
	wg.Wait()
}
