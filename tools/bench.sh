#!/usr/bin/env bash
# npm run bench: davit beside Debian's dockerd, which is only unpacked under .cache and runs on a lab host of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
bash tools/setup.sh
export PATH="$PWD/node_modules/.bin:$PATH:$PWD/.cache/bin:/usr/sbin:/sbin"
peer=$PWD/.cache/peer

unpack_peer() {
  rm -rf "$peer.part" && mkdir -p "$peer.part/debs"
  apt-get -qq update
  (cd "$peer.part/debs" && apt-get -qq -o APT::Sandbox::User=root download docker.io containerd tini)
  for package in "$peer.part"/debs/*.deb; do dpkg-deb -x "$package" "$peer.part"; done
  rm -rf "$peer.part/debs" "$peer"
  mv "$peer.part" "$peer"
}

if [ ! -x "$peer/usr/sbin/dockerd" ]; then
  echo 'Unpacking docker.io (the peer) under .cache/peer'
  unpack_peer || echo 'docker.io cannot be had from the mirror: measuring davit alone' >&2
fi
exec node --disable-warning=ExperimentalWarning bench/bench.ts "$@"
