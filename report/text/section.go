package text

import (
	"fmt"
	"slices"
	"strings"

	"pgchaos/internal/units"
)

// section is a part of the short report: items, of which those that do not fit are counted.
type section struct {
	headings []string // the line above each block of a table; none in a text
	items    []item
	joined   bool // no blank line before it
	urgent   bool // it decides the verdict, and gets more lines than others
	// one and many are the words for the items that are left out.
	one, many string
}

// item is one thing that a section says. It is shown whole or not at all.
type item struct {
	parts [][]string // its lines in each block of the section
	rank  int        // the lower, the later it is left out
	kind  string     // of an expectation: its verdict
}

// add appends an item of a text.
func (s *section) add(rank int, lines []string) {
	s.items = append(s.items, item{parts: [][]string{lines}, rank: rank})
}

// order are the items by rank.
func (s *section) order() []int {
	order := make([]int, len(s.items))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return s.items[a].rank - s.items[b].rank })
	return order
}

// next is the most important item after the first n.
func (s *section) next(n int) item { return s.items[s.order()[n]] }

// cost is how many lines the section takes with its n most important items.
func (s *section) cost(n int) int {
	lines := 0
	if n > 0 {
		lines = len(s.headings)
	}
	for _, i := range s.order()[:n] {
		for _, part := range s.items[i].parts {
			lines += len(part)
		}
	}
	if n < len(s.items) {
		lines++ // the line that counts the others
	}
	return lines
}

// render lays the section out with its n most important items. What is left out is counted.
func (s *section) render(p *page, n int) (lines []string) {
	order := s.order()
	shown, hidden := order[:n], order[n:]
	slices.Sort(shown)
	for block := range s.items[0].parts {
		if n > 0 && len(s.headings) > 0 {
			lines = append(lines, s.headings[block])
		}
		for _, i := range shown {
			lines = append(lines, s.items[i].parts[block]...)
		}
	}
	if len(hidden) > 0 {
		text := "... and " + s.counted(hidden)
		if more := text + ": see --full"; width(more)+2 <= p.width {
			text = more
		}
		lines = append(lines, p.clipped(yellow, "  ", text, 1)...)
	}
	return lines
}

// counted are items in words: "7 more reasons", or by their kinds "7 more (1 FAILED, 6 ok)".
func (s *section) counted(items []int) string {
	var kinds []string
	n := map[string]int{}
	for _, i := range items {
		if kind := s.items[i].kind; kind != "" {
			if n[kind]++; n[kind] == 1 {
				kinds = append(kinds, kind)
			}
		}
	}
	if len(kinds) == 0 {
		return units.Count(int64(len(items)), s.one, s.many)
	}
	for i, kind := range kinds {
		kinds[i] = fmt.Sprintf("%d %s", n[kind], kind)
	}
	return units.Grouped(int64(len(items))) + " more (" + strings.Join(kinds, ", ") + ")"
}

// urgently is how many items of rank 0 an urgent section gets for one item of another.
const urgently = 3

// share says how many items of each section fit into so many lines: one of each, and then one
// more of each, again and again. Where not even that fits, the last sections show only how many they have.
func share(lines int, sections []*section) []int {
	shown := make([]int, len(sections))
	for i, s := range sections {
		shown[i] = 1
		lines -= s.cost(1)
	}
	for i := len(sections) - 1; i >= 0 && lines < 0; i-- {
		shown[i] = 0
		lines += sections[i].cost(1) - sections[i].cost(0)
	}
	for given := true; given; {
		given = false
		for i, s := range sections {
			for n := 0; shown[i] < len(s.items) && (n == 0 || n < urgently && s.urgent && s.next(shown[i]).rank == 0); n++ {
				more := s.cost(shown[i]+1) - s.cost(shown[i])
				if more > lines {
					break
				}
				shown[i]++
				lines -= more
				given = true
			}
		}
	}
	return shown
}

// blanksOf is how many blank lines stand between the head, the sections and the next steps.
func blanksOf(sections []*section) int {
	n := 1
	for _, s := range sections {
		if !s.joined {
			n++
		}
	}
	return n
}
