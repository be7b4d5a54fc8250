package runner

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"pgchaos/chaos"
	"pgchaos/internal/redact"
	"pgchaos/internal/regular"
	"pgchaos/record"
)

// JournalFile is the file in the result directory that holds the timeline as it goes:
// what a run had done by the moment in which it was killed.
const JournalFile = "timeline.jsonl"

// journalSchema names the form of the journal, in its first line.
const journalSchema = journalForm + "2"

const journalForm = "pgchaos.timeline/"

// uncheckedSchema is of files whose lines have neither number nor checksum.
const uncheckedSchema = journalForm + "1"

// journalLine is one line of the journal. The first is its head; each of the others
// is an event as it was then.
type journalLine struct {
	// Number counts the lines from 1. Each line ends with the CRC-32C of what is before it.
	Number  int       `json:"n,omitempty"`
	Schema  string    `json:"schema,omitempty"`
	Run     string    `json:"run,omitempty"`
	Cluster string    `json:"cluster,omitempty"` // the run that built the cluster, where that is another
	Started time.Time `json:"started,omitzero"`  // wall time of offset 0
	// KeepsForks tells, in the head, that what is read of a fork is kept on the disk.
	KeepsForks bool `json:"keeps_forks,omitempty"`
	// Begin is a step or a reversal as it is issued: a phase begins with it.
	Begin *record.Event `json:"begin,omitempty"`
	// End is one that is over, or something that was seen to happen.
	End *record.Event `json:"end,omitempty"`
	// Fork is a reading of what a step then took away.
	Fork *forkNote `json:"fork,omitempty"`
	// Intend are the reversals of a step, on the disk before it changes anything.
	Intend []chaos.Reversal `json:"intend,omitempty"`
	// Undone is a reversal that has been done.
	Undone *chaos.Reversal `json:"undone,omitempty"`
}

// journal appends to the file. A line that note has returned for survives the end of
// pgchaos. Reversals are on the disk when Intend returns, which is before their step is issued. The other
// lines are synced in the background: what is under way must not wait for a disk that the load keeps
// busy. It is safe for concurrent use.
type journal struct {
	secrets *redact.Redactor // hides what must not be written
	script  *undoScript      // nil: there is none

	mu     sync.Mutex
	file   *os.File
	err    error // the first one; nothing is written after it
	lines  int
	dirty  chan struct{}
	synced chan error // how the syncs in the background went, once there are no more
}

// createJournal begins the journal of a run whose clock began at zero. Built is the run that built its cluster; "": itself.
func createJournal(dir, run, built string, zero time.Time) (*journal, error) {
	file, err := os.OpenFile(filepath.Join(dir, JournalFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin the timeline's journal: %w", err)
	}
	j := newJournal(file)
	_ = j.note(journalLine{Schema: journalSchema, Run: run, Cluster: built, Started: zero, KeepsForks: true})
	return j, nil
}

// newJournal appends to a file, and syncs it, until close.
func newJournal(file *os.File) *journal {
	j := &journal{file: file, dirty: make(chan struct{}, 1), synced: make(chan error, 1)}
	go func() {
		var first error
		for range j.dirty {
			first = cmp.Or(first, j.sync())
		}
		j.synced <- first
	}()
	return j
}

// What goes wrong with one of these is returned by close, and by the next Intend.

func (j *journal) begin(m record.Event)    { _ = j.note(journalLine{Begin: &m}) }
func (j *journal) end(m record.Event)      { _ = j.note(journalLine{End: &m}) }
func (j *journal) fork(n forkNote)         { _ = j.note(journalLine{Fork: &n}) }
func (j *journal) Undone(r chaos.Reversal) { _ = j.note(journalLine{Undone: &r}) }

// Intend is a chaos.Journal's.
func (j *journal) Intend(all []chaos.Reversal) error {
	if err := j.note(journalLine{Intend: all}); err != nil {
		return fmt.Errorf("write %s: %w", j.file.Name(), err)
	}
	if err := j.sync(); err != nil {
		return fmt.Errorf("sync %s: %w", j.file.Name(), err)
	}
	if j.script == nil {
		return nil
	}
	if err := j.script.intend(all); err != nil {
		return fmt.Errorf("write %s: %w", UndoScript, err)
	}
	return nil
}

// note appends a line. After the first error, which it returns from then on, nothing is written: a line
// behind one that is missing could not be believed.
func (j *journal) note(l journalLine) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	j.lines++
	hidden := redact.Of(j.secrets, l)
	hidden.Number = j.lines
	hidden.Intend, hidden.Undone = l.Intend, l.Undone // which must be exact, and hold no secrets
	text, err := json.Marshal(hidden)
	if err == nil {
		_, err = j.file.Write(withCRC(text))
	}
	if j.err = err; err != nil {
		return err
	}
	select {
	case j.dirty <- struct{}{}:
	default: // the next sync is still to begin
	}
	return nil
}

