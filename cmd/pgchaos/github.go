package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"pgchaos/report"
	"pgchaos/report/github"
	"pgchaos/report/junit"
	"pgchaos/report/markdown"
	"pgchaos/series"
	"pgchaos/spec"
	"pgchaos/verdict"
)

// onGitHub tells whether pgchaos runs in a job of GitHub Actions.
func onGitHub() bool { return os.Getenv("GITHUB_ACTIONS") == "true" }

// mostSummary is how long all summaries of a step can be together, in bytes: GitHub shows none of a longer file.
const mostSummary = 1 << 20

// appendSummary adds Markdown to the summary of the job. Where it would become too long, the short form is added.
func appendSummary(long, short string) error {
	path := os.Getenv("GITHUB_STEP_SUMMARY")
	if !onGitHub() || path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("write the summary of the job: %w", err)
	}
	defer func() { _ = f.Close() }() // an error of writing comes from Write
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("write the summary of the job: %w", err)
	}
	text := "\n" + long + "\n"
	if info.Size()+int64(len(text)) > mostSummary {
		text = "\n" + short + "\n"
	}
	if info.Size()+int64(len(text)) > mostSummary {
		return nil // what is there already would be lost with it
	}
	if _, err := io.WriteString(f, text); err != nil {
		return fmt.Errorf("write the summary of the job: %w", err)
	}
	return nil
}

// apart prints what a function writes. In a job of GitHub Actions, no line of it is taken for a command: it quotes statements and errors.
func apart(stdout io.Writer, write func(io.Writer) error) error {
	if !onGitHub() {
		return write(stdout)
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	_, err := io.WriteString(stdout, github.Paused(b.String(), rand.Text()))
	return err
}

// annotate prints annotations in a job of GitHub Actions.
func annotate(stdout io.Writer, all []github.Annotation) error {
	if !onGitHub() {
		return nil
	}
	_, err := io.WriteString(stdout, github.Commands(all))
	return err
}

// errorAnnotations are the error of a command that jobs consist of; of an experiment file each mistake, where it stands.
func errorAnnotations(args []string, err error) (all []github.Annotation) {
	if len(args) == 0 || !slices.Contains([]string{"run", "nightly", "validate", "plan"}, args[0]) {
		return nil
	}
	title := "pgchaos " + args[0]
	var problems spec.Problems
	if !errors.As(err, &problems) {
		return []github.Annotation{{Level: github.Error, Title: title, Text: err.Error()}}
	}
	for _, p := range problems {
		text := p.What
		if p.Right != "" {
			text += "; " + p.Right
		}
		all = append(all, github.Annotation{Level: github.Error, Title: title, Text: text, File: p.File, Line: p.Line, Col: p.Col})
	}
	return all
}

// reportToGitHub adds a run to the job's summary and annotations.
func reportToGitHub(stdout io.Writer, r *report.Result) error {
	if !onGitHub() {
		return nil
	}
	if err := appendSummary(markdown.Text(r, markdown.Options{Dir: r.Dir}), markdown.Text(r, markdown.Options{Dir: r.Dir, Short: true})); err != nil {
		return err
	}
	suite := junit.Of(r)
	suite.Name = "pgchaos " + r.Name
	all := suiteAnnotations(suite)
	if r.Verdict == verdict.Pass {
		all = append(all, github.Annotation{Level: github.Notice, Title: suite.Name + ": pass", Text: r.Headline()})
	}
	return annotate(stdout, all)
}

// seriesToGitHub adds a series to the job's summary, and the runs that did not pass to its annotations.
func seriesToGitHub(ctx context.Context, stdout io.Writer, s *series.Series) error {
	if !onGitHub() {
		return nil
	}
	var b bytes.Buffer
	if err := seriesMarkdown(ctx, &b, s); err != nil {
		return err
	}
	if err := appendSummary(b.String(), "## pgchaos: "+markdown.Escape(s.Name)); err != nil {
		return err
	}
	var all []github.Annotation
	for _, suite := range suitesOf(s) {
		all = append(all, suiteAnnotations(suite)...)
	}
	return annotate(stdout, all)
}

// suiteAnnotations are the cases of a suite that did not pass.
func suiteAnnotations(s junit.Suite) (all []github.Annotation) {
	for _, c := range s.Cases {
		for _, text := range c.Failures {
			all = append(all, github.Annotation{Level: github.Error, Title: s.Name + ": " + c.Name, Text: text})
		}
		for _, text := range c.Errors {
			all = append(all, github.Annotation{Level: github.Warning, Title: s.Name + ": " + c.Name, Text: text})
		}
	}
	return all
}
