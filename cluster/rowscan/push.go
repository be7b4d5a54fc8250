package rowscan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// signature begins every binary COPY (PostgreSQL's manual, COPY, binary format).
var signature = []byte("PGCOPY\n\xff\r\n\x00")

// maxField bounds one value: PostgreSQL's own bound is 1 GB.
const maxField = 1 << 30

// pushDecoder decodes a binary COPY of (int_value bigint, char_value text) that is
// written to it, in pieces of any size, and hands each row to row: without a copy
// where a piece holds whole rows, as PostgreSQL's messages do. The value is nil for
// NULL, and valid during the call alone.
type pushDecoder struct {
	row func(integer int64, null bool, value []byte)

	started bool // the header has been read
	ended   bool // the trailer has been read
	rest    []byte
}

// keptRest bounds the memory that is kept after a row that came in pieces.
const keptRest = 1 << 16

// Write decodes as many whole rows as there are. After an error it must not be
// called again.
func (d *pushDecoder) Write(p []byte) (int, error) {
	data := p
	if len(d.rest) > 0 {
		d.rest = append(d.rest, p...)
		data = d.rest
	}
	n, err := d.decode(data)
	if err != nil {
		return 0, fmt.Errorf("decode COPY: %w", err)
	}
	if n == len(data) && cap(d.rest) > keptRest {
		d.rest = nil
	}
	d.rest = append(d.rest[:0], data[n:]...)
	return len(p), nil
}

// end tells whether what was written is a whole COPY.
func (d *pushDecoder) end() error {
	if !d.ended || len(d.rest) > 0 {
		return fmt.Errorf("decode COPY: it breaks off: %w", io.ErrUnexpectedEOF)
	}
	return nil
}

// decode takes the header, whole rows and the trailer off the beginning of data, and
// returns how long they are.
func (d *pushDecoder) decode(data []byte) (n int, err error) {
	if !d.started {
		n, err = headerSize(data)
		if err != nil || n == 0 {
			return 0, err
		}
		d.started = true
	}
	for n < len(data) {
		if d.ended {
			return n, errors.New("data after its end")
		}
		size, err := d.decodeRow(data[n:])
		if err != nil || size == 0 {
			return n, err
		}
		n += size
	}
	return n, nil
}

// headerSize is the length of the signature, the flags and the extension, which
// nothing fills yet; 0 where data does not hold all of it.
func headerSize(data []byte) (int, error) {
	known := min(len(data), len(signature))
	if !bytes.Equal(data[:known], signature[:known]) {
		return 0, fmt.Errorf("it begins with %q", data[:known])
	}
	if len(data) < 19 {
		return 0, nil
	}
	flags := binary.BigEndian.Uint32(data[11:])
	if flags&0xffff0000 != 0 { // the upper half are critical ones
		return 0, fmt.Errorf("unknown critical flags %#x", flags)
	}
	extension := int32(binary.BigEndian.Uint32(data[15:]))
	if extension < 0 || extension > maxField {
		return 0, fmt.Errorf("an extension of %d bytes", extension)
	}
	if len(data) < 19+int(extension) {
		return 0, nil
	}
	return 19 + int(extension), nil
}

// decodeRow takes one row, or the trailer, off the beginning of data, and returns
// its length; 0 where data does not hold all of it.
func (d *pushDecoder) decodeRow(data []byte) (int, error) {
	if len(data) < 2 {
		return 0, nil
	}
	switch fields := int16(binary.BigEndian.Uint16(data)); fields {
	case 2:
	case -1:
		d.ended = true
		return 2, nil
	default:
		return 0, fmt.Errorf("a row of %d fields, not 2", fields)
	}
	n := 2
	integer, size, err := field(data[n:])
	if err != nil || size == 0 {
		return 0, err
	}
	if integer != nil && len(integer) != 8 {
		return 0, fmt.Errorf("a bigint of %d bytes", len(integer))
	}
	n += size
	value, size, err := field(data[n:])
	if err != nil || size == 0 {
		return 0, err
	}
	if integer == nil {
		d.row(0, true, value)
	} else {
		d.row(int64(binary.BigEndian.Uint64(integer)), false, value)
	}
	return n + size, nil
}

// field takes one field off the beginning of data: its content, nil for NULL, and
// the length with its prefix; 0 where data does not hold all of it.
func field(data []byte) (content []byte, n int, err error) {
	if len(data) < 4 {
		return nil, 0, nil
	}
	size := int32(binary.BigEndian.Uint32(data))
	switch {
	case size == -1:
		return nil, 4, nil
	case size < 0 || size > maxField:
		return nil, 0, fmt.Errorf("a field of %d bytes", size)
	case len(data)-4 < int(size):
		return nil, 0, nil
	}
	end := 4 + int(size)
	return data[4:end:end], end, nil
}
