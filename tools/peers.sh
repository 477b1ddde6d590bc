#!/usr/bin/env bash
# Brings programs that davit is tested and measured against, without installing them: their Debian packages and whatever
# these need that the machine lacks are unpacked under .cache/peers/<name>. There already: nothing to do.
#   tools/peers.sh docker.io docker-registry            from the machine's Debian release
#   tools/peers.sh docker-compose@sid                   from sid; must need nothing but what every Debian has
# How to run one: test/support/peers.ts
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/sbin" DEBIAN_FRONTEND=noninteractive
cache=$PWD/.cache
peers=$cache/peers
mkdir -p "$peers"
exec 9>"$peers/.lock"
flock 9

apt_options=(-qq -o APT::Sandbox::User=root -o Acquire::Languages=none)
updated=
update_once() { [ -n "$updated" ] || { apt-get "${apt_options[@]}" update && updated=1; }; }

# download FOLDER NAME: the package and everything it needs that is not installed here
download() {
  mkdir -p "$1/partial"
  update_once && apt-get "${apt_options[@]}" -y --no-install-recommends --download-only -o Dir::Cache::archives="$1" install "$2" >/dev/null
  # Already installed on this machine: apt has nothing to fetch.
  ls "$1"/*.deb >/dev/null 2>&1 || (cd "$1" && apt-get "${apt_options[@]}" download "$2")
}

download_from_sid() {
  local apt=$1/apt mirror options
  mirror=$(sed -nE 's#^URIs: *(\S*/debian)/?$#\1#p; s#^deb (\[[^]]*\] )?(\S*/debian)/? .*#\2#p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null | head -n 1)
  mkdir -p "$apt/lists/partial" "$apt/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} sid main" >"$apt/sources.list"
  options=("${apt_options[@]}" -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$apt/lists"
    -o "Dir::Cache=$apt" -o Acquire::Check-Valid-Until=false) # signatures are checked; a mirror that lags behind will do
  apt-get "${options[@]}" update && (cd "$1" && apt-get "${options[@]}" download "$2")
}

bring() { # NAME[@sid]
  local name=${1%@sid} part=$peers/$1.part
  rm -rf "$part" && mkdir -p "$part/debs" "$part/root"
  if [ "$name" = "$1" ]; then download "$part/debs" "$name"; else download_from_sid "$part/debs" "$name"; fi || return 1
  for package in "$part"/debs/*.deb; do dpkg-deb -x "$package" "$part/root" || return 1; done
  # Debian packs distutils in two: without the half that is installed Python takes the other for nothing.
  for folder in "$part"/root/usr/lib/python3.*/distutils; do
    [ ! -d "$folder" ] || cp -rn "${folder#"$part/root"}/." "$folder" 2>/dev/null || true
  done
  mv "$part/root" "$peers/$1" && rm -rf "$part"
}

failed=0
for peer in "$@"; do
  [ -d "$peers/$peer" ] && continue
  echo "  … $peer (a peer, unpacked under .cache/peers)"
  bring "$peer" || { echo "peers: $peer cannot be had from the Debian mirror" >&2; failed=1; }
done
exit $failed
