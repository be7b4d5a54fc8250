package spec

import (
	"cmp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"pgchaos/record"
)

// Units are the steps of the timeline that can be left out together, by their names in the file: the steps of one random fault; otherwise
// each step by itself. The beginning and the end of a random schedule are not among them.
func (e *Experiment) Units() (all [][]string) {
	random := map[string]bool{randomBegin: e.Schedule != nil, randomHeal: e.Schedule != nil}
	if e.Schedule != nil {
		for _, names := range e.Schedule.incidents {
			all = append(all, names)
			for _, name := range names {
				random[name] = true
			}
		}
	}
	for _, s := range e.Once() {
		if s.Repetition < 2 && !random[s.FileName()] {
			all = append(all, []string{s.FileName()})
		}
	}
	return all
}

// leaveOut takes steps out of the timeline. A step that comes after one of them comes after what that one came after; if that one came
// after nothing, the step is left out, too.
func (d *decoder) leaveOut(root *yaml.Node, names []string) {
	timeline := valueOf(root, "timeline")
	if timeline == nil || timeline.Kind != yaml.SequenceNode || len(names) == 0 {
		return
	}
	steps := make([]Step, len(timeline.Content))
	for i, n := range timeline.Content {
		steps[i] = scratchStep(n)
	}
	nameSteps(steps)
	gone := map[string]string{} // what each step that is left out came after
	var kept []*yaml.Node
	for i, n := range timeline.Content {
		after := steps[i].After
		leave := slices.Contains(names, steps[i].Name)
		if instead, out := gone[waitedFor(after, steps[:i], gone)]; out && after != "" {
			leave = leave || instead == ""
			after = instead
			if at := valueOf(n, "after"); at != nil && after != "" {
				at.Value = after
			}
		}
		if leave {
			gone[steps[i].Name] = after
			continue
		}
		kept = append(kept, n)
	}
	timeline.Content = kept
}

// waitedFor is the step that another one comes after; of several the first one, if all of them are left out.
func waitedFor(after string, above []Step, gone map[string]string) (first string) {
	if !record.AfterSeveral(after) {
		return strings.TrimPrefix(after, record.UndoPrefix)
	}
	for _, s := range above {
		if !record.AfterIncludes(after, s.Name) {
			continue
		}
		if _, out := gone[s.Name]; !out {
			return ""
		}
		first = cmp.Or(first, s.Name)
	}
	return first
}
