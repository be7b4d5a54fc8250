package fault

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"pgchaos/chaos"
	"pgchaos/cluster"
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

// TestEveryFaultIsTakenBackAsData: a reversal of a name is the same for all actions, what outlives a node can be taken
// back by `pgchaos clean`, and the key `for` has something to do.
func TestEveryFaultIsTakenBackAsData(t *testing.T) {
	all := Reversals()
	for _, k := range Kinds() {
		u := k.Undo
		if u == nil {
			if k.Reversible {
				t.Errorf("%s: `for` takes it back, and nothing says how", k.Name)
			}
			continue
		}
		if u.Name == "" || u.Do == nil || u.Outlives && u.Clean == nil {
			t.Errorf("%s: %+v", k.Name, u)
		}
		if same := all[u.Name]; (same.Clean == nil) != (u.Clean == nil) || same.Outlives != u.Outlives {
			t.Errorf("%s: there are two reversals %s", k.Name, u.Name)
		}
	}
}

// TestCleanNeedsNoMoreThanItsHost: a host that cannot do it is an error, and not a panic.
func TestCleanNeedsNoMoreThanItsHost(t *testing.T) {
	for name, r := range Reversals() {
		if r.Clean == nil {
			continue
		}
		for _, arguments := range []string{"", "{", `{"memory": "x"}`, `{"memory": 5}`} {
			if err := r.Clean(t.Context(), struct{}{}, chaos.Reversal{Kind: name, Arguments: []byte(arguments)}); err == nil {
				t.Errorf("%s with %q: no error", name, arguments)
			}
		}
	}
}

// limitedHost is what is left of a node with limits.
type limitedHost struct{ now cluster.Limits }

func (h *limitedHost) SetLimits(_ context.Context, to cluster.Limits) error {
	h.now = to
	return nil
}

func TestUnlimitFromTheJournal(t *testing.T) {
	for arguments, want := range map[string]cluster.Limits{
		`{"nano_cpus":500000000,"memory":268435456}`: {NanoCPUs: 500000000, Memory: 268435456},
		`{"nano_cpus":0,"memory":0}`:                 {},
	} {
		h := &limitedHost{cluster.Limits{NanoCPUs: 1, Memory: 1}}
		r := chaos.Reversal{Kind: "unlimit", Node: "a", Arguments: []byte(arguments)}
		if err := unlimit().Clean(t.Context(), h, r); err != nil || h.now != want {
			t.Errorf("%s: %+v, %v", arguments, h.now, err)
		}
	}
	h := &limitedHost{}
	if err := unlimit().Clean(t.Context(), h, chaos.Reversal{Kind: "unlimit"}); err == nil {
		t.Error("without knowing what it was")
	}
}

// TestWhatKeepsServers: what takes neither a primary nor a standby away says so, whatever else it does.
func TestWhatKeepsServers(t *testing.T) {
	clients, a, b := NodeList{Clients}, NodeList{"a"}, NodeList{"b"}
	between := func(sides ...NodeList) Sides { return Sides{Between: sides} }
	for _, c := range []struct {
		name string
		with Parameters
		want bool
	}{
		{"apply_delay", &ApplyDelay{}, true},
		{"pause_replay", &PauseReplay{}, true},
		{"hold_wal", &HoldWAL{}, false},
		{"drop_slot", &DropSlot{}, false},
		{"throttle", &Throttle{Sides: between(clients, a)}, true},
		{"partition", &Partition{Sides: between(a, clients)}, true},
		{"drop_connections", &DropConnections{Sides: between(a, clients)}, true},
		{"half_open", &HalfOpen{Sides: Sides{From: a, To: clients}}, true},
		{"partition", &Partition{Sides: between(a, b)}, false},
		{"partition", &Partition{Sides: between(a, NodeList{Clients, "b"})}, false},
		{"pause_process", &PauseProcess{OfProcess: OfProcess{Process: "checkpointer"}}, true},
		{"pause_process", &PauseProcess{OfProcess: OfProcess{Process: "walsender"}}, false},
		{"pause_process", &PauseProcess{OfProcess: OfProcess{Process: "walreceiver"}}, false},
		{"kill", &Kill{}, false},
	} {
		k, found := Find(c.name)
		if is := k.With(c.with).Facts; !found || is.Keeps != c.want {
			t.Errorf("%s %+v: %+v, want %v", c.name, c.with, is, c.want)
		}
	}
}
