package html

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"

	"pgchaos/internal/redact"
	"pgchaos/report"
	"pgchaos/report/lanes"
)

// Options are what the page says beside the result.
type Options struct {
	Version string // of the pgchaos that writes the page
	Links   []Link // above the report, where a server has other pages; nil: the page stands alone
}

// Link leads to another page of a server.
type Link struct{ Text, URL string }

//go:embed page.html.tmpl
var pageText string

// Write writes the page: one file that needs no network, and nothing but the result. What must not be written is hidden, as in
// result.json. A part of the result that cannot be shown is named in the page; it is no error.
func Write(w io.Writer, r *report.Result, o Options) error {
	shown := redact.Of(r.Secrets, *r)
	p, err := newPage(&shown, o)
	if err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	*p = redact.Of(r.Secrets, *p) // words that the result holds as types of their own
	p.Links = o.Links             // addresses must stay as they are
	// Parsed here and not once for all: a run writes one page.
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	if err := t.Execute(w, p); err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	return nil
}

// elements are the parts of the page that come ready: the styles, the scripts and the data.
type elements struct {
	Policy  template.HTML
	Style   template.HTML
	Scripts []template.HTML
	Data    template.HTML
}

// newElements puts the run into the page. The policy lets a browser run our scripts, by their hashes, and nothing else, and ask no
// address. Styles may stand in the page: the static pictures have style attributes. No text of a result comes into one.
func newElements(run *lanes.Run) (e elements, err error) {
	e.Style = template.HTML("<style>\n" + Style() + "</style>")
	var allowed []string
	for _, script := range Scripts() {
		sum := sha256.Sum256([]byte(script))
		allowed = append(allowed, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		e.Scripts = append(e.Scripts, template.HTML("<script>"+script+"</script>"))
	}
	e.Policy = template.HTML(`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ` + strings.Join(allowed, " ") +
		`; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">`)
	data, err := encode(run)
	if err != nil {
		return e, err
	}
	e.Data = template.HTML(`<script type="application/octet-stream;base64" id="pgchaos-data">` + data + "</script>")
	return e, nil
}

// encode is the run as the scripts read it: JSON, gzip, base64. The alphabet of base64 cannot end an element.
func encode(run *lanes.Run) (string, error) {
	text, err := json.Marshal(run)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := z.Write(text); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}
