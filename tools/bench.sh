#!/usr/bin/env bash
# npm run bench: davit beside Debian's dockerd, which is only unpacked under .cache and runs on a lab host of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
bash tools/setup.sh
npm run --silent build
export PATH="$PWD/node_modules/.bin:$PATH:$PWD/.cache/bin:/usr/sbin:/sbin"
bash tools/peers.sh docker.io || echo 'docker.io cannot be had from the mirror: measuring davit alone' >&2
bash tools/peers.sh etcd-server etcd-client
bash tools/peers.sh iperf3 || echo 'iperf3 cannot be had from the mirror: throughput is not measured' >&2
node --disable-warning=ExperimentalWarning bench/store.ts || echo 'the store misses a figure that is wanted' >&2
node --disable-warning=ExperimentalWarning bench/api.ts || echo 'the API misses a figure that is wanted' >&2
node --disable-warning=ExperimentalWarning bench/image-memory.ts || echo 'large images miss a figure that is wanted' >&2
node --disable-warning=ExperimentalWarning bench/networks.ts || echo 'networks miss a figure that is wanted' >&2
exec node --disable-warning=ExperimentalWarning bench/bench.ts "$@"
