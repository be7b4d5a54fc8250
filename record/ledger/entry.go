package ledger

import (
	"encoding/binary"
	"errors"
	"time"

	"pgchaos/record"
)

const (
	tagOutcome = 0x03
	tagLate    = 0x04
	tagServer  = 0x08
	tagLSN     = 0x10
	tagEnded   = 0x20
	tagUnused  = 0xC0

	maxEntry = 1 + 5*binary.MaxVarintLen64
)

// encoded is an entry as it stands in a block. Times are in microseconds.
type encoded struct {
	seq        int64
	outcome    record.Outcome
	late       bool // about an older number; sent is not known then
	ended      bool // done is known
	server     uint32
	lsn        uint64
	sent, done int64
}

// encode appends r to b, and moves the cursor behind it.
func (c *cursor) encode(b []byte, r *encoded) []byte {
	tag := byte(r.outcome)
	server := r.server != c.server
	if r.late {
		tag |= tagLate
		server = r.server != 0
	}
	if server {
		tag |= tagServer
	}
	if r.lsn != 0 {
		tag |= tagLSN
	}
	if r.ended {
		tag |= tagEnded
	}
	b = append(b, tag)
	if r.late {
		b = binary.AppendUvarint(b, uint64(c.next-r.seq))
		if r.ended {
			b = binary.AppendVarint(b, r.done-c.time)
		}
	} else {
		b = binary.AppendVarint(b, r.sent-c.time)
		if r.ended {
			b = binary.AppendUvarint(b, uint64(r.done-r.sent))
		}
	}
	if server {
		b = binary.AppendUvarint(b, uint64(r.server))
	}
	if r.lsn != 0 {
		b = binary.AppendVarint(b, int64(r.lsn-c.lsn))
	}
	c.pass(r)
	return b
}

// pass moves the cursor behind r; a late record leaves it where it is.
func (c *cursor) pass(r *encoded) {
	if r.late {
		return
	}
	c.next++
	c.time = r.sent
	if r.ended {
		c.time = r.done
	}
	c.server = r.server
	if r.lsn != 0 {
		c.lsn = r.lsn
	}
}

var errEntry = errors.New("an entry makes no sense")

// decode reads the entry at the start of b, moves the cursor behind it, and
// returns what follows.
func (c *cursor) decode(b []byte, r *encoded) (rest []byte, err error) {
	tag := b[0]
	f := fields{b: b[1:]}
	*r = encoded{outcome: record.Outcome(tag & tagOutcome), late: tag&tagLate != 0, ended: tag&tagEnded != 0, seq: c.next}
	if r.late {
		back := f.unsigned()
		if back < 1 || back >= uint64(c.next) {
			return nil, errEntry
		}
		r.seq -= int64(back)
		if r.ended {
			r.done = c.time + f.signed()
		}
	} else {
		r.server = c.server
		r.sent = c.time + f.signed()
		if r.ended {
			r.done = r.sent + int64(f.unsigned())
		}
	}
	if tag&tagServer != 0 {
		r.server = uint32(f.unsigned())
	}
	if tag&tagLSN != 0 {
		r.lsn = c.lsn + uint64(f.signed())
	}
	if f.bad || tag&tagUnused != 0 || r.seq > record.MaxSeq {
		return nil, errEntry
	}
	c.pass(r)
	return f.b, nil
}

// fields reads varints one after the other; bad stays set.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) unsigned() uint64 {
	if len(f.b) > 0 && f.b[0] < 0x80 { // most are of one byte
		v := uint64(f.b[0])
		f.b = f.b[1:]
		return v
	}
	v, n := binary.Uvarint(f.b)
	if n <= 0 {
		f.bad, f.b = true, nil
		return 0
	}
	f.b = f.b[n:]
	return v
}

func (f *fields) signed() int64 {
	v := f.unsigned()
	return int64(v>>1) ^ -int64(v&1)
}

// text reads a length and so many bytes.
func (f *fields) text() string {
	n := f.unsigned()
	if n > uint64(len(f.b)) {
		f.bad, f.b = true, nil
		return ""
	}
	s := string(f.b[:n])
	f.b = f.b[n:]
	return s
}

// micros is the resolution on disk. A positive time never becomes 0, which would
// mean that there is none.
func micros(d time.Duration) int64 {
	if m := d.Microseconds(); m != 0 || d <= 0 {
		return m
	}
	return 1
}

func duration(micros int64) time.Duration { return time.Duration(micros) * time.Microsecond }
