package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pgchaos/cluster"
)

func newProvidersCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "providers",
		Short: "List what clusters can be built on, and what their nodes can do",
		Example: `  pgchaos providers
  pgchaos run quorum-kill --provider docker`,
		Long: `A provider is what the nodes of a cluster run on. The actions of a timeline need capabilities of
their nodes; 'pgchaos plan' and 'pgchaos validate' say which action a provider cannot do.

  processes  start, stop, restart and kill servers
  freeze     pause and resume
  commands   exec and hook
  manager    manager_switchover
  files      run PostgreSQL's programs on a node, such as pg_basebackup and pg_rewind; read its log
  network    disconnect and connect
  limits     limit
  links      partition, half_open, reject, flap and drop_connections
  shaping    throttle
  delay      delay (with docker, where the engine's kernel has netem)
  usage      measure CPU time, memory, network and disk traffic
  disk       fill_disk (with docker: {disk: SIZE})`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			for i, k := range providers() {
				if i > 0 {
					fmt.Fprintln(cmd.OutOrStdout())
				}
				if err := writeProvider(cmd.OutOrStdout(), k, i == 0); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// writeProvider writes what a provider says about itself.
func writeProvider(out io.Writer, k cluster.Kind, first bool) error {
	name, can, cannot := k.Name, []string{}, []string{}
	if first {
		name += " (the default)"
	}
	for _, c := range cluster.AllCapabilities() {
		if k.Can(c) {
			can = append(can, string(c))
		} else if c != cluster.CanManage { // which a cluster has, and not a provider
			cannot = append(cannot, string(c))
		}
	}
	lines := []string{
		name + ": " + k.Summary,
		"  PostgreSQL  " + k.Postgres,
		"  can         " + strings.Join(can, ", "),
	}
	for _, c := range cluster.AllCapabilities() {
		if where := k.Depends[c]; where != "" {
			lines = append(lines, "  "+string(c)+" only "+where)
		}
	}
	if len(cannot) > 0 {
		line := "  cannot      " + strings.Join(cannot, ", ")
		if k.Lacks != "" {
			line += ": " + k.Lacks
		}
		lines = append(lines, line)
	}
	settings := "not checked before the servers start"
	switch {
	case k.Programs != nil:
		settings = "checked by 'pgchaos validate' and 'pgchaos run'"
	case k.ChecksSettings:
		settings = "checked by 'pgchaos run', before it builds the cluster"
	}
	lines = append(lines, "  settings    "+settings)
	if len(k.Disks) > 0 {
		lines = append(lines, "  disks       "+strings.Join(slices.Sorted(slices.Values(k.Disks)), ", "))
	}
	_, err := io.WriteString(out, strings.Join(lines, "\n")+"\n")
	return err
}
