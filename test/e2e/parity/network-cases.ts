import type { ParityCase } from './case.ts';

/** What `docker network inspect` says, one field a line; container IDs are gone, names and addresses stay. */
const shown = `n() { for field in Name Scope Driver EnableIPv6 IPAM.Config Internal Attachable Ingress ConfigFrom ConfigOnly Options Labels; do docker network inspect "$1" -f "$field {{json .$field}}"; done; }`;

export const networkCases: readonly ParityCase[] = [
  {
    name: 'networks: every option of create, as inspect, ls and its filters show it',
    script: String.raw`
${shown}
docker network create n1 >/dev/null; docker network create --subnet 10.41.0.0/24 --gateway 10.41.0.254 --ip-range 10.41.0.128/25 --aux-address printer=10.41.0.130 --label a=1 n2 >/dev/null
docker network create --internal --attachable --subnet 10.42.0.0/24 --gateway 10.42.0.1 -o com.docker.network.driver.mtu=1400 -o com.docker.network.bridge.enable_icc=false n3 >/dev/null
docker network create --ipv6 --subnet fd00:41::/64 --gateway fd00:41::1 --subnet 10.43.0.0/24 --gateway 10.43.0.1 n4 >/dev/null; docker network create --ipv6 --subnet fd00:42::/64 --gateway fd00:42::9 --subnet 10.44.0.0/24 --gateway 10.44.0.7 n5 >/dev/null
n n1 | sed 's/172\.[0-9]*/172.N/g'; for each in n2 n3 n4 n5; do n $each; done; n host; n none
l() { docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}} {{.IPv6}} {{.Internal}} {{.Labels}}' "$@" | sort; }
l; for f in driver=bridge driver=host driver=null type=custom type=builtin label=a label=a=1 label=a=2 name=n name=n2 scope=local scope=swarm dangling=true dangling=false; do echo "# $f"; l -f $f; done; l -f nonsense=1; l -f type=x; l -f dangling=x; docker network inspect nobody; docker network inspect -v n2 -f '{{.Name}}'
docker network rm n1 n2 n3 n4 n5; docker network rm nobody bridge`,
  },
  {
    name: 'networks: what cannot be made is refused, with the same words',
    script: String.raw`
c() { docker network create "$@"; echo "$? $*"; }
docker network create --subnet 10.45.0.0/24 there >/dev/null
c there; c --subnet 10.45.0.128/25 over; c bridge; c host; c none; c -d host x; c -d null x; c 'bad name'; c --subnet nonsense x; c --subnet 10.46.0.0/33 x; c --subnet 10.46.0.0/24 --gateway 10.47.0.1 x
c --subnet 10.46.0.0/24 --ip-range 10.47.0.0/24 x; c --subnet 10.46.0.0/24 --aux-address a=10.47.0.1 x; c --gateway 10.46.0.1 x; c --ip-range 10.46.0.0/24 x; c --subnet 10.46.0.0/24 --subnet 10.46.0.0/25 x; c --subnet 10.46.0.0/24 --gateway 10.46.0.1 --gateway 10.46.0.2 x
c --scope swarm x; c -d overlay x; c --ingress x; c -o com.docker.network.bridge.enable_icc=perhaps x; c -o com.docker.network.driver.mtu=x x
docker network rm there; docker network ls -q -f type=custom | wc -l`,
  },
  {
    name: 'networks: connect and disconnect, running and not, static addresses, aliases, refusals',
    script: String.raw`
docker network create --subnet 10.51.0.0/24 n1 >/dev/null; docker network create --subnet 10.52.0.0/24 n2 >/dev/null
docker run -d --name c1 --network n1 --ip 10.51.0.50 --network-alias first busybox:test sleep 1000 >/dev/null
e() { docker inspect $1 -f '{{range $n, $e := .NetworkSettings.Networks}}{{$n}} {{$e.IPAddress}} {{$e.Gateway}} {{$e.IPPrefixLen}} {{$e.MacAddress}} {{json $e.IPAMConfig}} {{json $e.Links}} {{json $e.DriverOpts}}{{println}}{{end}}{{.HostConfig.NetworkMode}} {{.NetworkSettings.IPAddress}}'; }
e c1; docker network connect --ip 10.52.0.60 --alias second n2 c1; e c1; docker exec c1 ip -o -4 addr | awk '{print $2,$4}'; docker exec c1 ip route
docker network connect n2 c1; docker network connect n1 nobody; docker network connect nowhere c1; docker network connect --ip 10.99.0.1 n2 c1; docker network connect host c1; docker network connect none c1
docker network inspect n1 -f '{{range .Containers}}{{.Name}} {{.IPv4Address}} {{.MacAddress}} {{.IPv6Address}}{{end}}'
docker create --name d1 busybox:test true >/dev/null; docker network connect --ip 10.52.0.70 n2 d1; e d1; docker network connect --ip 10.52.0.60 n2 d1; docker network disconnect n2 d1; e d1; docker network disconnect n2 d1; docker network disconnect bridge d1; e d1; docker network inspect n2 -f '{{len .Containers}}'
docker network rm n1; docker network disconnect n2 c1; docker network disconnect n2 c1; docker network disconnect nowhere c1; docker network disconnect n1 nobody; docker network disconnect -f n1 nobody; e c1; docker network disconnect n1 c1; docker exec c1 ip -o -4 addr | awk '{print $2,$4}'; docker network rm n1 n2
docker run -d --name h1 --network host busybox:test sleep 1000 >/dev/null; docker network disconnect host h1; docker network create n3 >/dev/null; docker network connect n3 h1; docker network rm n3
docker run -d --name s1 --network container:c1 busybox:test sleep 1000 >/dev/null; docker network connect bridge s1; docker run --rm --ip 10.1.1.1 busybox:test true; docker run --rm --network-alias x busybox:test true; docker run --rm --network none -p 80:80 busybox:test true`,
  },
  {
    name: 'networks: links, their names, addresses and environment',
    script: String.raw`
docker run -d --name db -e PASSWORD=secret -e PATH=/bin:/usr/bin --expose 5432 --expose 53/udp --expose 7000-7002 busybox:test sleep 1000 >/dev/null
docker run --rm --name user --link db:store busybox:test sh -c 'env | sort | grep -v HOSTNAME; grep store /etc/hosts | cut -f2 | sed "s/[0-9a-f]\{12\}/<short>/"; ping -c1 -W1 store >/dev/null && echo reached'
docker run --rm --name user --link db busybox:test sh -c 'env | grep ^DB | sort; grep -w db /etc/hosts | cut -f1'; docker run -d --name keep --link db:one --link db:two busybox:test sleep 1000 >/dev/null; docker inspect -f '{{range .HostConfig.Links}}{{println .}}{{end}}' keep | sort; docker exec keep sh -c 'env | grep -c _; env | grep ^ONE | sort'
docker ps -a --format '{{.Names}}' | sort; docker run --rm --link nobody busybox:test true; docker run --rm --link db:bad/alias busybox:test true; docker create --name off busybox:test true >/dev/null; docker run --rm --name late --link off busybox:test true; docker network create n1 >/dev/null
docker run -d --name mine --network n1 busybox:test sleep 1000 >/dev/null; docker run --rm --network n1 --link mine:other busybox:test sh -c 'env | grep -c OTHER; ping -c1 -W1 other >/dev/null && echo reached; grep -c other /etc/hosts'; docker run --rm --network n1 --link db:other busybox:test true
docker rm -f mine >/dev/null; docker network rm n1`,
  },
  {
    name: 'ports: every form of -p, what inspect, port and ps say, refusals',
    script: String.raw`
p() { docker run -d --name c1 "$@" busybox:test sleep 1000 >/dev/null; docker port c1 | sort; docker ps -f name=c1 --format '{{.Ports}}'; docker inspect c1 -f '{{json .HostConfig.PortBindings}} {{json .NetworkSettings.Ports}} {{json .Config.ExposedPorts}}'; docker rm -f c1 >/dev/null; echo "# $*"; }
p -p 18001:80; p -p 127.0.0.1:18002:80; p -p 0.0.0.0:18003:53/udp; p -p 18005-18007:80-82; p -p '[::1]:18008:80'; p -p '[::]:18009:80'; p --expose 90 --expose 91/udp; p -p 18012:80/tcp -p 0.0.0.0:18012:80/udp; p -p 0.0.0.0:18013:80
docker run -d --name c1 -P --expose 80 --expose 81 busybox:test sleep 1000 >/dev/null; docker port c1 | sed 's/:[0-9]*$/:N/' | sort; docker port c1 80/tcp | wc -l; docker port c1 99; docker port c1 81 | wc -l; docker port nobody; docker rm -f c1 >/dev/null
docker run -d --name c1 -p 80 busybox:test sleep 1000 >/dev/null; docker port c1 80 | wc -l; docker rm -f c1 >/dev/null; docker run -d --name c1 -p 18020-18022:80 busybox:test sleep 1000 >/dev/null; docker port c1 80/tcp; docker run -d --name c2 -p 18020-18021:80 busybox:test sleep 1000 >/dev/null; docker port c2 80/tcp; docker rm -f c1 c2 >/dev/null
r() { docker run --rm "$@" busybox:test true; echo "$? $*"; }
r -p 99999:80; r -p nonsense; r -p 80:nonsense; r -p 80/nonsense; r -p 1.2.3:80:80; r -p 18030-18031:80-85; docker stop nobody; docker create --name e1 -p 18033:80 busybox:test true >/dev/null; docker port e1; docker inspect e1 -f '{{json .NetworkSettings.Ports}}'`,
  },
];
