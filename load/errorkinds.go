package load

import (
	"slices"
	"time"

	"pgchaos/record"
)

// mostErrorKinds bounds the kinds of errors that are counted apart by time. The function of a user can raise any SQLSTATE.
const mostErrorKinds = 64

// errorKinds counts errors by their kind and by time. It has an entry only for steps with errors.
type errorKinds map[string][]errorsInStep

// errorsInStep is how many errors of one kind ended in a SeriesStep.
type errorsInStep struct {
	step time.Duration // its number
	n    int64
}

func (e errorKinds) count(kind string, at time.Duration) {
	if _, known := e[kind]; !known && len(e) >= mostErrorKinds {
		kind = record.OtherKinds
	}
	of, step := e[kind], max(at, 0)/SeriesStep
	i := len(of)
	for i > 0 && of[i-1].step > step { // few steps back: operations are collected nearly in the order of time
		i--
	}
	if i > 0 && of[i-1].step == step {
		of[i-1].n++
		return
	}
	e[kind] = slices.Insert(of, i, errorsInStep{step, 1})
}

// within are the errors of [from, to) by their kind; nil: there were none.
func (e errorKinds) within(from, to time.Duration) (kinds map[string]int64) {
	for kind, of := range e {
		for i := len(of) - 1; i >= 0 && of[i].step >= from/SeriesStep; i-- {
			if of[i].step >= to/SeriesStep {
				continue
			}
			if kinds == nil {
				kinds = map[string]int64{}
			}
			kinds[kind] += of[i].n
		}
	}
	return kinds
}

// steps are the errors of each step of so many SeriesSteps, by the step's number and then by kind.
func (e errorKinds) steps(coarse int) map[int]map[string]int64 {
	all := map[int]map[string]int64{}
	for kind, of := range e {
		for _, in := range of {
			number := int(in.step) / coarse
			if all[number] == nil {
				all[number] = map[string]int64{}
			}
			all[number][kind] += in.n
		}
	}
	return all
}
