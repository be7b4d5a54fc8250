package summary

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgchaos/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestSummary keeps the summary of results of every kind, as JSON and as CSV.
func TestSummary(t *testing.T) {
	for _, dir := range []string{"results/pass", "results/explained", "results/models", "results/planned", "results/doubtful", "results/recovery", "schema-1", "schema-2"} {
		name := filepath.Base(dir)
		t.Run(name, func(t *testing.T) {
			r, err := report.Read(filepath.Join("..", "testdata", dir))
			if err != nil {
				t.Fatal(err)
			}
			var text, table bytes.Buffer
			if err := Write(&text, r); err != nil {
				t.Fatal(err)
			}
			if err := WriteCSV(&table, r); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", text.Bytes())
			golden(t, name+".csv", table.Bytes())
			var back Summary
			if err := json.Unmarshal(text.Bytes(), &back); err != nil {
				t.Fatal(err)
			}
			if back.Schema != Schema || back.Verdict != r.Verdict || len(back.Expectations) != len(r.Expectations) {
				t.Errorf("%+v", back)
			}
			rows, err := csv.NewReader(&table).ReadAll()
			if err != nil || len(rows) != 1+len(Load(r)) {
				t.Errorf("%d rows, %v", len(rows), err)
			}
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", file, diff)
	}
}
