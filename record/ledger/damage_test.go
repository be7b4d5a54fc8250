package ledger

import (
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"pgchaos/internal/race"
	"pgchaos/record"
)

// resealHead makes the checksum of a block's first header right.
func resealHead(b []byte) {
	binary.LittleEndian.PutUint32(b[offCRC:], crc32.Checksum(b[:offCRC], castagnoli))
}

// never demands that a damaged file tells nothing wrong: each number is as it was
// written, or unknown with damage reported. It returns how many are unknown that
// were not.
//
//nolint:gocyclo // one demand after the other
func never(t *testing.T, data []byte, want [][]Entry) (hidden int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	b := open(t, path)
	for id := range want {
		a := b.account(id)
		issued := int64(0)
		if a != nil {
			issued = a.Issued
		}
		if issued != int64(len(want[id])) && b.Damage == nil {
			t.Fatalf("writer %d: issued %d, want %d, and no damage", id, issued, len(want[id]))
		}
		seq := int64(0)
		for e, err := range b.Entries(id, 1, record.MaxSeq) {
			seq++
			if err != nil {
				t.Fatal(err)
			}
			was := Entry{Seq: seq}
			if seq <= int64(len(want[id])) {
				was = want[id][seq-1]
			}
			if got, _ := a.Outcome(seq); got != e.Outcome {
				t.Fatalf("writer %d: %d is %v in the account, %v in its entry", id, seq, got, e.Outcome)
			}
			switch {
			case e.Outcome == record.Unknown && was.Outcome != record.Unknown:
				hidden++
			case e.Outcome != was.Outcome:
				t.Fatalf("writer %d: %d is %v, was %v", id, seq, e.Outcome, was.Outcome)
			case e.Server != was.Server && b.Damage == nil || e.LSN != was.LSN && e.Outcome != record.Unknown || e.Seq != seq:
				t.Fatalf("writer %d: %+v, was %+v", id, e, was)
			}
		}
		if seq != issued {
			t.Fatalf("writer %d: %d entries of %d", id, seq, issued)
		}
	}
	if hidden > 0 && b.Damage == nil {
		t.Fatalf("%d numbers are unknown, and no damage is reported", hidden)
	}
	return hidden
}

func TestFlippedBits(t *testing.T) {
	path, want := written(t, 2, 9000)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	blocks := len(whole) / BlockSize
	random := rand.New(rand.NewPCG(3, 3))
	hidden := 0
	flips := race.Rounds(200, 4)
	for i := range flips {
		at := random.IntN(len(whole))
		if i < flips/2 { // headers hold more than their share
			at = random.IntN(blocks)*BlockSize + random.IntN(80)
		}
		data := append([]byte(nil), whole...)
		data[at] ^= 1 << random.IntN(8)
		hidden += never(t, data, want)
	}
	if hidden == 0 {
		t.Error("nothing was ever hidden: the flips hit nothing")
	}
}

func TestLostBlocks(t *testing.T) {
	path, want := written(t, 2, race.Rounds(18_000, 2))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(whole); at += BlockSize {
		for name, spoil := range map[string]func(b []byte){
			"zeros":   func(b []byte) { clear(b) },
			"rubbish": func(b []byte) { copy(b, whole[100:]) },
			"twice":   func(b []byte) { copy(b, whole[BlockSize:2*BlockSize]) },
			// Whose it is remains known, and that its numbers were issued.
			"no payload": func(b []byte) { clear(b[offCommit:offCopy]) },
			"no words":   func(b []byte) { clear(b[offIssued : offCommit+8]) },
		} {
			data := append([]byte(nil), whole...)
			spoil(data[at : at+BlockSize])
			t.Run(name, func(t *testing.T) { never(t, data, want) })
		}
	}
	for _, end := range []int{1, BlockSize - 1, 2*BlockSize + 7, len(whole) - BlockSize} {
		path := filepath.Join(t.TempDir(), "cut")
		if err := os.WriteFile(path, whole[:end], 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := Open(path); err == nil {
			if b.Closed {
				t.Errorf("cut off at %d, and closed", end)
			}
			_ = b.Close()
		}
	}
}

// TestIssuedSurvives spoils the last block of each writer: what was issued must
// still not be foreign.
func TestIssuedSurvives(t *testing.T) {
	path, want := written(t, 1, 18_000)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := whole[len(whole)-2*BlockSize : len(whole)-BlockSize]
	for _, c := range []struct { // one on top of the other
		name  string
		spoil func()
	}{
		{"payload", func() { last[offPayload+50] ^= 4 }},
		{"payload and issued", func() { last[offIssued] ^= 4 }},
		{"commit too", func() { last[offCommit+2] ^= 4 }},
		{"first header too", func() { last[1] ^= 4 }},
	} {
		c.spoil()
		spoiled := filepath.Join(t.TempDir(), "ledger")
		if err := os.WriteFile(spoiled, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		b := open(t, spoiled)
		if n := b.account(0).Issued; n < int64(len(want[0])) || b.Damage == nil {
			t.Errorf("%s: issued %d of %d, %v", c.name, n, len(want[0]), b.Damage)
		}
	}
}

// assemble makes a file of a short description, block by block: kind, writer, next
// number (2 bytes), issued beyond it, length and payload. Its checksums are right.
func assemble(d []byte) (file []byte) {
	for number := uint32(0); len(d) >= 6 && number < 16; number++ {
		b := make([]byte, BlockSize)
		h := header{kind: kind(d[0] % 5), number: number, writer: uint32(d[1] % 4), start: cursor{next: int64(binary.LittleEndian.Uint16(d[2:]))}}
		h.put(b)
		payload := d[6:min(len(d), 6+int(d[5]))]
		copy(b[offPayload:], payload)
		binary.LittleEndian.PutUint64(b[offIssued:], issuedWord(h.start.next+int64(d[4])-1, h.crc))
		binary.LittleEndian.PutUint64(b[offCommit:], commitWord(len(payload), crc32.Update(h.crc, castagnoli, payload)))
		file = append(file, b...)
		d = d[6+len(payload):]
	}
	return file
}

// FuzzOpen gives the decoder what no writer wrote: files of any bytes, and files
// whose checksums are right, since nothing behind them would ever be reached else.
func FuzzOpen(f *testing.F) {
	names := "\x01\x00\x01\x00\x00\x0c" + "r\x03run" + "w\x05\x00load"
	f.Add([]byte("PGCL"), false)
	f.Add([]byte(names), true)
	f.Add([]byte(names+"\x02\x00\x01\x00\x03\x0a"+"\x01\x02\x21\x02\x04\x00\x08\x05\x01\x01"), true)
	f.Add([]byte(names+"\x02\x00\x01\x00\x03\x02\x00\x08"+"\x02\x00\x05\x00\x01\x02\x06\x04"+"\x03\x00\x01\x00\x00\x00"), true)
	f.Fuzz(func(t *testing.T, data []byte, sealed bool) {
		if sealed {
			data = assemble(data)
		}
		path := filepath.Join(t.TempDir(), "ledger")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := Open(path)
		if err != nil {
			return
		}
		for _, a := range b.Writers() {
			seq := int64(0)
			for e, err := range b.Entries(a.ID, 1, record.MaxSeq) {
				seq++
				if got, _ := a.Outcome(seq); err != nil || e.Seq != seq || got != e.Outcome || e.Outcome > record.Failed {
					t.Fatalf("%v, %+v, want number %d, %v", err, e, seq, got)
				}
			}
			if seq != a.Issued {
				t.Fatalf("%d entries of %d", seq, a.Issued)
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
