package main

import (
	"maps"
	"slices"
	"strconv"
)

func sorted(look map[string]bool) []string { return slices.Sorted(maps.Keys(look)) }

// change changes how text looks, by the numbers of an escape sequence. The view uses the eight colours, bold and faint.
func change(look map[string]bool, codes []string) {
	colour := func(n int) {
		maps.DeleteFunc(look, func(class string, _ bool) bool { return class[0] == 'c' })
		if n > 0 {
			look["c"+strconv.Itoa(n)] = true
		}
	}
	for _, code := range codes {
		switch n, _ := strconv.Atoi(code); {
		case n == 0:
			clear(look)
		case n == 1:
			look["bold"] = true
		case n == 2:
			look["faint"] = true
		case n == 22:
			delete(look, "bold")
			delete(look, "faint")
		case n >= 30 && n <= 37:
			colour(n - 30)
		case n >= 90 && n <= 97:
			colour(n - 90)
		case n == 39:
			colour(0)
		}
	}
}
