package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// showPull shows how far the pull of an image is: a bar that moves on a terminal,
// and elsewhere a line now and then.
func showPull(w io.Writer) func(image string, done, total int64) {
	const width, mega = 30, 1 << 20
	f, ok := w.(*os.File)
	moving := ok && term.IsTerminal(int(f.Fd()))
	every := 5 * time.Second
	if moving {
		every = 100 * time.Millisecond
	}
	var last time.Time
	return func(image string, done, total int64) {
		if time.Since(last) < every && done < total || total <= 0 {
			return
		}
		last = time.Now()
		full := int(min(done, total) * width / total)
		line := fmt.Sprintf("pulling %s [%s%s] %d of %d MB", image,
			strings.Repeat("#", full), strings.Repeat(".", width-full), done/mega, total/mega)
		switch {
		case !moving:
			fmt.Fprintln(w, line)
		case done >= total:
			fmt.Fprintf(w, "\r%s\x1b[K\n", line)
		default:
			fmt.Fprintf(w, "\r%s\x1b[K", line)
		}
	}
}
