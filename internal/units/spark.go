package units

// sparks are the heights of a sparkline.
var sparks = [...]rune{'▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'}

// Spark is a character of a sparkline, as high as a share from 0 to 1.
func Spark(share float64) rune {
	return sparks[min(max(int(share*float64(len(sparks))), 0), len(sparks)-1)]
}
