#!/bin/sh
# Checks what make dist has built. The binary and the package of this machine are run;
# the package is installed into a directory of its own with a package database of its own,
# and removed again, so that the machine stays as it was. The binaries that cannot run here are
# only read. Needs Linux, dpkg and file.
set -eu
cd "$(dirname "$0")/.."
out=$(cd "${1:-dist}" && pwd)

fail() {
	echo "test-dist.sh: $*" >&2
	exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
PATH=$PATH:/usr/sbin:/sbin # dpkg looks for programs of root there

(cd "$out" && sha256sum --quiet -c SHA256SUMS) || fail "checksums do not fit"
[ "$(grep -c . "$out/SHA256SUMS")" = 6 ] || fail "SHA256SUMS does not name six files"

# is wants a binary to be of a system, static, and built without paths of this machine.
is() {
	build=$(go version -m "$1")
	for setting in "GOOS=$2" "GOARCH=$3" CGO_ENABLED=0 -trimpath=true; do
		echo "$build" | grep -q -- "$setting\$" || fail "$1 is not built with $setting"
	done
	file "$1" | grep -q "$4" || fail "$1 is not $4: $(file "$1")"
	! grep -qaF "$(pwd)" "$1" || fail "$1 names this directory"
	grep -qaF leeoniya/uPlot "$1" || fail "$1 was built without the charts of report.html"
}
set -- "$out"/pgchaos-*-linux-amd64
version=$(basename "$1" -linux-amd64)
is "$out/$version-linux-amd64" linux amd64 'x86-64.*statically linked'
is "$out/$version-linux-arm64" linux arm64 'aarch64.*statically linked'
is "$out/$version-darwin-amd64" darwin amd64 'Mach-O 64-bit x86_64'
is "$out/$version-darwin-arm64" darwin arm64 'Mach-O 64-bit arm64'

# says wants a binary to print the version that its file is named for.
says() {
	said=$("$@" version) || fail "$*: version fails"
	case $said in
	"pgchaos ${version#pgchaos-} "*) ;;
	*) fail "$*: version prints \"$said\", not ${version#pgchaos-}" ;;
	esac
}
here=$(dpkg --print-architecture)
says "$out/$version-linux-$here"

for package in "$out"/pgchaos_*.deb; do
	dpkg-deb -x "$package" "$work/unpacked"
	arch=$(dpkg-deb --field "$package" Architecture)
	cmp "$work/unpacked/usr/bin/pgchaos" "$out/$version-linux-$arch" || fail "$package holds another binary"
	rm -rf "$work/unpacked"
done

# dpkg keeps all that it knows below --root.
root=$work/root
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
: >"$root/var/lib/dpkg/status"
dpkg() {
	command dpkg --root="$root" --log=/dev/null --force-not-root "$@" >"$work/dpkg.log" 2>&1 || {
		cat "$work/dpkg.log" >&2
		fail "dpkg $*"
	}
}
dpkg --install "$out"/pgchaos_*_"$here".deb
says "$root/usr/bin/pgchaos"
# With nothing but the package around it: no library, no shell.
if [ "$(id -u)" = 0 ]; then
	says chroot "$root" /usr/bin/pgchaos
fi
"$root/usr/bin/pgchaos" validate quorum-kill >/dev/null || fail "validate of a shipped experiment fails"
for f in bash-completion/completions/pgchaos zsh/vendor-completions/_pgchaos fish/vendor_completions.d/pgchaos.fish \
	doc/pgchaos/README.md doc/pgchaos/changelog.gz doc/pgchaos/docs/experiments.md; do
	[ -s "$root/usr/share/$f" ] || fail "the package lacks /usr/share/$f"
done
dpkg --purge pgchaos
left=$(find "$root" -path "$root/var/lib/dpkg" -prune -o ! -type d -print)
[ -z "$left" ] || fail "removing the package leaves $left"
echo "$version: installed, run and removed ($here); the others have the right format"
