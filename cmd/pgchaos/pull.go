package main

import (
	"fmt"
	"strings"
	"time"

	"pgchaos/live"
	"pgchaos/runner"
)

// pullProgress shows how far the pull of an image is: a bar that moves on a
// terminal, and elsewhere a line now and then.
type pullProgress struct {
	*progress
	every time.Duration
	last  time.Time
}

func newPullProgress(progress *progress) *pullProgress {
	p := &pullProgress{progress: progress, every: 5 * time.Second}
	if p.tty {
		p.every = 100 * time.Millisecond
	}
	return p
}

// tell takes bytes. The name comes last: it is what a narrow terminal can do without.
func (p *pullProgress) tell(image string, done, total int64) {
	const width, mega = 30, 1e6
	switch {
	case total <= 0:
		return
	case done >= total:
		p.show("")
		p.above(live.PulledText(runner.ImageLoaded{Image: image, Done: done, Total: total}))
		return
	case time.Since(p.last) < p.every:
		return
	}
	p.last = time.Now()
	full := int(done * width / total)
	line := fmt.Sprintf("[%s%s] %.1f of %.1f MB, pulling image %s", strings.Repeat("#", full), strings.Repeat(".", width-full),
		float64(done)/mega, float64(total)/mega, image)
	if p.tty {
		p.show(line)
	} else {
		p.above(line)
	}
}
