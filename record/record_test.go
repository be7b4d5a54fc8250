package record

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"
)

func TestOutcomeIsWrittenAsItsWord(t *testing.T) {
	for o := Outcome(0); int(o) < Outcomes; o++ {
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var back Outcome
		if err := json.Unmarshal(text, &back); err != nil || back != o {
			t.Errorf("%s reads back as %v, %v", text, back, err)
		}
	}
	if err := new(Outcome).UnmarshalText([]byte("success")); err == nil {
		t.Error("an unknown word is read without an error")
	}
	if s := Outcome(9).String(); s != "outcome(9)" {
		t.Errorf("a number that is no outcome is written %q", s)
	}
	var zero Outcome
	if zero != Unknown || zero.Acknowledged() || Failed.Acknowledged() || Dropped.Acknowledged() || !OK.Acknowledged() || !Weak.Acknowledged() {
		t.Error("the zero value is not unknown, or the wrong ones are acknowledged")
	}
}

func TestOpTimes(t *testing.T) {
	op := Op{Due: time.Second, Sent: 3 * time.Second, Done: 7 * time.Second}
	if op.Response() != 6*time.Second || op.Service() != 4*time.Second {
		t.Errorf("response %v, service %v", op.Response(), op.Service())
	}
}

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wall := time.Now()
		c := StartClock()
		if c.Now() != 0 || !c.Zero().Equal(wall) {
			t.Errorf("starts at %v, zero %v", c.Now(), c.Zero())
		}
		time.Sleep(90 * time.Second)
		if c.Now() != 90*time.Second || c.Offset(time.Now()) != 90*time.Second || c.Offset(wall.Add(-time.Second)) != -time.Second {
			t.Errorf("after 90 s: %v", c.Now())
		}
	})
}

// TestAfterSeveral: what a step comes after can stand for several.
func TestAfterSeveral(t *testing.T) {
	for _, tt := range []struct {
		after, name       string
		several, included bool
	}{
		{AfterAll, "x", true, true}, {"flap-*", "flap-1", true, true}, {"flap-*", "flap", true, false}, {"flap-*", "a-flap-1", true, false},
		{"flap-1", "flap-1", false, false}, {"", "x", false, false},
	} {
		if several, included := AfterSeveral(tt.after), AfterIncludes(tt.after, tt.name); several != tt.several || included != tt.included {
			t.Errorf("after %q, of %q: %v, %v", tt.after, tt.name, several, included)
		}
	}
}
