package record

import (
	"bytes"
	"testing"
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
