// Package spell finds the word that was meant by a misspelt one.
package spell

import "strings"

// Nearest is the known word that was probably meant; "" when none is near enough to be
// worth suggesting. Case does not matter. Of words that are equally near, the first wins.
func Nearest(word string, known []string) string {
	const most = 200 // so many are compared: a file can name any number of steps
	best, distance := "", 3
	if len(word) > 8 {
		distance = 4
	}
	for _, k := range known[:min(len(known), most)] {
		if d := Distance(strings.ToLower(word), strings.ToLower(k)); d < distance && 2*d <= len(word) {
			best, distance = k, d
		}
	}
	return best
}

// Distance is the number of edits that turn a into b: one character inserted, deleted or
// replaced, or two neighbours swapped. A swap is the commonest slip of a typist. As two
// replacements it would make "wiat" as near to "at" as to "wait".
func Distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	// Row i has the distances of from[:i] to every beginning of to.
	var twoBack, oneBack []int
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(from); i++ {
		twoBack, oneBack, row = oneBack, row, make([]int, len(to)+1)
		row[0] = i
		for j := 1; j <= len(to); j++ {
			replaced := oneBack[j-1]
			if from[i-1] != to[j-1] {
				replaced++
			}
			row[j] = min(replaced, oneBack[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				row[j] = min(row[j], twoBack[j-2]+1)
			}
		}
	}
	return row[len(to)]
}
