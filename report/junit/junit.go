// Package junit writes JUnit's XML, as CI systems read it: of a run, or of suites that a command makes.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// Suite is a named list of cases.
type Suite struct {
	Name  string
	At    time.Time     // zero: it is not known
	Took  time.Duration // 0: as long as its cases together
	Cases []Case
}

// Case is one test case. It passes without Failures and Errors.
type Case struct {
	Class, Name string
	Took        time.Duration
	// Failures are what does not hold. Errors are what is not known or could not be run: never
	// skipped, which CI systems count as passed.
	Failures, Errors []string
	Output           string // for people
}

type xmlSuites struct {
	XMLName  xml.Name   `xml:"testsuites"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Suites   []xmlSuite `xml:"testsuite"`
}

type xmlSuite struct {
	Name      string    `xml:"name,attr"`
	Tests     int       `xml:"tests,attr"`
	Failures  int       `xml:"failures,attr"`
	Errors    int       `xml:"errors,attr"`
	Skipped   int       `xml:"skipped,attr"`
	Time      string    `xml:"time,attr"`
	Timestamp string    `xml:"timestamp,attr,omitempty"`
	Cases     []xmlCase `xml:"testcase"`
}

type xmlCase struct {
	Class   string      `xml:"classname,attr"`
	Name    string      `xml:"name,attr"`
	Time    string      `xml:"time,attr"`
	Failure *xmlProblem `xml:"failure"`
	Error   *xmlProblem `xml:"error"`
	Output  string      `xml:"system-out,omitempty"`
}

type xmlProblem struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// Write writes the suites. A case with failures and errors counts as failed; its text has both.
func Write(out io.Writer, suites ...Suite) error {
	all := xmlSuites{}
	for _, s := range suites {
		x := xmlSuite{Name: s.Name, Tests: len(s.Cases)}
		if !s.At.IsZero() {
			x.Timestamp = s.At.UTC().Format("2006-01-02T15:04:05")
		}
		for _, c := range s.Cases {
			of := xmlCase{Class: c.Class, Name: c.Name, Time: seconds(c.Took), Output: c.Output}
			switch {
			case len(c.Failures) > 0:
				x.Failures++
				of.Failure = problem(append(append([]string{}, c.Failures...), c.Errors...))
			case len(c.Errors) > 0:
				x.Errors++
				of.Error = problem(c.Errors)
			}
			x.Cases = append(x.Cases, of)
		}
		x.Time = seconds(tookOf(&s))
		all.Tests, all.Failures, all.Errors = all.Tests+x.Tests, all.Failures+x.Failures, all.Errors+x.Errors
		all.Suites = append(all.Suites, x)
	}
	// The encoder writes U+FFFD for characters that XML cannot hold.
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s%s\n", xml.Header, text)
	return err
}

func problem(lines []string) *xmlProblem {
	return &xmlProblem{Message: lines[0], Text: strings.Join(lines, "\n")}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
