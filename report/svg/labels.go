package svg

import (
	"slices"
	"strings"
	"unicode"
)

// textWidth is how wide a text is at most, in pixels, in the usual sans-serif fonts. No font is read; the figures are those of
// DejaVu Sans, one of the widest.
func textWidth(text string) float64 {
	w := 0.0
	for _, r := range text {
		w += runeWidth(r)
	}
	return w * fontSize
}

// runeWidth is the width of one character, as a share of the font's size.
func runeWidth(r rune) float64 {
	switch {
	case strings.ContainsRune("iIjl.,:;'|!", r):
		return 0.35
	case strings.ContainsRune(" ft()[]{}-/\\r", r):
		return 0.42
	case strings.ContainsRune("mwMW@%&", r):
		return 1
	case r >= 'A' && r <= 'Z':
		return 0.74
	case r < 0x80:
		return 0.64
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100:
		return 1.1
	}
	return 0.84
}

// shorten cuts a text to a width, with a mark that more is missing; "": not even three characters fit.
func shorten(text string, most float64) string {
	if textWidth(text) <= most {
		return text
	}
	const mark = "…"
	left := most - textWidth(mark)
	var cut []rune
	for _, r := range text {
		if left -= runeWidth(r) * fontSize; left < 0 {
			break
		}
		cut = append(cut, r)
	}
	if len(cut) < 3 {
		return ""
	}
	return strings.TrimRight(string(cut), " ") + mark
}

// marked is a label for a place on the horizontal axis.
type marked struct {
	at   float64 // the place
	text string

	x     float64 // where the text begins
	row   int
	shown string // text, shortened to what fits; "": nothing does
}

// Rows of labels above a picture.
const (
	mostLabelRows = 5
	labelGap      = 8.0
)

// spread puts labels into rows above the area from left to right, so that none lies over another, and, but at the right edge, no line
// from a label down to its place crosses a label. They are shortened where that helps. It gives the number of rows.
func spread(labels []marked, left, right float64) (rows int) {
	slices.SortStableFunc(labels, func(a, b marked) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	for _, widest := range []float64{240, 150, 100, 70, 45} {
		var all bool
		if rows, all = spreadWithin(labels, left, right, widest); all {
			break
		}
	}
	return rows
}

// spreadWithin is one attempt; all is false where a label has found no place.
func spreadWithin(labels []marked, left, right, widest float64) (rows int, all bool) {
	ends := make([]float64, mostLabelRows) // of each row, the topmost first
	for i := range ends {
		ends[i] = left - 1 - labelGap
	}
	all = true
	for i := range labels {
		l := &labels[i]
		l.shown = shorten(l.text, min(widest, right-left))
		w := textWidth(l.shown)
		l.x = max(min(l.at+3, right-w), left)
		// The line down crosses all rows below.
		l.row = mostLabelRows
		for l.row > 0 && ends[l.row-1]+labelGap <= min(l.x, l.at) {
			l.row--
		}
		if l.shown == "" || l.row == mostLabelRows {
			all = all && l.text == ""
			l.shown = ""
			continue
		}
		ends[l.row] = l.x + w
		rows = max(rows, l.row+1)
	}
	return rows, all
}

// box is a rectangle.
type box struct{ x, y, w, h float64 }

func (b box) meets(o box) bool {
	return b.x < o.x+o.w && o.x < b.x+b.w && b.y < o.y+o.h && o.y < b.y+b.h
}

func (b box) within(o box) bool {
	return b.x >= o.x && b.y >= o.y && b.x+b.w <= o.x+o.w && b.y+b.h <= o.y+o.h
}

// besides finds a place for a text near a point, inside an area, that meets none of what is taken. ok is false where there is none.
func besides(x, y float64, text string, area box, taken []box) (b box, ok bool) {
	const h = fontSize + 2
	w := textWidth(text)
	for _, far := range []float64{8, 16, 26, 38, 52, 70, 95, 125} {
		for _, at := range [...]struct{ x, y float64 }{
			{x + far, y - h/2}, {x - far - w, y - h/2},
			{x + far/1.4, y - far/1.4 - h}, {x + far/1.4, y + far/1.4}, {x - far/1.4 - w, y - far/1.4 - h}, {x - far/1.4 - w, y + far/1.4},
			{x - w/2, y - far - h}, {x - w/2, y + far},
		} {
			b = box{at.x, at.y, w, h}
			if b.within(area) && !slices.ContainsFunc(taken, b.meets) {
				return b, true
			}
		}
	}
	return box{}, false
}
