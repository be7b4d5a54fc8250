package spec

import (
	"testing"

	"pgchaos/check"
	"pgchaos/record"
)

// TestTheAuditKnowsEveryAction: one that it does not know makes every audit an error.
func TestTheAuditKnowsEveryAction(t *testing.T) {
	for _, action := range Actions() {
		if err := check.KnownActions([]record.Event{{Name: "step", Action: action}}); err != nil {
			t.Error(err)
		}
	}
}
