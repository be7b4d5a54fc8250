#!/bin/sh
# Gets what the charts of report.html need, as report/html/package-lock.json names it, and copies it to where go build
# embeds it; with the argument "test" also what their tests need. Quick when everything is there.
# Without npm, or without a network, the build has static pictures only; with "required", as for a release, and in CI
# that is an error.
set -eu
cd "$(dirname "$0")/.."
here=report/html
to=$here/assets/dist
got=.tools/charts
wanted=${1:-}

sum=$(cat $here/package.json $here/package-lock.json | cksum)

# fetched succeeds if what the lock file names is there already.
fetched() {
	[ "$(cat $got/stamp 2>/dev/null)" = "$sum" ] || return 1
	[ "$wanted" != test ] || [ -s $got/node_modules/axe-core/axe.min.js ]
}

without() {
	rm -f $to/uPlot* # of another version
	echo "charts.sh: $1: report.html will have static pictures, and no interactive charts" >&2
	if [ "$wanted" = required ] || [ "${CI:-}" = true ]; then
		exit 1
	fi
	exit 0
}

fetch() {
	command -v npm >/dev/null 2>&1 || without "npm is not installed"
	echo "charts.sh: getting uPlot by npm (once)" >&2
	mkdir -p .tools
	work=$(mktemp -d .tools/charts.XXXXXX)
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM
	cp $here/package.json $here/package-lock.json "$work/"
	omit=--omit=dev
	[ "$wanted" != test ] || omit=
	(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier $omit >npm.log 2>&1) || {
		cat "$work/npm.log" >&2
		without "npm ci failed"
	}
	echo "$sum" >"$work/stamp"
	rm -rf $got
	mv "$work" $got
}

# put replaces a file at once, so that a build at the same time never embeds a half.
put() {
	cmp -s "$1" "$2" || { cp "$1" "$2.new.$$" && mv "$2.new.$$" "$2"; }
}

fetched || fetch
put $got/node_modules/uplot/dist/uPlot.iife.min.js $to/uPlot.iife.min.js
put $got/node_modules/uplot/dist/uPlot.min.css $to/uPlot.min.css
put $got/node_modules/uplot/LICENSE $to/uPlot.LICENSE
