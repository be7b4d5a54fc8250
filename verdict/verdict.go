// Package verdict is the answer to one question about a run: pass, fail or inconclusive.
package verdict

import "fmt"

// Verdict is the answer to one question. The zero value is Inconclusive: absence
// of evidence never passes.
type Verdict uint8

// The verdicts.
const (
	Inconclusive Verdict = iota
	Pass
	Fail
)

// The exit codes with which `pgchaos run` says its verdict.
const (
	ExitPass         = 0
	ExitFail         = 3
	ExitInconclusive = 4
)

// ExitCode is the exit code that says the verdict.
func (v Verdict) ExitCode() int {
	switch v {
	case Pass:
		return ExitPass
	case Fail:
		return ExitFail
	case Inconclusive:
	}
	return ExitInconclusive
}

// names are the words of the verdicts, indexed by Verdict.
var names = [...]string{Inconclusive: "inconclusive", Pass: "pass", Fail: "fail"}

func (v Verdict) String() string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// MarshalText writes the verdict as its word.
func (v Verdict) MarshalText() ([]byte, error) {
	if int(v) >= len(names) {
		return nil, fmt.Errorf("verdict %d: not one of %v", uint8(v), names)
	}
	return []byte(names[v]), nil
}

// UnmarshalText reads the word that MarshalText wrote.
func (v *Verdict) UnmarshalText(text []byte) error {
	for _, known := range []Verdict{Inconclusive, Pass, Fail} {
		if known.String() == string(text) {
			*v = known
			return nil
		}
	}
	return fmt.Errorf("verdict %q: not one of %v", text, names)
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
