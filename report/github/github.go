// Package github writes workflow commands of GitHub Actions: annotations, which GitHub shows at the head of a job.
package github

import (
	"fmt"
	"strings"

	"pgchaos/internal/redact"
	"pgchaos/internal/units"
)

// Level is how an annotation is shown.
type Level string

// The levels.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Notice  Level = "notice"
)

// Annotation is one of them.
type Annotation struct {
	Level Level
	Title string
	Text  string
	// File, Line and Col are where it belongs in the repository; "" and 0: nowhere.
	File      string
	Line, Col int
}

// GitHub shows ten annotations of each level of a step.
const mostShown = 10

// The bounds of texts, in characters. GitHub cuts longer ones.
const (
	mostTitle = 200
	mostText  = 3000
)

// Commands are the lines that make the annotations. Of each level at most ten are shown, so that the last one counts the others.
func Commands(all []Annotation) string {
	var b strings.Builder
	for _, level := range []Level{Error, Warning, Notice} {
		var of []Annotation
		for _, a := range all {
			if a.Level == level {
				of = append(of, a)
			}
		}
		if more := len(of) - mostShown; more > 0 {
			of = of[:mostShown]
			of[mostShown-1] = Annotation{Level: level, Title: "pgchaos", Text: units.Count(int64(more+1), "more is", "more are") + " in the summary of the job, or in its log"}
		}
		for _, a := range of {
			fmt.Fprintf(&b, "::%s title=%s%s::%s\n", a.Level, property(clipped(a.Title, mostTitle)), a.place(), data(clipped(a.Text, mostText)))
		}
	}
	return b.String()
}

// place are the properties that say where an annotation belongs.
func (a Annotation) place() string {
	if a.File == "" {
		return ""
	}
	text := ",file=" + property(clipped(a.File, mostTitle))
	if a.Line > 0 {
		text += fmt.Sprintf(",line=%d,col=%d", a.Line, a.Col)
	}
	return text
}

// Paused is text that GitHub prints without looking for commands in it. The token ends that; it must be one that no text can have.
func Paused(text, token string) string {
	return "::stop-commands::" + token + "\n" + strings.TrimSuffix(text, "\n") + "\n::" + token + "::\n"
}

func clipped(text string, most int) string {
	runes := []rune(redact.Printable(text))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most]) + " ..."
}

// data is a message by the rules of the runner (actions/toolkit, command.ts).
func data(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

// property is the value of a property, in which a colon and a comma end it, too.
func property(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(text)
}
