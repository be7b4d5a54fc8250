package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

// TestTerminalPage: colours and bold are classes, and nothing in the text is read as HTML.
func TestTerminalPage(t *testing.T) {
	page := terminalPage("\x1b[1mname\x1b[22m  \x1b[31mred <b>\x1b[39m plain\x1b[2mfaint\x1b[0m\n\n")
	for _, want := range []string{`<span class="bold">name</span>`, `<span class="c1">red &lt;b&gt;</span>`, `<span class=""> plain</span>`, `<span class="faint">faint</span>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
	if strings.Contains(page, "\x1b") {
		t.Error("an escape sequence is left")
	}
}

// TestSmall: the picture keeps its size and its frequent colours, and rare ones take the nearest.
func TestSmall(t *testing.T) {
	from := image.NewRGBA(image.Rect(0, 0, 100, 100))
	for y := range 100 {
		for x := range 100 {
			c := color.RGBA{uint8(x), uint8(x), uint8(x), 255}
			if y >= 95 { // 500 rare colours
				c = color.RGBA{uint8(x), uint8(50 * (y - 95)), 200, 255}
			}
			from.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, from); err != nil {
		t.Fatal(err)
	}
	out, err := small(&b)
	if err != nil {
		t.Fatal(err)
	}
	to, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	paletted, ok := to.(*image.Paletted)
	if !ok || to.Bounds() != from.Bounds() || len(paletted.Palette) != mostColours {
		t.Fatalf("%T, %v", to, to.Bounds())
	}
	if got := color.RGBAModel.Convert(to.At(40, 10)); got != (color.RGBA{40, 40, 40, 255}) {
		t.Errorf("a frequent colour became %v", got)
	}
}
