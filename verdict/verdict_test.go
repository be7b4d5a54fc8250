package verdict

import "testing"

func TestVerdictText(t *testing.T) {
	for v, word := range map[Verdict]string{Inconclusive: "inconclusive", Pass: "pass", Fail: "fail"} {
		text, err := v.MarshalText()
		var again Verdict = 99
		if err != nil || string(text) != word || v.String() != word || again.UnmarshalText(text) != nil || again != v {
			t.Errorf("%v: %s %v %v", v, text, again, err)
		}
	}
	for unknown, want := range map[Verdict]string{3: "verdict(3)", 7: "verdict(7)"} {
		if _, err := unknown.MarshalText(); err == nil || unknown.String() != want {
			t.Errorf("%s has a word", unknown)
		}
	}
	if new(Verdict).UnmarshalText([]byte("PASS")) == nil || new(Verdict).UnmarshalText(nil) == nil {
		t.Error("an unknown word is a verdict")
	}
}

func TestWorst(t *testing.T) {
	for _, row := range []struct {
		why  string
		of   []Verdict
		want Verdict
	}{
		{"no question", nil, Inconclusive},
		{"all pass", []Verdict{Pass, Pass}, Pass},
		{"one unknown", []Verdict{Pass, Inconclusive}, Inconclusive},
		{"one unknown, the first", []Verdict{Inconclusive, Pass}, Inconclusive},
		{"a proven violation stays one", []Verdict{Inconclusive, Fail, Inconclusive}, Fail},
		{"one failure", []Verdict{Pass, Fail}, Fail},
	} {
		if got := Worst(row.of...); got != row.want {
			t.Errorf("%s: %v", row.why, got)
		}
	}
}
