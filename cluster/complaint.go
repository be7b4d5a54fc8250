package cluster

import (
	"regexp"
	"strings"
)

var (
	logPrefix  = regexp.MustCompile(`(?m)^.*?\b(LOG|ERROR|FATAL|DETAIL|HINT): +`)
	inConfFile = regexp.MustCompile(` in file "[^"]*" line \d+`)
)

// ConfComplaint is what a server program says against a configuration, for a person.
func ConfComplaint(out string) string {
	var parts []string
	for line := range strings.Lines(out) {
		text := strings.TrimSpace(inConfFile.ReplaceAllString(logPrefix.ReplaceAllString(line, ""), ""))
		if text == "" || strings.Contains(text, "skipping missing configuration file") || strings.HasPrefix(text, "configuration file ") {
			continue
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return "the server program refuses it, and does not say why"
	}
	return strings.Join(parts, "; ")
}
