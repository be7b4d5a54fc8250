package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgchaos/cluster/existing"
	"pgchaos/internal/redact"
	"pgchaos/internal/units"
	"pgchaos/runner"
)

func newDoctorCommand() *cobra.Command {
	var f experimentFlags
	risk := false
	cmd := &cobra.Command{
		Use:   "doctor FILE",
		Short: "Check the cluster that an experiment would break (provider existing); nothing is changed",
		Long: `Look at a cluster that pgchaos has not built: whether each node can be reached, who is the primary, who
streams, what the role may do, whether people seem to use it, and how commands get to the nodes'
machines, where it runs the program true. All sessions are read-only.

Each line begins with what it means for a run:
  ok       as it should be
  note     it works, and could be better
  unknown  something will not be known; the verdict can be inconclusive
  risky    the run is refused without --yes-this-may-break
  refused  the run is refused

Exit codes: 0 all good, 4 something will be unknown, 2 the run would be refused.`,
		Example:           `  pgchaos doctor mine.yaml`,
		Args:              arguments(1, 1, experimentArgument),
		ValidArgsFunction: completeExperiment,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.stdin = cmd.InOrStdin()
			p, err := f.plan(cmd.Context(), args[0], reading{})
			if err != nil {
				return err
			}
			plan := p.Plans[0]
			if plan.Experiment.Cluster.Existing == nil {
				return usageError(fmt.Errorf("doctor: %s builds its own cluster (provider %s): there is nothing to look at", plan.Experiment.Name, plan.Experiment.Cluster.Provider))
			}
			x, err := runner.Existing(plan.Experiment, risk)
			if err != nil {
				return err
			}
			seen := existing.Examine(cmd.Context(), x)
			if err := cmd.Context().Err(); err != nil {
				return unlessInterrupted(cmd.Context(), err)
			}
			text := &strings.Builder{}
			fmt.Fprintf(text, "%s: %s, database %s, role %s\n\n", plan.Experiment.Name, units.Count(int64(len(x.Nodes)), "node", "nodes"), x.Nodes[0].DSN.Database, x.Nodes[0].DSN.User.Name)
			writeFindings(text, seen)
			dirs := map[string]string{}
			for i, n := range x.Nodes {
				dirs[n.Name] = seen.Nodes[i].DataDir
			}
			if err := plan.WriteCommands(text, dirs); err != nil {
				return err
			}
			fmt.Fprintf(text, "\nThis SQL, as a superuser, makes the role with the rights that a run needs:\n%s", indented(existing.RoleSQL(x.Nodes[0].DSN)))
			code := verdictOfDoctor(text, seen, risk)
			if _, err := io.WriteString(cmd.OutOrStdout(), redact.New(plan.Experiment.Secrets...).Text(text.String())); err != nil {
				return err
			}
			if code != exitPass {
				return verdictError(code)
			}
			return nil
		},
	}
	f.register(cmd.Flags())
	groupFlags(cmd.Flags(), groupCluster, func(flags *pflag.FlagSet) { registerRisk(flags, &risk) })
	return cmd
}

// writeFindings writes one line for each.
func writeFindings(out io.Writer, seen existing.Examination) {
	for _, f := range seen.Findings {
		word := map[existing.Weight]string{existing.Good: "ok", existing.Unknown: "unknown", existing.Risky: "risky", existing.Bad: "refused"}[f.Weight]
		if f.Weight == existing.Good && f.Right != "" {
			word = "note"
		}
		fmt.Fprintf(out, "%-8s %s\n", word, redact.Line(f.String()))
	}
}

// verdictOfDoctor says what a run would come to, and is the exit code.
func verdictOfDoctor(out io.Writer, seen existing.Examination, risk bool) int {
	unknown := 0
	for _, f := range seen.Findings {
		if f.Weight == existing.Unknown {
			unknown++
		}
	}
	switch {
	case seen.Refused(true) != nil:
		fmt.Fprint(out, "\nThe run would be refused.\n")
	case seen.Refused(risk) != nil:
		fmt.Fprint(out, "\nThe run would be refused without --"+riskFlag+".\n")
	case unknown > 0:
		fmt.Fprintf(out, "\nThe run can begin. Something will be unknown: %s.\n", units.Count(int64(unknown), "finding", "findings"))
		return exitInconclusive
	default:
		fmt.Fprint(out, "\nThe run can begin.\n")
		return exitPass
	}
	return exitUsage
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}
