package cluster

import (
	"fmt"
	"os"
)

// BaseVariable is the environment variable that moves what pgchaos writes down of runs.
const BaseVariable = "PGCHAOS_DIR"

// DefaultBase is the directory that runs live in: $PGCHAOS_DIR, or else one of
// the user's own in /var/tmp. It is not in /tmp, which is often memory, where
// fsync costs nothing and a benchmark would measure something else; nor in the
// home directory, since the server of a run by root is another user, who cannot
// enter root's.
func DefaultBase() string {
	if dir := os.Getenv(BaseVariable); dir != "" {
		return dir
	}
	return fmt.Sprintf("/var/tmp/pgchaos-%d", os.Geteuid())
}
