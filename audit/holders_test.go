package audit

import (
	"fmt"
	"testing"

	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/rows"
)

func TestCompareHoldings(t *testing.T) {
	packed, serial := rows.Table{Payload: payload}, rows.Table{Payload: payload, Serial: true}
	// of are rows of writer 0 in a serial table: each with the int_value behind its number.
	of := func(pairs ...int64) (all []heldRow) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, asWritten(serial, record.PackKey(0, pairs[i]), pairs[i+1]))
		}
		return all
	}
	rot := func(seq int64) heldRow { return row(0, seq).with("rot") }
	const second, third = rows.SerialBucket + 1, 2*rows.SerialBucket + 1
	for _, c := range []struct {
		why       string
		table     rows.Table
		want, got []heldRow
		counts    string // missing, extra, different
	}{
		{"two rows with another content", packed, rowsOf(1, 2), []heldRow{rot(1), rot(2)}, "0 0 2"},
		{"a copy that is not there", packed, rowsOf(1, 1, 2), rowsOf(1, 2), "1 0 0"},
		{"a copy too many", packed, rowsOf(1, 2), rowsOf(1, 1, 2), "0 1 0"},
		{"the same odd row, and other rows", packed, []heldRow{rot(1), row(0, 2)}, []heldRow{rot(1), row(0, 3)}, "1 1 0"},
		{"an odd row less", packed, []heldRow{rot(1), rot(2)}, []heldRow{rot(1)}, "1 0 0"},
		{"int_values in two of three buckets", serial, of(1, 1, second, 2, third, 3), of(1, 9, second, 2, third, 9), "0 0 2"},
		{"int_values in one bucket of three", serial, of(1, 1, second, 2, third, 3), of(1, 1, second, 9, third, 3), "0 0 1"},
		{"int_values, and a row less in another bucket", serial, of(1, 1, 2, 2, second, 3, third, 4), of(1, 1, second, 9, third, 9), "1 0 2"},
		{"int_values beside a row that is altered on both", serial, append(of(1, 1, second, 2), rot(3).numbered(5)), append(of(1, 9, second, 9), rot(3).numbered(5)), "0 0 2"},
		{"a bucket less", serial, of(1, 1, second, 2), of(1, 1), "1 0 0"},
	} {
		var n NodeAudit
		n.compare(hold(c.table, 0, c.want...), hold(c.table, 0, c.got...))
		if got := fmt.Sprint(n.Missing, n.Extra, n.Different); got != c.counts || n.Equal {
			t.Errorf("%s: %s, equal %t; want %s", c.why, got, n.Equal, c.counts)
		}
	}
}

// TestRowsOfNoWrite: rows whose sequence number is 0 name no write, but those that name
// a writer are doubled where there are two.
func TestRowsOfNoWrite(t *testing.T) {
	nobody := heldRow{integer: int64(record.PackKey(3, 0)), value: []byte("w3:0:")}
	for _, c := range []struct {
		why     string
		rows    []heldRow
		doubles int
	}{
		{"one", []heldRow{nobody}, 0},
		{"two", []heldRow{nobody, nobody}, 1},
		{"two without any key", []heldRow{stranger("x"), stranger("x")}, 0},
	} {
		d := newHeld("a", hold(rows.Table{Payload: payload}, 0, c.rows...))
		doubles := 0
		for _, set := range d.double {
			doubles += int(set.GetCardinality())
		}
		if doubles != c.doubles || len(d.odd) != 0 || len(d.keyless) != 1 {
			t.Errorf("%s: %d doubled, %v without a key", c.why, doubles, d.keyless)
		}
	}
	twice := newHeld("a", hold(rows.Table{Payload: payload}, 0, row(0, 1).with("rot"), row(0, 1).with("mould")))
	if !setOf(twice.double, 0).Contains(1) {
		t.Error("two altered rows of one key are no double")
	}
}

