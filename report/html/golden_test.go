package html

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgchaos/report"
	"pgchaos/verdict"
)

var update = flag.Bool("update", false, "write the golden files anew")

// picturesAndHints are what is tested elsewhere, or depends on how the program was built.
var picturesAndHints = regexp.MustCompile(`(?s)<svg.*?</svg>|<noscript>.*?</noscript>| ` + regexp.QuoteMeta(NoCharts))

// TestPages compares pages with those that are kept, without styles, scripts and pictures.
func TestPages(t *testing.T) {
	ran := full(t)
	ran.Stage, ran.Verdict, ran.Audits, ran.Expectations, ran.Reasons = report.StageRan, verdict.Inconclusive, nil, nil, nil
	for name, r := range map[string]*report.Result{"full": full(t), "ran": ran, "planned": kept(t, "planned"), "empty": {}, "reads-broken": kept(t, "reads-broken")} {
		t.Run(name, func(t *testing.T) {
			got := picturesAndHints.ReplaceAllString(ready.ReplaceAllString(render(t, r), ""), "")
			got = regexp.MustCompile(`script-src [^;]*;`).ReplaceAllString(got, "script-src HASHES;")
			got = strings.Join(strings.Fields(strings.ReplaceAll(got, "\n", " \n ")), " ")
			got = strings.ReplaceAll(got, "> <", ">\n<") + "\n"
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v; write it with -update", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s:\n%s", path, diff)
			}
		})
	}
}