// sync returns once all lines are on the disk. After an error it is not known what is there, and nothing more is written.
func (j *journal) sync() error {
	err := j.file.Sync()
	if err != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.err = cmp.Or(j.err, err)
	}
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// withCRC is a line of the file: an object with the checksum as its last key.
func withCRC(object []byte) []byte {
	object = object[:len(object)-1]
	return fmt.Appendf(object, ",\"crc\":\"%08x\"}\n", crc32.Checksum(object, castagnoli))
}

// intact tells whether a line is as withCRC has made it.
func intact(line []byte) bool {
	at := bytes.LastIndex(line, []byte(`,"crc":"`))
	return at >= 0 && string(withCRC(append(line[:at:at], '}'))) == string(line)+"\n"
}

// close waits until all is on the disk, and returns the first error that there was.
func (j *journal) close() error {
	j.mu.Lock()
	failed := j.err
	if errors.Is(failed, os.ErrClosed) {
		j.mu.Unlock()
		return nil
	}
	j.err = os.ErrClosed
	close(j.dirty)
	j.mu.Unlock()
	err := cmp.Or(failed, <-j.synced, j.file.Close())
	if err != nil {
		return fmt.Errorf("write the timeline's journal: %w", err)
	}
	return nil
}

// Journal is what the journal of a run tells.
type Journal struct {
	Run     string
	Started time.Time // wall time of offset 0
	// Events are by the time they were issued. One without a Status had begun, and was
	// not over.
	Events []record.Event
	Phases []record.Phase // the last has no End
	// Damage says from where on the file cannot be believed; "": it is whole, as far as it goes.
	Damage string
	// Forks are what was read of nodes before a step took it away. KeepsForks is false
	// where the run kept that in memory.
	Forks      []forkNote
	KeepsForks bool
}

// Last is the last moment that the journal knows of.
func (j Journal) Last() (last time.Duration) {
	for _, m := range j.Events {
		last = max(last, m.Issued, m.Effective, m.Ended)
	}
	return last
}

// longestLine bounds a line, in bytes: the error of a step can hold the output of a program.
const longestLine = 1 << 26

// longestJournal bounds the file, in bytes. A step takes some 2 KB.
const longestJournal = 1 << 30

// readLine is the next line, without its end; io.EOF: there is none, or it has no end.
func readLine(in *bufio.Reader) (line []byte, err error) {
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(line) > longestLine:
			return nil, errors.New("it is longer than any that pgchaos writes")
		}
	}
}

// ReadJournal reads the journal of a run's directory; none is an error that is
// fs.ErrNotExist. What a kill or a crash has torn off at its end is left out.
func ReadJournal(dir string) (j Journal, err error) {
	end, err := readLines(dir, j.add)
	if err != nil {
		return Journal{}, err
	}
	j.Damage = end.damage
	slices.SortStableFunc(j.Events, func(a, b record.Event) int { return cmp.Compare(a.Issued, b.Issued) })
	return j, nil
}

// journalEnd is how far a journal could be believed.
type journalEnd struct {
	info   fs.FileInfo // of the file that was read: another can have its name by now
	lines  int
	size   int64  // of these lines, in bytes
	damage string // why there may be more; "": that is all
}

