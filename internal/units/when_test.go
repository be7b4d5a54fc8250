package units

import (
	"testing"
	"time"
)

func TestWhen(t *testing.T) {
	now := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"30d": "2026-10-30T03:00:00Z", "36h": "2026-11-27T15:00:00Z", "1h30m": "2026-11-29T01:30:00Z", "0d": "2026-11-29T03:00:00Z",
		"2026-11-01": "2026-11-01T00:00:00Z", "2026-11-01T02:00:00+02:00": "2026-11-01T00:00:00Z",
		"": "", "d": "", "-1d": "", "-36h": "", "1.5d": "", "3": "", "yesterday": "", "2026-13-01": "",
	} {
		at, err := When(text, now)
		if (err != nil) != (want == "") || want != "" && at.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q: %v, %v", text, at, err)
		}
	}
}
