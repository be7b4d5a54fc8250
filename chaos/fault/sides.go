package fault

import (
	"slices"
	"strings"

	"pgchaos/record"
)

// Clients stands for the clients of the load, where an action takes the sides of a network.
const Clients = "clients"

// Sides are the two sides of a fault of the network. It is about both directions between them: `between: [a, b]`, or about one:
// `{from: a, to: b}`.
type Sides struct {
	Between []NodeList `yaml:"between" jsonschema_description:"The two sides of the network, in both directions, such as [primary, replicas] or [clients, primary]. clients stands for all clients of the load."`
	From    NodeList   `yaml:"from" jsonschema_description:"The side that sends; clients stands for all clients of the load. What comes back to it is left alone."`
	To      NodeList   `yaml:"to" jsonschema_description:"The side that receives what from sends."`
}

// ends are the two sides, and whether both directions are meant.
func (s *Sides) ends() (one, other NodeList, both bool) {
	if len(s.Between) == 2 {
		return s.Between[0], s.Between[1], true
	}
	return s.From, s.To, false
}

// Short keeps one side from being written alone.
func (s *Sides) Short() any { return nil }

// Selectors are the nodes and roles on both sides.
func (s *Sides) Selectors() (names []string) {
	one, other, _ := s.ends()
	for _, name := range slices.Concat(one, other) {
		if name != Clients && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// BothSides are both sides.
func (s *Sides) BothSides() (one, other []string) {
	one, other, _ = s.ends()
	return one, other
}

// Effects are those of the kind; where one side is the clients alone, the servers lose nothing of each other.
func (s *Sides) Effects(f record.Facts) record.Facts {
	one, other, _ := s.ends()
	f.Keeps = slices.Equal(one, NodeList{Clients}) || slices.Equal(other, NodeList{Clients})
	return f
}

// Detail is the sides.
func (s *Sides) Detail() string {
	one, other, both := s.ends()
	a, b := strings.Join(one, ", "), strings.Join(other, ", ")
	if both {
		return "between " + a + " and " + b
	}
	return "from " + a + " to " + b
}

const twoSides = "write between: [ONE SIDE, THE OTHER], such as [primary, replicas], for both directions, or from: ONE SIDE, to: THE OTHER for one"

// Check demands two sides, written in one of the two ways.
func (s *Sides) Check() []Mistake {
	switch between, oneWay := len(s.Between), len(s.From)+len(s.To); {
	case between > 0 && oneWay > 0:
		return []Mistake{{"", "between means both directions, and from and to mean one", "leave one of them out"}}
	case between == 0 && oneWay == 0:
		return []Mistake{{"", "this does not name the two sides of the network", twoSides}}
	case between > 0 && between != 2:
		return []Mistake{{"between", "between does not name two sides", "write between: [ONE SIDE, THE OTHER]; a side with several members is a list: [primary, [a, b]]"}}
	case between == 0 && (len(s.From) == 0 || len(s.To) == 0):
		return []Mistake{{"", "from and to belong together", twoSides}}
	}
	one, other, both := s.ends()
	key := "to"
	if both {
		key = "between"
	}
	return checkEnds(key, one, other)
}

// checkEnds finds what two sides cannot be.
func checkEnds(key string, one, other NodeList) []Mistake {
	if len(one) == 0 || len(other) == 0 {
		return []Mistake{{key, "one side is empty", "name a node, a role or clients on it"}}
	}
	if slices.Equal(one, NodeList{Clients}) && slices.Equal(other, NodeList{Clients}) {
		return []Mistake{{key, "clients have no connections with each other", "name a node or a role on one side"}}
	}
	var seen []string
	for _, name := range slices.Concat(one, other) {
		if slices.Contains(seen, name) {
			return []Mistake{{key, name + " is named twice", "name it once, on one side"}}
		}
		seen = append(seen, name)
	}
	return nil
}

// oneDirection are the keys of one direction.
func oneDirection() []string { return []string{"from", "to"} }

// checkBoth refuses one direction, of actions on connections as a whole.
func (s *Sides) checkBoth(action string) []Mistake {
	if len(s.From)+len(s.To) > 0 {
		return []Mistake{{"", action + " acts on connections as a whole, whichever side has opened them: it has no direction", "write between: [ONE SIDE, THE OTHER]"}}
	}
	return s.Check()
}
