package svg

import (
	"math"
	"strconv"
	"strings"
)

// curve collects the points of a line as the path of an SVG. Coordinates are whole pixels. Of the points in one column
// of pixels it keeps the least and the greatest, so that no peak is lost and the path has no more than two points a pixel.
type curve struct {
	path   strings.Builder
	x, y   int  // where the path is
	drawn  bool // it is somewhere
	joined int  // points since the last move

	open       bool // a column has points
	column     int
	low, high  int
	lowIsFirst bool
}

// to adds a point.
func (c *curve) to(x, y float64) {
	column, at := int(math.Round(x)), int(math.Round(y))
	if c.open && column != c.column {
		c.flush()
	}
	if !c.open {
		c.open, c.column, c.low, c.high, c.lowIsFirst = true, column, at, at, true
		return
	}
	if at < c.low {
		c.low, c.lowIsFirst = at, false
	}
	if at > c.high {
		c.high, c.lowIsFirst = at, true
	}
}

// gap ends the line: what follows is not known.
func (c *curve) gap() {
	c.flush()
	if c.drawn && c.joined == 1 {
		c.path.WriteString("h1") // a point alone would not be seen
		c.x++
	}
	c.drawn, c.joined = false, 0
}

// flush writes the points of the column.
func (c *curve) flush() {
	if !c.open {
		return
	}
	c.open = false
	first, second := c.low, c.high
	if !c.lowIsFirst {
		first, second = second, first
	}
	c.write(c.column, first)
	if second != first {
		c.write(c.column, second)
	}
}

func (c *curve) write(x, y int) {
	c.joined++
	if !c.drawn {
		c.path.WriteString("M" + strconv.Itoa(x) + " " + strconv.Itoa(y))
		c.drawn, c.x, c.y = true, x, y
		return
	}
	if c.joined == 2 {
		c.path.WriteByte('l')
	} else if x-c.x >= 0 {
		c.path.WriteByte(' ')
	}
	c.path.WriteString(strconv.Itoa(x - c.x))
	if y-c.y >= 0 {
		c.path.WriteByte(' ')
	}
	c.path.WriteString(strconv.Itoa(y - c.y))
	c.x, c.y = x, y
}

// draw adds the line to the picture.
func (c *curve) draw(p *picture, with paint) {
	c.gap()
	if c.path.Len() == 0 {
		return
	}
	p.b.WriteString(`<path d="` + c.path.String() + `" fill="none" stroke-linecap="round" stroke-linejoin="round"` + with.style("stroke") + "/>\n")
}

// entry is a line of a legend.
type entry struct {
	text string
	line paint
}

// legend is where the entries of a legend stand.
type legend struct {
	entries []entry
	at      [][2]float64 // x, and the row
	rows    int
}

const legendSample = 26.0

// newLegend puts entries into rows.
func newLegend(entries []entry, left, right float64) legend {
	l := legend{entries: entries}
	x, row := left, 0
	for i := range entries {
		e := &l.entries[i]
		e.text = shorten(e.text, min(260, right-left-legendSample-6))
		w := legendSample + 6 + textWidth(e.text)
		if x > left && x+w > right {
			x, row = left, row+1
		}
		l.at = append(l.at, [2]float64{x, float64(row)})
		x += w + 16
		l.rows = row + 1
	}
	return l
}

func (l legend) height() float64 { return float64(l.rows) * lineHeight }

func (l legend) draw(p *picture, top float64) {
	for i, e := range l.entries {
		x, y := l.at[i][0], top+l.at[i][1]*lineHeight
		p.line(x, y+lineHeight/2, x+legendSample, y+lineHeight/2, e.line)
		p.label(x+legendSample+6, y+lineHeight/2+4, start, e.text, "")
	}
}
