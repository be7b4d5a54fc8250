package experiments

import (
	"testing"

	"pgchaos/spec"
)

// Every shipped file has to decode and validate, and to be listed as it is.
func TestShippedExperimentsLoad(t *testing.T) {
	infos, err := List()
	if err != nil {
		t.Fatal(err)
	}
	if len(infos) < 3 {
		t.Errorf("%d experiments are shipped", len(infos))
	}
	for _, info := range infos {
		t.Run(info.Name, func(t *testing.T) {
			text, err := Open(info.File)
			if err != nil {
				t.Fatal(err)
			}
			s, err := spec.LoadSeries(info.File, text, spec.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range s.Variants {
				if _, _, err := spec.Load(info.File, v.Text, spec.Options{Resolved: true}); err != nil {
					t.Errorf("the resolved text of %s does not load: %v", v.String(), err)
				}
			}
			e, resolved, err := spec.Load(info.File, text, spec.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if e.Name != info.Name || e.Description != info.Description || info.Description == "" {
				t.Errorf("listed as %+v, loaded as %q: %q", info, e.Name, e.Description)
			}
			if _, _, err := spec.Load(info.File, resolved, spec.Options{}); err != nil {
				t.Errorf("the resolved text does not load: %v\n%s", err, resolved)
			}
			if _, err := e.Expectations(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenOfAnUnknownExperiment(t *testing.T) {
	if _, err := Open("no-such"); err == nil {
		t.Error("no error")
	}
}
