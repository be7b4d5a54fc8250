package arrows

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the picture and the table into docs/architecture.md")

const manual = "../../docs/architecture.md"

// TestArchitectureDrawsTheArrows compares docs/architecture.md with the permitted arrows
// and with the packages' own comments, so that neither can go stale there.
func TestArchitectureDrawsTheArrows(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	sections := map[string]string{"picture": picture(permitted), "packages": table(permitted, list(t)), "libraries": libraries(alone)}
	for section, made := range sections {
		if want, err = replaceSection(want, section, made); err != nil {
			t.Fatalf("%s: %v", manual, err)
		}
	}
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s does not show the packages as they are: run go test ./internal/arrows -update, and read the difference", manual)
	}
	if err := os.WriteFile(manual, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestEveryPermittedArrowIsUsed keeps the table, and so the picture, as small as the code.
func TestEveryPermittedArrowIsUsed(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, "pgchaos/")
		for _, to := range permitted[name] {
			if !slices.Contains(p.Imports, "pgchaos/"+to) {
				t.Errorf("%s may import %s and does not: remove the arrow", name, to)
			}
		}
	}
}

// TestPictureLeavesOutImpliedArrows: a to c is implied by a to b and b to c.
func TestPictureLeavesOutImpliedArrows(t *testing.T) {
	drawn := picture(map[string][]string{"a": {"b", "c"}, "b": {"c", "internal/x"}, "c": {}, "internal/x": {}})
	const want = "```mermaid\nflowchart TD\n    a --> b\n    b --> c\n```\n"
	if drawn != want {
		t.Errorf("drawn:\n%s\nwant:\n%s", drawn, want)
	}
}

// replaceSection replaces what stands between the two comments that name a section.
func replaceSection(text, name, made string) (string, error) {
	begin, end := "<!-- generated: "+name+" -->\n", "<!-- end of "+name+" -->\n"
	before, rest, found := strings.Cut(text, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return "", fmt.Errorf("no section between %q and %q", begin, end)
	}
	return before + begin + "\n" + made + "\n" + end + after, nil
}

// picture draws the arrows in Mermaid's language, without those that others imply, and
// without the packages below internal: nearly every package uses these.
func picture(arrows map[string][]string) string {
	var b strings.Builder
	b.WriteString("```mermaid\nflowchart TD\n")
	for _, from := range slices.Sorted(maps.Keys(arrows)) {
		if strings.HasPrefix(from, "internal/") {
			continue
		}
		alone := true
		for _, to := range slices.Sorted(slices.Values(arrows[from])) {
			if !strings.HasPrefix(to, "internal/") && !implied(arrows, from, to) {
				fmt.Fprintf(&b, "    %s --> %s\n", from, to)
			}
		}
		for other := range arrows {
			alone = alone && len(arrows[from]) == 0 && !slices.Contains(arrows[other], from)
		}
		if alone {
			fmt.Fprintf(&b, "    %s\n", from)
		}
	}
	b.WriteString("```\n")
	return b.String()
}

// implied says whether another arrow of from leads to the same package in the end.
func implied(arrows map[string][]string, from, to string) bool {
	for _, by := range arrows[from] {
		if by != to && reaches(arrows, by, to) {
			return true
		}
	}
	return false
}

func reaches(arrows map[string][]string, from, to string) bool {
	for _, next := range arrows[from] {
		if next == to || reaches(arrows, next, to) {
			return true
		}
	}
	return false
}

// table lists every package with the first sentence of its own comment.
func table(arrows map[string][]string, packages []pkg) string {
	var b strings.Builder
	b.WriteString("| package | what it is | may import |\n|---|---|---|\n")
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, "pgchaos/")
		may := slices.Sorted(slices.Values(arrows[name]))
		for i, to := range may {
			may[i] = "`" + to + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, synopsis(p.Doc), strings.Join(may, ", "))
	}
	return b.String()
}

// libraries lists the libraries that one package alone may import.
func libraries(owners map[string]string) string {
	var b strings.Builder
	b.WriteString("| library | imported by |\n|---|---|\n")
	for _, library := range slices.Sorted(maps.Keys(owners)) {
		fmt.Fprintf(&b, "| `%s` | `%s` |\n", library, owners[library])
	}
	return b.String()
}

// opening is how a package's comment begins; the table has the name already.
var opening = regexp.MustCompile(`^(Package|Command) \S+ (is |are )?`)

// synopsis is a package's comment without its opening words.
func synopsis(doc string) string {
	return strings.TrimSuffix(strings.ReplaceAll(opening.ReplaceAllString(doc, ""), "|", "\\|"), ".")
}
