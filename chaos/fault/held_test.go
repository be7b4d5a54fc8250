package fault

import (
	"encoding/json"
	"testing"

	"pgchaos/cluster"
)

// TestOnlySessionsOfFaultsAreEnded, whatever a journal says.
func TestOnlySessionsOfFaultsAreEnded(t *testing.T) {
	for app, good := range map[string]bool{nameSessions(Env{Step: "lock-table"}).App: true, "": false, "psql": false, "pgbouncer " + cluster.FaultApp: false} {
		arguments, err := json.Marshal(held{app})
		if err != nil {
			t.Fatal(err)
		}
		got, err := appOf(func(into any) error { return json.Unmarshal(arguments, into) })
		if good && (err != nil || got != app) || !good && err == nil {
			t.Errorf("%q: %q, %v", app, got, err)
		}
	}
}
