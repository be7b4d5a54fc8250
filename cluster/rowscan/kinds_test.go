package rowscan_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/cluster/rowscan"
	"pgchaos/record"
	"pgchaos/rows"
	"pgchaos/verdict"
)

// notOurs are values that are no payload, most of them for a tag that is nearly one.
var notOurs = []any{
	nil, "", "x", strings.Repeat("y", 40), "w", "w:", "w1:", "w:1:", "w1::", "w1:0:", "w1:1", "w1:1:", "w1:5:", "w01:2:x", "w1:02:x", "w00:1:",
	"xw1:1:", "\nw1:1:", "w1:1:\nw2:2:", "w8388607:1099511627775:", "w8388608:1:", "w1:1099511627776:", "w99999999999999999999:1:",
	"w1:99999999999999999999999999:", "w-1:1:", "w0:1:a", "w١:1:", "w9:9:" + strings.Repeat("z", 5000),
}

// everyKind holds a Scan of a table of all kinds of rows against what a plain select
// says, judged here by itself.
func everyKind(t *testing.T, a *cluster.Node, conn *pgx.Conn) {
	exec(t, conn, "create table network.every (int_value bigint, char_value varchar)")
	rng := rand.New(rand.NewPCG(3, 4))
	var inserted [][]any
	for i := range 6000 {
		key := record.PackKey(i%5, int64(i/5)+1)
		integer, value := any(int64(key)), any(string(record.AppendPayload(nil, key, 40)))
		switch rng.IntN(12) {
		case 0: // lost
			continue
		case 1: // a second copy, near or far
			inserted = append(inserted, []any{integer, value})
			rng.Shuffle(len(inserted)/10, func(i, j int) { inserted[i], inserted[j] = inserted[j], inserted[i] })
		case 2:
			value = notOurs[rng.IntN(len(notOurs))]
		case 3:
			integer = []any{nil, int64(-8), int64(0), int64(3 << 40), int64(key) + 1}[rng.IntN(5)]
		}
		inserted = append(inserted, []any{integer, value})
	}
	inserted = append(inserted, inserted[:10]...)
	for _, value := range notOurs {
		inserted = append(inserted, []any{int64(7), value})
	}
	if _, err := conn.CopyFrom(t.Context(), pgx.Identifier{"network", "every"}, []string{"int_value", "char_value"}, pgx.CopyFromRows(inserted)); err != nil {
		t.Fatal(err)
	}
	for _, table := range []rows.Table{{Name: "network.every", Payload: 40}, {Name: "network.every", Payload: 40, Serial: true}, {Name: "network.every", Payload: 41}} {
		want, first := bySelect(t, conn, table), scanned(t, a, table, rowscan.ScanOptions{})
		for way, o := range ways() {
			h := scanned(t, a, table, o)
			if got := tell(h); !maps.Equal(got, want) {
				t.Errorf("%+v, %s: %d kinds of rows, want %d", table, way, len(got), len(want))
				for _, k := range slices.Sorted(maps.Keys(want)) {
					if got[k] != want[k] {
						t.Logf("%s: %d, want %d", k, got[k], want[k])
						break
					}
				}
			}
			if h.Rows != int64(len(inserted)) || h.Equal(first) != verdict.Pass {
				t.Errorf("%+v, %s: %d rows of %d; as by default: %d", table, way, h.Rows, len(inserted), h.Equal(first))
			}
		}
	}
	h := scanned(t, a, rows.Table{Name: "network.every", Payload: 41}, rowscan.ScanOptions{MaxOdd: 10, RangeBlocks: 3})
	if !h.Truncated() || len(h.Odd) != 10 || h.OddRows != int64(len(inserted)) {
		t.Errorf("of %d odd rows %d are kept", h.OddRows, len(h.Odd))
	}
	noneLeft(t, conn)
}

// nulls: NULL is neither 0 nor the empty text, in either kind of table, and each of the
// rows counts.
func nulls(t *testing.T, a *cluster.Node, conn *pgx.Conn) {
	exec(t, conn, `create table nulls (int_value bigint, char_value varchar);
		insert into nulls values (null, 'x'), (0, 'x'), (-7, 'x'), (null, null), (null, ''), (0, null), (0, ''), (3, null), (3, ''), (3, 'x')`)
	for serial, threes := range map[bool]string{
		false: fmt.Sprintf("w0:3/3 %s", rows.Altered),
		true:  fmt.Sprintf("w0:0/3 %s", rows.NoKey),
	} {
		h := scanned(t, a, rows.Table{Name: "nulls", Serial: serial}, rowscan.ScanOptions{})
		different := map[rows.OddRow]struct{}{}
		for _, r := range h.Odd {
			different[r] = struct{}{}
		}
		want := map[string]int{fmt.Sprintf("w0:0/-7 %s", rows.NoKey): 1, fmt.Sprintf("w0:0/0 %s", rows.NoKey): 6, threes: 3}
		if got := tell(h); !maps.Equal(got, want) || h.Rows != 10 || len(different) != 10 {
			t.Errorf("serial %t: %d rows, %d of them different, %v; want %v", serial, h.Rows, len(different), got, want)
		}
	}
}

// tag is how a payload begins.
var tag = regexp.MustCompile(`^w(0|[1-9][0-9]*):([1-9][0-9]*):`)

// keyOf is the key that a row has by the rules: in a Serial table the one in the tag,
// where both of its numbers are in bounds, else int_value, where that is positive.
func keyOf(serial bool, integer int64, value *string) record.Key {
	if !serial {
		return record.Key(max(integer, 0))
	}
	if value == nil {
		return 0
	}
	numbers := tag.FindStringSubmatch(*value)
	if numbers == nil {
		return 0
	}
	writer, err1 := strconv.ParseInt(numbers[1], 10, 64)
	seq, err2 := strconv.ParseInt(numbers[2], 10, 64)
	if err1 != nil || err2 != nil || writer >= 1<<23 || seq >= 1<<40 {
		return 0
	}
	return record.Key(writer<<40 | seq)
}

// bySelect counts what a plain select yields: what is as written by its key, and the
// rest by its key, int_value and kind.
func bySelect(t *testing.T, conn *pgx.Conn, table rows.Table) map[string]int {
	t.Helper()
	read, err := conn.Query(t.Context(), "select int_value, char_value from "+table.Name)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int{}
	var integer *int64
	var value *string
	_, err = pgx.ForEachRow(read, []any{&integer, &value}, func() error {
		number := int64(0) // NULL counts as 0
		if integer != nil {
			number = *integer
		}
		key := keyOf(table.Serial, number, value)
		switch {
		case key%(1<<40) == 0:
			all[fmt.Sprintf("%s/%d %s", key, number, rows.NoKey)]++
		case value == nil || *value != string(record.AppendPayload(nil, key, table.Payload)):
			all[fmt.Sprintf("%s/%d %s", key, number, rows.Altered)]++
		default:
			all[key.String()]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// tell is the same of a holding.
func tell(h *rows.Holding) map[string]int {
	all := map[string]int{}
	for writer, set := range h.Written {
		for i := set.Iterator(); i.HasNext(); {
			all[record.PackKey(writer, int64(i.Next())).String()]++
		}
	}
	for _, r := range h.Odd {
		if r.Why == rows.Copy {
			all[r.Key.String()]++
		} else {
			all[fmt.Sprintf("%s/%d %s", r.Key, r.Int, r.Why)]++
		}
	}
	return all
}
