package census

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"pgchaos/check"
	"pgchaos/history"
)

// signature begins every binary COPY (PostgreSQL's manual, COPY, binary format).
var signature = []byte("PGCOPY\n\xff\r\n\x00")

// maxField bounds one value: PostgreSQL's own bound is 1 GB.
const maxField = 1 << 30

// decoder reads the rows of a binary COPY of (key bigint, int_value bigint,
// char_value text), one at a time, in constant memory.
type decoder struct {
	in      *bufio.Reader
	started bool
	value   []byte
}

func newDecoder(in io.Reader) *decoder {
	return &decoder{in: bufio.NewReaderSize(in, 1<<16)}
}

// next returns the next row, whose Value is valid until the next call. io.EOF is
// the end of a whole COPY; one that breaks off is io.ErrUnexpectedEOF.
func (d *decoder) next() (check.Row, error) {
	if !d.started {
		if err := d.header(); err != nil {
			return check.Row{}, err
		}
		d.started = true
	}
	fields, err := d.int16()
	switch {
	case err != nil:
		return check.Row{}, err
	case fields == -1:
		return check.Row{}, d.trailer()
	case fields != 3:
		return check.Row{}, fmt.Errorf("decode COPY: a row of %d fields, not 3", fields)
	}
	key, err := d.bigint()
	if err != nil {
		return check.Row{}, err
	}
	integer, err := d.bigint()
	if err != nil {
		return check.Row{}, err
	}
	value, err := d.text()
	if err != nil {
		return check.Row{}, err
	}
	return check.Row{Key: history.Key(key), Int: integer, Value: value}, nil
}

// header reads the signature, the flags and the extension, which nothing fills yet.
func (d *decoder) header() error {
	var head [19]byte
	if err := d.full(head[:]); err != nil {
		return err
	}
	if !bytes.Equal(head[:len(signature)], signature) {
		return fmt.Errorf("decode COPY: it begins with %q", head[:len(signature)])
	}
	flags := binary.BigEndian.Uint32(head[11:])
	if flags&0xffff0000 != 0 { // the upper half are critical ones
		return fmt.Errorf("decode COPY: unknown critical flags %#x", flags)
	}
	extension := int32(binary.BigEndian.Uint32(head[15:]))
	if extension < 0 {
		return fmt.Errorf("decode COPY: an extension of %d bytes", extension)
	}
	if _, err := io.CopyN(io.Discard, d.in, int64(extension)); err != nil {
		return unexpected(err)
	}
	return nil
}

// trailer makes sure that nothing follows the end.
func (d *decoder) trailer() error {
	_, err := d.in.ReadByte()
	if err == nil {
		return errors.New("decode COPY: data after its end")
	}
	return err
}

// bigint reads one bigint; null is 0.
func (d *decoder) bigint() (int64, error) {
	size, err := d.size()
	if err != nil || size == -1 {
		return 0, err
	}
	if size != 8 {
		return 0, fmt.Errorf("decode COPY: a bigint of %d bytes", size)
	}
	var b [8]byte
	err = d.full(b[:])
	return int64(binary.BigEndian.Uint64(b[:])), err
}

// text reads one text; NULL is nil, and the empty text is not.
func (d *decoder) text() ([]byte, error) {
	size, err := d.size()
	if err != nil || size == -1 {
		return nil, err
	}
	if d.value == nil {
		d.value = make([]byte, 0, 256)
	}
	if int(size) > cap(d.value) {
		// Grown as it is read: a broken length must not take a gigabyte at once.
		buffer := bytes.NewBuffer(d.value[:0])
		if _, err := io.CopyN(buffer, d.in, int64(size)); err != nil {
			return nil, unexpected(err)
		}
		d.value = buffer.Bytes()
		return d.value, nil
	}
	d.value = d.value[:size]
	return d.value, d.full(d.value)
}

// size reads the length of a field; -1 is NULL.
func (d *decoder) size() (int32, error) {
	var b [4]byte
	if err := d.full(b[:]); err != nil {
		return 0, err
	}
	size := int32(binary.BigEndian.Uint32(b[:]))
	if size < -1 || size > maxField {
		return 0, fmt.Errorf("decode COPY: a field of %d bytes", size)
	}
	return size, nil
}

func (d *decoder) int16() (int16, error) {
	var b [2]byte
	err := d.full(b[:])
	return int16(binary.BigEndian.Uint16(b[:])), err
}

func (d *decoder) full(b []byte) error {
	_, err := io.ReadFull(d.in, b)
	return unexpected(err)
}

// unexpected makes of an end of the stream what it is anywhere but after the
// trailer. An error of the server's comes through as itself.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("decode COPY: it breaks off: %w", io.ErrUnexpectedEOF)
	}
	return err
}
