package spec

import (
	"slices"
	"strconv"
	"strings"

	"pgchaos/record"
)

// repeatSteps makes of a step with repeat as many steps: NAME-1, NAME-2 and so on. An `after` that names the step means
// the last of them.
func (e *Experiment) repeatSteps() {
	last := map[string]string{} // the last repetition of a step, by the step's name
	var all []Step
	extra := 0
	for _, s := range e.Timeline {
		s.extra = extra
		reversed, undo := strings.CutPrefix(s.After, record.UndoPrefix)
		if name, repeated := last[s.After]; repeated {
			s.After = name
		} else if name, repeated := last[reversed]; repeated && undo {
			s.After = record.UndoPrefix + name
		}
		if s.Repeat == nil || s.Repeat.Times < 1 || s.Repeat.Times > maxTimes {
			all = append(all, s) // validation refuses such a number
			continue
		}
		name := s.Name
		for n := 1; n <= s.Repeat.Times; n++ {
			s.Name, s.Repetition = name+"-"+strconv.Itoa(n), n
			if n > 1 { // it is due by the one before
				s.At, s.When, s.Trigger = nil, nil, ""
				extra++
				s.extra = extra
			}
			all = append(all, s)
		}
		last[name] = s.Name
	}
	if len(all) > 0 {
		e.Timeline = all
	}
}

// inFile is the number that the file has for the step of that number on the timeline.
func (e *Experiment) inFile(i int) int { return i%len(e.Once()) - e.Timeline[i].extra }

// FileName is the name of a step as the file has it, without the number of its repetition.
func (s *Step) FileName() string {
	if s.Repetition == 0 {
		return s.Name
	}
	return strings.TrimSuffix(s.Name, "-"+strconv.Itoa(s.Repetition))
}

// Branches tells whether steps run beside the sequence.
func (e *Experiment) Branches() bool {
	return slices.ContainsFunc(e.Timeline, func(s Step) bool { return s.After != "" })
}

// after checks the step that another one comes after.
func (v *validator) after(i int) {
	s, path := &v.e.Timeline[i], v.e.stepPath(i)+".after"
	if !v.d.has(path) || s.Repetition > 1 {
		return
	}
	name, undo := strings.CutPrefix(s.After, record.UndoPrefix)
	var above []string
	for k := range v.e.Timeline[:i] {
		above = append(above, v.e.Timeline[k].Name)
	}
	at := slices.Index(above, name)
	switch {
	case s.After == record.AfterAll && i > 0:
	case s.After == record.AfterAll:
		v.bad(path, "no step stands above this one", "leave after out")
	case record.AfterSeveral(s.After):
		if !slices.ContainsFunc(above, func(name string) bool { return record.AfterIncludes(s.After, name) }) {
			v.bad(path, "no step above has a name that begins like "+shown(s.After), "write the beginning of their names, or leave after out")
		}
	case s.After == "":
		v.bad(path, "this names no step", "write the name of a step above, or leave after out")
	case at >= 0 && undo && v.e.Timeline[at].For == 0 && !v.d.brokenUnder(v.e.stepPath(at)):
		v.bad(path, "the step "+name+" has no for, so that nothing takes it back by itself", "give it a for, or write after: "+name)
	case at >= 0:
	case slices.ContainsFunc(v.e.Once()[i:], func(o Step) bool { return o.Name == name || o.FileName() == name }):
		v.bad(path, "the step "+shown(name)+" does not stand above this one", "name a step above, or move this one down")
	default:
		right := suggest(s.After, above, "the steps above are")
		if before, offset, is := strings.Cut(s.After, "+"); is && slices.Contains(above, strings.TrimSpace(before)) {
			right = "write after: " + strings.TrimSpace(before) + ", at: " + strings.TrimSpace(offset)
		}
		v.bad(path, "there is no step "+shown(s.After), right)
	}
}

// repetitions checks how often a step is done.
func (v *validator) repetitions(path string, s *Step) {
	if s.Repeat == nil {
		return
	}
	at := path + ".repeat"
	if !v.d.brokenUnder(at) {
		for _, key := range []string{"every", "times"} {
			if !v.d.has(at + "." + key) {
				v.badKey(at, "repeat has no "+key, "write repeat: {every: 5s, times: 3}")
				return
			}
		}
	}
	v.positive(at+".every", s.Repeat.Every)
	v.between(at+".times", s.Repeat.Times, 1, maxTimes)
	is := s.Kind().Facts
	if lasts := is.Ends || is.Freezes || is.Cuts || is.Lasts; lasts && s.For >= s.Repeat.Every && s.Repeat.Every > 0 {
		v.bad(path+".for", "for "+s.For.String()+" is not shorter than the "+s.Repeat.Every.String()+" of every: the fault would still be in force when it is repeated",
			"write a shorter for, or a longer every")
	}
}

// repeatedNames checks that the repetitions do not have the names of other steps.
func (v *validator) repeatedNames() {
	seen := map[string]int{}
	for i, s := range v.e.Once() {
		other, twice := seen[s.Name]
		if seen[s.Name] = i; twice && (s.Repetition > 0 || v.e.Timeline[other].Repetition > 0) {
			v.bad(v.e.stepPath(i), "a repetition would be called "+s.Name+", as another step is", "give one of them another name")
			return
		}
	}
}
