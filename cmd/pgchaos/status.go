package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"pgchaos/live"
	"pgchaos/runner"
)

// statusText is a run's status in one line of at most width columns; 0: of any length. The
// clock and the primary are always there, and after them the errors: what does not fit in
// between is cut, with an ellipsis.
func statusText(s runner.Status, width int) string {
	primary := s.Primary
	if primary == "" {
		primary = "none"
	}
	first, last := live.Clock(s.Elapsed)+"  primary "+primary, errorText(s.Workloads)
	parts := []string{s.Phase}
	for _, w := range s.Workloads {
		parts = append(parts, workloadText(w))
	}
	between := strings.Join(parts, "  ")
	const gap = "  "
	if last != "" {
		last = gap + last
	}
	if width > 0 {
		left := width - utf8.RuneCountInString(first+gap+last)
		between = fit(between, max(left, 1))
	}
	return fit(first+gap+between+last, width)
}

// workloadText is a workload in the last second.
func workloadText(w runner.WorkloadStatus) string {
	text := fmt.Sprintf("%s %.0f/s", w.Name, w.Throughput)
	if w.P99 > 0 {
		text += " p99 " + live.Latency(w.P99)
	}
	if w.Errors > 0 {
		text += fmt.Sprintf(" %d err", w.Errors)
	}
	if w.Abandoned > 0 {
		text += fmt.Sprintf(" %d given up", w.Abandoned)
	}
	return text
}

// errorText is how many errors all workloads had in the last second, and the most frequent of
// them; "" for none.
func errorText(workloads []runner.WorkloadStatus) string {
	var all int64
	kinds := map[string]int64{}
	for _, w := range workloads {
		all += w.Errors
		for kind, n := range w.Kinds {
			kinds[kind] += n
		}
	}
	kind := ""
	for _, k := range slices.Sorted(maps.Keys(kinds)) { // of equally frequent ones, always the same
		if kinds[k] > kinds[kind] {
			kind = k
		}
	}
	switch {
	case all == 0:
		return ""
	case kind == "":
		return fmt.Sprintf("%d err/s", all)
	case kinds[kind] == all:
		return fmt.Sprintf("%d err/s: %s", all, kind)
	}
	return fmt.Sprintf("%d err/s: %s, …", all, kind) // and others, less often
}

// busyText is what a run is busy with, and for how long, with a sign that moves.
func busyText(text string, took time.Duration, width int) string {
	signs := `|/-\`
	return fit(fmt.Sprintf("%c %4.1f s  %s", signs[int(took/redrawEvery)%len(signs)], took.Seconds(), text), width)
}

// fit cuts a text to so many columns, and shows that it did; 0: there is no bound.
func fit(text string, width int) string {
	r := []rune(text)
	if width <= 0 || len(r) <= width {
		return text
	}
	return string(r[:width-1]) + "…"
}
