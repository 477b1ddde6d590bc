#!/usr/bin/env bash
# Runs a command on a "host" of its own: a network namespace with an uplink, NATed to the real network, so that
# bridges and firewall rules made inside never touch the machine's. Mounts and cgroups are the machine's.
#   tools/lab.sh NAME N command…    N: 1-250, picks the uplink's addresses 198.18.N.0/30
#   tools/lab.sh NAME N --down      removes the namespace with everything in it, and its uplink
set -euo pipefail
name=davit-lab-$1 n=$2
shift 2
comment="davit-lab-$n"
if [ "${1:-}" = --down ]; then
  ip netns del "$name" 2>/dev/null || true
  ip link del "dlab$n" 2>/dev/null || true
  for table in nat filter; do
    iptables-save -t "$table" | grep -- "--comment $comment " | sed 's/^-A/-D/' | while read -r rule; do eval "iptables -w -t $table $rule"; done
  done
  exit 0
fi
if [ ! -e "/run/netns/$name" ]; then
  sysctl -qw net.ipv4.ip_forward=1
  ip netns add "$name"
  ip link add "dlab$n" type veth peer name eth0 netns "$name"
  ip addr add "198.18.$n.1/30" dev "dlab$n"
  ip link set "dlab$n" up
  ip -n "$name" addr add "198.18.$n.2/30" dev eth0
  ip -n "$name" link set eth0 up
  ip -n "$name" link set lo up
  ip -n "$name" route add default via "198.18.$n.1"
  iptables -w -t nat -A POSTROUTING -s "198.18.$n.0/30" ! -o "dlab$n" -m comment --comment "$comment" -j MASQUERADE
  # Docker, and davit itself, set the policy of FORWARD to DROP.
  iptables -w -I FORWARD -i "dlab$n" -m comment --comment "$comment" -j ACCEPT
  iptables -w -I FORWARD -o "dlab$n" -m comment --comment "$comment" -j ACCEPT
fi
exec nsenter --net="/run/netns/$name" "$@"
