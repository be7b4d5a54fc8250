package text

import (
	"strings"
	"testing"
	"time"

	"pgchaos/report"
)

// TestLiveView: what the view took is said where it is known, and only there.
func TestLiveView(t *testing.T) {
	r := kept(t, "pass")
	r.Generator = &report.Generator{CPU: time.Second, Span: 30 * time.Second, Cores: 2}
	const says = "the live view took "
	if text := render(t, r, Options{Full: true, Width: 200}); strings.Contains(text, says) {
		t.Error("there was no view")
	}
	r.Generator.LiveView = 300 * time.Millisecond
	if text := render(t, r, Options{Full: true, Width: 200}); !strings.Contains(text, says+"300 ms of that processor time, 1.00% of one core") {
		t.Error(text)
	}
}
