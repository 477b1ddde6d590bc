#!/usr/bin/env bash
# npm test: set-up, types, lint, then every test. One command more than once is cheap: what is there is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
bash tools/setup.sh
export PATH="$PWD/node_modules/.bin:$PATH:$PWD/.cache/bin:/usr/sbin:/sbin"

# Programs that tests use and davit does not.
tools=()
command -v ssh-keygen > /dev/null || tools+=(openssh-client)
command -v git > /dev/null || tools+=(git)
if [ ${#tools[@]} -gt 0 ]; then
  echo "  … ${tools[*]}"
  { apt-get -qq update && apt-get -qq -y --no-install-recommends install "${tools[@]}"; } >> .cache/setup.log
fi
bash tools/peers.sh chromium docker-compose docker-compose@sid docker.io@sid containerd@sid docker-buildx@sid etcd-server etcd-client wrk
bash tools/peers.sh docker-registry docker.io skopeo buildah podman

section() { # NAME command…
  local name=$1 start=$EPOCHREALTIME
  shift
  "$@" || { printf '✗ %s failed: %s\n' "$name" "$*" >&2; exit 1; }
  awk -v n="$name" -v s="$start" -v e="$EPOCHREALTIME" 'BEGIN { printf "✓ %-40s %6.1f s\n", n, e - s }'
}

section types npm run --silent types
section lint npm run --silent lint
generated() { node tools/generate-kubernetes.ts --check && node tools/generate-scope.ts --check; }
section 'generated files' generated
exec node --disable-warning=ExperimentalWarning tools/run-tests.ts "$@"
