package ledger

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"pgchaos/internal/regular"
	"pgchaos/record"
)

// Book is what a ledger's file says, after the run or after its end by force. It
// may be read by many at once.
type Book struct {
	// Run is the name that Create was given; "" where Damage has taken it.
	Run string
	// Closed tells that Close wrote the end: nothing can be missing behind it.
	Closed bool
	// Damage says what is not known because of blocks that cannot be read, a line
	// each; nil where the file is whole. An end torn by a kill is no damage. Who
	// judges by this book must not pass a run without showing these lines.
	Damage []string

	file     *os.File
	servers  map[uint32]Server
	accounts []*Account
}

// Account is the outcomes of the writes of one writer.
type Account struct {
	ID       int
	Workload string // "" where Damage has taken it
	// Issued is the newest number that may have been sent: 1 to Issued were used.
	Issued int64
	// The sequence numbers of each outcome; everything else in 1..Issued is OK. They
	// are the account's own: read them, clone them, do not change them.
	Weak, Failed, Unknown *roaring64.Bitmap

	// disputed are those numbers of Unknown whose entries contradict each other.
	disputed *roaring64.Bitmap
	// numbers and firsts are the index: blocks in the order of the file, and the
	// sequence number at which each begins.
	numbers []uint32
	firsts  []int64
	lates   []lateBlock
}

// lateBlock is a block with late entries, and the numbers they are about.
type lateBlock struct {
	number      uint32
	first, last int64
	least       int64 // the least first from here on
}

// Outcome is how the write of one number ended; issued is false for one that was never used.
func (a *Account) Outcome(seq int64) (outcome record.Outcome, issued bool) {
	if seq < 1 || seq > a.Issued {
		return record.Unknown, false
	}
	return a.known(seq), true
}

func (a *Account) known(seq int64) record.Outcome {
	switch s := uint64(seq); {
	case a.Unknown.Contains(s):
		return record.Unknown
	case a.Weak.Contains(s):
		return record.Weak
	case a.Failed.Contains(s):
		return record.Failed
	}
	return record.OK
}

// Count is the number of writes that ended in each outcome. Dropped is 0: what was
// not sent never got a number.
func (a *Account) Count() (n [record.Outcomes]int64) {
	n[record.Weak] = int64(a.Weak.GetCardinality())
	n[record.Failed] = int64(a.Failed.GetCardinality())
	n[record.Unknown] = int64(a.Unknown.GetCardinality())
	n[record.OK] = a.Issued - n[record.Weak] - n[record.Failed] - n[record.Unknown]
	return n
}

// Acknowledged is the number of writes that the server said yes to, be it weakly.
func (a *Account) Acknowledged() int64 {
	n := a.Count()
	return n[record.OK] + n[record.Weak]
}

// OKSet is a new set of the numbers that ended OK.
func (a *Account) OKSet() *roaring64.Bitmap {
	set := roaring64.New()
	set.AddRange(1, uint64(a.Issued)+1)
	for _, not := range []*roaring64.Bitmap{a.Weak, a.Failed, a.Unknown} {
		set.AndNot(not)
	}
	return set
}

// Writers are the accounts, by ID from 0. One is missing only where Damage has taken
// the name of a writer that never wrote.
func (b *Book) Writers() []Account {
	all := make([]Account, len(b.accounts))
	for i, a := range b.accounts {
		all[i] = *a
	}
	return all
}

// account returns a writer's account, or nil.
func (b *Book) account(writer int) *Account {
	i, ok := slices.BinarySearchFunc(b.accounts, writer, func(a *Account, id int) int { return a.ID - id })
	if !ok {
		return nil
	}
	return b.accounts[i]
}

// Close closes the file. What Entries would read is gone; the accounts stay.
func (b *Book) Close() error { return b.file.Close() }

// ErrNotLedger is returned by Open for a file without a single block of a ledger.
var ErrNotLedger = errors.New("not a ledger")

// Open reads a ledger's file once, from end to end, and checks all of it. A torn
// end is fine: what has no record is unknown. A block that cannot be read makes
// what it held unknown, and a line of Damage. An error means that the file cannot
// be read, is no ledger, or was written by another version of pgchaos.
//
// Open is for a file that nobody writes any more.
func Open(path string) (*Book, error) {
	file, err := regular.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	b := &Book{file: file, servers: make(map[uint32]Server)}
	if err := b.scan(); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", path, err), file.Close())
	}
	return b, nil
}

// damageMax bounds the lines of Damage: a file full of rubbish is no reason for a
// report without end.
const damageMax = 100
