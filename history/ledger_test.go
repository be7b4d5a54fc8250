package history

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

func TestKey(t *testing.T) {
	for _, c := range []struct {
		writer int
		seq    int64
		text   string
	}{
		{0, 1, "w0:1"},
		{3, 41, "w3:41"},
		{MaxWriter, MaxSeq, "w8388607:1099511627775"},
	} {
		k := PackKey(c.writer, c.seq)
		if k.Writer() != c.writer || k.Seq() != c.seq || k.String() != c.text || k < 0 {
			t.Errorf("w%d:%d packs to %d, %v", c.writer, c.seq, int64(k), k)
		}
	}
	if PackKey(1, MaxSeq) >= PackKey(2, 0) {
		t.Error("a writer's keys are not a range")
	}
}

func TestPayload(t *testing.T) {
	for _, size := range []int{0, 5, 6, 7, 18, 19, 64, 1000} {
		value := AppendPayload([]byte("before"), PackKey(3, 41), size)[len("before"):]
		if want := max(size, len("w3:41:")); len(value) != want {
			t.Errorf("size %d: %d bytes", size, len(value))
		}
		if !bytes.HasPrefix(value, []byte("w3:41:")) || !bytes.HasPrefix(AppendPayload(nil, PackKey(3, 41), 2000), value) {
			t.Errorf("size %d: %s", size, value)
		}
	}
	if bytes.Equal(AppendPayload(nil, PackKey(3, 41), 40)[6:], AppendPayload(nil, PackKey(3, 42), 40)[6:]) {
		t.Error("two keys have the same filler")
	}
}

// TestPayloadBytes: the bytes of a key are for ever, as a table can outlive the
// program that wrote it.
func TestPayloadBytes(t *testing.T) {
	for _, c := range []struct {
		key  Key
		size int
		want string
	}{
		{PackKey(0, 1), 0, "w0:1:"},
		{PackKey(3, 41), 17, "w3:41:npgqizbkfau"},
		{PackKey(3, 41), 18, "w3:41:npgqizbkfaux"},
		{PackKey(3, 41), 64, "w3:41:npgqizbkfauxk0dmwupgikyc3jxlveh1feupkhmrqeo1rdlnqjqendrkld"},
		{PackKey(MaxWriter, MaxSeq), 48, "w8388607:1099511627775:hvhhaxukx4zuhk4fiacibadeq"},
	} {
		if got := string(AppendPayload(nil, c.key, c.size)); got != c.want {
			t.Errorf("%v with %d bytes is %q, want %q", c.key, c.size, got, c.want)
		}
	}
}

// BenchmarkPayload makes the value of a row of an experiment.
func BenchmarkPayload(b *testing.B) {
	var value []byte
	b.ReportAllocs()
	for i := int64(1); b.Loop(); i++ {
		value = AppendPayload(value[:0], PackKey(3, i), 64)
	}
}

func TestParseTagRejects(t *testing.T) {
	for _, text := range []string{
		"", "w", "w:", "w1", "w1:", "w1:2", "w1::", "w:1:", "x1:2:", "W1:2:", "w1:0:", "w-1:2:", "w1:+2:", " w1:2:", "w1: 2:",
		"w8388608:1:", "w1:1099511627776:", "w99999999999999999999:1:", "w1:99999999999999999999:",
		"w01:2:", "w1:02:", "w00:1:",
	} {
		if key, ok := ParseTag([]byte(text)); ok {
			t.Errorf("%q is read as %v", text, key)
		}
	}
}

// FuzzParseTag: whatever is read as a key would be written with that very tag.
func FuzzParseTag(f *testing.F) {
	for _, seed := range []string{"w3:41:abc", "w0:1:", "w8388607:1099511627775:", "w01:1:", "w1:1", "w:1:", "w1:00000000000000000000001:"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		key, ok := ParseTag(payload)
		if !ok {
			return
		}
		if key.Seq() < 1 || key.Writer() < 0 || key < 0 {
			t.Fatalf("%q is read as %v", payload, key)
		}
		if tag := AppendPayload(nil, key, 0); !bytes.HasPrefix(payload, tag) {
			t.Fatalf("%q is read as %v, which is written %q", payload, key, tag)
		}
	})
}

