package audit

import (
	"cmp"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"pgchaos/record"
	"pgchaos/rows"
	"pgchaos/verdict"
)

// held is a Holding made ready for questions, of a node or of a fork.
type held struct {
	name    string
	holding *rows.Holding // nil: not read
	// Sets by writer: of the keys that have an odd row (but those without a key), more
	// than one row, and a row that is not as written.
	odd, double, altered map[int]*roaring64.Bitmap
	keyless              map[record.Key]int64 // rows by what they say instead of a key
}

func newHeld(name string, h *rows.Holding) held {
	d := held{
		name: name, holding: h, odd: map[int]*roaring64.Bitmap{}, double: map[int]*roaring64.Bitmap{},
		altered: map[int]*roaring64.Bitmap{}, keyless: map[record.Key]int64{},
	}
	if h == nil {
		return d
	}
	for group := range groups(h.Odd) {
		key := group[0].Key
		n := len(group)
		if key.Seq() == 0 {
			d.keyless[key] += int64(n)
			if key != 0 && n > 1 {
				addTo(d.double, key)
			}
			continue
		}
		addTo(d.odd, key)
		if setOf(h.Written, key.Writer()).Contains(uint64(key.Seq())) {
			n++
		}
		if n > 1 {
			addTo(d.double, key)
		}
		if slices.ContainsFunc(group, func(o rows.OddRow) bool { return o.Why == rows.Altered }) {
			addTo(d.altered, key)
		}
	}
	return d
}

// groups yields the rows of each key together.
func groups(odd []rows.OddRow) func(yield func([]rows.OddRow) bool) {
	return func(yield func([]rows.OddRow) bool) {
		for len(odd) > 0 {
			n := 1
			for n < len(odd) && odd[n].Key == odd[0].Key {
				n++
			}
			if !yield(odd[:n]) {
				return
			}
			odd = odd[n:]
		}
	}
}

func addTo(sets map[int]*roaring64.Bitmap, key record.Key) {
	set := sets[key.Writer()]
	if set == nil {
		set = roaring64.New()
		sets[key.Writer()] = set
	}
	set.Add(uint64(key.Seq()))
}

// setOf is a writer's set, which may be empty.
func setOf(sets map[int]*roaring64.Bitmap, writer int) *roaring64.Bitmap {
	if set := sets[writer]; set != nil {
		return set
	}
	return roaring64.New()
}

// present are the numbers of a writer of which a row is there, as written or not. It
// must not be changed.
func (d *held) present(writer int) *roaring64.Bitmap {
	if d.holding == nil {
		return roaring64.New()
	}
	written := setOf(d.holding.Written, writer)
	if odd := d.odd[writer]; odd != nil {
		return roaring64.Or(written, odd)
	}
	return written
}

func (d *held) has(key record.Key) bool {
	if d.holding == nil {
		return false
	}
	seq := uint64(key.Seq())
	return setOf(d.holding.Written, key.Writer()).Contains(seq) || setOf(d.odd, key.Writer()).Contains(seq)
}

// writers are all of whom there is a row with a key.
func (d *held) writers(into map[int]struct{}) {
	if d.holding == nil {
		return
	}
	for w := range d.holding.Written {
		into[w] = struct{}{}
	}
	for w := range d.odd {
		into[w] = struct{}{}
	}
}

// hidden is how many odd rows are not known.
func hidden(h *rows.Holding) int64 { return h.OddRows - int64(len(h.Odd)) }

// compare holds a node's rows against the authority's. Where odd rows of either are
// not known, only what is certain counts.
func (n *NodeAudit) compare(want, got *rows.Holding) {
	same := want.Equal(got)
	n.Equal = same == verdict.Pass
	if n.Equal {
		return
	}
	writers := map[int]struct{}{}
	for _, h := range []*rows.Holding{want, got} {
		for w := range h.Written {
			writers[w] = struct{}{}
		}
	}
	differ := map[int]*roaring64.Bitmap{}
	for w := range writers {
		ours, theirs := setOf(want.Written, w), setOf(got.Written, w)
		if ours.Equals(theirs) {
			continue
		}
		both := int64(ours.AndCardinality(theirs))
		n.Missing += int64(ours.GetCardinality()) - both
		n.Extra += int64(theirs.GetCardinality()) - both
		differ[w] = roaring64.Xor(ours, theirs)
	}
	if want.Truncated() || got.Truncated() {
		n.Missing = max(0, n.Missing-hidden(got)-int64(len(got.Odd)))
		n.Extra = max(0, n.Extra-hidden(want)-int64(len(want.Odd)))
	} else {
		n.compareOdd(want, got)
	}
	n.compareSerials(want, got, differ)
	if same == verdict.Fail && n.Missing == 0 && n.Extra == 0 && n.Different == 0 {
		n.Different = 1 // somewhere
	}
}

// compareOdd does so for the keys of which there is a row that is not as written: all
// their rows together, as their number and their content.
func (n *NodeAudit) compareOdd(want, got *rows.Holding) {
	ours, theirs := want.Odd, got.Odd
	for len(ours) > 0 || len(theirs) > 0 {
		key := record.Key(math.MaxInt64)
		for _, odd := range [][]rows.OddRow{ours, theirs} {
			if len(odd) > 0 {
				key = min(key, odd[0].Key)
			}
		}
		var a, b []rows.OddRow
		a, ours = front(ours, key)
		b, theirs = front(theirs, key)
		seq := uint64(key.Seq())
		here, there := 0, 0
		if setOf(want.Written, key.Writer()).Contains(seq) {
			here = 1
		}
		if setOf(got.Written, key.Writer()).Contains(seq) {
			there = 1
		}
		n.Missing -= int64(max(0, here-there)) // the sets counted it
		n.Extra -= int64(max(0, there-here))
		switch rows := len(a) + here - len(b) - there; {
		case rows > 0:
			n.Missing += int64(rows)
		case rows < 0:
			n.Extra -= int64(rows)
		case here != there || !slices.Equal(a, b):
			n.Different++
		}
	}
}

// front cuts the rows of one key off the front.
func front(odd []rows.OddRow, key record.Key) (of, rest []rows.OddRow) {
	n := 0
	for n < len(odd) && odd[n].Key == key {
		n++
	}
	return odd[:n], odd[n:]
}

// compareSerials counts the groups of rows whose int_values differ, though the rows
// are the same.
func (n *NodeAudit) compareSerials(want, got *rows.Holding, differ map[int]*roaring64.Bitmap) {
	copies := map[int64]struct{}{} // groups whose sums have second copies in them
	for _, o := range slices.Concat(want.Odd, got.Odd) {
		if o.Why == rows.Copy {
			copies[int64(o.Key)/rows.SerialBucket] = struct{}{}
		}
	}
	for bucket, sum := range want.Serials {
		theirs, ok := got.Serials[bucket]
		if _, copied := copies[bucket]; !ok || theirs == sum || copied {
			continue
		}
		key := record.Key(bucket * rows.SerialBucket)
		set, first := setOf(differ, key.Writer()), uint64(key.Seq())
		before := uint64(0)
		if first > 0 {
			before = set.Rank(first - 1)
		}
		if set.Rank(first+rows.SerialBucket-1) == before {
			n.Different++
		}
	}
}

// forkName says whose fork it is; the step where one node had several.
func forkName(f ForkHolding, all []ForkHolding) string {
	same := func(o ForkHolding) bool { return o.Node == f.Node }
	if i := slices.IndexFunc(all, same); f.Step != "" && slices.ContainsFunc(all[i+1:], same) {
		return f.Node + " before " + f.Step
	}
	return cmp.Or(f.Node, "?")
}
