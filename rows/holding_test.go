package rows

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pgchaos/record"
	"pgchaos/verdict"
)

// heldRow is a row as a table has it.
type heldRow struct {
	integer int64
	null    bool
	value   []byte
}

func asWritten(t Table, key record.Key, serial int64) heldRow {
	r := heldRow{integer: int64(key), value: record.AppendPayload(nil, key, t.Payload)}
	if t.Serial {
		r.integer = serial
	}
	return r
}

// hold makes a sealed Holding of the rows, read in parts.
func hold(t Table, maxOdd, parts int, rows ...heldRow) *Holding {
	whole := NewHolding(t, maxOdd)
	for i := range parts {
		part := NewHolding(t, maxOdd)
		for _, r := range rows[i*len(rows)/parts : (i+1)*len(rows)/parts] {
			part.Add(r.integer, r.null, r.value)
		}
		whole.Merge(part)
	}
	whole.Seal()
	return whole
}

func TestHoldingOfOneRow(t *testing.T) {
	packed, serial := Table{Payload: 30}, Table{Payload: 30, Serial: true}
	key := record.PackKey(3, 7)
	good := record.AppendPayload(nil, key, 30)
	for _, c := range []struct {
		why   string
		table Table
		row   heldRow
		want  OddWhy // 0: as written
		key   record.Key
	}{
		{"as written", packed, heldRow{integer: int64(key), value: good}, 0, 0},
		{"another key's content", packed, heldRow{integer: int64(key) + 1, value: good}, Altered, key + 1},
		{"one letter changed", packed, heldRow{integer: int64(key), value: append(slices.Clone(good[:29]), '!')}, Altered, key},
		{"cut short", packed, heldRow{integer: int64(key), value: good[:29]}, Altered, key},
		{"one letter more", packed, heldRow{integer: int64(key), value: append(slices.Clone(good), 'x')}, Altered, key},
		{"no content", packed, heldRow{integer: int64(key)}, Altered, key},
		{"no key", packed, heldRow{null: true, value: good}, NoKey, 0},
		{"no key, and a number that means nothing", packed, heldRow{integer: int64(key), null: true, value: good}, NoKey, 0},
		{"a negative key", packed, heldRow{integer: -5, value: good}, NoKey, 0},
		{"sequence number 0", packed, heldRow{integer: 3 << 40, value: []byte("w3:0:")}, NoKey, 3 << 40},
		{"the last key of all", packed, asWritten(packed, record.PackKey(record.MaxWriter, record.MaxSeq), 0), 0, 0},
		{"serial, as written", serial, heldRow{integer: 1, value: good}, 0, 0},
		{"serial, another int_value", serial, heldRow{integer: 99, value: good}, 0, 0},
		{"serial, no tag", serial, heldRow{integer: int64(key), value: []byte("x")}, NoKey, 0},
		{"serial, NULL", serial, heldRow{integer: int64(key)}, NoKey, 0},
		{"serial, a tag alone", serial, heldRow{integer: 1, value: []byte("w3:7:")}, Altered, key},
	} {
		h := hold(c.table, 0, 1, c.row)
		if h.Rows != 1 || (c.want == 0) != (h.OddRows == 0) || (c.want == 0) != (len(h.Written) == 1) {
			t.Errorf("%s: %d rows, %d of them odd, %d writers", c.why, h.Rows, h.OddRows, len(h.Written))
			continue
		}
		if c.want != 0 && (h.Odd[0].Why != c.want || h.Odd[0].Key != c.key) {
			t.Errorf("%s: %s, %s; want %s, %s", c.why, h.Odd[0].Why, h.Odd[0].Key, c.want, c.key)
		}
	}
}

