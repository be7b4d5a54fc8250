package main

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/spec"
)

// TestEveryFaultHasAManual: a reader finds what an action does, what PostgreSQL and clients see of it, how it is
// verified and taken back, and what each parameter takes.
func TestEveryFaultHasAManual(t *testing.T) {
	for _, k := range fault.Kinds() {
		if !slices.Contains(fault.Groups(), k.Group) {
			t.Errorf("%s is in the group %q, which is not listed", k.Name, k.Group)
		}
		m := k.Manual
		for part, text := range map[string]string{"Does": m.Does, "Effect": m.Effect, "Verified": m.Verified, "Back": m.Back} {
			if text == "" && (part != "Back" || k.Undo != nil) {
				t.Errorf("%s: the manual has no %s", k.Name, part)
			}
			if text != "" && !strings.HasSuffix(text, ".") {
				t.Errorf("%s: %s does not end with a full stop: %s", k.Name, part, text)
			}
		}
		if !strings.Contains(m.Example, k.Name+": ") {
			t.Errorf("%s: the example does not use it:\n%s", k.Name, m.Example)
		}
		for _, key := range k.Keys() {
			if key.Type == "" {
				t.Errorf("%s: there are no words for the type of %q", k.Name, key.Name)
			}
		}
		if len(able(k)) == 0 {
			t.Errorf("%s: no provider can do it", k.Name)
		}
	}
}

// TestTheExampleOfEveryFault loads on every provider that can do it, and is refused on every other, with what would do.
func TestTheExampleOfEveryFault(t *testing.T) {
	for _, k := range fault.Kinds() {
		for _, provider := range providerNames() {
			text := k.Example(provider)
			_, err := spec.LoadSeries(k.Name+".yaml", []byte(text), spec.Options{Providers: descriptions()})
			if provider == cluster.ExistingProvider { // what it cannot do itself, also in the rest of the example, a command of the user's can
				fine := err == nil && (slices.Contains(able(k), provider) || k.Name == "switchover") // which the manager does
				if !fine && !onlyCommandsAreMissing(err) {
					t.Errorf("%s on %s: %v\n%s", k.Name, provider, err, text)
				}
				continue
			}
			switch can := slices.Contains(able(k), provider); {
			case can && err != nil && strings.Contains(err.Error(), " on this machine: "):
				t.Logf("%s on %s: %v", k.Name, provider, err)
			case can && err != nil:
				t.Errorf("%s on %s: %v\n%s", k.Name, provider, err, text)
			case !can && (err == nil || !strings.Contains(err.Error(), "run it with provider: "+strings.Join(able(k), " or "))):
				t.Errorf("%s on %s: it is not refused: %v", k.Name, provider, err)
			}
		}
		if _, err := spec.LoadSeries(k.Name+".yaml", []byte(faultExample(k)), spec.Options{Providers: descriptions()}); err != nil {
			t.Errorf("%s: the example that is printed: %v", k.Name, err)
		}
	}
}

// TestTheManualsFaults: docs/faults.md is what pgchaos prints.
func TestTheManualsFaults(t *testing.T) {
	const page, begin, end = "../../docs/faults.md", "<!-- generated: faults -->\n", "<!-- end of faults -->"
	text := readText(t, page)
	before, rest, ok := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no list of faults", page)
	}
	want := before + begin + "\n" + faultsMarkdown(fault.Kinds()) + "\n" + end + after
	if *update {
		must(t, os.WriteFile(page, []byte(want), 0o644))
	} else if text != want {
		t.Errorf("%s is not what pgchaos prints: go test ./cmd/pgchaos -run Manual -update writes it anew", page)
	}
}

// TestFaultsAreListed: each in the list, and alone with all that there is to say of it.
func TestFaultsAreListed(t *testing.T) {
	list := printed(t, exitPass, "faults")
	for _, k := range fault.Kinds() {
		if !strings.Contains(list, "\n  "+starred(k)+" ") {
			t.Errorf("%s is not listed:\n%s", k.Name, list)
		}
		one := printed(t, exitPass, "faults", k.Name)
		flat := strings.Join(strings.Fields(one), " ")
		for _, e := range explanations(k) {
			if !strings.Contains(flat, e.title+" "+e.text) {
				t.Errorf("pgchaos faults %s does not say: %s", k.Name, e.text)
			}
		}
		if _, example, _ := strings.Cut(one, "\nExample\n\n"); example != faultExample(k) {
			t.Errorf("the example cannot be pasted:\n%s", one)
		}
	}
	for _, line := range strings.Split(list, "\n") {
		if len(line) > 110 {
			t.Errorf("a line has %d columns: %s", len(line), line)
		}
	}
	if text := printed(t, exitPass, "faults", "pause"); !strings.Contains(text, "for: DURATION") || !strings.Contains(text, "a node, a role, or a list of them") && !strings.Contains(text, "A node, a role, or a list of them") {
		t.Error(text)
	}
	if text := printed(t, exitUsage, "faults", "kil"); !strings.Contains(text, `did you mean "kill"?`) {
		t.Error(text)
	}
	var all struct{ Faults []listedFault }
	must(t, json.Unmarshal([]byte(printed(t, exitPass, "faults", "--format", "json")), &all))
	if len(all.Faults) != len(fault.Kinds()) {
		t.Errorf("%d of %d faults as JSON", len(all.Faults), len(fault.Kinds()))
	}
	stop := all.Faults[slices.IndexFunc(all.Faults, func(f listedFault) bool { return f.Name == "stop" })]
	if !stop.Reversible || !slices.Equal(stop.Providers, []string{"local", "docker"}) || len(stop.Parameters) != 3 || stop.Parameters[1].Type != "one of fast, smart, immediate" {
		t.Errorf("%+v", stop)
	}
	if text := printed(t, exitUsage, "faults", "--format", "jsno"); !strings.Contains(text, `did you mean "json"?`) {
		t.Error(text)
	}
}

// printed is what a command writes, on either stream.
func printed(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if got := run(t.Context(), args, strings.NewReader(""), &out, &out); got != code {
		t.Fatalf("pgchaos %s: exit code %d\n%s", strings.Join(args, " "), got, out.String())
	}
	return out.String()
}

// onlyCommandsAreMissing tells whether an error says of nothing but actions that a command of the user's can do them.
func onlyCommandsAreMissing(err error) bool {
	if err == nil {
		return false
	}
	for line := range strings.Lines(err.Error()) {
		if !strings.Contains(line, "give it a command of yours") {
			return false
		}
	}
	return true
}
