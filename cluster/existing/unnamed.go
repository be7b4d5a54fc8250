package existing

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"pgchaos/cluster"
	observed "pgchaos/record"
)

// readStandbys takes what look.sql says of the lines of pg_stat_replication.
func (s *Seen) readStandbys(text string) error {
	var lines []struct {
		observed.StandbyState
		Standby bool `json:"standby"`
	}
	if err := json.Unmarshal([]byte(text), &lines); err != nil {
		return err
	}
	for _, line := range lines {
		s.Streams.Standbys = append(s.Streams.Standbys, line.StandbyState)
		s.Replays = append(s.Replays, line.Standby)
	}
	return nil
}

// unnamed finds the standbys that the file does not name: others are the lines of each node that are none of its nodes. They are not looked for
// as long as a node is not read, for one of them may be that node.
func (e *Examination) unnamed(others [][]int, x cluster.Existing) {
	if slices.ContainsFunc(e.Nodes, func(s Seen) bool { return s.Error != nil }) {
		return
	}
	var unread []string // those of which the file does not say as whom they stream
	for _, n := range x.Unread {
		if n.Standby == "" {
			unread = append(unread, n.Name)
		}
	}
	for i, lines := range others {
		var names []string
		for _, line := range lines {
			s := e.Nodes[i].Streams.Standbys[line]
			switch known := slices.Index(unread, s.Name); {
			case !e.Nodes[i].Replays[line]:
			case known >= 0:
				unread = slices.Delete(unread, known, known+1)
			case s.Address == "":
				names = append(names, s.Name)
			default:
				names = append(names, fmt.Sprintf("%s (%s)", s.Name, s.Address))
			}
		}
		e.sayUnnamed(x.Nodes[i].Name, names, unread)
	}
}

// sayUnnamed says which standbys of a node the file does not name. Unread are the nodes that can be among them: the file gives them no dsn.
func (e *Examination) sayUnnamed(on string, names, unread []string) {
	if len(names) <= len(unread) {
		return
	}
	e.Unnamed = append(e.Unnamed, names...)
	standbys, them, they := fmt.Sprintf("%d standbys", len(names)), "them", "They were"
	if len(names) == 1 {
		standbys, them, they = "1 standby", "it", "It was"
	}
	list, stream := strings.Join(names, ", "), map[bool]string{true: "streams", false: "stream"}[len(names) == 1]
	if len(unread) > 0 {
		list += fmt.Sprintf(" (%s can be among them)", strings.Join(unread, ", "))
	}
	e.add(Unknown, "", "name "+them+" among the nodes: a run reads these alone", "%s %s from %s that the file does not name: %s", standbys, stream, on, list)
	e.Warnings = append(e.Warnings, fmt.Sprintf("%s streamed from %s before the load that the file does not name: %s. %s not read: what is lost or different there is not known",
		standbys, on, list, they))
}
