#!/bin/sh
# A small glibc root file system from Debian packages, for machines that reach no image registry. No dpkg database, and
# busybox as the shell that the build stages need. usage: root-file-system.sh OUTDIR
set -eu
out=$1
rm -rf "$out"
mkdir -p "$out"
packages=$(mktemp -d)
chmod 755 "$packages"
(
  cd "$packages"
  apt-get -o APT::Sandbox::User=root download -q libc6 libstdc++6 libgcc-s1 libcrypt1 ca-certificates tzdata \
    busybox-static base-files netbase >/dev/null
)
for package in "$packages"/*.deb; do dpkg-deb -x "$package" "$out"; done
rm -rf "$packages"
for folder in bin usr/bin usr/local/bin etc/ssl/certs home/node proc sys dev root run tmp var/tmp; do mkdir -p "$out/$folder"; done
chmod 1777 "$out/tmp" "$out/var/tmp"
chown 1000:1000 "$out/home/node"
for applet in sh ls cat mkdir ln cp mv rm chmod chown env find; do ln -sf busybox "$out/bin/$applet"; done
ln -sf /bin/busybox "$out/usr/bin/env"
printf 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n' >"$out/etc/passwd"
printf 'root:x:0:\nnode:x:1000:\n' >"$out/etc/group"
cat "$out"/usr/share/ca-certificates/mozilla/*.crt >"$out/etc/ssl/certs/ca-certificates.crt"
rm -rf "$out/usr/share/doc" "$out/usr/share/man" "$out/usr/share/locale"
