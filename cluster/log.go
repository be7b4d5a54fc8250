package cluster

import (
	"context"
	"slices"
	"strings"
	"time"
)

// markLog notes how far the log has been written, so that complaints are those
// of what is about to be tried.
func (n *Node) markLog(ctx context.Context) {
	host, err := n.files()
	if err != nil {
		return
	}
	n.mu.Lock()
	from := n.logSeen
	n.mu.Unlock()
	text, err := host.Log(ctx, from)
	if err != nil {
		return // complaints then show more than they need to
	}
	n.mu.Lock()
	n.logSeen = from + int64(len(text))
	n.mu.Unlock()
}

// complaints are the last lines since markLog by which the server said that
// something is wrong, or its last lines of all, for a person to read at the end of
// an error. Nothing is decided by them.
func (n *Node) complaints(ctx context.Context) string {
	host, err := n.files()
	if err != nil {
		return ""
	}
	n.mu.Lock()
	from := n.logSeen
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	text, err := host.Log(ctx, from)
	if err != nil {
		return ""
	}
	return lastComplaints(string(text))
}

// lastComplaints are those of a text. What the server repeats is shown once, where it stands last.
func lastComplaints(text string) string {
	const most = 4
	var all, wrong []string
	add := func(lines []string, line string) []string {
		return append(slices.DeleteFunc(lines, func(before string) bool { return before == line }), line)
	}
	for line := range strings.Lines(text) {
		line = strings.Join(strings.Fields(line), " ")
		if line == "" || strings.Contains(line, "FATAL: the database system is") {
			continue // nothing, or an answer to pgchaos's own asking
		}
		all = add(all, line)
		for _, word := range []string{
			"FATAL: ", "PANIC: ", "ERROR: ", "forked off", "HINT: ",
			"LOG: invalid value", "LOG: unrecognized", "LOG: syntax error", "LOG: could not bind",
		} {
			if i := strings.Index(line, word); i >= 0 {
				wrong = add(wrong, line[i:])
				break
			}
		}
	}
	if len(wrong) == 0 {
		wrong = all
	}
	if len(wrong) == 0 {
		return ""
	}
	return "; its log says: " + strings.Join(wrong[max(0, len(wrong)-most):], " / ")
}
