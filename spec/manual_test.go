package spec

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestTheManualOfTheLoadIsComplete looks for every key of a workload, every kind and
// every generator.
func TestTheManualOfTheLoadIsComplete(t *testing.T) {
	var manual strings.Builder
	for _, name := range []string{"load.md", "workloads.md", "experiments.md"} {
		text, err := os.ReadFile("../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		manual.Write(text)
	}
	keys, _ := fieldsOf(reflect.TypeFor[Workload]())
	for _, word := range slices.Concat(keys, kinds(), generatorKinds()) {
		if text := manual.String(); !strings.Contains(text, "`"+word) && !strings.Contains(text, "{"+word+":") {
			t.Errorf("the manual does not explain `%s`", word)
		}
	}
}
