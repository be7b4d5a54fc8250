package fault

import (
	"reflect"
	"strings"
	"testing"

	"pgchaos/record"
)

// TestEveryActionIsDocumented: each has a name of its own, and each key of an experiment file
// a sentence.
func TestEveryActionIsDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds() {
		if seen[k.Name] {
			t.Errorf("there are two actions %s", k.Name)
		}
		seen[k.Name] = true
		if !strings.HasSuffix(k.Doc, ".") || k.Group == "" {
			t.Errorf("%s: group %q, documentation %q", k.Name, k.Group, k.Doc)
		}
		for _, f := range reflect.VisibleFields(reflect.TypeOf(k.New()).Elem()) {
			key := f.Tag.Get("yaml")
			if f.Anonymous || key == "-" {
				continue
			}
			if key == "" || f.Tag.Get("jsonschema_description") == "" {
				t.Errorf("%s: the field %s has the key %q, and the description %q", k.Name, f.Name, key, f.Tag.Get("jsonschema_description"))
			}
		}
		if k.Capability != "" && k.Instead == "" {
			t.Errorf("%s: what can a user write where the provider lacks %s?", k.Name, k.Capability)
		}
		if acts := k.Needs.Process != 0; !acts && (k.One || k.Reversible || k.Outage) {
			t.Errorf("%s: it is done to a node, and says nothing about its server", k.Name)
		}
	}
}

// TestFactsAreThoseOfOlderResults: a result without facts is read as the action did then.
func TestFactsAreThoseOfOlderResults(t *testing.T) {
	for _, k := range Kinds() {
		old, known := record.Event{Action: k.Name}.Effects()
		if known && old != k.Facts {
			t.Errorf("%s: %+v, and in older results %+v", k.Name, k.Facts, old)
		}
		carried, known := record.Event{Action: "of another pgchaos", Facts: &k.Facts}.Effects()
		if !known || carried != k.Facts {
			t.Errorf("%s: the event carries %+v, %v", k.Name, carried, known)
		}
	}
}

// TestParametersAreNotShared: two steps of a kind have parameters of their own.
func TestParametersAreNotShared(t *testing.T) {
	for _, k := range Kinds() {
		if k.New() == k.New() {
			t.Errorf("%s: the same parameters twice", k.Name)
		}
	}
}
