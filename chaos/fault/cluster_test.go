package fault_test

import (
	"testing"

	"pgchaos/internal/faulttest"
)

// TestFaultsOnRealServers does the faults of processes and replication on local servers, and looks at each from outside.
func TestFaultsOnRealServers(t *testing.T) {
	t.Parallel()
	b := faulttest.New(t, build(t, faulttest.Config("")).Cluster)
	b.Replication()
	b.Processes(false)
	b.WrongPrimary()
}
