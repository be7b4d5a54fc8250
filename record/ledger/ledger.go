package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"pgchaos/record"
)

// Server is the server that answered: a node, in one of its lives as a primary. Only the
// system identifier can distinguish two servers with one timeline number. The zero value
// means that none answered.
type Server struct {
	Node     string `json:"node"`
	SystemID string `json:"system_id,omitempty"`
	Timeline uint32 `json:"timeline,omitempty"`
}

// Ledger is the book while it is written. All its methods are safe for concurrent
// use. Create makes one, Close ends it; Open reads what either left.
type Ledger struct {
	file *os.File
	path string
	size int64 // of a page of memory
	err  atomic.Pointer[error]
	// mapped and mostMapped count bytes of address space, for the test of their bound.
	mapped, mostMapped atomic.Int64

	mu        sync.Mutex // taken after a Writer's
	blocks    int64      // taken so far
	allocated int64      // blocks for which disk space is allocated
	scratch   []byte     // a fresh block
	names     page
	writers   []*Writer
	servers   map[Server]int
	known     atomic.Int64 // len(servers), for Record
	closed    bool
}

const (
	segmentBlocks = 16 // blocks allocated at once: 1 MiB
	// nameMax bounds each text, so that any entry of kind names fits in a block.
	nameMax = 4096
)