// TestRowsOfNoWriteTwice: they are foreign, and duplicated where one node has two of one.
func TestRowsOfNoWriteTwice(t *testing.T) {
	nobody := func(writer int) heldRow {
		return heldRow{integer: int64(record.PackKey(writer, 0)), value: []byte("x")}
	}
	a, err := Table(Evidence{
		Table: rows.Table{Name: "t", Payload: payload}, Book: books("oo"), Workloads: []string{"writes"}, Authority: "a", Lineage: onlyA,
		Nodes: []NodeHolding{node("a", row(0, 1), nobody(3), nobody(3), nobody(4)).in(rows.Table{Payload: payload})},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := counts(a), "lost 1: w0/2-2 on []; duplicated 1: w3/0-0 on [a]; foreign 3: w3/0-0 on [a] w4/0-0 on [a]"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if !a.Complete || a.Why != "" {
		t.Errorf("complete %t, because %q", a.Complete, a.Why)
	}
}

// TestWhoseWritersTheyAre: a writer whose name damage has taken may be of this table.
func TestWhoseWritersTheyAre(t *testing.T) {
	for _, c := range []struct {
		why      string
		damage   []string
		workload string
		ours     bool
	}{
		{"of this table", nil, "writes", true},
		{"of another", nil, "others", false},
		{"of another, in a damaged ledger", []string{"block 3"}, "others", false},
		{"without a name, though nothing is damaged", nil, "", false},
		{"without a name, because of damage", []string{"block 3"}, "", true},
	} {
		e := Evidence{Book: (&fakeBook{}).write(c.workload, ack("a", 1, 1, 1)), Workloads: []string{"writes"}}
		a := &auditor{Evidence: &e, others: map[int]string{}, audit: Audit{Damage: c.damage, Weak: &WeakAcks{}}}
		if err := a.open(); err != nil || (len(a.accounts) == 1) != c.ours || (len(a.others) == 0) != c.ours {
			t.Errorf("%s: %v, %d accounts", c.why, err, len(a.accounts))
		}
	}
}

func TestWhoIsAudited(t *testing.T) {
	for n, fine := range map[int]bool{maxHolders: true, maxHolders + 1: false} {
		if _, err := newAuditor(&Evidence{Book: books(), Nodes: make([]NodeHolding, n)}); (err == nil) != fine {
			t.Errorf("%d nodes: %v", n, err)
		}
	}
	if a, err := newAuditor(&Evidence{Book: books(), Nodes: []NodeHolding{{}}}); err != nil || a.authority != -1 {
		t.Errorf("a node without a name is the authority of nobody: %d, %v", a.authority, err)
	}
}

func TestForkNames(t *testing.T) {
	plain, step, other := ForkHolding{Node: "a"}, ForkHolding{Node: "a", Step: "rejoin-a"}, ForkHolding{Node: "b", Step: "rejoin-b"}
	for _, c := range []struct {
		of   ForkHolding
		all  []ForkHolding
		want string
	}{
		{step, []ForkHolding{other, step}, "a"},
		{step, []ForkHolding{step, plain}, "a before rejoin-a"},
		{plain, []ForkHolding{step, plain}, "a"},
		{ForkHolding{}, []ForkHolding{{}}, "?"},
	} {
		if got := forkName(c.of, c.all); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestEntriesOutOfOrder: a book that has one number twice, and another not at
// all, is no evidence, though it has as many entries as were issued.
func TestEntriesOutOfOrder(t *testing.T) {
	b := books("uuu")
	b.entries[0][1].Seq = 1
	_, err := Table(Evidence{
		Table: rows.Table{Name: "t", Payload: payload}, Book: b, Workloads: []string{"writes"}, Authority: "a", Lineage: onlyA,
		Nodes: []NodeHolding{node("a", rowsOf(1, 2, 3)...).in(rows.Table{Payload: payload})},
	})
	if err == nil {
		t.Error("it was audited")
	}
}

func TestNoDamageOfNoLedger(t *testing.T) {
	if d := damageOf((*ledger.Book)(nil)); d != nil {
		t.Errorf("%v", d)
	}
	if d := damageOf(&ledger.Book{Damage: []string{"block 3"}}); len(d) != 1 {
		t.Errorf("%v", d)
	}
}
