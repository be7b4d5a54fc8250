package spec

import (
	"testing"

	"pgchaos/audit"
	"pgchaos/record"
)

// TestTheAuditKnowsEveryAction: one that it does not know makes every audit an error.
func TestTheAuditKnowsEveryAction(t *testing.T) {
	for _, action := range Actions() {
		if err := audit.KnownActions([]record.Event{{Name: "step", Action: action}}); err != nil {
			t.Error(err)
		}
	}
}