// readLines passes on the lines of a journal as far as they can be believed.
func readLines(dir string, add func(journalLine)) (end journalEnd, err error) {
	file, err := regular.Open(filepath.Join(dir, JournalFile))
	if err != nil {
		return end, fmt.Errorf("read the timeline's journal: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	end.info, err = file.Stat()
	if err != nil || end.info.Size() > longestJournal {
		return end, fmt.Errorf("read the timeline's journal: %w", cmp.Or(err, fmt.Errorf("%s has more than %d bytes", file.Name(), longestJournal)))
	}
	in := bufio.NewReader(io.LimitReader(file, longestJournal)) // it may be growing
	checked := false
	for n := 1; ; n++ {
		line, err := readLine(in)
		if errors.Is(err, io.EOF) { // what is behind the last end of a line was torn off by a kill
			return end, nil
		}
		if err != nil {
			return end, fmt.Errorf("read the timeline's journal: %s: line %d: %w", file.Name(), n, err)
		}
		var l journalLine
		err = json.Unmarshal(line, &l)
		switch {
		case n > 1 || l.Schema == journalSchema || l.Schema == uncheckedSchema:
		case strings.HasPrefix(l.Schema, journalForm):
			return end, fmt.Errorf("read the timeline's journal: %s is of the form %q, and this pgchaos reads %s", file.Name(), l.Schema, journalSchema)
		default: // another program's file: clean must not show its text
			return end, fmt.Errorf("read the timeline's journal: %s is not one", file.Name())
		}
		checked = checked || l.Schema == journalSchema
		if err != nil || checked && (l.Number != n || !intact(line)) {
			end.damage = fmt.Sprintf("the timeline's journal is damaged in line %d: the steps from there on are not known", n)
			return end, nil
		}
		if !checked { // it is of a pgchaos that wrote none
			l.Intend, l.Undone = nil, nil
		}
		add(l)
		end.lines, end.size = n, end.size+int64(len(line))+1
	}
}

// noteUndone appends to a journal, in place of what a kill has torn off, which reversals have been done since it was read. Nothing is
// noted in one that others can write, or behind damage: nobody would believe it.
func (end journalEnd) noteUndone(dir string, all []chaos.Reversal) (err error) {
	if len(all) == 0 || !end.own() || end.damage != "" {
		return nil
	}
	file, err := os.OpenFile(filepath.Join(dir, JournalFile), os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	j := newJournal(file)
	j.lines = end.lines
	defer func() { err = cmp.Or(err, j.close()) }()
	switch info, err := file.Stat(); {
	case err != nil:
		return err
	case !os.SameFile(info, end.info) || info.Size() != end.info.Size():
		return fmt.Errorf("%s was replaced or written while it was read", file.Name())
	}
	if err := file.Truncate(end.size); err != nil {
		return err
	}
	for _, r := range all {
		j.Undone(r)
	}
	return nil
}

func (j *Journal) add(l journalLine) {
	switch {
	case l.Begin != nil:
		if n := len(j.Phases); n > 0 && !l.Begin.SamePhase {
			j.Phases[n-1].End = l.Begin.Issued
		}
		if !l.Begin.SamePhase {
			j.Phases = append(j.Phases, record.Phase{Name: l.Begin.Name, Start: l.Begin.Issued})
		}
		j.Events = append(j.Events, *l.Begin)
	case l.End != nil:
		i := slices.IndexFunc(j.Events, func(m record.Event) bool {
			return (m.Status == "" || m.Status == record.EventSeen) && m.Name == l.End.Name && m.Issued == l.End.Issued
		})
		if i < 0 {
			j.Events = append(j.Events, *l.End)
			return
		}
		j.Events[i] = *l.End
	case l.Fork != nil:
		j.Forks = append(j.Forks, *l.Fork)
	case l.Schema != "":
		j.Run, j.Started, j.KeepsForks = l.Run, l.Started, l.KeepsForks
		j.Phases = []record.Phase{{Name: record.Baseline}}
	}
}
