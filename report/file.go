package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"pgchaos/internal/redact"
	"pgchaos/internal/regular"
)

// FileName is the name of the result's file in a run's directory.
const FileName = "result.json"

// firstWithSum is the first number of files that must have a checksum.
const firstWithSum = 2

// schemaNumber is the number in Schema.
const schemaNumber = 2

// maxFile bounds what Read reads, in bytes. A day's run with one workload has about 15 MB.
const maxFile = 1 << 30

// Write puts the result into the directory, over the one of an earlier stage.
// After a crash at any moment the directory holds the old file or the new one,
// whole. It sets the result's Schema.
func Write(dir string, r *Result) error {
	r.Schema = Schema
	text, err := json.MarshalIndent(redact.Of(r.Secrets, *r), "", " ")
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if text, err = withSum(text); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if err := ReplaceFile(dir, FileName, text); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// sumKey is the last key of the file: the SHA-256 of everything before it, as compact JSON, so that
// white space does not count.
const sumKey = "sum"

// withSum adds the checksum to a JSON object.
func withSum(object []byte) ([]byte, error) {
	sum, err := sumOf(object)
	if err != nil {
		return nil, err
	}
	object = bytes.TrimSpace(object)
	object = bytes.TrimRight(object[:len(object)-1], "\n ")
	return fmt.Appendf(object, ",\n %q: %q\n}\n", sumKey, sum), nil
}

func sumOf(object []byte) (string, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, object); err != nil {
		return "", err
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(compact.Bytes())), nil
}

// checkSum tells whether the file is as it was written. Files of schema 1 may have no checksum.
func checkSum(text []byte, number int) error {
	at := bytes.LastIndex(text, []byte(`"`+sumKey+`"`))
	if at < 0 && number < firstWithSum {
		return nil
	}
	var last struct {
		Sum string `json:"sum"`
	}
	if at < 0 || json.Unmarshal(append([]byte("{"), text[at:]...), &last) != nil {
		return errors.New("its checksum is missing: the file was cut off or changed after pgchaos wrote it")
	}
	object := append(bytes.Clone(bytes.TrimRight(bytes.TrimRight(text[:at], " \t\r\n"), ",")), '}')
	if sum, err := sumOf(object); err != nil || sum != last.Sum {
		return errors.New("its checksum does not match: the file was damaged or changed after pgchaos wrote it")
	}
	return nil
}

// ReplaceFile writes a temporary file beside the old one, if there is one, and renames
// it when it is on the disk: after a crash at any moment the file is whole.
func ReplaceFile(dir, name string, text []byte) error {
	f, err := os.CreateTemp(dir, "."+name+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(0o600)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// syncDir makes a rename last: without it a power failure can bring the old name back.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Read returns the result of a run's directory. It ignores fields it does not
// know, and refuses a file whose schema number is higher than its own: what such
// a file says may mean something else.
func Read(dir string) (*Result, error) {
	path := filepath.Join(dir, FileName)
	text, err := regular.Read(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("read the result: %w", err)
	}
	if len(text) == 0 {
		return nil, fmt.Errorf("read the result: %s is empty: the run ended before its cluster was up", path)
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("read the result: %s is damaged, or no result of pgchaos: %w", path, err)
	}
	number, isOurs := strings.CutPrefix(head.Schema, "pgchaos.result/")
	n, err := strconv.Atoi(number)
	switch {
	case !isOurs || err != nil || n < 1:
		return nil, fmt.Errorf("read the result: %s: its schema is %q, which is no result of pgchaos (such as %s)", path, head.Schema, Schema)
	case n > schemaNumber:
		return nil, fmt.Errorf("read the result: %s: its schema is %s, and this pgchaos reads up to %s: a newer pgchaos wrote it, use that one", path, head.Schema, Schema)
	}
	if err := checkSum(text, n); err != nil {
		return nil, fmt.Errorf("read the result: %s: %w", path, err)
	}
	r := &Result{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("read the result: %s: %w", path, err)
	}
	if n < 2 {
		r.fromSchema1()
	}
	return redact.Of(nil, r), nil // what another wrote is shown on a terminal, too
}

// fromSchema1 has the outages of a file of schema 1 count from when the fault was issued,
// and not from when it was verified, as the file has them. What was over before that is
// known only to have lasted no longer.
func (r *Result) fromSchema1() {
	for i := range r.Outages {
		o := &r.Outages[i]
		switch verified := o.Effective - o.Issued; {
		case !o.Loaded || o.Noticed:
		case o.RTO > 0 || !o.Recovered:
			o.RTO += verified
		case o.Errors > 0:
			o.Most = verified
		}
	}
	for _, rec := range r.Recoveries {
		for _, w := range rec.Workloads {
			for i := range w.Nodes {
				if n := &w.Nodes[i]; n.RTO > 0 && !rec.Noticed {
					n.RTO += rec.Effective - rec.Issued
				}
			}
		}
	}
}
