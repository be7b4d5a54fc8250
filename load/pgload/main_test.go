package pgload

import (
	"os"
	"testing"

	"pgchaos/internal/atonce"
)

// TestMain has more tests run at once than there are processors: they wait for their servers.
func TestMain(m *testing.M) { os.Exit(atonce.Run(m, 5)) }
