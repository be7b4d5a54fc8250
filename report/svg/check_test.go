package svg

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// found is what a picture holds, read from its text.
type found struct {
	width, height float64
	title, desc   string
	texts         []foundText
	paths         [][][2]float64 // the points of each line of a curve; a gap begins a new one
	marks         int            // circles, rectangles and polygons
}

type foundText struct {
	box
	text string
}

// read reads a picture, and reports what no picture may have: XML that is not well formed, numbers that are none, coordinates out of
// the picture, and an image without a name.
func read(t testing.TB, svg string) *found {
	t.Helper()
	f := &found{}
	dec := xml.NewDecoder(strings.NewReader(svg))
	dec.Strict = true
	var open []xml.StartElement
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well formed: %v\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, token)
			f.element(t, token, len(open))
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 0 {
				continue
			}
			switch of := open[len(open)-1]; of.Name.Local {
			case "title":
				if len(open) == 2 {
					f.title = string(token)
				}
			case "desc":
				f.desc = string(token)
			case "text":
				f.text(t, of, string(token))
			default:
				if strings.TrimSpace(string(token)) != "" {
					t.Errorf("text in <%s>: %q", of.Name.Local, token)
				}
			}
		}
	}
	if f.title == "" {
		t.Error("the picture has no title")
	}
	return f
}

// attribute is a number of an element.
func attribute(t testing.TB, e xml.StartElement, name string) float64 {
	t.Helper()
	for _, a := range e.Attr {
		if a.Name.Local != name {
			continue
		}
		v, err := strconv.ParseFloat(a.Value, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			t.Errorf("<%s %s=%q>: no number", e.Name.Local, name, a.Value)
		}
		return v
	}
	t.Errorf("<%s> has no %s", e.Name.Local, name)
	return 0
}

func word(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (f *found) inside(t testing.TB, what string, x, y float64) {
	t.Helper()
	const rounding = 1.01
	if x < -rounding || y < -rounding || x > f.width+rounding || y > f.height+rounding {
		t.Errorf("%s at %g, %g is out of the picture of %g x %g", what, x, y, f.width, f.height)
	}
}

func (f *found) element(t testing.TB, e xml.StartElement, depth int) {
	t.Helper()
	at := func(name string) float64 { return attribute(t, e, name) }
	switch e.Name.Local {
	case "svg":
		f.width, f.height = at("width"), at("height")
		if depth != 1 || word(e, "role") != "img" || word(e, "viewBox") == "" {
			t.Errorf("<svg> at depth %d with role %q and viewBox %q", depth, word(e, "role"), word(e, "viewBox"))
		}
	case "line":
		f.inside(t, "a line", at("x1"), at("y1"))
		f.inside(t, "a line", at("x2"), at("y2"))
	case "rect":
		f.inside(t, "a rectangle", at("x"), at("y"))
		f.inside(t, "a rectangle", at("x")+at("width"), at("y")+at("height"))
		if at("width") < 0 || at("height") < 0 {
			t.Errorf("a rectangle of %g x %g", at("width"), at("height"))
		}
		f.marks++
	case "circle":
		f.inside(t, "a circle", at("cx")-at("r"), at("cy")-at("r"))
		f.inside(t, "a circle", at("cx")+at("r"), at("cy")+at("r"))
		f.marks++
	case "polygon":
		numbers := strings.Fields(word(e, "points"))
		for i := 0; i+1 < len(numbers); i += 2 {
			x, errX := strconv.ParseFloat(numbers[i], 64)
			y, errY := strconv.ParseFloat(numbers[i+1], 64)
			if errX != nil || errY != nil {
				t.Errorf("a polygon through %q", numbers)
			}
			f.inside(t, "a polygon", x, y)
		}
		f.marks++
	case "path":
		f.path(t, word(e, "d"))
	case "text":
		f.inside(t, "a text", at("x"), at("y"))
	case "title", "desc":
	default:
		t.Errorf("an element <%s>", e.Name.Local)
	}
	for _, a := range e.Attr {
		if strings.HasPrefix(strings.ToLower(a.Name.Local), "on") || a.Name.Local == "href" {
			t.Errorf("<%s> has the attribute %s", e.Name.Local, a.Name.Local)
		}
	}
}

var pathPart = regexp.MustCompile(`[Mlh]|-?[0-9]+`)

// path reads the path of a curve.
func (f *found) path(t testing.TB, d string) {
	t.Helper()
	if left := strings.Trim(pathPart.ReplaceAllString(d, ""), " "); left != "" {
		t.Errorf("a path with %q in it: %s", left, d)
	}
	parts := pathPart.FindAllString(d, -1)
	next := func() float64 {
		if len(parts) == 0 {
			t.Fatalf("a path that ends too early: %s", d)
		}
		v, err := strconv.ParseFloat(parts[0], 64)
		if err != nil {
			t.Fatalf("a path with %q for a number: %s", parts[0], d)
		}
		parts = parts[1:]
		return v
	}
	var (
		x, y    float64
		command string
		lines   [][][2]float64
	)
	for len(parts) > 0 {
		if slices.Contains([]string{"M", "l", "h"}, parts[0]) {
			command, parts = parts[0], parts[1:]
		}
		switch command {
		case "M":
			x, y = next(), next()
			lines = append(lines, nil)
		case "l":
			x, y = x+next(), y+next()
		case "h":
			x += next()
		}
		f.inside(t, "a curve", x, y)
		lines[len(lines)-1] = append(lines[len(lines)-1], [2]float64{x, y})
	}
	f.paths = append(f.paths, lines...)
}

func (f *found) text(t testing.TB, e xml.StartElement, text string) {
	t.Helper()
	w := textWidth(text)
	x, y := attribute(t, e, "x"), attribute(t, e, "y")
	switch word(e, "text-anchor") {
	case middle:
		x -= w / 2
	case end:
		x -= w
	}
	b := box{x, y - 8, w, 10}
	f.inside(t, "the text "+strconv.Quote(text), b.x, b.y)
	f.inside(t, "the text "+strconv.Quote(text), b.x+b.w, b.y+b.h)
	f.texts = append(f.texts, foundText{b, text})
}

// apart reports texts that lie over each other.
func (f *found) apart(t testing.TB) {
	t.Helper()
	const rounding = 0.1 // of coordinates
	for i, a := range f.texts {
		for _, b := range f.texts[:i] {
			if a.meets(box{b.x + rounding, b.y + rounding, b.w - 2*rounding, b.h - 2*rounding}) {
				t.Errorf("%q at %.1f, %.1f lies over %q at %.1f, %.1f", a.text, a.x, a.y, b.text, b.x, b.y)
			}
		}
	}
}

func (f *found) has(text string) bool {
	for _, of := range f.texts {
		if of.text == text {
			return true
		}
	}
	return false
}

// fine reports all that is wrong with a picture.
func fine(t testing.TB, svg string) *found {
	t.Helper()
	f := read(t, svg)
	f.apart(t)
	return f
}
