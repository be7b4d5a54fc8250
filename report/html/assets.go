// Package html is the report of a run as one HTML page, written from its result alone.
package html

import (
	"embed"
	"slices"
	"strings"
)

// The folder dist is empty in git: scripts/charts.sh fills it. A program that was built without it draws static pictures only.
//
//go:embed assets/*.js assets/*.css all:assets/dist
var assets embed.FS

// What scripts/charts.sh copies.
const (
	chartScript  = "dist/uPlot.iife.min.js"
	chartStyle   = "dist/uPlot.min.css"
	chartLicense = "dist/uPlot.LICENSE"
)

// ownScripts are those of this repository, in the order in which they need each other.
var ownScripts = append(slices.Clone(laneScripts), "table.js", "closeup.js", "app.js")

// laneScripts are those that draw lanes, with one cursor and one window of time for several.
var laneScripts = []string{"format.js", "bands.js", "lane.js", "window.js"}

// Charts tells whether this program was built with the interactive charts.
func Charts() bool {
	for _, name := range []string{chartScript, chartStyle, chartLicense} {
		if _, has := asset(name); !has {
			return false
		}
	}
	return true
}

// Style is the style sheet of the page.
func Style() string {
	own := wanted("style.css")
	if !Charts() {
		return own
	}
	return license() + wanted(chartStyle) + "\n" + own
}

// Scripts are the scripts of the page. Each belongs into a script element of its own, in this order, at the end of the
// body: a browser that is too old for the first one still runs the second, which says so.
func Scripts() []string {
	own := joined(ownScripts)
	if !Charts() {
		return []string{own}
	}
	return []string{license() + wanted(chartScript), own}
}

// LaneScript is what draws lanes in another page, without the data of a run. Without the charts it has no uPlot, and draws nothing.
func LaneScript() string {
	own := joined(laneScripts)
	if !Charts() {
		return own
	}
	return license() + wanted(chartScript) + "\n" + own
}

func joined(names []string) string {
	var all strings.Builder
	for _, name := range names {
		all.WriteString(wanted(name))
	}
	return all.String()
}

// license is the licence of uPlot, which has to be in each copy, as a comment.
func license() string { return "/*!\n" + wanted(chartLicense) + "*/\n" }

func asset(name string) (text string, has bool) {
	b, err := assets.ReadFile("assets/" + name)
	return string(b), err == nil
}

// wanted is a file that is a part of the program.
func wanted(name string) string {
	text, has := asset(name)
	if !has {
		panic("report/html: the program lacks " + name)
	}
	return text
}
