package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// BlockSize is the size of each block of a ledger's file, in bytes.
const BlockSize = 64 << 10

const (
	magic   = "PGCL"
	version = 2

	offCRC     = 44
	headSize   = 48 // the constant part, its checksum included
	offIssued  = 48
	offSent    = 56
	offCommit  = 64
	offPayload = 72
	offCopy    = BlockSize - headSize
	payloadMax = offCopy - offPayload

	// minEntry is the least that one sequence number takes: a tag and a time.
	minEntry = 2
	// maxPerBlock bounds what one block can be about, and so how much its loss can hide.
	maxPerBlock = payloadMax / minEntry

	commitMark = 0x5AA5 // a committed block's word is never 0
)

type kind uint8

const (
	kindNames  kind = 1
	kindWrites kind = 2
	kindEnd    kind = 3
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// cursor is what the next entry of a block counts from. A header holds one, so
// that a block can be read alone.
type cursor struct {
	next   int64 // sequence number of the next entry that tells none
	time   int64 // microseconds
	lsn    uint64
	server uint32
}

// header is the constant part of a block.
type header struct {
	kind   kind
	number uint32
	writer uint32
	start  cursor
	crc    uint32 // as put writes it, and as parseHeader read it
}

// put lays the header down, twice, and commits an empty payload.
func (h *header) put(b []byte) {
	copy(b, magic)
	b[4], b[5] = version, byte(h.kind)
	binary.LittleEndian.PutUint32(b[8:], h.number)
	binary.LittleEndian.PutUint32(b[12:], h.writer)
	binary.LittleEndian.PutUint64(b[16:], uint64(h.start.next))
	binary.LittleEndian.PutUint64(b[24:], uint64(h.start.time))
	binary.LittleEndian.PutUint64(b[32:], h.start.lsn)
	binary.LittleEndian.PutUint32(b[40:], h.start.server)
	h.crc = crc32.Checksum(b[:offCRC], castagnoli)
	binary.LittleEndian.PutUint32(b[offCRC:], h.crc)
	copy(b[offCopy:], b[:headSize])
	binary.LittleEndian.PutUint64(b[offIssued:], issuedWord(h.start.next-1, h.crc))
	binary.LittleEndian.PutUint64(b[offCommit:], commitWord(0, h.crc))
}

var errVersion = errors.New("written by another version of pgchaos")

// parseHeader reads the header of block number, from its copy where the first is
// spoiled. ErrVersion is the only error that tells more than that there is none.
func parseHeader(b []byte, number uint32) (h header, err error) {
	for _, at := range [...]int{0, offCopy} {
		if h, err = parseHead(b[at:at+headSize], number); err == nil || errors.Is(err, errVersion) {
			return h, err
		}
	}
	return header{}, err
}

func parseHead(b []byte, number uint32) (header, error) {
	crc := binary.LittleEndian.Uint32(b[offCRC:])
	if string(b[:4]) != magic || crc32.Checksum(b[:offCRC], castagnoli) != crc {
		return header{}, errors.New("no header")
	}
	if b[4] != version {
		return header{}, fmt.Errorf("version %d: %w", b[4], errVersion)
	}
	h := header{
		kind:   kind(b[5]),
		number: binary.LittleEndian.Uint32(b[8:]),
		writer: binary.LittleEndian.Uint32(b[12:]),
		start: cursor{
			next:   int64(binary.LittleEndian.Uint64(b[16:])),
			time:   int64(binary.LittleEndian.Uint64(b[24:])),
			lsn:    binary.LittleEndian.Uint64(b[32:]),
			server: binary.LittleEndian.Uint32(b[40:]),
		},
		crc: crc,
	}
	if h.number != number {
		return header{}, fmt.Errorf("header of block %d", h.number)
	}
	// What the blocks before this one cannot have held was never written: without
	// this bound a forged header could ask for a set of 2^40 unknown numbers.
	if h.start.next < 1 || h.start.next > int64(number)*(maxPerBlock+1)+1 {
		return header{}, fmt.Errorf("sequence number %d is out of reach", h.start.next)
	}
	return h, nil
}

// payload returns the entries that block b commits to.
func (h *header) payload(b []byte) ([]byte, error) {
	word := binary.LittleEndian.Uint64(b[offCommit:])
	length := int(word & 0xffff)
	if length > payloadMax {
		return nil, errors.New("its length is out of bounds")
	}
	p := b[offPayload : offPayload+length]
	if word != commitWord(length, crc32.Update(h.crc, castagnoli, p)) {
		return nil, errors.New("its checksum does not match")
	}
	return p, nil
}

func commitWord(length int, crc uint32) uint64 {
	return uint64(length) | commitMark<<16 | uint64(crc)<<32
}

// golden spreads every bit of a number over the upper bits of the product.
const golden = 0x9E3779B97F4A7C15

// issuedWord is the newest issued number with a check, which depends on the block.
// It is one word, because Next changes it without touching the commit word.
func issuedWord(seq int64, salt uint32) uint64 {
	check := ((uint64(seq) ^ uint64(salt)<<16) * golden) >> 40
	return uint64(seq) | check<<40
}

func parseIssued(word uint64, salt uint32) (seq int64, ok bool) {
	seq = int64(word & (1<<40 - 1))
	return seq, issuedWord(seq, salt) == word
}

// sentWord is the time at which number seq was issued. The check covers seq: a
// process killed between this word and the issued one leaves a time that fits no
// number, and is unknown.
func sentWord(micros, seq int64, salt uint32) uint64 {
	micros &= 1<<48 - 1
	check := ((uint64(micros) ^ uint64(salt)<<16 ^ bits.RotateLeft64(uint64(seq)*golden, 32)) * golden) >> 48
	return uint64(micros) | check<<48
}

func parseSent(word uint64, seq int64, salt uint32) (micros int64, ok bool) {
	micros = int64(word & (1<<48 - 1))
	return micros, sentWord(micros, seq, salt) == word
}

// page is a block while it is written: mapped, so that a store is in the file.
type page struct {
	mem  []byte // nil: none
	used int    // of the payload
	salt uint32 // the header's checksum
	crc  uint32
}

func (p *page) fits(n int) bool { return p.mem != nil && p.used+n <= payloadMax }

// add appends an entry that fits. It is in the file when add returns.
func (p *page) add(entry []byte) {
	p.crc = crc32.Update(p.crc, castagnoli, entry)
	copy(p.mem[offPayload+p.used:], entry)
	p.used += len(entry)
	p.store(offCommit, commitWord(p.used, p.crc))
}

// issue notes that number seq is in use since micros.
func (p *page) issue(seq, micros int64) {
	binary.LittleEndian.PutUint64(p.mem[offSent:], sentWord(micros, seq, p.salt)) // its check covers half a store
	p.store(offIssued, issuedWord(seq, p.salt))
}

// store puts an aligned word into the file as one store, in the order of the program:
// a process that is killed leaves no word half written, and none before an entry that it commits to.
func (p *page) store(off int, word uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], word)
	atomic.StoreUint64((*uint64)(unsafe.Pointer(&p.mem[off])), binary.NativeEndian.Uint64(b[:]))
}
