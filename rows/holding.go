package rows

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"slices"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"pgchaos/record"
	"pgchaos/verdict"
)

// Holding is what one node holds of a table: as sets of numbers the rows that are
// exactly as they were written, and apart every other row. It takes a few bits a
// row, and depends neither on the order in which the rows were read nor on the
// process that read them, so that the holdings of two nodes can be compared.
//
// It says what is there. What was written, and so whether a row that is as its key
// demands was ever attempted, the ledger knows.
//
// Make it with NewHolding, Add every row, Merge parts that were read apart, and
// Seal it. Not for concurrent use. A node that could not be read has no Holding:
// an empty one says that the table is empty.
type Holding struct {
	// Rows is the number of rows, exactly: each is in Written or counted in OddRows.
	Rows int64
	// Written are the sequence numbers, a set for each writer, of which a row is
	// there with exactly the content that belongs to it. A writer without any has no set.
	Written map[int]*roaring64.Bitmap
	// Serials are, for a Serial table alone, sums over the int_values of the rows
	// that are as written, second copies too: one for each SerialBucket of keys that
	// has any, under its number. The content of a row does not tell them. Where two
	// nodes have the same rows in a bucket, and the sums differ, so do int_values (and
	// where the sums are equal, they are, but for one chance in 2^64).
	Serials map[int64]uint64
	// Odd are rows that are not as written, in the order of their keys, as many as
	// were kept.
	Odd []OddRow
	// OddRows is how many there are. Where it is more than len(Odd), the others are
	// not known: see Truncated.
	OddRows int64

	table    Table
	maxOdd   int
	expected []byte // the content that belongs to the key at hand
}

// SerialBucket is how many sequence numbers of a writer share a sum in Serials: the
// bucket of a key is int64(key) / SerialBucket.
const SerialBucket = 1 << 14

// MaxOdd is how many odd rows a Holding keeps by default.
const MaxOdd = 100_000

// OddRow is a row that is not as written.
type OddRow struct {
	Why OddWhy
	// Key is what the row says it is: of a Serial table the key in its tag, otherwise
	// its int_value; 0 where that is none or negative.
	Key record.Key
	// Int is int_value, 0 for NULL. For a Copy it is 0 in a Serial table, because it
	// is chance which of two copies is read first: see Holding.Serials.
	Int int64
	// Digest is the beginning of a SHA-256 over char_value, and over which of the two
	// values are NULL.
	Digest [16]byte
}

// OddWhy is what is odd about a row. The zero value is none of them.
type OddWhy uint8

// What is odd about a row, the first of them that holds.
const (
	_ OddWhy = iota
	// NoKey: it has no key, or one that no write can have (sequence number 0). The
	// row is foreign.
	NoKey
	// Altered: its content is not the one that belongs to its key. The row is
	// corrupted if the key was attempted, else foreign. There may be another row with
	// the same key, as written or not.
	Altered
	// Copy: it is as written, and so is another row with the same key.
	Copy
)

func (w OddWhy) String() string {
	switch w {
	case NoKey:
		return "without a key"
	case Altered:
		return "altered"
	case Copy:
		return "a second copy"
	default:
		return "unknown"
	}
}

// NewHolding returns a Holding without rows, which will keep at most maxOdd odd
// ones; 0 stands for MaxOdd.
func NewHolding(t Table, maxOdd int) *Holding {
	h := &Holding{Written: map[int]*roaring64.Bitmap{}, table: t, maxOdd: cmp.Or(maxOdd, MaxOdd)}
	if t.Serial {
		h.Serials = map[int64]uint64{}
	}
	return h
}

// Add counts one row in: its int_value, null where that is NULL, and its
// char_value, nil where that is NULL. It keeps nothing of value.
func (h *Holding) Add(integer int64, null bool, value []byte) {
	h.Rows++
	if null {
		integer = 0
	}
	key := record.Key(max(integer, 0))
	if h.table.Serial {
		key, _ = record.ParseTag(value)
	}
	if key.Seq() == 0 {
		h.addOdd(NoKey, key, integer, null, value)
		return
	}
	h.expected = record.AppendPayload(h.expected[:0], key, h.table.Payload)
	if !bytes.Equal(value, h.expected) {
		h.addOdd(Altered, key, integer, null, value)
		return
	}
	if h.table.Serial {
		h.Serials[int64(key)/SerialBucket] += mix(uint64(key) ^ mix(uint64(integer)))
	}
	if !h.writer(key.Writer()).CheckedAdd(uint64(key.Seq())) {
		h.addCopy(key)
	}
}

