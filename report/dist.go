package report

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Dist is a distribution of latencies. Min, Max and Count are exact; the
// percentiles come from Histogram (HDR V2, compressed, base64; microseconds, three
// significant digits) and are kept beside it for those who cannot read it.
type Dist struct {
	Count      int64         `json:"count"`
	OutOfRange int64         `json:"out_of_range,omitempty"` // counted, but beyond the histogram's hour
	Min        time.Duration `json:"min_ns"`
	Max        time.Duration `json:"max_ns"`
	Mean       time.Duration `json:"mean_ns"`
	P50        time.Duration `json:"p50_ns"`
	P90        time.Duration `json:"p90_ns"`
	P95        time.Duration `json:"p95_ns"`
	P99        time.Duration `json:"p99_ns"`
	P999       time.Duration `json:"p999_ns"`
	StdDev     time.Duration `json:"std_dev_ns,omitempty"`
	Histogram  string        `json:"histogram,omitempty"`
}

// Exact is what is known of a distribution better than a histogram can keep it.
type Exact struct {
	Min, Max   time.Duration
	Mean       time.Duration // 0: taken from the histogram
	OutOfRange int64         // values that the histogram refused
}

// NewDist is the distribution in a histogram of microseconds. Values out of the
// histogram's range count as greater than all in it: they are never dropped from
// a percentile.
func NewDist(h *hdrhistogram.Histogram, exact Exact) (Dist, error) {
	d := Dist{Count: h.TotalCount() + exact.OutOfRange, OutOfRange: exact.OutOfRange}
	if d.Count == 0 {
		return d, nil
	}
	text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return Dist{}, fmt.Errorf("encode a histogram: %w", err)
	}
	d.Histogram = string(text) // Encode has made it base64
	d.Min, d.Max, d.Mean = exact.Min, exact.Max, exact.Mean
	if d.Mean == 0 {
		d.Mean = time.Duration(h.Mean() * float64(time.Microsecond))
	}
	for _, p := range []struct {
		of   float64
		into *time.Duration
	}{{50, &d.P50}, {90, &d.P90}, {95, &d.P95}, {99, &d.P99}, {99.9, &d.P999}} {
		*p.into = d.at(h, p.of)
	}
	return d, nil
}

// Decode returns the histogram again, in microseconds.
func (d Dist) Decode() (*hdrhistogram.Histogram, error) {
	if d.Histogram == "" {
		return nil, errors.New("decode a histogram: none was kept")
	}
	h, err := hdrhistogram.Decode([]byte(d.Histogram))
	if err != nil {
		return nil, fmt.Errorf("decode a histogram: %w", err)
	}
	return h, nil
}

// Decode returns the histogram again, in microseconds.
func (d SecondDist) Decode() (*hdrhistogram.Histogram, error) {
	return Dist{Histogram: d.Histogram}.Decode()
}

// Percentile is the latency that p per cent of the samples did not exceed. The
// usual ones are those kept beside the histogram; others are read from it. It is
// an error to ask a distribution without samples.
func (d Dist) Percentile(p float64) (time.Duration, error) {
	if d.Count == 0 {
		return 0, errors.New("no samples")
	}
	switch p {
	case 50:
		return d.P50, nil
	case 90:
		return d.P90, nil
	case 95:
		return d.P95, nil
	case 99:
		return d.P99, nil
	case 99.9:
		return d.P999, nil
	}
	h, err := d.Decode()
	if err != nil {
		return 0, err
	}
	return d.at(h, p), nil
}

// at reads a percentile from the histogram, within the exact bounds.
func (d Dist) at(h *hdrhistogram.Histogram, p float64) time.Duration {
	inRange := h.TotalCount()
	// Of what the histogram holds, p per cent of all samples are more than p per cent.
	if d.OutOfRange > 0 && inRange > 0 {
		p *= float64(d.Count) / float64(inRange)
	}
	if inRange == 0 || p > 100 {
		return d.Max
	}
	return min(max(time.Duration(h.ValueAtPercentile(p))*time.Microsecond, d.Min), d.Max)
}

// Curve is the distribution as a curve: percentiles from 0 to 99.99, closer together the higher they are, and the time of each.
// It ends where no sample lies beyond a percentile: of 500 samples at about 99.8. Without samples it is empty.
func (d Dist) Curve() (percentiles []float64, times []time.Duration, err error) {
	if d.Count == 0 {
		return nil, nil, nil
	}
	h, err := d.Decode()
	if err != nil {
		return nil, nil, err
	}
	const steps, nines = 20, 4 // steps from 0 to 90 %, from there to 99 %, and so on
	for i := range nines*steps + 1 {
		beyond := math.Pow(10, -float64(i)/steps)
		if beyond*float64(d.Count) < 1-1e-9 {
			break
		}
		p := 100 * (1 - beyond)
		percentiles, times = append(percentiles, p), append(times, d.at(h, p))
	}
	return percentiles, times, nil
}

// merge is the distribution of both sets of samples; ok is false when a
// histogram cannot be read.
func merge(dists []Dist) (Dist, bool) {
	sum := hdrhistogram.New(1, time.Hour.Microseconds(), 3)
	var exact Exact
	var total, count, squares float64
	for _, d := range dists {
		if d.Count == 0 {
			continue
		}
		h, err := d.Decode()
		if err != nil {
			return Dist{}, false
		}
		exact.OutOfRange += d.OutOfRange + sum.Merge(h)
		if count == 0 || d.Min < exact.Min {
			exact.Min = d.Min
		}
		exact.Max = max(exact.Max, d.Max)
		total += float64(d.Mean) * float64(d.Count)
		count += float64(d.Count)
		squares += float64(d.Count) * (float64(d.StdDev)*float64(d.StdDev) + float64(d.Mean)*float64(d.Mean))
	}
	if count > 0 {
		exact.Mean = time.Duration(total / count)
	}
	merged, err := NewDist(sum, exact)
	if variance := squares/max(count, 1) - float64(exact.Mean)*float64(exact.Mean); variance > 0 {
		merged.StdDev = time.Duration(math.Sqrt(variance))
	}
	return merged, err == nil
}
