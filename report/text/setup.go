package text

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"pgchaos/internal/units"
	"pgchaos/report"
)

// setup is what was tested: the replication mode, the version, the nodes, the load, the seed.
func setup(p *page, r *report.Result) []string {
	mode, rest := Mode(r), strings.Join(Setup(r), "; ")
	if line := mode + "; " + rest; width(line) <= p.width {
		return []string{line}
	}
	return append(p.clipped(plain, "", mode, 3), p.clipped(plain, "", rest, 2)...)
}

// Setup is what was tested beside the replication mode, a few words each.
func Setup(r *report.Result) []string {
	c := r.Cluster
	nodes := cmp.Or(c.Provider, "unknown provider")
	if n := len(c.Nodes); n > 0 {
		nodes = units.Count(int64(n), "node", "nodes") + " (" + nodes + ")"
	}
	version, _, _ := strings.Cut(c.Postgres, " ") // "15.18 (Debian 15.18-0+deb12u1)"
	parts := []string{"PostgreSQL " + cmp.Or(version, "of unknown version"), nodes}
	if load := loadWords(r.Workloads); load != "" {
		parts = append(parts, load)
	}
	if r.Duration > 0 {
		parts = append(parts, "ran "+units.Span(r.Duration))
	}
	if v := r.Variant; v != nil {
		parts = append(parts, variantText(v))
	}
	if r.Seed == 0 {
		return append(parts, "seed not known")
	}
	return append(parts, "seed "+strconv.FormatUint(r.Seed, 10))
}

// Mode is the replication mode, and how it changed.
func Mode(r *report.Result) string {
	modes := r.Replications()
	if len(modes) == 0 {
		return "replication mode not known"
	}
	text := modes[0].String()
	if modes[0].Commit != "" && !strings.HasPrefix(text, "asynchronous by") {
		text += ", synchronous_commit " + modes[0].Commit
	}
	commit := modes[0].Commit
	for i, m := range modes[1:] {
		if i == shownModes {
			return text + "; and " + units.Count(int64(len(modes)-1-i), "more change", "more changes")
		}
		text += "; from " + units.Seconds(m.Since) + " " + m.String()
		if m.Commit != commit {
			text += ", synchronous_commit " + m.Commit
		}
		commit = m.Commit
	}
	return text
}

// shownModes is how many changes of the mode are named.
const shownModes = 3

// shownWorkloads is how many workloads the line about the load names.
const shownWorkloads = 3

// loadWords name the workloads with their rates or clients.
func loadWords(workloads []report.Workload) string {
	parts := make([]string, 0, len(workloads))
	for i := range workloads {
		w := &workloads[i]
		if i == shownWorkloads {
			parts = append(parts, units.Count(int64(len(workloads)-i), "more workload", "more workloads"))
			break
		}
		text := w.Name
		switch {
		case w.Rate > 0:
			text += " " + strconv.FormatFloat(w.Rate, 'f', -1, 64) + "/s"
		case w.Clients > 0:
			text += " " + units.Count(int64(w.Clients), "client", "clients")
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// nextSteps say where the full report is, how to audit a run that was not, and how to repeat it.
func nextSteps(p *page, r *report.Result, dir string) (lines []string) {
	if dir != "" {
		lines = append(lines, p.command("Full report:  ", "pgchaos", "report", dir, "--full")...)
	}
	if dir != "" && r.Stage != report.StageChecked && r.Stage != "" { // without a cluster there was nothing to audit
		lines = append(lines, p.command("Audit it:     ", "pgchaos", "audit", dir)...)
	}
	again := p.command("Run it again: ", Again(r)...)
	if len(again) > mostAgain {
		again = p.clipped(plain, "Run it again: ", "the command is long: see --full", 1)
	}
	return append(lines, again...)
}

// Again is the command that repeats the run, as far as it is known.
func Again(r *report.Result) []string {
	if command := r.Repeat(); len(command) > 0 {
		return append([]string{"pgchaos"}, command...)
	}
	if r.Seed == 0 {
		return []string{"pgchaos", "run", "EXPERIMENT"}
	}
	return []string{"pgchaos", "run", "EXPERIMENT", "--seed", strconv.FormatUint(r.Seed, 10)}
}

// ShellLine is a command as a shell reads it.
func ShellLine(words []string) string {
	quoted := make([]string, 0, len(words))
	for _, word := range words {
		quoted = append(quoted, shellWord(word))
	}
	return strings.Join(quoted, " ")
}

// mostAgain is how many lines the command that repeats the run takes at most.
const mostAgain = 6

// variantText says which run of a series it is: "local, clients=8 (round 2)".
func variantText(v *report.Variant) string {
	round := "round"
	if v.Warmup {
		round = "warm-up round"
	}
	name := v.Name
	if v.Cell != "" {
		name = strings.TrimPrefix(name+", "+v.Cell, ", ")
	}
	return strings.TrimSpace(fmt.Sprintf("%s (%s %d of a series)", name, round, v.Round))
}