// mix is a permutation of the numbers (SplitMix64's), so that sums over it tell
// one set of them from another.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (h *Holding) writer(number int) *roaring64.Bitmap {
	set := h.Written[number]
	if set == nil {
		set = roaring64.New()
		h.Written[number] = set
	}
	return set
}

// addCopy adds a row that is as written, and of which there is one already.
func (h *Holding) addCopy(key record.Key) {
	var integer int64
	if !h.table.Serial {
		integer = int64(key)
	}
	h.expected = record.AppendPayload(h.expected[:0], key, h.table.Payload)
	h.addOdd(Copy, key, integer, false, h.expected)
}

func (h *Holding) addOdd(why OddWhy, key record.Key, integer int64, null bool, value []byte) {
	h.OddRows++
	if len(h.Odd) < h.maxOdd {
		h.Odd = append(h.Odd, OddRow{Why: why, Key: key, Int: integer, Digest: digest(null, value)})
	}
}

func digest(null bool, value []byte) (d [16]byte) {
	nulls := byte(0)
	if null {
		nulls |= 1
	}
	if value == nil {
		nulls |= 2
	}
	hash := sha256.New()
	_, _ = hash.Write([]byte{nulls}) // a hash never fails
	_, _ = hash.Write(value)
	copy(d[:], hash.Sum(nil))
	return d
}

// Merge adds the rows of a part that was read apart, of the same table. The part
// must not be used afterwards.
func (h *Holding) Merge(part *Holding) {
	h.Rows += part.Rows
	for number, set := range part.Written {
		h.mergeWriter(number, set)
	}
	for bucket, sum := range part.Serials {
		h.Serials[bucket] += sum
	}
	h.OddRows += part.OddRows
	h.Odd = append(h.Odd, part.Odd[:min(len(part.Odd), h.maxOdd-len(h.Odd))]...)
}

func (h *Holding) mergeWriter(number int, set *roaring64.Bitmap) {
	set.RunOptimize()
	mine := h.Written[number]
	if mine == nil {
		h.Written[number] = set
		return
	}
	if mine.Intersects(set) {
		both := roaring64.And(mine, set)
		for i := both.Iterator(); i.HasNext(); {
			h.addCopy(record.PackKey(number, int64(i.Next())))
		}
	}
	mine.Or(set)
}

// Seal brings the Holding into its final form when all rows are in it.
func (h *Holding) Seal() {
	for _, set := range h.Written {
		set.RunOptimize()
	}
	slices.SortFunc(h.Odd, func(a, b OddRow) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Why, b.Why), cmp.Compare(a.Int, b.Int), bytes.Compare(a.Digest[:], b.Digest[:]))
	})
}

// Truncated tells whether there are more odd rows than are known. A key that is
// nowhere in a truncated Holding may still be there, altered.
func (h *Holding) Truncated() bool { return h.OddRows > int64(len(h.Odd)) }

// Equal tells whether two sealed Holdings of one table, of two nodes, are of the
// same rows with the same content. It passes only where all rows are known: two of
// which one is truncated are unequal where that shows, otherwise inconclusive.
func (h *Holding) Equal(other *Holding) verdict.Verdict {
	switch {
	case h.Rows != other.Rows || h.OddRows != other.OddRows || len(h.Written) != len(other.Written) || len(h.Serials) != len(other.Serials):
		return verdict.Fail
	case !h.sameWritten(other):
		return verdict.Fail
	case h.Truncated() || other.Truncated():
		return verdict.Inconclusive
	case !slices.Equal(h.Odd, other.Odd):
		return verdict.Fail
	}
	return verdict.Pass
}

func (h *Holding) sameWritten(other *Holding) bool {
	for number, set := range h.Written {
		if theirs := other.Written[number]; theirs == nil || !set.Equals(theirs) {
			return false
		}
	}
	for bucket, sum := range h.Serials {
		if theirs, ok := other.Serials[bucket]; !ok || theirs != sum {
			return false
		}
	}
	return true
}