// TestHoldingOfParts: neither the order of the rows nor how they are cut into parts
// shows, also where there are copies and altered rows.
func TestHoldingOfParts(t *testing.T) {
	for _, table := range []Table{{Payload: 20}, {Payload: 20, Serial: true}} {
		var rows []heldRow
		for i := range int64(20000) {
			rows = append(rows, asWritten(table, record.PackKey(int(i%3), 1+i/3), i))
		}
		for i := range int64(50) {
			rows = append(rows, asWritten(table, record.PackKey(int(i%3), 1+i*37), 50000+i), heldRow{integer: i, value: []byte("w1:5:")})
		}
		first := hold(table, 0, 1, rows...)
		if first.Rows != 20100 || first.OddRows != 100 || first.Written[0].GetCardinality() != 6667 {
			t.Fatalf("%d rows, %d of them odd; %d of writer 0", first.Rows, first.OddRows, first.Written[0].GetCardinality())
		}
		copies := map[record.Key]int{}
		for _, r := range first.Odd {
			if r.Why == Copy {
				copies[r.Key]++
			}
		}
		if len(copies) != 50 || copies[record.PackKey(1, 38)] != 1 {
			t.Errorf("copies of %v", slices.Sorted(maps.Keys(copies)))
		}
		rng := rand.New(rand.NewPCG(1, 2))
		for _, parts := range []int{1, 2, 7, 100} {
			rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			if h := hold(table, 0, parts, rows...); first.Equal(h) != verdict.Pass || h.Equal(first) != verdict.Pass {
				t.Errorf("serial %t: in %d parts it is another holding", table.Serial, parts)
			}
		}
	}
}

func TestHoldingEqual(t *testing.T) {
	packed, serial := Table{Payload: 20}, Table{Payload: 20, Serial: true}
	rows := func(table Table, n int) (all []heldRow) {
		for i := range n {
			all = append(all, asWritten(table, record.PackKey(1, int64(i)+1), int64(i)))
		}
		return all
	}
	odd := func(n int, text string) (all []heldRow) {
		for i := range n {
			all = append(all, heldRow{integer: int64(i), value: []byte(text)})
		}
		return all
	}
	renumbered := rows(serial, 10)
	renumbered[3].integer, renumbered[4].integer = renumbered[4].integer, renumbered[3].integer
	for _, c := range []struct {
		why  string
		a, b *Holding
		want verdict.Verdict
	}{
		{"the same rows", hold(packed, 0, 1, rows(packed, 10)...), hold(packed, 0, 1, rows(packed, 10)...), verdict.Pass},
		{"nothing and nothing", hold(packed, 0, 1), hold(packed, 0, 1), verdict.Pass},
		{"one row less", hold(packed, 0, 1, rows(packed, 10)...), hold(packed, 0, 1, rows(packed, 10)[1:]...), verdict.Fail},
		{"as many, other keys", hold(packed, 0, 1, rows(packed, 10)[1:]...), hold(packed, 0, 1, rows(packed, 9)...), verdict.Fail},
		{"other writers", hold(packed, 0, 1, rows(packed, 1)...), hold(packed, 0, 1, asWritten(packed, record.PackKey(2, 1), 0)), verdict.Fail},
		{"a second copy", hold(packed, 0, 1, rows(packed, 2)...), hold(packed, 0, 1, append(rows(packed, 2), rows(packed, 1)...)...), verdict.Fail},
		{"a copy of another row", hold(packed, 0, 1, append(rows(packed, 2), rows(packed, 1)...)...), hold(packed, 0, 1, append(rows(packed, 2), rows(packed, 2)[1])...), verdict.Fail},
		{"the same odd rows", hold(packed, 5, 1, odd(5, "x")...), hold(packed, 5, 1, odd(5, "x")...), verdict.Pass},
		{"odd rows with other content", hold(packed, 5, 1, odd(5, "x")...), hold(packed, 5, 1, odd(5, "y")...), verdict.Fail},
		{"NULL and the empty text", hold(packed, 0, 1, heldRow{integer: 1}), hold(packed, 0, 1, heldRow{integer: 1, value: []byte{}}), verdict.Fail},
		{"NULL and 0", hold(packed, 0, 1, heldRow{null: true, value: []byte("x")}), hold(packed, 0, 1, heldRow{value: []byte("x")}), verdict.Fail},
		{"more odd rows than are kept", hold(packed, 5, 1, odd(6, "x")...), hold(packed, 5, 1, odd(6, "x")...), verdict.Inconclusive},
		{"more than are kept, in parts", hold(packed, 5, 3, odd(6, "x")...), hold(packed, 5, 2, odd(6, "x")...), verdict.Inconclusive},
		{"more than are kept here alone", hold(packed, 5, 3, odd(6, "x")...), hold(packed, 6, 2, odd(6, "x")...), verdict.Inconclusive},
		{"more than are kept, and not as many", hold(packed, 5, 1, odd(6, "x")...), hold(packed, 5, 1, odd(7, "x")...), verdict.Fail},
		{"serial, the same", hold(serial, 0, 1, rows(serial, 10)...), hold(serial, 0, 4, rows(serial, 10)...), verdict.Pass},
		{"serial, int_values exchanged", hold(serial, 0, 1, rows(serial, 10)...), hold(serial, 0, 1, renumbered...), verdict.Fail},
	} {
		if got := c.a.Equal(c.b); got != c.want {
			t.Errorf("%s: verdict %d, want %d", c.why, got, c.want)
		}
		if got := c.b.Equal(c.a); got != c.want {
			t.Errorf("%s, the other way round: verdict %d, want %d", c.why, got, c.want)
		}
		if c.a.Truncated() != (c.a.OddRows > 5) || len(c.a.Odd) > 6 {
			t.Errorf("%s: truncated %t with %d of %d odd rows", c.why, c.a.Truncated(), len(c.a.Odd), c.a.OddRows)
		}
	}
}

