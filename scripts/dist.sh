#!/bin/sh
# Builds what users download, into the directory of the first argument (dist): a static
# binary for each system, a Debian package for each architecture of Linux, and SHA256SUMS.
# It needs npm for the charts of report.html. The same commit and the same Go give the same bytes. NFPM names the program nfpm.
set -eu
cd "$(dirname "$0")/.."
top=$(pwd)
: "${NFPM:?set NFPM to the program nfpm, or run: make dist}"

# Without a tag the version counts the commits from the first one on.
version=$(git describe --tags --dirty 2>/dev/null) || {
	version=v0.0.0-$(git rev-list --count HEAD)-g$(git rev-parse --short HEAD)
	git diff --quiet HEAD || version=$version-dirty
}
version=${version#v}
# 1.2.0-5-gabc comes after 1.2.0. For Debian it is 1.2.0+5.gabc: what follows the last dash would be a revision.
debian=$(echo "$version" | sed 's/-/+/; s/-/./g')
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

scripts/charts.sh required

rm -rf "${1:-dist}"
mkdir -p "${1:-dist}"
out=$(cd "${1:-dist}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

build() {
	GOOS=$1 GOARCH=$2 CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.buildVersion=$version" -o "$3" ./cmd/pgchaos
}

for system in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do
	echo "building $system" >&2
	build "${system%/*}" "${system#*/}" "$out/pgchaos-$version-${system%/*}-${system#*/}"
done

# This machine's own binary prints the completions.
build "$(go env GOHOSTOS)" "$(go env GOHOSTARCH)" "$work/pgchaos"
for shell in bash fish zsh; do
	"$work/pgchaos" completion "$shell" >"$work/pgchaos.$shell"
done
gzip -9 -n <CHANGELOG.md >"$work/changelog.gz"
cp -R README.md CONTRIBUTING.md docs "$work/"

for arch in amd64 arm64; do
	echo "packaging $arch" >&2
	cp "$out/pgchaos-$version-linux-$arch" "$work/pgchaos"
	# nfpm takes the times of the files, and SOURCE_DATE_EPOCH for everything else.
	find "$work" -type f -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
	(cd "$work" && DIST_ARCH=$arch DIST_VERSION=$debian "$NFPM" package --config "$top/packaging/nfpm.yaml" \
		--packager deb --target "$out/pgchaos_${debian}_$arch.deb" >&2)
done

(cd "$out" && sha256sum pgchaos* >SHA256SUMS)
