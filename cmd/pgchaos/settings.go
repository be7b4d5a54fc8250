package main

import (
	"context"
	"fmt"
	"strings"

	"pgchaos/cluster"
	"pgchaos/internal/redact"
	"pgchaos/spec"
)

// settingsCheck holds the settings of an experiment against the server's own programs.
type settingsCheck struct {
	// try has the server program read texts of postgresql.conf, and returns what it says
	// against each; "" is nothing.
	try func(ctx context.Context, confs []string) ([]string, error)
	// names are the known parameters, for suggestions; it may be nil.
	names func(ctx context.Context) ([]string, error)
}

// checkOf checks by the server's programs.
func checkOf(p cluster.Programs) settingsCheck {
	return settingsCheck{try: p.TryConfs, names: p.SettingNames}
}

// find returns what is wrong. An error means that the settings could not be checked.
func (c settingsCheck) find(ctx context.Context, e *spec.Experiment) (found []spec.Finding, err error) {
	all := e.PostgresSettings()
	var confs []string // each name once in each, as the last line of a name hides those before
	var lines []string // each setting once
	counts := map[string]int{}
	seen := map[string]bool{}
	for _, s := range all {
		line := cluster.ConfLine(s.Name, s.Value)
		if s.Value == "" || seen[line] {
			continue // an empty value is left out of the file
		}
		seen[line] = true
		lines = append(lines, line)
		n := counts[strings.ToLower(s.Name)]
		counts[strings.ToLower(s.Name)]++
		if n == len(confs) {
			confs = append(confs, "")
		}
		confs[n] += line
	}
	if len(confs) == 0 {
		return nil, nil
	}
	said, err := c.try(ctx, confs)
	if err != nil || strings.Join(said, "") == "" {
		return nil, err
	}
	// One of them is refused: each by itself tells which.
	if said, err = c.try(ctx, lines); err != nil {
		return nil, err
	}
	wrong := map[string]string{}
	for i, line := range lines {
		wrong[line] = said[i]
	}
	var names []string
	if c.names != nil {
		names, _ = c.names(ctx) // without them, nothing is suggested
	}
	for _, s := range all {
		if complaint := wrong[cluster.ConfLine(s.Name, s.Value)]; complaint != "" && s.Value != "" {
			right := "write what PostgreSQL's documentation of " + s.Name + " allows"
			if near := spec.Nearest(s.Name, names); near != "" && !strings.EqualFold(near, s.Name) {
				right = fmt.Sprintf("did you mean %q?", near)
			}
			found = append(found, spec.Finding{Path: s.Path, What: "PostgreSQL refuses this: " + redact.New(e.Secrets...).Text(complaint), Right: right})
		}
	}
	return found, nil
}

// checkPrograms is a usage error where --pg-bin names a directory without the server's
// programs.
func checkPrograms(ctx context.Context, pgBin string) error {
	if pgBin == "" {
		return nil
	}
	for _, k := range providers() {
		if k.Programs == nil {
			continue
		}
		if _, err := k.Programs(ctx, pgBin, 0); err != nil {
			return usageError(fmt.Errorf("--pg-bin %s: %w; name the directory of PostgreSQL's server programs, or leave --pg-bin out", pgBin, err))
		}
	}
	return nil
}

// oncePerSettings asks a check once for all variants that have the same settings.
func oncePerSettings(check func(*spec.Experiment) []spec.Finding) func(*spec.Experiment) []spec.Finding {
	found := map[string][]spec.Finding{}
	return func(e *spec.Experiment) []spec.Finding {
		key := fmt.Sprint(e.Cluster.Provider, e.Cluster.Postgres, e.PostgresSettings())
		before, done := found[key]
		if !done {
			before = check(e)
			found[key] = before
		}
		return before
	}
}

// checkBefore checks an experiment by the server's programs, where its provider has them at
// hand before a run: they must be there, and know its settings. It passes to note what could not be checked.
func checkBefore(ctx context.Context, pgBin string, e *spec.Experiment, note func(error)) []spec.Finding {
	k, err := findProvider(e.Cluster.Provider)
	if err != nil {
		return nil // which the validation has said
	}
	if k.Programs == nil {
		switch {
		case len(e.PostgresSettings()) == 0:
		case k.ChecksSettings:
			note(fmt.Errorf("the provider is %s; 'pgchaos run' checks them before it builds the cluster", k.Name))
		default:
			note(fmt.Errorf("the provider is %s, and cannot check them", k.Name))
		}
		return nil
	}
	programs, err := k.Programs(ctx, pgBin, e.Cluster.Postgres)
	if err != nil && e.Cluster.Postgres != 0 {
		return []spec.Finding{{Path: "cluster.postgres", What: err.Error(), Right: "install that version, or leave postgres out for the newest that is installed"}}
	}
	if err != nil {
		note(err)
		return nil
	}
	found, err := checkOf(programs).find(ctx, e)
	if err != nil {
		note(err)
	}
	return found
}
