package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in an experiment.
type Problem struct {
	File  string // or the `--set path=value` that the mistake is in
	Line  int    // from 1; 0 for a --set
	Col   int    // from 1, in characters
	What  string // what is wrong
	Right string // what would be right
}

// String renders the problem as `file:line:col: what is wrong; what would be right`.
func (p Problem) String() string {
	where := p.File
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
	}
	if p.Right == "" {
		return where + ": " + p.What
	}
	return where + ": " + p.What + "; " + p.Right
}

// Problems are all the mistakes of an experiment, by position; those of a --set
// come last. It is the error that Load returns.
//
//nolint:errname // it is the list of a file's problems, which happens to be an error
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sorted returns the problems by position, each once.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(min(1, b.Line), min(1, a.Line)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return slices.Compact(ps)
}
