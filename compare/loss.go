package compare

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/aclements/go-moremath/mathx"
	"github.com/aclements/go-moremath/stats"
)

// Losses is what kills of the primary lost. It counts kills and not writes, because one kill
// loses many writes at once, so that these say nothing about the next kill.
type Losses struct {
	Kills   int `json:"kills"`             // whose losses are known
	Unknown int `json:"unknown,omitempty"` // whose losses are not
	Lost    int `json:"lost"`              // that lost at least one acknowledged write
	// Share is the interval of the share of kills that lose something, see ShareInterval.
	Share Interval `json:"share,omitzero"`
	// Of the kills that lost something: the writes, and the time that they span.
	MedianWrites float64       `json:"median_writes,omitempty"`
	MostWrites   int64         `json:"most_writes,omitempty"`
	MedianSpan   time.Duration `json:"median_span_ns,omitempty"`
	LongestSpan  time.Duration `json:"longest_span_ns,omitempty"`
}

// LossesOf counts the kills of the runs of one variant.
func LossesOf(kills []Kill) Losses {
	var l Losses
	var writes, spans []float64
	for _, k := range kills {
		if !k.Known {
			l.Unknown++
			continue
		}
		l.Kills++
		if k.Lost == 0 {
			continue
		}
		l.Lost++
		writes, spans = append(writes, float64(k.Lost)), append(spans, float64(k.Span))
		l.MostWrites, l.LongestSpan = max(l.MostWrites, k.Lost), max(l.LongestSpan, k.Span)
	}
	l.Share = ShareInterval(l.Lost, l.Kills)
	if l.Lost > 0 {
		slices.Sort(writes)
		slices.Sort(spans)
		l.MedianWrites, l.MedianSpan = medianOf(writes), time.Duration(medianOf(spans))
	}
	return l
}

// String is the losses in words: "0 of 10 kills lost anything (at most 26 % do, 95 %)",
// "3 of 10 kills lost writes (7 % to 65 % do, 95 %)".
func (l Losses) String() string {
	unknown := ""
	if l.Unknown > 0 {
		unknown = fmt.Sprintf("; of %d more it is not known", l.Unknown)
	}
	kills := "kills"
	if l.Kills == 1 {
		kills = "kill"
	}
	low, high := percent(l.Share.Low), percent(l.Share.High)
	switch {
	case l.Kills == 0:
		return "no kill whose losses are known" + unknown
	case l.Lost == 0:
		return fmt.Sprintf("0 of %d %s lost anything (at most %s do, 95 %%)%s", l.Kills, kills, high, unknown)
	case l.Lost == l.Kills:
		return fmt.Sprintf("%d of %d %s lost writes (at least %s do, 95 %%)%s", l.Lost, l.Kills, kills, low, unknown)
	}
	return fmt.Sprintf("%d of %d %s lost writes (%s to %s do, 95 %%)%s", l.Lost, l.Kills, kills, low, high, unknown)
}

// percent rounds to whole percents, but nothing that is not 0 or 1 to these.
func percent(share float64) string {
	switch {
	case share > 0 && share < 0.01:
		return fmt.Sprintf("%.2g %%", 100*share)
	case share > 0.99 && share < 1:
		decimals := int(math.Ceil(-math.Log10(100 * (1 - share))))
		return fmt.Sprintf("%.*f %%", decimals, 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// ShareInterval is the 95 % interval of a share of which k of n were seen, by Clopper and Pearson.
// Where none or all were seen it is the one-sided bound of 95 %, which is what a reader asks for then: 0 of n leaves
// at most 1 - 0.05^(1/n), n of n at least 0.05^(1/n). No interval: n is 0, or k is not from 0 to n.
func ShareInterval(k, n int) Interval { return shareInterval(k, n, 1-Confidence) }

func shareInterval(k, n int, wrong float64) Interval {
	switch {
	case n <= 0 || k < 0 || k > n:
		return Interval{}
	case k == 0:
		return interval(0, 1-math.Pow(wrong, 1/float64(n)))
	case k == n:
		return interval(math.Pow(wrong, 1/float64(n)), 1)
	}
	low := stats.InvCDF(beta{float64(k), float64(n - k + 1)})(wrong / 2)
	high := stats.InvCDF(beta{float64(k + 1), float64(n - k)})(1 - wrong/2)
	return interval(low, high)
}

// beta is the beta distribution.
type beta struct{ a, b float64 }

func (d beta) CDF(x float64) float64      { return mathx.BetaInc(min(max(x, 0), 1), d.a, d.b) }
func (d beta) Bounds() (float64, float64) { return 0, 1 }

// Fisher is the p value of Fisher's exact test, two-sided: whether k of n and l of m differ by more than
// chance. It adds up all tables with the same sums that are no more likely than this
// one. NaN: the numbers are no counts.
func Fisher(k, n, l, m int) float64 {
	if k < 0 || l < 0 || k > n || l > m {
		return math.NaN()
	}
	if n == 0 || m == 0 {
		return 1
	}
	tables := stats.HypergeometicDist{N: n + m, K: k + l, Draws: n}
	seen := tables.PMF(float64(k))
	p := 0.0
	for i := max(0, k+l-m); i <= min(n, k+l); i++ {
		// Equally likely tables differ by rounding.
		if likely := tables.PMF(float64(i)); likely <= seen*(1+1e-7) {
			p += likely
		}
	}
	return min(p, 1)
}

// LossChange is how the losses of a variant stand to the baseline's.
type LossChange struct {
	P      float64 `json:"p"`      // Fisher's exact test of the shares of kills that lost something
	Change Change  `json:"change"` // zero: not known
}

// sameShare is the difference between shares of kills within which they are called the same.
const sameShare = 0.05

// LossChangeOf compares the shares of kills that lost something. They differ where Fisher's p is at
// most 5 %. They are the same only where both intervals are so narrow that no more than 5 percentage points
// can lie between the shares, which takes about 90 kills each that lost nothing: 0 of 10 and 0
// of 10 are not known.
func LossChangeOf(baseline, other Losses) LossChange {
	if baseline.Kills == 0 || other.Kills == 0 {
		return LossChange{P: 1}
	}
	c := LossChange{P: Fisher(baseline.Lost, baseline.Kills, other.Lost, other.Kills)}
	more := other.Lost*baseline.Kills - baseline.Lost*other.Kills
	// Each interval is wrong in 2.5 %, so that both are right in 95 %.
	b := shareInterval(baseline.Lost, baseline.Kills, (1-Confidence)/2)
	o := shareInterval(other.Lost, other.Kills, (1-Confidence)/2)
	switch {
	case c.P <= 1-Confidence && more > 0:
		c.Change = Worse
	case c.P <= 1-Confidence && more < 0:
		c.Change = Better
	case o.High-b.Low <= sameShare && b.High-o.Low <= sameShare:
		c.Change = Same
	}
	return c
}
