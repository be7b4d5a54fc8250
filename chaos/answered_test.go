package chaos

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
)

// TestEventsSayWhetherAStepWasAnswered: only the step's own answer counts, not its `when`.
func TestEventsSayWhetherAStepWasAnswered(t *testing.T) {
	fails := func(err error) Action { return Action{Act: func(context.Context, *Act) error { return err }} }
	for name, tc := range map[string]struct {
		step  Step
		notSo bool
	}{
		"answered, and false":        {Step{Do: fails(fmt.Errorf("%w: 2 and not 1", ErrNotSo))}, true},
		"a fault without its effect": {Step{Do: fails(fmt.Errorf("%w: its server runs as before", ErrNoEffect))}, false},
		"not answered":               {Step{Do: fails(errors.New("connection refused"))}, false},
		"its condition never came": {Step{
			When: func(context.Context) error { return fmt.Errorf("%w within 1s", ErrNotSo) }, Do: fails(nil),
		}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			line, _ := timeline(func(*log) []Step { return []Step{tc.step} })
			if err := line.Run(t.Context()); err == nil {
				t.Errorf("%s: no error", name)
			}
			if m := line.Events()[0]; m.NotSo != tc.notSo {
				t.Errorf("%s: %+v", name, m)
			}
		})
	}
}
