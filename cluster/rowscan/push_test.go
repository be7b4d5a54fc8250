package rowscan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"pgchaos/internal/race"
)

// pushed is a row of a COPY of two columns.
type pushed struct {
	integer int64
	null    bool
	value   []byte // nil: NULL
}

func pushCopy(rows ...pushed) []byte {
	b := append([]byte{}, signature...)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	for _, r := range rows {
		b = binary.BigEndian.AppendUint16(b, 2)
		if r.null {
			b = binary.BigEndian.AppendUint32(b, 0xffffffff)
		} else {
			b = binary.BigEndian.AppendUint32(b, 8)
			b = binary.BigEndian.AppendUint64(b, uint64(r.integer))
		}
		if r.value == nil {
			b = binary.BigEndian.AppendUint32(b, 0xffffffff)
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(r.value)))
		b = append(b, r.value...)
	}
	return binary.BigEndian.AppendUint16(b, 0xffff)
}

// pushAll writes the text in pieces of a size, and returns the rows.
func pushAll(text []byte, piece int) (rows []pushed, err error) {
	d := pushDecoder{row: func(integer int64, null bool, value []byte) {
		if value != nil {
			value = append([]byte{}, value...)
		}
		rows = append(rows, pushed{integer, null, value})
	}}
	for len(text) > 0 {
		n := min(piece, len(text))
		p := bytes.Clone(text[:n]) // the writer uses it again
		if _, err := d.Write(p); err != nil {
			return rows, err
		}
		clear(p)
		text = text[n:]
	}
	return rows, d.end()
}

func samePushed(a, b []pushed) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].integer != b[i].integer || a[i].null != b[i].null || (a[i].value == nil) != (b[i].value == nil) || !bytes.Equal(a[i].value, b[i].value) {
			return false
		}
	}
	return true
}

func TestPushDecoder(t *testing.T) {
	rows := []pushed{
		{integer: -5, value: []byte("w1:2:x")},
		{null: true, value: []byte{}},
		{integer: 1 << 40},
		{integer: 3, value: bytes.Repeat([]byte("long"), race.Rounds(50_000, 3))},
		{integer: 4, value: []byte("short again")},
	}
	text := pushCopy(rows...)
	for _, piece := range []int{1, 2, 7, 19, 100, 65536, len(text)} {
		if got, err := pushAll(text, piece); err != nil || !samePushed(got, rows) {
			t.Errorf("in pieces of %d: %d rows, %v", piece, len(got), err)
		}
	}
	for cut := range pushCopy(rows[:3]...) {
		if _, err := pushAll(text[:cut], 50); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut after %d bytes: %v", cut, err)
		}
	}
	withFlags := pushCopy()
	withFlags[12] = 1
	withExtension := append(append([]byte{}, signature...), 0, 0, 0, 0, 0, 0, 0, 3, 'a', 'b', 'c', 0xff, 0xff)
	if got, err := pushAll(withExtension, 5); err != nil || len(got) != 0 {
		t.Errorf("with an extension: %d rows, %v", len(got), err)
	}
	row := pushCopy(rows[0])[:19]
	for why, broken := range map[string][]byte{
		"another beginning":     []byte("PGCOPX\n"),
		"a critical flag":       withFlags,
		"a broken extension":    append(append([]byte{}, signature...), 0, 0, 0, 0, 0xff, 0, 0, 0),
		"data after the end":    append(pushCopy(), 0),
		"a row after the end":   append(pushCopy(), pushCopy(rows[0])[19:]...),
		"three fields":          append(bytes.Clone(row), 0, 3),
		"a bigint of 4 bytes":   append(bytes.Clone(row), 0, 2, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0),
		"a field of -2 bytes":   append(bytes.Clone(row), 0, 2, 0xff, 0xff, 0xff, 0xfe),
		"a field of many bytes": append(bytes.Clone(row), 0, 2, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff),
	} {
		if _, err := pushAll(broken, 4); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestPushDecoderAllocatesNothing(t *testing.T) {
	text := pushCopy(pushed{integer: 1, value: bytes.Repeat([]byte("x"), 64)})
	row := text[19 : len(text)-2]
	d := pushDecoder{row: func(int64, bool, []byte) {}}
	if _, err := d.Write(text[:19]); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := d.Write(row); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a row", n)
	}
}

func FuzzPushDecoder(f *testing.F) {
	f.Add(pushCopy(pushed{integer: 2, value: []byte("w0:1:")}, pushed{null: true}), uint16(3))
	f.Add([]byte("PGCOPY\n"), uint16(1))
	f.Add(append(append([]byte{}, signature...), 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff), uint16(100))
	f.Fuzz(func(t *testing.T, text []byte, piece uint16) {
		rows, err := pushAll(text, int(piece)+1)
		whole, wholeErr := pushAll(text, max(1, len(text)))
		if (err == nil) != (wholeErr == nil) || !samePushed(rows, whole) {
			t.Fatalf("in pieces: %d rows, %v; at once: %d rows, %v", len(rows), err, len(whole), wholeErr)
		}
		if err != nil {
			return
		}
		again, err := pushAll(pushCopy(rows...), int(piece)+1)
		if err != nil || !samePushed(rows, again) {
			t.Errorf("%d rows became %d: %v", len(rows), len(again), err)
		}
	})
}
