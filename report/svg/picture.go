// Package svg draws pictures as static SVG: the lanes of a run, percentiles, and what comparisons and
// histories show. It needs no script and no font file, and serves print and browsers without JavaScript.
//
// Every function is pure: the same values give the same text. Names and texts are escaped, whatever they hold.
// Colours are CSS variables with a fallback that is readable on white and on black; text and axes have the
// colour of the text around the picture. Lines differ by their dashes, too, so that a print in black and white
// is readable.
package svg

import (
	"cmp"
	"encoding/xml"
	"math"
	"strconv"
	"strings"

	"pgchaos/internal/redact"
	"pgchaos/internal/units"
	"pgchaos/report/lanes"
)

// Options are how large a picture is, and of a lane which part of the time it shows. The zero value is the
// usual size and the whole run.
type Options struct {
	Width int // of the whole picture, in pixels; 0: the usual
	// Height is that of the area with the curves or the bands, in pixels; 0: the usual. Labels, axis and legend are added to it.
	Height int
	// From and To are the part of the time that a lane shows, in seconds; both 0: all.
	From, To float64
	// Marks are moments that are marked on a lane, with a, b, c and so on (Letter): their names stand beside the picture.
	Marks []lanes.Mark
}

// The usual sizes, and their bounds, in pixels.
const (
	usualWidth = 960
	leastSide  = 40
	mostSide   = 4000

	fontSize   = 11.0
	lineHeight = 15.0
	leftMargin = 96.0 // the same for all lanes, so that their time axes are below each other
	rightSide  = 14.0
)

// width is the width of a picture with its margins.
func (o Options) width(usual int) float64 {
	if o.Width <= 0 {
		return float64(usual)
	}
	return float64(min(max(o.Width, int(leftMargin+rightSide)+leastSide), mostSide))
}

// height is that of the area with the curves.
func (o Options) height(usual float64) float64 {
	if o.Height <= 0 {
		return usual
	}
	return float64(min(max(o.Height, leastSide), mostSide))
}

// picture collects the elements of an SVG.
type picture struct {
	b             strings.Builder
	title, about  string
	width, height float64
}

// The anchors of texts.
const (
	start  = "start"
	middle = "middle"
	end    = "end"
)

// String is the picture as text, without an XML declaration, to stand in a page or in a file of its own.
func (p *picture) String() string {
	var b strings.Builder
	w, h := number(math.Ceil(p.width)), number(math.Ceil(p.height))
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" class="pgchaos-picture" role="img" width="` + w + `" height="` + h + `" viewBox="0 0 ` + w + ` ` + h +
		`" font-family="system-ui,sans-serif" font-size="11" fill="currentColor">` + "\n")
	b.WriteString("<title>" + escape(cmp.Or(p.title, "Picture")) + "</title>\n<desc>" + escape(p.about) + "</desc>\n")
	b.WriteString(p.b.String())
	b.WriteString("</svg>\n")
	return b.String()
}

// number is a coordinate, to a tenth of a pixel.
func number(x float64) string {
	return strconv.FormatFloat(math.Round(x*10)/10+0, 'f', -1, 64) // + 0: never -0
}

// escape makes any text one that XML and HTML only show.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(redact.Printable(text))) // a Builder has no errors
	return b.String()
}

// plain is a name in one line, of bounded length.
func plain(name string) string { return units.OneLine(redact.Printable(name)) }

// whole is a text in one line that is longer than a name.
func whole(text string) string {
	const most = 2000 // characters
	all := []rune(strings.Join(strings.Fields(redact.Printable(text)), " "))
	return string(all[:min(len(all), most)])
}

// paint is how an element is drawn: a CSS variable with its fallback, and more attributes.
type paint struct {
	name, fallback string // "": the colour of the text
	more           string // attributes, as in stroke-width="2"
}

// style is the attributes that paint what ("fill" or "stroke"). Programs that know no CSS variables take the attribute.
func (c paint) style(what string) string {
	if c.name == "" {
		return ` ` + what + `="currentColor"` + c.attributes()
	}
	return ` ` + what + `="` + c.fallback + `" style="` + what + `:var(--` + c.name + `,` + c.fallback + `)"` + c.attributes()
}

