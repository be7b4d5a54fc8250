#!/bin/sh
# Builds a container image with PostgreSQL's server programs from Debian's packages,
# where no registry can be reached: pgchaos/postgres:VERSION, once; an image that is
# there is kept. Needs root (or sudo), debootstrap and a running engine.
#
#   scripts/postgres-image.sh [VERSION]     13, 15 (the default), 17 or 18
#
# DEBIAN_MIRROR names another mirror than debootstrap's own; FORCE=1 builds anew.
set -eu

version=${1:-15}
image=pgchaos/postgres:$version
case $version in
13) suite=bullseye ;;
15) suite=bookworm ;;
17) suite=trixie ;;
18) suite=forky ;;
*)
	echo "postgres-image.sh: Debian packages PostgreSQL 13, 15, 17 and 18, not $version" >&2
	exit 2
	;;
esac

if [ -z "${FORCE:-}" ] && docker image inspect "$image" >/dev/null 2>&1; then
	exit 0
fi
docker version >/dev/null || {
	echo "postgres-image.sh: no engine to build the image for; start one (scripts/setup.sh docker does)" >&2
	exit 1
}
command -v debootstrap >/dev/null 2>&1 || [ -x /usr/sbin/debootstrap ] || {
	echo "postgres-image.sh: debootstrap is missing: apt-get install debootstrap" >&2
	exit 1
}
if [ "$(id -u)" != 0 ]; then
	exec sudo env PATH="$PATH:/usr/sbin:/sbin" DEBIAN_MIRROR="${DEBIAN_MIRROR:-}" FORCE="${FORCE:-}" "$0" "$version"
fi
PATH=$PATH:/usr/sbin:/sbin

echo "postgres-image.sh: building $image from Debian $suite" >&2
work=$(mktemp -d "${TMPDIR:-/var/tmp}/pgchaos-image-XXXXXX")
trap 'umount "$work/root/proc" 2>/dev/null || true; rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM
root=$work/root
# A suite that this debootstrap does not know yet is built as every suite since.
cp -r /usr/share/debootstrap "$work/debootstrap"
[ -e "$work/debootstrap/scripts/$suite" ] || ln -s sid "$work/debootstrap/scripts/$suite"
if ! DEBOOTSTRAP_DIR="$work/debootstrap" debootstrap --variant=minbase "$suite" "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$work/log" 2>&1; then
	tail -n 20 "$work/log" "$root/debootstrap/debootstrap.log" >&2 || true
	exit 1
fi
# The package would make a cluster and start it.
mkdir -p "$root/etc/postgresql-common"
echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.conf"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
mount -t proc proc "$root/proc"
if ! chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
	apt-get install -q -y --no-install-recommends "postgresql-$version" >>"$work/log" 2>&1; then
	tail -n 20 "$work/log" >&2
	exit 1
fi
umount "$root/proc"
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* "$root"/usr/share/man/* \
	"$root"/usr/share/locale/* "$root"/var/log/*.log "$root"/usr/sbin/policy-rc.d
tar -C "$root" --numeric-owner -c . | docker import \
	--change "ENV PATH=/usr/lib/postgresql/$version/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
	--change "LABEL pgchaos.image=$version" \
	--message "PostgreSQL $version of Debian $suite, by pgchaos" - "$image" >/dev/null
echo "postgres-image.sh: $image is there" >&2
