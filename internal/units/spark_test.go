package units

import "testing"

func TestSpark(t *testing.T) {
	var line []rune
	for _, share := range []float64{-1, 0, 0.124, 0.125, 0.25, 0.5, 0.874, 0.875, 1, 2} {
		line = append(line, Spark(share))
	}
	if got, want := string(line), "▁▁▁▂▃▅▇███"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
