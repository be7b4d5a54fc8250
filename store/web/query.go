package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pgchaos/internal/units"
	"pgchaos/store"
	"pgchaos/verdict"
)

const (
	mostPage = 100_000
	mostText = 200 // characters to look for

	// noVariant chooses runs without a variant. No variant can have this name.
	noVariant = "(none)"
)

// query are the parameters of an address.
type query struct{ values url.Values }

// readQuery refuses parameters that are no text: a database would refuse them in words of its own.
func readQuery(raw string) (query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, &requestError{http.StatusBadRequest, "No such page", "The address is malformed: " + err.Error()}
	}
	for name, all := range values {
		for _, text := range append([]string{name}, all...) {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return query{}, &requestError{http.StatusBadRequest, "No such page", "The address is malformed: a parameter is no text."}
			}
		}
	}
	return query{values}, nil
}

func (q query) get(name string) string { return q.values.Get(name) }

// filter is what the parameters of the list choose, so many runs on a page. Its errors say what is wrong in the form.
func (q query) filter(now time.Time, perPage int) (f store.Filter, err error) {
	f.Experiment, f.Text = q.get("experiment"), strings.TrimSpace(q.get("text"))
	f.Variant = q.variant()
	if n := utf8.RuneCountInString(f.Text); n > mostText {
		return f, fmt.Errorf("the text to look for has %d characters, and may have %d", n, mostText)
	}
	if since := strings.TrimSpace(q.get("since")); since != "" {
		if f.Since, err = units.When(since, now); err != nil {
			return f, fmt.Errorf("since %s: %w", units.Quote(since), err)
		}
	}
	if word := q.get("verdict"); word != "" {
		var v verdict.Verdict
		if err := v.UnmarshalText([]byte(word)); err != nil {
			return f, fmt.Errorf("the verdict %s is none: choose pass, fail or inconclusive", units.Quote(word))
		}
		f.Verdict = &v
	}
	page, err := q.page()
	f.Limit, f.Skip = perPage+1, (page-1)*perPage // one more says whether there is a next page
	return f, err
}

// variant is the variant that was chosen; nil: any.
func (q query) variant() *string {
	name := q.get("variant")
	switch name {
	case "":
		return nil
	case noVariant:
		name = ""
	}
	return &name
}

// page is which page of the list is shown, from 1.
func (q query) page() (int, error) {
	text := q.get("page")
	if text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > mostPage {
		return 1, fmt.Errorf("the page %s is none: pages have numbers from 1 to %s", units.Quote(text), units.Grouped(mostPage))
	}
	return n, nil
}

// list is the address of the list with the same filter and baseline, but for what is set; "" takes a parameter away.
func (q query) list(set map[string]string) string {
	parameters := map[string]string{}
	for _, name := range []string{"experiment", "variant", "verdict", "since", "text", "baseline"} {
		parameters[name] = q.get(name)
	}
	for name, value := range set {
		parameters[name] = value
	}
	return link("./", parameters)
}

// link is an address with parameters. Those that are "" are left out.
func link(page string, parameters map[string]string) string {
	values := url.Values{}
	for name, value := range parameters {
		if value != "" {
			values.Set(name, value)
		}
	}
	if len(values) == 0 {
		return page
	}
	return page + "?" + values.Encode()
}

// The addresses of the pages about a run.
func reportURL(run string) string { return link("report", map[string]string{"run": run}) }
func runURL(run string) string    { return link("run", map[string]string{"run": run}) }

func trendsURL(k *store.Kept) string {
	variant := k.Variant
	if variant == "" {
		variant = noVariant
	}
	return link("trends", map[string]string{"experiment": k.Experiment, "variant": variant})
}
