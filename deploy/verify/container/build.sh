#!/bin/bash
# Builds deploy/Containerfile with buildah on a base image made here: no image registry, daemon or systemd is needed.
# usage: build.sh WORKDIR (kept between runs: images and base) -> image localhost/mailwheel:verify
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../../.." && pwd)
work=$1
mkdir -p "$work"
cat >"$work/storage.conf" <<S
[storage]
driver = "overlay"
runroot = "$work/run"
graphroot = "$work/graph"
S
# Without CAP_SYS_RESOURCE limits can only be lowered; runc, unlike crun, runs on hybrid cgroups.
cat >"$work/containers.conf" <<S
[containers]
default_ulimits = ["nofile=$(ulimit -n):$(ulimit -n)", "nproc=20000:20000"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
S
export CONTAINERS_STORAGE_CONF=$work/storage.conf CONTAINERS_CONF=$work/containers.conf
base=localhost/mailwheel-base:node-$(node -p process.versions.node)
if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
  context=$(mktemp -d)
  "$here/root-file-system.sh" "$context/rootfs"
  tar -C "$context/rootfs" --numeric-owner -cf "$context/rootfs.tar" .
  rm -rf "$context/rootfs"
  cp "$(node -p process.execPath)" "$context/node"
  cp -rL "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$context/npm"
  cat >"$context/Containerfile" <<'C'
FROM scratch
ADD rootfs.tar /
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && node -v && npm -v
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["node"]
C
  buildah build --isolation chroot --layers=false -t "$base" "$context"
  rm -rf "$context"
fi
# Mounted only while building, so that npm trusts the certificates of this machine; not left in the image.
certificates=/etc/ssl/certs/ca-certificates.crt
printf 'cafile=%s\naudit=false\nfund=false\nupdate-notifier=false\n' "$certificates" >"$work/npmrc"
cd "$project"
buildah build --isolation chroot --network host --layers --build-arg "BASE=$base" \
  --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
  --volume "$certificates:$certificates:ro" --volume "$work/npmrc:/root/.npmrc:ro" \
  -f deploy/Containerfile -t localhost/mailwheel:verify .
