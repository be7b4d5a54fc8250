#!/bin/sh
# Builds pgchaos/busybox-postgres:15, for the tests: the nearest thing to the official
# image on Alpine that needs no registry. Its shell and tools are busybox, PostgreSQL's
# programs are in /usr/local/bin, postgres is user 70, it declares a volume as the
# official images do, and its entrypoint fails. Only the C library is Debian's.
#
# Needs an engine, pgchaos/postgres:15 (scripts/postgres-image.sh) and busybox, in the
# PATH or in .tools (scripts/setup.sh docker). What is built already is not built again.
set -eu

tools=$(dirname "$0")/../.tools
busybox=$(PATH="$tools:$PATH" command -v busybox) || {
	echo "busybox-image.sh: busybox is missing: scripts/setup.sh docker brings it" >&2
	exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$busybox" "$work/busybox"
touch -d @0 "$work/busybox"

cat >"$work/gather" <<'GATHER'
set -eu
programs=/usr/lib/postgresql/15/bin
extensions=/usr/lib/postgresql/15/lib
mkdir -p /image/bin /image/etc /image/usr/local /image/var/lib/postgresql/data /image/tmp
rm -f $extensions/llvmjit.so # which is small, and needs all of LLVM
# The server looks for its extensions beside its own directory.
cp -rL $programs $extensions /image/usr/local/
cp -a --parents /usr/share/postgresql/15 /usr/share/zoneinfo /image/
ldd $programs/* $extensions/*.so | grep -o '/[^ ]*\.so[^ ]*' | sort -u | while read -r library; do
	[ ! -e "$library" ] || cp -L --parents "$library" /image/
done
printf 'root:x:0:0:root:/root:/bin/sh\npostgres:x:70:70::/var/lib/postgresql:/bin/sh\n' >/image/etc/passwd
printf 'root:x:0:\npostgres:x:70:\n' >/image/etc/group
chmod 1777 /image/tmp /image/var/lib/postgresql/data
printf '#!/bin/sh\necho "the entrypoint of the image was used" >&2\nexit 66\n' >/image/usr/local/bin/docker-entrypoint.sh
chmod 755 /image/usr/local/bin/docker-entrypoint.sh
GATHER

cat >"$work/Dockerfile" <<'DOCKERFILE'
FROM pgchaos/postgres:15 AS debian
COPY gather /gather
RUN sh /gather

FROM scratch
COPY --from=debian /image/ /
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "busybox --install -s /bin && chown -R 70:70 /var/lib/postgresql"]
ENV PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
DOCKERFILE

# The builder that every engine has: the newer one is a plugin of the docker command.
if ! DOCKER_BUILDKIT=0 docker build --network none --force-rm -t pgchaos/busybox-postgres:15 "$work" >"$work/log" 2>&1; then
	tail -n 20 "$work/log" >&2
	exit 1
fi
