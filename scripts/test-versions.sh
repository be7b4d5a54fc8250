#!/bin/sh
# Runs quorum-kill, async-kill and the walkthrough on every major version of PostgreSQL
# that Debian packages, in containers, and prints a line of Markdown for each. Takes
# about two minutes a version, and as long again to build the images the first time.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
failed=0

# outcome runs an experiment and says what became of it, against the exit code that it
# must end with.
outcome() {
	code=0
	bin/pgchaos run "$2" --provider docker --set "cluster.docker.image=pgchaos/postgres:$1" \
		--out "$work/$1-$2" >"$work/$1-$2.txt" 2>&1 || code=$?
	if [ "$code" = "$3" ]; then
		text=as\ expected
	else
		text="EXIT CODE $code"
		cat "$work/$1-$2.txt" >&2
	fi
}

echo "| PostgreSQL | quorum-kill | async-kill (must lose writes) | walkthrough |"
echo "|---|---|---|---|"
for version in ${*:-13 15 17 18}; do
	scripts/postgres-image.sh "$version"
	line=
	for experiment in quorum-kill:0 async-kill:3 walkthrough:0; do
		outcome "$version" "${experiment%:*}" "${experiment#*:}"
		[ "$text" = "as expected" ] || failed=1
		line="$line $text |"
	done
	full=$(sed -n 's/.*PostgreSQL \([0-9.a-z]*\) .*nodes up and.*/\1/p' "$work/$version-quorum-kill.txt" | head -n 1)
	echo "| ${full:-$version} |$line"
done
exit $failed
