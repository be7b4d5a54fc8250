package main

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"pgchaos/cluster"
	"pgchaos/cluster/docker"
	"pgchaos/cluster/existing"
	"pgchaos/cluster/local"
	"pgchaos/report"
	"pgchaos/runner"
)

// providers are all of them, the default one first: the only place that knows every one.
func providers() []cluster.Kind {
	return []cluster.Kind{
		local.Kind(),
		docker.Kind(),
		existing.Kind(),
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

// keepText tells how to use a cluster that was left up, and how to be rid of it.
func keepText(r *report.Result, out string) string {
	var b strings.Builder
	if r.Cluster.Provider == cluster.ExistingProvider {
		run := r.ClusterRun()
		fmt.Fprintf(&b, "\nThe run's tables are still in the schema %s. To drop it:\n  %s\nA password that stood in the experiment is not kept: set PGPASSWORD for that, or use a password file.\n", cluster.RunSchema(run), cleanCommand(run))
		return b.String()
	}
	fmt.Fprint(&b, "\nThe cluster is still up. To connect to a node:\n")
	for _, n := range r.Cluster.Nodes {
		host, port, err := net.SplitHostPort(n.Address)
		if err != nil {
			continue // a node without an address cannot be connected to
		}
		fmt.Fprintf(&b, "  PGPASSFILE=%s psql -h %s -p %s -U postgres postgres   # %s\n",
			filepath.Join(out, runner.Passfile), host, port, n.Name)
	}
	fmt.Fprintf(&b, "To remove it:\n  %s\n", cleanCommand(r.ClusterRun()))
	return b.String()
}
