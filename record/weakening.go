package record

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Weakening is a time in which the commits of a primary waited for less than the experiment demands.
type Weakening struct {
	Was      SyncDemand    `json:"was"`                // its settings
	Is       SyncDemand    `json:"is"`                 // and what they became
	Demanded string        `json:"demanded"`           // in words
	Until    time.Duration `json:"until_ns,omitempty"` // when it was seen to be over; 0: never
}

// Change says how the settings changed: "synchronous_standby_names became empty".
func (w Weakening) Change() string {
	if w.Was.Commit == "" { // it was so when it was read first
		return fmt.Sprintf("from the first reading on synchronous_standby_names is %s and synchronous_commit %s", cmp.Or(w.Is.Standbys, "empty"), w.Is.Commit)
	}
	var parts []string
	if w.Is.Standbys != w.Was.Standbys {
		value := w.Is.Standbys
		if value == "" {
			value = "empty"
		}
		parts = append(parts, "synchronous_standby_names became "+value)
	}
	if w.Is.Commit != w.Was.Commit {
		parts = append(parts, "synchronous_commit became "+w.Is.Commit)
	}
	return strings.Join(parts, " and ")
}
