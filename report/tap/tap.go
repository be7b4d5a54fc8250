// Package tap writes the cases of JUnit's suites in the Test Anything Protocol, version 14. What is inconclusive is not ok: absence of evidence never passes.
package tap

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"pgchaos/internal/redact"
	"pgchaos/report/junit"
)

// Write writes the cases of suites as one list of test points.
func Write(w io.Writer, suites ...junit.Suite) error {
	var points strings.Builder
	n := 0
	for _, s := range suites {
		fmt.Fprintf(&points, "# %s\n", redact.Line(s.Name))
		for i := range s.Cases {
			n++
			name := s.Cases[i].Name
			if len(suites) > 1 {
				name = s.Name + ": " + name
			}
			points.WriteString(point(n, name, &s.Cases[i]))
		}
	}
	_, err := fmt.Fprintf(w, "TAP version 14\n1..%d\n%s", n, &points)
	return err
}

// point is a test point with its diagnostics.
func point(n int, name string, c *junit.Case) string {
	word, severity, problems := "ok", "pass", []string(nil)
	switch {
	case len(c.Failures) > 0:
		word, severity, problems = "not ok", "fail", slices.Concat(c.Failures, c.Errors)
	case len(c.Errors) > 0:
		word, severity, problems = "not ok", "inconclusive", c.Errors
	}
	lines := []string{fmt.Sprintf("%s %d - %s", word, n, description(name)), "  ---", "  severity: " + severity}
	if len(problems) > 0 {
		lines = append(lines, "  message: "+quoted(problems[0]))
	}
	lines = append(lines, list("more", problems[min(1, len(problems)):])...)
	lines = append(lines, fmt.Sprintf("  duration_ms: %.3f", float64(c.Took.Microseconds())/1000))
	if c.Output != "" {
		lines = append(lines, list("output", strings.Split(c.Output, "\n"))...)
	}
	return strings.Join(append(lines, "  ..."), "\n") + "\n"
}

// list is a key with a list of texts; nothing where there are none.
func list(key string, texts []string) (lines []string) {
	for i, text := range texts {
		if i == 0 {
			lines = append(lines, "  "+key+":")
		}
		lines = append(lines, "    - "+quoted(text))
	}
	return lines
}

// description is a text in which a # begins no directive, such as TODO.
func description(text string) string {
	return strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(redact.Line(text))
}

// quoted is a text in double quotes for YAML, which reads all of JSON's.
func quoted(text string) string {
	var b strings.Builder
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	_ = out.Encode(redact.Printable(text)) // a text can always be encoded
	return strings.TrimSuffix(b.String(), "\n")
}