// TestHoldingKeepsSoMany odd rows, and no more, however they come; what it keeps of a
// second copy does not depend on which of the two was read first.
func TestHoldingKeepsSoMany(t *testing.T) {
	packed, serial := Table{Payload: 20}, Table{Payload: 20, Serial: true}
	h := NewHolding(packed, 2)
	for i := range int64(3) {
		h.Add(i+1, false, []byte("x"))
	}
	if len(h.Odd) != 2 || h.OddRows != 3 || h.Serials != nil {
		t.Errorf("%d of %d odd rows, sums %v", len(h.Odd), h.OddRows, h.Serials)
	}
	key := record.PackKey(1, 5)
	for _, c := range []struct {
		table Table
		first int64 // int_values
		other int64
		want  int64
	}{{packed, int64(key), int64(key), int64(key)}, {serial, 70, 80, 0}, {serial, 80, 70, 0}} {
		for parts := 1; parts <= 2; parts++ {
			h := hold(c.table, 0, parts, asWritten(c.table, key, c.first), asWritten(c.table, key, c.other))
			if len(h.Odd) != 1 || h.Odd[0].Why != Copy || h.Odd[0].Int != c.want || (h.Serials != nil) != c.table.Serial {
				t.Errorf("%v in %d parts: %+v, sums %v", c.table, parts, h.Odd, h.Serials)
			}
		}
	}
}

func TestOddWords(t *testing.T) {
	for why, want := range map[OddWhy]string{0: "unknown", NoKey: "without a key", Altered: "altered", Copy: "a second copy"} {
		if got := why.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestHoldingAllocatesNothing(t *testing.T) {
	table := Table{Payload: 64}
	h := NewHolding(table, 0)
	value := record.AppendPayload(nil, record.PackKey(1, 1), 64)
	h.Add(int64(record.PackKey(1, 1)), false, value)
	seq := int64(1)
	if n := testing.AllocsPerRun(20000, func() {
		seq++
		key := record.PackKey(1, seq)
		value = record.AppendPayload(value[:0], key, 64)
		h.Add(int64(key), false, value)
	}); n != 0 || h.OddRows != 0 {
		t.Errorf("%v allocations a row, %d odd rows", n, h.OddRows)
	}
}