func (c paint) attributes() string {
	if c.more == "" {
		return ""
	}
	return " " + c.more
}

// The colours. Each fallback has a contrast of at least 3 to 1 against white and against #16181d.
var (
	ink     = paint{}
	grid    = paint{more: `stroke-opacity=".15"`}
	axis    = paint{more: `stroke-opacity=".5"`}
	good    = paint{name: "good", fallback: "#2e9e5b"}
	bad     = paint{name: "bad", fallback: "#d64545"}
	warning = paint{name: "warning", fallback: "#d97706"}
)

// palette are the colours of groups, in their order.
var palette = [...]string{"#3b82c4", "#d97706", "#2e9e5b", "#9467bd", "#d64545", "#1798a6", "#a5714a", "#d4579a"}

// colour is that of the i-th group.
func colour(i int) paint {
	i %= len(palette)
	return paint{name: "series-" + strconv.Itoa(i+1), fallback: palette[i]}
}

// dashes tell lines apart without colours.
var dashes = [...]string{"", "7 3", "2 2.5", "9 3 2 3", "4 2", "12 4", "1 3", "6 2 1 2 1 2"}

func dash(i int) string {
	if d := dashes[i%len(dashes)]; d != "" {
		return ` stroke-dasharray="` + d + `"`
	}
	return ""
}

func (c paint) with(more string) paint {
	c.more = strings.TrimSpace(c.more + " " + more)
	return c
}

func (p *picture) line(x1, y1, x2, y2 float64, c paint) {
	p.b.WriteString(`<line x1="` + number(x1) + `" y1="` + number(y1) + `" x2="` + number(x2) + `" y2="` + number(y2) + `"` + c.style("stroke") + "/>\n")
}

// rect draws a filled rectangle. Browsers show its title where a pointer rests on it; "": none.
func (p *picture) rect(x, y, w, h float64, c paint, title string) {
	p.b.WriteString(`<rect x="` + number(x) + `" y="` + number(y) + `" width="` + number(w) + `" height="` + number(h) + `"` + c.style("fill"))
	p.close("rect", title)
}

func (p *picture) circle(x, y, r float64, c paint, what, title string) {
	fill := ""
	if what == "stroke" {
		fill = ` fill="none"`
	}
	p.b.WriteString(`<circle cx="` + number(x) + `" cy="` + number(y) + `" r="` + number(r) + `"` + fill + c.style(what))
	p.close("circle", title)
}

// shape draws a filled polygon through the points, x and y in turns.
func (p *picture) shape(c paint, title string, points ...float64) {
	p.b.WriteString(`<polygon points="`)
	for i, x := range points {
		if i > 0 {
			p.b.WriteByte(' ')
		}
		p.b.WriteString(number(x))
	}
	p.b.WriteString(`"` + c.style("fill"))
	p.close("polygon", title)
}

func (p *picture) close(element, title string) {
	if title == "" {
		p.b.WriteString("/>\n")
		return
	}
	p.b.WriteString("><title>" + escape(plain(title)) + "</title></" + element + ">\n")
}

// label writes a text whose base line begins, ends or has its middle at x. The text must be plain already.
func (p *picture) label(x, y float64, anchor, text, more string) {
	if text == "" {
		return
	}
	at := ""
	if anchor != start {
		at = ` text-anchor="` + anchor + `"`
	}
	if more != "" {
		more = " " + more
	}
	p.b.WriteString(`<text x="` + number(x) + `" y="` + number(y) + `"` + at + more + `>` + escape(text) + "</text>\n")
}

// quiet is for texts that matter less.
const quiet = `fill-opacity=".75"`

// nothing says in the middle of an area why it is empty.
func (p *picture) nothing(why string, top, bottom float64) {
	x := min((leftMargin+p.width-rightSide)/2, p.width-textWidth(why)/2-1)
	p.label(x, (top+bottom)/2+4, middle, why, quiet)
}
