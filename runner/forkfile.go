package runner

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"pgchaos/audit"
	"pgchaos/internal/regular"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/rows"
)

// forkSchema names the form of a file that holds what was read of a node before a step
// took it away.
const forkSchema = "pgchaos.fork/1"

// forkFiles are the names of such files in the result directory: one a reading and
// table, fork-1.json and so on.
const forkFiles = "fork-*.json"

// maxForkFile bounds such a file, in both directions: a hundred million rows take some
// 35 MB where every other one is missing, and otherwise very much less.
const maxForkFile = 256 << 20

// forkFile is the file. Its reading is decoded only where the sum says that it is as it
// was written: the decoder of the sets trusts what it is given.
type forkFile struct {
	Schema  string          `json:"schema"`
	Sum     string          `json:"sha256"` // of the bytes of Reading
	Reading json.RawMessage `json:"reading"`
}

// forkReading is an audit.ForkHolding of one table.
type forkReading struct {
	Run      string         `json:"run"`
	Table    string         `json:"table"`
	Node     string         `json:"node"`
	Step     string         `json:"step"`
	Timeline uint32         `json:"timeline"`
	Read     time.Duration  `json:"read_ns"`
	Lineage  record.Lineage `json:"lineage"`
	Why      string         `json:"why,omitempty"`
	Held     *heldRows      `json:"held"` // null: it could not be read, and Why says why
}

// heldRows is a rows.Holding. The sets are in the portable form of 64-bit roaring bitmaps.
type heldRows struct {
	Rows    int64            `json:"rows"`
	Written map[int][]byte   `json:"written"`
	Serials map[int64]uint64 `json:"serials,omitempty"`
	Odd     []rows.OddRow    `json:"odd,omitempty"`
	OddRows int64            `json:"odd_rows,omitempty"`
}

// writeFork puts a reading on the disk.
func writeFork(dir, name, run, table string, h audit.ForkHolding) error {
	reading := forkReading{
		Run: run, Table: table, Node: h.Node, Step: h.Step, Timeline: h.Timeline, Read: h.Read, Lineage: h.Lineage, Why: h.Why,
	}
	if h.Holding != nil {
		reading.Held = &heldRows{
			Rows: h.Holding.Rows, Written: map[int][]byte{}, Serials: h.Holding.Serials, Odd: h.Holding.Odd, OddRows: h.Holding.OddRows,
		}
		for writer, set := range h.Holding.Written {
			bits, err := set.MarshalBinary()
			if err != nil {
				return fmt.Errorf("write %s: the rows of writer %d: %w", name, writer, err)
			}
			reading.Held.Written[writer] = bits
		}
	}
	text, err := json.Marshal(reading)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if text, err = json.Marshal(forkFile{Schema: forkSchema, Sum: sumOf(text), Reading: text}); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if len(text) > maxForkFile {
		return fmt.Errorf("write %s: %d bytes, and no more than %d are kept", name, len(text), maxForkFile)
	}
	if err := report.ReplaceFile(dir, name, append(text, '\n')); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// readFork reads a reading of a run again.
func readFork(dir, name, run string) (table string, h audit.ForkHolding, err error) {
	reading, err := decodeFork(filepath.Join(dir, name))
	if err == nil && reading.Run != run {
		err = fmt.Errorf("it is of run %s", reading.Run)
	}
	if err == nil {
		h.Holding, err = reading.Held.holding()
	}
	if err != nil {
		return "", audit.ForkHolding{}, fmt.Errorf("read %s: %w", name, err)
	}
	h.Node, h.Step, h.Timeline, h.Read = reading.Node, reading.Step, reading.Timeline, reading.Read
	h.Lineage, h.Why = reading.Lineage, reading.Why
	return reading.Table, h, nil
}

func decodeFork(path string) (reading forkReading, err error) {
	text, err := regular.Read(path, maxForkFile)
	if err != nil {
		return reading, err
	}
	var file forkFile
	if err := json.Unmarshal(text, &file); err != nil {
		return reading, fmt.Errorf("it is damaged: %w", err)
	}
	if file.Schema != forkSchema {
		return reading, fmt.Errorf("it is of the form %q, and this pgchaos reads %s", file.Schema, forkSchema)
	}
	if sumOf(file.Reading) != file.Sum {
		return reading, errors.New("it is damaged: its checksum is not that of what it holds")
	}
	err = json.Unmarshal(file.Reading, &reading)
	return reading, err
}

// decodeSet decodes a set in the portable form of 64-bit roaring bitmaps. The decoder allocates as many parts as the
// first 8 bytes say, before it reads them; here they cannot be more than the bytes that follow can hold.
func decodeSet(bits []byte) (*roaring64.Bitmap, error) {
	const head, leastPart = 8, 4 + 8 // a part is its key and a 32-bit bitmap, whose least is 8 bytes
	if len(bits) < head {
		return nil, errors.New("it is cut short")
	}
	if parts := binary.LittleEndian.Uint64(bits); parts > uint64(len(bits)-head)/leastPart {
		return nil, fmt.Errorf("it says that it has %d parts, and %d bytes cannot hold them", parts, len(bits))
	}
	set := roaring64.New()
	if err := set.UnmarshalBinary(bits); err != nil {
		return nil, err
	}
	return set, nil
}

// holding is nil for what was not read.
func (r *heldRows) holding() (*rows.Holding, error) {
	if r == nil {
		return nil, nil //nolint:nilnil // not read is no error here
	}
	h := &rows.Holding{Rows: r.Rows, Written: map[int]*roaring64.Bitmap{}, Serials: r.Serials, Odd: r.Odd, OddRows: r.OddRows}
	for writer, bits := range r.Written {
		set, err := decodeSet(bits)
		if err != nil {
			return nil, fmt.Errorf("the rows of writer %d: %w", writer, err)
		}
		h.Written[writer] = set
	}
	return h, nil
}
