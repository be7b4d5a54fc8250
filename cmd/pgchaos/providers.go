package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"pgchaos/cluster"
	"pgchaos/cluster/docker"
	"pgchaos/cluster/local"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/spec"
)

// providerOptions are what a provider may need to make room for a run.
type providerOptions struct {
	run        string
	experiment string
	results    string // the result directory
	pgBin      string
	postgres   int // major version; 0: the newest
	docker     *spec.Docker
	stderr     io.Writer
}

// machine is where the nodes of one run live.
type machine struct {
	provider cluster.Provider
	bin      string   // where the server's programs are
	disks    []string // directories that the servers write to, where they are this machine's
	// settings has the server's program read settings, where it was not at hand before the
	// room was opened; nil: they have been checked.
	settings *settingsCheck
}

// openProvider makes room for a run.
type openProvider func(context.Context, providerOptions) (machine, error)

// providers are all of them: the only place that knows every one.
func providers() map[string]openProvider {
	return map[string]openProvider{
		"docker": newDockerMachine,
		"local":  newLocalMachine,
	}
}

// descriptions are what all providers say about themselves; the default one is the first.
func descriptions() []cluster.Description {
	return []cluster.Description{local.Describe(), docker.Describe()}
}

func providerNames() []string { return slices.Sorted(maps.Keys(providers())) }

// findProvider looks a provider up.
func findProvider(provider string) (openProvider, error) {
	if open, ok := providers()[provider]; ok {
		return open, nil
	}
	return nil, usageError(unknownWord("provider", provider, providerNames()))
}

func newLocalMachine(ctx context.Context, o providerOptions) (machine, error) {
	p, err := local.New(ctx, local.Options{
		Run: o.run, BinDir: o.pgBin, Major: o.postgres, Experiment: o.experiment, Results: o.results,
	})
	if err != nil {
		return machine{}, usageError(err) // nothing was started: programs or a directory cannot be used
	}
	return machine{provider: p, bin: p.Installation().BinDir, disks: []string{local.DefaultBase()}}, nil
}

func newDockerMachine(ctx context.Context, o providerOptions) (machine, error) {
	pull := newPullProgress(o.stderr)
	defer pull.close()
	options := docker.Options{Run: o.run, Experiment: o.experiment, Results: o.results, Major: o.postgres, Pulling: pull.tell}
	if o.pgBin != "" {
		return machine{}, usageError(errors.New("--pg-bin is of no use with the docker provider, which runs the programs of its image; set cluster.docker.image"))
	}
	if d := o.docker; d != nil {
		options.Image, options.ExactNames = d.Image, d.Names == "exact"
		options.Network, options.Subnet, options.Restart = d.Network, d.Subnet, d.Restart
		options.Memory, options.NanoCPUs, options.Ports = int64(d.Memory), int64(d.CPUs), d.HostPorts()
	}
	p, err := docker.New(ctx, options)
	if err != nil {
		return machine{}, err
	}
	return machine{provider: p, bin: p.Image() + ":" + p.Programs(), settings: &settingsCheck{try: printed(p.TryConfs), names: p.SettingNames}}, nil
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
