package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Excerpt picks the lines of a PostgreSQL log that can explain a failure: errors,
// crashes, and replication that cannot go on, each with the DETAIL, HINT, CONTEXT
// and STATEMENT lines after it. It keeps at most `most` lines, the last ones. A
// message that came many times, as from a standby that tries again every five
// seconds, stands once, where it came last, with the number of times.
func Excerpt(log []byte, most int) []string {
	var entries []logEntry
	seen := map[string]int{}
	follow := false // the lines at hand belong to the last entry
	for raw := range bytes.Lines(log) {
		line := strings.TrimRight(string(raw), "\r\n\t ")
		switch {
		case line == "":
		case continues(line):
			if follow {
				last := &entries[len(entries)-1]
				last.lines = append(last.lines, line)
			}
		default:
			message, matters := explains(line)
			follow = matters
			if matters {
				seen[message]++
				entries = append(entries, logEntry{message, []string{line}})
			}
		}
	}
	return lastLines(entries, seen, most)
}

// logEntry is one message with the lines that belong to it.
type logEntry struct {
	message string // without the time and the process
	lines   []string
}

// lastLines keeps each message's last entry, newest first, until there are enough
// lines, and returns them in the log's order.
func lastLines(entries []logEntry, times map[string]int, most int) []string {
	var kept [][]string
	for _, e := range slices.Backward(entries) {
		n := times[e.message]
		if n == 0 {
			continue // a later entry stands for it
		}
		times[e.message] = 0
		if len(e.lines) > most {
			e.lines = e.lines[:most] // the message before its details
		}
		if most -= len(e.lines); len(e.lines) == 0 {
			break
		}
		if n > 1 {
			e.lines[0] += fmt.Sprintf(" (%d times)", n)
		}
		kept = append(kept, e.lines)
	}
	slices.Reverse(kept)
	return slices.Concat(kept...)
}

// continues tells whether a line belongs to the message before it.
func continues(line string) bool {
	if line[0] == '\t' {
		return true
	}
	for _, word := range []string{"DETAIL:  ", "HINT:  ", "CONTEXT:  ", "STATEMENT:  ", "QUERY:  "} {
		// The prefix of a log line is configured, but it never holds the word and two blanks.
		if strings.Contains(line, word) {
			return true
		}
	}
	return false
}

// explains tells whether a line matters, and returns its message from the
// severity on: what is before that differs from line to line.
func explains(line string) (message string, matters bool) {
	for _, severity := range []string{"PANIC:  ", "FATAL:  ", "ERROR:  "} {
		if i := strings.Index(line, severity); i >= 0 {
			// A client that waits for a server to start gets this many times.
			return line[i:], !strings.HasSuffix(line, "the database system is starting up")
		}
	}
	_, message, ok := strings.Cut(line, "LOG:  ")
	if !ok {
		// Not PostgreSQL's own: pg_ctl, the loader, the kernel.
		lower := strings.ToLower(line)
		return line, strings.Contains(lower, "error:") || strings.Contains(lower, "fatal:")
	}
	for _, phrase := range []string{
		"forked off", "was terminated by signal", "exited with exit code", "was not properly shut down",
		"terminating any other active server processes", "all server processes terminated",
		"new timeline", "is not a child of", "has already been removed", "could not connect", "could not start",
		"could not receive", "could not send", "could not read", "could not write", "could not fsync",
		"received fast shutdown request", "received immediate shutdown request", "received smart shutdown request",
		"received promote request", "aborting any active transactions", "out of memory", "No space left",
	} {
		if strings.Contains(message, phrase) {
			return message, true
		}
	}
	return "", false
}
