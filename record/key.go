package record

import (
	"fmt"
	"slices"
	"strconv"
)

// Key packs a writer and its sequence number into the table's primary key: the
// writer above, the sequence below, so that a node's keys are one bigint column
// and a writer's newest row is one index probe.
type Key int64

const seqBits = 40

// MaxWriter and MaxSeq bound what a Key can hold. Sequence numbers begin at 1.
const (
	MaxWriter = 1<<(63-seqBits) - 1
	MaxSeq    = 1<<seqBits - 1
)

// PackKey makes the key of one write.
func PackKey(writer int, seq int64) Key { return Key(int64(writer)<<seqBits | seq) }

// Writer is the writer's number.
func (k Key) Writer() int { return int(k >> seqBits) }

// Seq is the writer's own sequence number.
func (k Key) Seq() int64 { return int64(k) & MaxSeq }

func (k Key) String() string { return fmt.Sprintf("w%d:%d", k.Writer(), k.Seq()) }

// AppendPayload appends the value that belongs to a key: its tag, "w3:41:", and
// filler computed from the key up to size bytes (a tag longer than size stays
// whole). So a reader can check that a row is the one that was written.
func AppendPayload(dst []byte, key Key, size int) []byte {
	start := len(dst)
	dst = append(dst, 'w')
	dst = strconv.AppendInt(dst, int64(key.Writer()), 10)
	dst = append(dst, ':')
	dst = strconv.AppendInt(dst, key.Seq(), 10)
	dst = append(dst, ':')
	const letters = "abcdefghijklmnopqrstuvwxyz012345"
	missing := size - (len(dst) - start)
	if missing <= 0 {
		return dst
	}
	dst = slices.Grow(dst, missing)
	filler := dst[len(dst) : len(dst)+missing]
	x := uint64(key)
	for len(filler) > 0 {
		// SplitMix64: each block of twelve letters depends on the whole key and its place.
		x += 0x9e3779b97f4a7c15
		z := x
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		if len(filler) < 12 {
			for i := range filler {
				filler[i] = letters[z&31]
				z >>= 5
			}
			break
		}
		// Written out, and without a test of bounds: an audit makes the value of every row again.
		b := (*[12]byte)(filler)
		b[0], b[1], b[2], b[3] = letters[z&31], letters[z>>5&31], letters[z>>10&31], letters[z>>15&31]
		b[4], b[5], b[6], b[7] = letters[z>>20&31], letters[z>>25&31], letters[z>>30&31], letters[z>>35&31]
		b[8], b[9], b[10], b[11] = letters[z>>40&31], letters[z>>45&31], letters[z>>50&31], letters[z>>55&31]
		filler = filler[12:]
	}
	return dst[:len(dst)+missing]
}

// ParseTag reads the key back from a payload; ok is false for a value that
// AppendPayload cannot have written.
func ParseTag(payload []byte) (key Key, ok bool) {
	if len(payload) == 0 || payload[0] != 'w' {
		return 0, false
	}
	writer, rest, ok := parseNumber(payload[1:], MaxWriter)
	if !ok {
		return 0, false
	}
	seq, _, ok := parseNumber(rest, MaxSeq)
	if !ok || seq == 0 {
		return 0, false
	}
	return PackKey(int(writer), seq), true
}

// parseNumber reads digits up to a colon, and returns what follows the colon. A
// number with a leading zero is none of ours.
func parseNumber(text []byte, most int64) (n int64, rest []byte, ok bool) {
	for i, c := range text {
		switch {
		case c == ':':
			return n, text[i+1:], i > 0
		case c < '0' || c > '9' || i > 0 && n == 0:
			return 0, nil, false
		}
		if n = n*10 + int64(c-'0'); n > most {
			return 0, nil, false
		}
	}
	return 0, nil, false
}
