package spec

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"pgchaos/cluster"
)

func compileSchema(t *testing.T) (*jsonschema.Schema, map[string]any) {
	t.Helper()
	text, err := Schema(append(someProviders(), cluster.Description{Name: existingProvider}))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("experiment.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("experiment.json")
	if err != nil {
		t.Fatal(err)
	}
	return s, doc.(map[string]any)
}

// asJSON is a YAML text as an editor's JSON Schema validator sees it.
func asJSON(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestSchemaAcceptsTheShippedExperiments(t *testing.T) {
	s, _ := compileSchema(t)
	files, err := filepath.Glob("../experiments/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if err := s.Validate(asJSON(t, readFile(t, file))); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestSchemaAcceptsWhatLoadAccepts(t *testing.T) {
	s, _ := compileSchema(t)
	loaded := 0
	for _, text := range seeds(t) {
		_, resolved, err := Load("x", text, Options{Getenv: func(string) (string, bool) { return "3", true }})
		if err != nil {
			continue
		}
		loaded++
		if err := s.Validate(asJSON(t, resolved)); err != nil {
			t.Errorf("%v\n%s", err, resolved)
		}
	}
	if loaded < 8 {
		t.Errorf("only %d load", loaded)
	}
	unresolved := "name: ${N}\ncluster: {nodes: [a, '${B}'], postgres: '${V}'}\nload: {w: {kind: '${K}', rate: '${R}'}}\nduration: ${D}\n"
	if err := s.Validate(asJSON(t, []byte(unresolved))); err != nil {
		t.Errorf("an editor must not mark a variable: %v", err)
	}
}

func TestSchemaRefuses(t *testing.T) {
	s, _ := compileSchema(t)
	const head = "name: x\ncluster: {nodes: [a, b]}\n"
	if err := s.Validate(asJSON(t, []byte(head))); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"no name":                 "cluster: {nodes: [a]}",
		"no cluster":              "name: x",
		"no nodes":                "name: x\ncluster: {}",
		"an unknown key":          head + "colour: red",
		"an unknown key below":    head + "load: {w: {kind: read, clinets: 3}}",
		"a duration without unit": head + "duration: 10",
		"a negative duration":     head + "duration: -10s",
		"a rate without unit":     head + "load: {w: {kind: read, rate: 500}}",
		"an unknown kind":         head + "load: {w: {kind: write}}",
		"no kind":                 head + "load: {w: {}}",
		"a key for a read":        head + "load: {w: {kind: read, key: serial}}",
		"a statement for insert":  head + "load: {w: {kind: insert, sql: select 1}}",
		"no statement for sql":    head + "load: {w: {kind: sql}}",
		"too many clients":        head + "load: {w: {kind: read, clients: 10001}}",
		"no action":               head + "timeline: [{at: 5s}]",
		"two actions":             head + "timeline: [{stop: a, kill: b}]",
		"at and when":             head + "timeline: [{at: 5s, when: {role: {a: down}}, wait: 1s}]",
		"every without times":     head + "timeline: [{kill: b, repeat: {every: 5s}}]",
		"repeated never":          head + "timeline: [{kill: b, repeat: {every: 5s, times: 0}}]",
		"an unknown on_error":     head + "timeline: [{kill: b, on_error: ignore}]",
		"within without when":     head + "timeline: [{within: 5s, wait: 1s}]",
		"for on a promote":        head + "timeline: [{promote: b, for: 5s}]",
		"an unknown stop mode":    head + "timeline: [{stop: {node: b, mode: slow}}]",
		"an unknown role":         head + "timeline: [{verify: {role: {a: master}}}]",
		"an odd name":             head + "load: {Writes: {kind: read}}",
		"a list for a mapping":    head + "load: []",
		"an expectation as a map": head + "expect: [{p99: 3}]",
	} {
		if err := s.Validate(asJSON(t, []byte(text))); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// An editor that reads the schema must be able to show a description of every key.
func TestSchemaDescribesEveryProperty(t *testing.T) {
	_, doc := compileSchema(t)
	properties := 0
	var visit func(path string, v any)
	visit = func(path string, v any) {
		m, _ := v.(map[string]any)
		for key, child := range m {
			props, ok := child.(map[string]any)
			if key == "properties" && ok && !strings.Contains(path, "allOf") {
				for name, p := range props {
					properties++
					if d, _ := p.(map[string]any)["description"].(string); d == "" {
						t.Errorf("%s.%s has no description", path, name)
					}
				}
			}
			visit(path+"."+key, child)
		}
		if l, ok := v.([]any); ok {
			for _, child := range l {
				visit(path, child)
			}
		}
	}
	visit("", doc)
	if properties < 60 {
		t.Errorf("only %d properties", properties)
	}
}
