package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"

	"pgchaos/cluster"
	"pgchaos/cluster/docker"
	"pgchaos/cluster/local"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/spec"
)

// providers are all of them, the default one first: the only place that knows every one.
func providers() []cluster.Kind {
	return []cluster.Kind{
		local.Kind(),
		docker.Kind(),
	}
}

// descriptions are what all providers say about themselves.
func descriptions() (all []cluster.Description) {
	for _, k := range providers() {
		all = append(all, k.Description)
	}
	return all
}

// providerNames are their names, the default one first.
func providerNames() (names []string) {
	for _, k := range providers() {
		names = append(names, k.Name)
	}
	return names
}

// providerWords are their names in a sentence.
func providerWords() string {
	names := providerNames()
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// findProvider looks a provider up.
func findProvider(name string) (cluster.Kind, error) {
	for _, k := range providers() {
		if k.Name == name {
			return k, nil
		}
	}
	return cluster.Kind{}, usageError(unknownWord("provider", name, providerNames()))
}

// openProvider prepares a run on the experiment's provider.
func openProvider(ctx context.Context, k cluster.Kind, e *spec.Experiment, o cluster.OpenOptions, stderr io.Writer) (cluster.Opened, error) {
	pull := newPullProgress(stderr)
	defer pull.close()
	o.Experiment, o.Major, o.Progress = e.Name, e.Cluster.Postgres, pull.tell
	if d := e.Cluster.Docker; d != nil {
		o.Containers = cluster.Containers{
			Image: d.Image, ExactNames: d.Names == "exact", Network: d.Network, Subnet: d.Subnet, Ports: d.HostPorts(), Restart: d.Restart,
			Limits: cluster.Limits{NanoCPUs: int64(d.CPUs), Memory: int64(d.Memory)},
		}
	}
	opened, err := k.Open(ctx, o)
	var usage *cluster.UsageError
	if errors.As(err, &usage) {
		err = usageError(err)
	}
	return opened, err
}

// keepText tells how to use a cluster that was left up, and how to be rid of it.
func keepText(r *report.Result, out string) string {
	var b strings.Builder
	fmt.Fprint(&b, "\nThe cluster is still up. To connect to a node:\n")
	for _, n := range r.Cluster.Nodes {
		host, port, err := net.SplitHostPort(n.Address)
		if err != nil {
			continue // a node without an address cannot be connected to
		}
		fmt.Fprintf(&b, "  PGPASSFILE=%s psql -h %s -p %s -U postgres postgres   # %s\n",
			filepath.Join(out, runner.Passfile), host, port, n.Name)
	}
	fmt.Fprintf(&b, "To remove it:\n  %s\n", cleanCommand(r.Run))
	return b.String()
}
