#!/bin/bash
# The image, built and run: `container.sh [WORKDIR]`. Needs buildah, podman, runc and redis-server. What it checks is in
# container/check.ts; WORKDIR keeps the layers between runs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export PATH="$here/../../node_modules/.bin:$PATH"
exec node "$here/container/main.ts" "${1:-/var/tmp/mailwheel-verify}"
