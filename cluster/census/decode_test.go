package census

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"pgchaos/check"
	"pgchaos/history"
)

// copyOf builds a binary COPY; a nil Value is NULL.
func copyOf(rows ...check.Row) []byte {
	b := append([]byte{}, signature...)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	for _, r := range rows {
		b = binary.BigEndian.AppendUint16(b, 3)
		for _, v := range []int64{int64(r.Key), r.Int} {
			b = binary.BigEndian.AppendUint32(b, 8)
			b = binary.BigEndian.AppendUint64(b, uint64(v))
		}
		if r.Value == nil {
			b = binary.BigEndian.AppendUint32(b, 0xffffffff)
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(r.Value)))
		b = append(b, r.Value...)
	}
	return binary.BigEndian.AppendUint16(b, 0xffff)
}

// decodeAll returns copies of all rows.
func decodeAll(in io.Reader) (rows []check.Row, err error) {
	d := newDecoder(in)
	for {
		row, err := d.next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		if row.Value != nil {
			row.Value = append([]byte{}, row.Value...)
		}
		rows = append(rows, row)
	}
}

func same(a, b []check.Row) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Key != b[i].Key || a[i].Int != b[i].Int || (a[i].Value == nil) != (b[i].Value == nil) || !bytes.Equal(a[i].Value, b[i].Value) {
			return false
		}
	}
	return true
}

func TestDecoder(t *testing.T) {
	rows := []check.Row{
		{Key: 0, Int: -5},
		{Key: history.PackKey(1, 2), Int: 3, Value: []byte("w1:2:x")},
		{Key: history.PackKey(1, 3), Int: 4, Value: []byte{}},
		{Key: history.PackKey(1, 4), Int: 5, Value: bytes.Repeat([]byte("long"), 50000)},
		{Key: history.PackKey(1, 5), Int: 6, Value: []byte("short again")},
	}
	text := copyOf(rows...)
	got, err := decodeAll(iotest.OneByteReader(bytes.NewReader(text)))
	if err != nil || !same(got, rows) {
		t.Errorf("got %d rows, %v", len(got), err)
	}
	for cut := range copyOf(rows[:3]...) {
		if _, err := decodeAll(bytes.NewReader(text[:cut])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut after %d bytes: %v", cut, err)
		}
	}
	if _, err := decodeAll(bytes.NewReader(append(text, 0))); err == nil {
		t.Error("data after the end were accepted")
	}
	broken := errors.New("broken")
	if _, err := decodeAll(io.MultiReader(bytes.NewReader(text[:30]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("the reader's error became %v", err)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add(copyOf(check.Row{Key: 1, Int: 2, Value: []byte("w0:1:")}, check.Row{}))
	f.Add([]byte("PGCOPY\n"))
	f.Add(append(append([]byte{}, signature...), 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff))
	f.Fuzz(func(t *testing.T, text []byte) {
		rows, err := decodeAll(bytes.NewReader(text))
		if err != nil {
			return
		}
		again, err := decodeAll(bytes.NewReader(copyOf(rows...)))
		if err != nil || !same(rows, again) {
			t.Errorf("%d rows became %d: %v", len(rows), len(again), err)
		}
	})
}
