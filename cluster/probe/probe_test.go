package probe_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster/probe"
)

// TestFrozen reads a node whose kernel accepts connections and whose server never
// answers. What a real one says is tested with package rowscan and cluster.
func TestFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var servers []net.Conn
		p := probe.NewProber(func(ctx context.Context) (*pgx.Conn, error) {
			cfg, err := pgx.ParseConfig("postgres://user@192.0.2.1/db?sslmode=disable")
			if err != nil {
				return nil, err
			}
			cfg.DialFunc = func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				servers = append(servers, server)
				return client, nil
			}
			return pgx.ConnectConfig(ctx, cfg)
		}, "a", "load")
		for range 3 {
			began := time.Now()
			if s := p.Read(t.Context()); s.Reachable || s.Error == "" || s.Node != "a" || s.Role != "" {
				t.Errorf("state: %+v", s)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("it took %s", took)
			}
		}
		p.Close()
		for _, server := range servers {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestEndedContext(t *testing.T) {
	p := probe.NewProber(func(ctx context.Context) (*pgx.Conn, error) { return nil, ctx.Err() }, "a", "load")
	defer p.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s := p.Read(ctx); s.Reachable || s.Error == "" {
		t.Errorf("state: %+v", s)
	}
}
