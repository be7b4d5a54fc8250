package pgload

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// A commit whose wait for synchronous standbys was cancelled is acknowledged, with a
// WARNING before it (SyncRepWaitForLSN in syncrep.c). A session whose client_min_messages is error
// does not get that, and its weak acknowledgements look like any other. So every session asks
// for warnings.

// minMessages is the setting, and warningLevel what every session starts with.
const (
	minMessages  = "client_min_messages"
	warningLevel = "warning"
)

// showingWarnings are the values of client_min_messages with which warnings are sent.
var showingWarnings = []string{"debug5", "debug4", "debug3", "debug2", "debug1", "debug", "log", "info", "notice", "warning"}

// hidesWarnings tells whether a session with this client_min_messages gets no warnings; "" is not known.
func hidesWarnings(value string) bool {
	return value != "" && !slices.Contains(showingWarnings, strings.ToLower(value))
}

var errHidden = errors.New("the session gets no warnings (client_min_messages), so that a cancelled wait for a standby would look like success")

// askForWarnings makes the settings of a connection such that warnings are sent. What is between a URL and the
// server may refuse settings that it does not know, so that there it is only checked (whoAnswers).
func (c *Config) askForWarnings(cc *pgconn.Config) error {
	for name, value := range cc.RuntimeParams {
		if !strings.EqualFold(name, minMessages) {
			continue
		}
		if hidesWarnings(value) {
			return fmt.Errorf("connection: %s: %s: a cancelled wait for a standby is known by its warning; write warning, or leave it out", name, value)
		}
		return nil
	}
	if c.Route != URL {
		cc.RuntimeParams[minMessages] = warningLevel
	}
	return nil
}

// setsNoWarnings finds a statement by which a session gets no more warnings.
var setsNoWarnings = regexp.MustCompile(`(?i)\bclient_min_messages\b["']?\s*(?:=|,|\bto\b)\s*["']?(error|fatal|panic)\b`)

// checkWarnings refuses a statement of the user's that hides warnings from its session.
func (s *statement) checkWarnings() error {
	if word := firstWord(s.SQL); word == "create" || word == "alter" { // of a function, a role: not of this session
		return nil
	}
	if m := setsNoWarnings.FindStringSubmatch(s.SQL); m != nil {
		return fmt.Errorf("client_min_messages = %s hides the warning by which a cancelled wait for a standby is known; set warning, or leave it out", m[1])
	}
	return nil
}
