package check

import "fmt"

// verdictNames are the words of the verdicts, indexed by Verdict.
var verdictNames = [...]string{Inconclusive: "inconclusive", Pass: "pass", Fail: "fail"}

func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// MarshalText writes the verdict as its word.
func (v Verdict) MarshalText() ([]byte, error) {
	if int(v) >= len(verdictNames) {
		return nil, fmt.Errorf("verdict %d: not one of %v", uint8(v), verdictNames)
	}
	return []byte(verdictNames[v]), nil
}

// UnmarshalText reads the word that MarshalText wrote.
func (v *Verdict) UnmarshalText(text []byte) error {
	for _, known := range []Verdict{Inconclusive, Pass, Fail} {
		if known.String() == string(text) {
			*v = known
			return nil
		}
	}
	return fmt.Errorf("verdict %q: not one of %v", text, verdictNames)
}

// Worst is the verdict over several questions. A proven violation stays a Fail
// whatever else is unknown; Inconclusive dominates Pass; and no question at all
// is Inconclusive, because absence of evidence never passes.
func Worst(verdicts ...Verdict) Verdict {
	worst := Inconclusive
	for i, v := range verdicts {
		switch {
		case v == Fail:
			return Fail
		case i == 0:
			worst = v
		case v != Pass:
			worst = Inconclusive
		}
	}
	return worst
}
