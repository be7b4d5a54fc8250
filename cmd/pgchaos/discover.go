package main

import (
	"context"

	"pgchaos/cluster"
	"pgchaos/cluster/existing"
	"pgchaos/spec"
)

// discovery asks for the nodes of an existing cluster.
func discovery(ctx context.Context) func(spec.Discover) ([]spec.ExistingNode, error) {
	return func(d spec.Discover) (nodes []spec.ExistingNode, err error) {
		found, err := existing.Discover(ctx, existing.Ask{
			Patroni: d.Patroni, PgAutoFailover: d.PgAutoFailover, DSN: d.DSN, As: d.As,
			TLS: cluster.ManagerTLS{CACert: d.CACert, CertFile: d.CertFile, KeyFile: d.KeyFile},
		})
		for _, n := range found {
			nodes = append(nodes, spec.ExistingNode{Name: n.Name, DSN: n.DSN, Standby: n.Standby, Host: n.Host})
		}
		return nodes, err
	}
}
