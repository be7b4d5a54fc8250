package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgchaos/experiments"
)

// TestTheManualsPageOfTheShippedExperiments: docs/shipped-experiments.md has a section for each of them, in the order of their names, with all its parts and the command that
// runs it. Every command that runs one, there and in docs/track-record.md, is accepted as it is written.
func TestTheManualsPageOfTheShippedExperiments(t *testing.T) {
	const page = "../../docs/shipped-experiments.md"
	shipped, err := experiments.List()
	must(t, err)
	var want []string
	for _, e := range shipped {
		want = append(want, e.Name)
	}
	var found []string
	for _, section := range strings.Split(readText(t, page), "\n## ")[1:] {
		name, text, _ := strings.Cut(section, "\n")
		found = append(found, name)
		for _, part := range []string{"**What it teaches.**", "**What happens.**", "**A good result.**", "**To vary it.**", "```sh\npgchaos run " + name + "\n```\n", "experiments/" + name + ".yaml"} {
			if !strings.Contains(text, part) {
				t.Errorf("the section %s has no %q", name, part)
			}
		}
	}
	if !slices.Equal(found, want) {
		t.Errorf("%s has the sections\n%q, and shipped are\n%q", page, found, want)
	}

	command := regexp.MustCompile("pgchaos run ([^\n`]*)")
	for _, file := range []string{page, "../../docs/track-record.md"} {
		commands := command.FindAllStringSubmatch(readText(t, file), -1)
		if len(commands) == 0 {
			t.Errorf("%s has no command", file)
		}
		for _, m := range commands {
			if slices.Contains(want, m[1]) {
				continue // as it stands: TestShippedExperimentsLoad
			}
			if strings.HasPrefix(m[1], "/var/tmp/patroni/") {
				continue // what scripts/patroni.sh writes: TestPatroniPromotes runs it
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-c", "pgchaos validate "+strings.ReplaceAll(m[1], " --shrink", ""))
			cmd.Dir = t.TempDir() // without the files: the shipped experiments are inside of pgchaos
			cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %s: %v\n%s", file, m[0], err, out)
			}
		}
	}
}
