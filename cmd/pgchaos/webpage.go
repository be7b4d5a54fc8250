package main

import (
	"bytes"
	"context"
	"fmt"

	"pgchaos/compare"
	"pgchaos/live"
	"pgchaos/live/web"
	"pgchaos/report/html"
	"pgchaos/runner"
)

// withPage is a display beside which the runs are served as a page.
type withPage struct {
	display
	page *web.Server
}

// serve is a display, with a page at the address that --web says.
func serve(o displayOptions, address string) (display, error) {
	page, err := web.Start(web.Options{Address: address, Name: o.name, Several: o.several, Verbose: o.verbose})
	if err != nil {
		return nil, usageError(fmt.Errorf("--web: %w", err))
	}
	w := withPage{newDisplay(o), page} // only now: an error must not come while a view has the terminal
	w.display.above("-- the run can be followed at " + page.URL())
	if warning := page.Warning("--web"); warning != "" {
		w.display.above("-- " + warning)
	}
	return w, nil
}

func (w withPage) send(e runner.Event) {
	w.display.send(e)
	w.page.Send(e)
}

func (w withPage) above(text string) {
	w.display.above(text)
	w.page.Print(text)
}

func (w withPage) begin(r live.Round) {
	w.display.begin(r)
	w.page.Begin(r)
}

// finish turns the page into the finished report of the run, or into the comparison of the series.
func (w withPage) finish(ctx context.Context, of *reported) {
	w.display.finish(ctx, of)
	w.page.Finish(pageOf(ctx, of))
	_ = w.page.Close() // the run is over
}

// pageOf is what came out as a page that is served alone; nil: there is none. Why not stands in the error of report.html beside the
// result, or in the text about the series.
func pageOf(ctx context.Context, of *reported) []byte {
	var b bytes.Buffer
	var err error
	switch {
	case of == nil || of.series != nil && of.series.Left() > 0:
		return nil
	case of.series == nil:
		err = html.Write(&b, of.result, html.Options{Version: version()})
	default:
		var in *compared
		var c *compare.Comparison
		if in, c, err = compareSeries(ctx, of.series); err == nil {
			err = in.page(&b, c, "")
		}
	}
	if err != nil {
		return nil
	}
	return b.Bytes()
}
