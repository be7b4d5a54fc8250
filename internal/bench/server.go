package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"pgchaos/cluster"
	"pgchaos/cluster/local"
)

// server is one PostgreSQL server on which nothing else happens. Commits do not wait for
// the disk, whose speed is not what is measured.
type server struct {
	base    string
	bin     string // where pgbench is, too
	cluster *cluster.Cluster
	node    *cluster.Node
	once    sync.Once
	ended   error
}

func startServer(ctx context.Context) (*server, error) {
	base, err := os.MkdirTemp("", "pgchaos-bench-")
	if err != nil {
		return nil, err
	}
	s := &server{base: base}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.end())
	}
	return s, nil
}

func (s *server) start(ctx context.Context) error {
	if err := os.Chmod(s.base, 0o755); err != nil { // the server runs as another user
		return err
	}
	p, err := local.New(ctx, local.Options{Base: filepath.Join(s.base, "runs"), Run: "bench", Experiment: "bench"})
	if err != nil {
		return err
	}
	s.bin = p.Installation().BinDir
	if s.cluster, err = cluster.New(p, cluster.Config{
		Run: "bench", Nodes: []cluster.NodeConfig{{Name: "a"}},
		Settings: map[string]string{"synchronous_commit": "off", "max_wal_size": "8GB", "max_connections": "400", "shared_buffers": "256MB"},
	}); err != nil {
		return errors.Join(err, p.Remove(context.WithoutCancel(ctx)))
	}
	if err := s.cluster.Up(ctx); err != nil {
		return fmt.Errorf("start a server: %w", err)
	}
	s.node = s.cluster.Node("a")
	return nil
}

// end removes the server. It may be called again.
func (s *server) end() error {
	s.once.Do(func() {
		if s.cluster != nil {
			s.ended = s.cluster.Down(context.Background())
		}
		s.ended = errors.Join(s.ended, os.RemoveAll(s.base))
	})
	return s.ended
}
