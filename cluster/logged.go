package cluster

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/internal/wait"
)

// linePrefix is pgchaos's own log_line_prefix: the time, the process and the SQLSTATE of each message.
const linePrefix = "%m [%p] %e %q%u@%d/%a "

// prefixed is the beginning of a message in a log with linePrefix.
var prefixed = regexp.MustCompile(`^\S+ \S+ \S+ \[(\d+)\] ([0-9A-Z]{5}) `)

// LogMark is a place in a node's log.
type LogMark string

// MarkLog writes a line into the server's log, by a session of the superuser's. It is a warning, as the message of a cancelled wait is: where
// log_min_messages keeps warnings out of the log, the mark is missing, too, and the log proves nothing.
func MarkLog(ctx context.Context, conn *pgx.Conn) (LogMark, error) {
	mark := "pgchaos-mark-" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(ctx, "do $$ begin raise warning '"+mark+"'; end $$"); err != nil {
		return "", fmt.Errorf("write into the log: %w", err)
	}
	return LogMark(mark), nil
}

// logPatience is how long a line of a server may be on its way to its log's reader.
const logPatience = time.Second

// Cancelled are the processes whose statement, or wait for a standby, was cancelled on request after the mark, by the log. It waits up
// to a second for all pids, from the first log that it has read: a log can take longer than that to read. Known is false where the log
// cannot be read, or does not show the mark as pgchaos's own settings have it.
func (n *Node) Cancelled(ctx context.Context, since LogMark, pids []int32) (cancelled map[int32]bool, known bool) {
	host, err := n.files()
	if err != nil || since == "" {
		return nil, false
	}
	n.mu.Lock()
	from := n.logSeen
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 10*logPatience)
	defer cancel()
	var read time.Time
	for {
		text, err := host.Log(ctx, from)
		if err == nil {
			if read.IsZero() {
				read = time.Now()
			}
			cancelled, known = cancelledIn(string(text), since)
		}
		all := known
		for _, pid := range pids {
			all = all && cancelled[pid]
		}
		if all || !read.IsZero() && time.Since(read) > logPatience || wait.For(ctx, 50*time.Millisecond) != nil {
			return cancelled, known
		}
	}
}

// cancelledIn reads a log. The texts are those of ProcessInterrupts and SyncRepWaitForLSN, in PostgreSQL's own language (lc_messages is
// C): SQLSTATE 57014 is also that of a time-out, and 01000 that of every warning.
func cancelledIn(log string, since LogMark) (cancelled map[int32]bool, known bool) {
	cancelled = map[int32]bool{}
	for line := range strings.Lines(log) {
		is := prefixed.FindStringSubmatch(line)
		switch {
		case is == nil:
		case !known:
			known = strings.HasSuffix(strings.TrimSpace(line), "WARNING:  "+string(since))
		case is[2] == "57014" && strings.Contains(line, "ERROR:  canceling statement due to user request"),
			is[2] == "01000" && strings.Contains(line, "WARNING:  canceling wait for synchronous replication due to user request"):
			if pid, err := strconv.ParseInt(is[1], 10, 32); err == nil {
				cancelled[int32(pid)] = true
			}
		}
	}
	return cancelled, known
}
