package spec

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10s": 10 * time.Second, "1m30s": 90 * time.Second, "250ms": 250 * time.Millisecond, "0": 0, "1.5h": 90 * time.Minute,
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%q is %v, %v", text, d, err)
		}
		var again Duration
		if again.UnmarshalText([]byte(d.String())) != nil || again != d {
			t.Errorf("%v became %v", d, again)
		}
	}
	for _, text := range []string{"", "10", "-1s", "s", "1 s", "1d", "ten", "1e3s", "9999999h", "Inf", "NaN"} {
		if err := new(Duration).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a duration", text)
		}
	}
}

func TestRate(t *testing.T) {
	for text, want := range map[string]Rate{"500/s": 500, "30/m": 0.5, "2/ms": 2000, "0.5 / s": 0.5} {
		var r Rate
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want {
			t.Errorf("%q is %v, %v", text, r, err)
		}
		var again Rate
		if again.UnmarshalText([]byte(r.String())) != nil || again != r {
			t.Errorf("%v became %v", r, again)
		}
	}
	for _, text := range []string{"", "500", "/s", "0/s", "-1/s", "NaN/s", "Inf/s", "1e3/s", "5/h", "5/s/s", "99999999999/s", "0x1p4/s"} {
		if err := new(Rate).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a rate", text)
		}
	}
}
