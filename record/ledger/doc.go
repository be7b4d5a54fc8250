// Package ledger records every write: which sequence numbers were used, and what the
// database answered to each. It is on disk
// while it runs, so that killing the process at any instant loses nothing that
// Record had returned for.
//
// # What survives what
//
//   - The end of the process, SIGKILL included: everything. Stores go to pages of
//     the file that are mapped shared, and belong to the kernel once they are made.
//   - A full disk, or an error of the disk: everything up to it. From then on
//     nothing is recorded, Next gives out no numbers, and what has no record is unknown.
//   - A crash of the machine: what the kernel had written by then, up to some 30 s
//     less. Checksums tell what is whole; the rest is unknown, and stands in
//     Book.Damage where blocks after it are there. The newest numbers of a writer
//     can be missing then: only Close waits for the disk.
//
// # The file
//
// The file is a sequence of blocks of 64 KiB, each belonging to one writer, or to
// the file itself (kind names). Blocks are taken in order, so one that is all
// zeros with others behind it has been lost. All numbers are little-endian, times
// are microseconds on the run's clock, checksums are CRC-32C.
//
//	offset  size  in every block
//	     0     4  "PGCL"
//	     4     1  version, 2
//	     5     1  kind: 1 names, 2 writes, 3 end
//	     6     2  0
//	     8     4  number of the block: its offset is this times 64 KiB
//	    12     4  writer (kind writes; else 0)
//	    16     8  sequence number of the first entry that tells none
//	    24     8  time from which the first entry counts
//	    32     8  LSN from which the first LSN counts
//	    40     4  server until an entry names another; 0 is nobody
//	    44     4  checksum of bytes 0 to 43
//	    48     8  issued: the newest number issued (40 bits), check (24 bits)
//	    56     8  sent: when that number was issued (48 bits), check (16 bits)
//	    64     8  commit: length of the payload (16 bits), 0x5AA5, checksum (32 bits)
//	    72        payload
//	 65488    48  bytes 0 to 47 again: a spoiled sector does not hide whose block it is
//
// The commit word is stored last, as one word. Its checksum begins with the one of
// the header and goes on over the payload up to length, so that a half-written
// entry behind it is as if it were not there. The two words before it change
// without an entry, and carry checks of their own (see issuedWord and sentWord).
//
// An entry of kind writes is a tag and what the tag announces. Varints are those of
// encoding/binary; zigzag is its signed form.
//
//	tag   bits 0-1 outcome: 0 unknown, 1 ok, 2 weak, 3 failed
//	      bit 2    late: about an older number
//	      bit 3    names its server
//	      bit 4    has an LSN
//	      bit 5    ended
//	late  varint   next number minus this one
//	sent  zigzag   not if late: minus the time before (the end of the entry before, else its sent)
//	done  varint   if ended: minus sent. If late, zigzag: minus the time before
//	server varint  if named
//	lsn   zigzag   if any: minus the LSN before
//
// Entries that are not late are about consecutive numbers: the first about the
// header's, and so on. Late ones leave "the time before", the LSN and the server as
// they were. A number that is given up by the next one's being issued gets an
// unknown entry with its sent. One entry is about seven bytes.
//
// An entry of kind names is a letter, the length of what follows (varint), and: r,
// the run's name; w, writer (varint) and the workload's name; s, number (varint),
// timeline (varint), then node and system identifier, each a length (varint) and
// text. The first block begins with r. A block of kind end is the last one of a
// file that was closed.
//
// # Why this, and not ...
//
// A write(2) an entry costs a microsecond and more; a buffer loses what is in it.
// What a block costs is mapping it, unmapping it (every processor has to forget it)
// and the first store into each of its pages: blocks of 16 KiB cost 8 ns an entry
// more than those of 64 KiB. The length of larger ones does not fit into the commit
// word, and 64 writers have 4 MiB mapped as it is. Filling a block with a write(2)
// before it is mapped halves the cost; having the kernel populate the mapping saves
// nothing beside that. Mapping a MiB for many writers at once costs the same page
// faults, and one idle writer keeps the whole MiB mapped; here each writer maps the one
// block that it is at. Most of what is left are the atomic instructions of Next and Record:
// each takes and releases the writer's lock and stores a word into the file.
package ledger