// Create makes the book of a run. The file must not exist. When Create returns,
// Open can read it.
func Create(path, run string) (*Ledger, error) {
	if len(run) > nameMax {
		return nil, fmt.Errorf("create ledger %s: the name of the run has %d bytes, %d are possible", path, len(run), nameMax)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create ledger: %w", err)
	}
	l := &Ledger{
		file: file, path: path, size: int64(os.Getpagesize()),
		scratch: make([]byte, BlockSize), servers: make(map[Server]int),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.addName('r', []byte(run)); err != nil {
		_ = l.unmap(&l.names) // the error that matters is the first one
		return nil, errors.Join(fmt.Errorf("create ledger %s: %w", path, err), file.Close(), os.Remove(path))
	}
	return l, nil
}

// AddWriter opens the book of one more writer, and gives it the next number, from
// 0. Each writer that has begun to write maps one block of 64 KiB until Close;
// Linux allows some 65,000 such mappings (vm.max_map_count), beyond which Err says so.
func (l *Ledger) AddWriter(workload string) (*Writer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := len(l.writers)
	switch {
	case l.closed:
		return nil, fmt.Errorf("add writer %d: ledger %s is closed", id, l.path)
	case id > record.MaxWriter:
		return nil, fmt.Errorf("add writer %d: %d writers are all that a key can tell apart", id, record.MaxWriter+1)
	case len(workload) > nameMax:
		return nil, fmt.Errorf("add writer %d: the name of the workload has %d bytes, %d are possible", id, len(workload), nameMax)
	}
	if err := l.Err(); err != nil {
		return nil, fmt.Errorf("add writer %d: %w", id, err)
	}
	if err := l.addName('w', append(binary.AppendUvarint(nil, uint64(id)), workload...)); err != nil {
		l.fail(err)
		return nil, fmt.Errorf("add writer %d: %w", id, err)
	}
	w := &Writer{ledger: l, id: id, at: cursor{next: 1}}
	l.writers = append(l.writers, w)
	return w, nil
}

// AddServer returns the small number by which Record knows a server, from 1: the
// same for the same server. The zero Server has number 0. The number means this
// server in the file before AddServer returns, or there is an Err. Texts of more
// than 4 KiB are cut off.
func (l *Ledger) AddServer(s Server) int {
	if s == (Server{}) {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n, ok := l.servers[s]; ok {
		return n
	}
	n := len(l.servers) + 1
	l.servers[s] = n
	l.known.Store(int64(n))
	if l.Err() != nil || l.closed {
		return n // nothing is recorded any more, so that the number is never looked up
	}
	b := binary.AppendUvarint(nil, uint64(n))
	b = binary.AppendUvarint(b, uint64(s.Timeline))
	for _, text := range []string{s.Node, s.SystemID} {
		text = text[:min(len(text), nameMax)]
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	if err := l.addName('s', b); err != nil {
		l.fail(err)
	}
	return n
}

// Err is the first error that there was, or nil. From then on nothing is recorded.
func (l *Ledger) Err() error {
	if err := l.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (l *Ledger) fail(err error) {
	err = fmt.Errorf("ledger %s: %w", l.path, err)
	l.err.CompareAndSwap(nil, &err)
}

// Close notes the writes that have no answer as unknown, marks the file as
// complete, and waits until all of it is on disk. It returns the first error that
// there ever was. Answers that come later are not recorded. A second Close does
// nothing.
func (l *Ledger) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return l.Err()
	}
	l.closed = true
	writers := l.writers
	l.mu.Unlock()
	for _, w := range writers {
		w.close()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.unmap(&l.names); err != nil {
		l.fail(err)
	}
	if l.Err() == nil {
		if err := l.end(); err != nil {
			l.fail(err)
		}
	}
	if err := l.file.Sync(); err != nil {
		l.fail(err)
	}
	if err := l.file.Close(); err != nil {
		l.fail(err)
	}
	return l.Err()
}

// end writes the last block, and gives back what was allocated ahead. What comes
// before is on disk first: a file that says it is complete must be.
func (l *Ledger) end() error {
	if err := l.file.Sync(); err != nil {
		return err
	}
	if _, err := l.take(header{kind: kindEnd, start: cursor{next: 1}}); err != nil {
		return err
	}
	return l.file.Truncate(l.blocks * BlockSize)
}

// addName appends an entry to the file's own block. The caller holds mu.
func (l *Ledger) addName(letter byte, body []byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = faultOf(r)
		}
	}()
	b := append(binary.AppendUvarint([]byte{letter}, uint64(len(body))), body...)
	if !l.names.fits(len(b)) {
		fresh, err := l.mapBlock(header{kind: kindNames, start: cursor{next: 1}}, l.take)
		if err != nil {
			return err
		}
		if err := l.unmap(&l.names); err != nil {
			return err
		}
		l.names = fresh
	}
	l.names.add(b)
	return nil
}

// take makes the next block of the file, as h says, and returns the header as it
// is then. The caller holds mu, so that blocks begin in the order of the file.
//
// The whole block goes through write(2) before anybody maps it: its pages are then
// there, which halves the cost of the first store, and the disk has said yes.
func (l *Ledger) take(h header) (header, error) {
	if l.blocks > math.MaxUint32 {
		return h, fmt.Errorf("%d blocks are all that a ledger can hold", l.blocks)
	}
	if l.blocks == l.allocated {
		if err := allocate(l.file, l.blocks*BlockSize, segmentBlocks*BlockSize); err != nil {
			return h, fmt.Errorf("allocate 1 MiB at %d: %w", l.blocks*BlockSize, err)
		}
		l.allocated += segmentBlocks
	}
	h.number = uint32(l.blocks)
	clear(l.scratch[:offPayload])
	h.put(l.scratch)
	if _, err := l.file.WriteAt(l.scratch, l.blocks*BlockSize); err != nil {
		return h, err // says the path and the operation
	}
	l.blocks++
	return h, nil
}

// takeLocked is take for a caller who does not hold mu.
func (l *Ledger) takeLocked(h header) (header, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.take(h)
}

// mapBlock takes a block and maps it.
func (l *Ledger) mapBlock(h header, take func(header) (header, error)) (page, error) {
	h, err := take(h)
	if err != nil {
		return page{}, err
	}
	off := int64(h.number) * BlockSize
	skip, size := l.window(off)
	base, err := unix.MmapPtr(int(l.file.Fd()), off-skip, nil, uintptr(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return page{}, fmt.Errorf("map block %d: %w", h.number, err)
	}
	now := l.mapped.Add(size)
	for most := l.mostMapped.Load(); now > most && !l.mostMapped.CompareAndSwap(most, now); {
		most = l.mostMapped.Load()
	}
	mem := unsafe.Slice((*byte)(unsafe.Add(base, skip)), BlockSize)
	return page{mem: mem, salt: h.crc, crc: h.crc}, nil
}

// window is what must be mapped to have the block at off, where a page of memory
// may be larger than a block: how far before off it begins, and its size.
func (l *Ledger) window(off int64) (skip, size int64) {
	skip = off % l.size
	return skip, (skip + BlockSize + l.size - 1) / l.size * l.size
}

func (l *Ledger) unmap(p *page) error {
	if p.mem == nil {
		return nil
	}
	first := unsafe.Pointer(unsafe.SliceData(p.mem))
	skip := int64(uintptr(first) % uintptr(l.size))
	size := (skip + BlockSize + l.size - 1) / l.size * l.size
	p.mem = nil
	l.mapped.Add(-size)
	if err := unix.MunmapPtr(unsafe.Add(first, -skip), uintptr(size)); err != nil {
		return fmt.Errorf("unmap a block: %w", err)
	}
	return nil
}

// faultOf makes an error of a store that the kernel could not carry out: the disk
// broke, a file system without real allocation is full, somebody cut the file off.
// Without debug.SetPanicOnFault that is SIGBUS, the end of the process. Any other
// panic goes on.
func faultOf(recovered any) error {
	fault, ok := recovered.(interface {
		runtime.Error
		Addr() uintptr
	})
	if !ok {
		panic(recovered)
	}
	return fmt.Errorf("store into the mapped file: %w", fault)
}