// FuzzPayload: every key is read back from its payload.
func FuzzPayload(f *testing.F) {
	f.Add(0, int64(1), 0)
	f.Add(MaxWriter, int64(MaxSeq), 100)
	f.Fuzz(func(t *testing.T, writer int, seq int64, size int) {
		key := PackKey(writer&MaxWriter, max(1, seq&MaxSeq))
		if got, ok := ParseTag(AppendPayload(nil, key, size&0xffff)); !ok || got != key {
			t.Fatalf("%v is read as %v, %v", key, got, ok)
		}
	})
}

func TestRuns(t *testing.T) {
	const ms = time.Millisecond
	type record struct {
		outcome Outcome
		node    string
		at      time.Duration
	}
	for _, c := range []struct {
		why     string
		records []record // sequence numbers 1, 2, ...; Unknown: never recorded
		want    []Run
	}{
		{"nothing", nil, nil},
		{"acknowledgements of one node make one run", []record{{OK, "a", 1 * ms}, {OK, "a", 2 * ms}, {OK, "a", 3 * ms}},
			[]Run{{1, 3, OK, "a", 1 * ms, 3 * ms}}},
		{"another outcome ends it", []record{{OK, "a", 1 * ms}, {Weak, "a", 2 * ms}, {OK, "a", 3 * ms}},
			[]Run{{1, 1, OK, "a", 1 * ms, 1 * ms}, {2, 2, Weak, "a", 2 * ms, 2 * ms}, {3, 3, OK, "a", 3 * ms, 3 * ms}}},
		{"another node ends it", []record{{OK, "a", 1 * ms}, {OK, "b", 2 * ms}},
			[]Run{{1, 1, OK, "a", 1 * ms, 1 * ms}, {2, 2, OK, "b", 2 * ms, 2 * ms}}},
		{"what was given up on leaves a gap", []record{{OK, "a", 1 * ms}, {outcome: Unknown}, {OK, "a", 3 * ms}},
			[]Run{{1, 1, OK, "a", 1 * ms, 1 * ms}, {3, 3, OK, "a", 3 * ms, 3 * ms}}},
		{"a run covers less than its span of time", []record{{OK, "a", 0}, {OK, "a", runSpan - 1}, {OK, "a", runSpan}},
			[]Run{{1, 2, OK, "a", 0, runSpan - 1}, {3, 3, OK, "a", runSpan, runSpan}}},
	} {
		w := NewLedger().AddWriter("writes")
		for _, r := range c.records {
			w.Record(w.Next(), r.outcome, r.node, r.at)
		}
		if !reflect.DeepEqual(w.Runs, c.want) {
			t.Errorf("%s: %+v, want %+v", c.why, w.Runs, c.want)
		}
	}
}

// TestUnknownByDefault: a number that was issued and never recorded is unknown, one
// that was not issued is nobody's.
func TestUnknownByDefault(t *testing.T) {
	l := NewLedger()
	l.AddWriter("other")
	w := l.AddWriter("writes")
	for seq := int64(1); seq <= 10; seq++ {
		if got := w.Next(); got != seq {
			t.Fatalf("number %d was issued as %d", seq, got)
		}
		switch seq {
		case 1, 2, 3, 6:
			w.Record(seq, OK, "a", time.Duration(seq))
		case 7:
			w.Record(seq, Failed, "a", time.Duration(seq))
		case 8:
			w.Record(seq, Unknown, "a", time.Duration(seq))
		}
	}
	want := []Outcome{OK, OK, OK, Unknown, Unknown, OK, Failed, Unknown, Unknown, Unknown}
	for i, outcome := range want {
		run, issued := w.Lookup(int64(i) + 1)
		if !issued || run.Outcome != outcome || run.First > int64(i)+1 || run.Last < int64(i)+1 {
			t.Errorf("number %d: %+v, %v", i+1, run, issued)
		}
	}
	for _, seq := range []int64{-1, 0, 11} {
		if run, issued := w.Lookup(seq); issued {
			t.Errorf("number %d was issued: %+v", seq, run)
		}
	}
	if n := l.Count(); n != [Outcomes]int64{Unknown: 5, OK: 4, Failed: 1} {
		t.Errorf("counts %v", n)
	}
	if ids := l.Writers(); ids[0].ID != 0 || ids[1].ID != 1 || ids[1].Workload != "writes" {
		t.Errorf("writers %+v", ids)
	}
}
