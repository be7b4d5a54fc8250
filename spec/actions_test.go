package spec

import (
	"testing"

	"pgchaos/audit"
	"pgchaos/chaos/fault"
	"pgchaos/record"
)

// TestTheAuditKnowsEveryAction: one that it does not know makes every audit an error. A step carries the facts of its action.
func TestTheAuditKnowsEveryAction(t *testing.T) {
	for _, k := range fault.Kinds() {
		if err := audit.KnownActions([]record.Event{{Name: "step", Action: k.Name, Facts: &k.Facts}}); err != nil {
			t.Error(err)
		}
	}
}
