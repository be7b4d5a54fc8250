package spec

import (
	"fmt"
	"strings"

	"pgchaos/internal/spell"
	"pgchaos/internal/units"
)

// suggest is the second half of a Problem: the word that was meant, or else what
// there is to choose from.
func suggest(word string, known []string, otherwise string) string {
	if near := spell.Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 {
		return otherwise + ": there are none"
	}
	const most = 100
	if len(known) > most {
		return fmt.Sprintf("%s %s and %d more", otherwise, strings.Join(known[:most], ", "), len(known)-most)
	}
	return otherwise + " " + strings.Join(known, ", ")
}

// shown is a value of the file, short enough to be quoted in a message.
func shown(text string) string { return units.Quote(text) }
