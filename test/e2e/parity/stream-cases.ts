import type { ParityCase } from './case.ts';

export const streamCases: readonly ParityCase[] = [
  {
    name: 'logs: every flag, across a restart, of terminals, with details, refusals',
    script: String.raw`
docker run --name c1 -e WHO=me --label role=x --log-opt labels=role --log-opt env=WHO busybox:test sh -c 'for i in 1 2 3 4 5; do echo out $i; done; sleep 0.2; echo err >&2'; echo
docker logs c1; docker logs -n 2 c1; docker logs --tail 0 c1; docker logs --tail all c1 | wc -l; docker logs --tail nonsense c1 | wc -l; docker logs --tail -1 c1 | wc -l
docker logs -t c1; docker logs --details c1; docker logs -t --details --tail 1 c1
docker logs --since 10m c1 | wc -l; docker logs --until 10m c1 | wc -l; docker logs --since 2000-01-01 c1 | wc -l; docker logs --since 2100-01-01T00:00:00Z c1 | wc -l; docker logs --since nonsense c1; docker logs nobody
docker start -a c1 2>&1 | wc -l; docker logs c1 2>&1 | wc -l; docker logs -f c1 | tail -n 1
docker run -d --name t1 -t busybox:test sh -c 'echo one; echo two >&2' >/dev/null; docker wait t1; docker logs t1 | od -c | head -3
docker run --name n1 --log-driver none busybox:test echo hi; docker logs n1
docker run --name l1 --log-driver local busybox:test sh -c 'echo hi; echo there >&2'; docker logs l1; docker run --log-opt nonsense=1 busybox:test true`,
  },
  {
    name: 'logs --follow goes on over a restart of the container',
    script: String.raw`
docker run -d --name c1 busybox:test sh -c 'echo begun; sleep 1000' >/dev/null
(timeout 5 docker logs -f c1 > /tmp/parity-follow.$$) & sleep 0.4; docker restart -t 0 c1; sleep 0.6; docker rm -f c1 >/dev/null; wait; cat /tmp/parity-follow.$$; rm /tmp/parity-follow.$$`,
  },
  {
    name: 'attach: no stdin, signals, several attachers, half-close, stopped ones',
    script: String.raw`
docker create -i --name c1 busybox:test sh -c 'while read line; do echo "said $line"; done; echo end of input; exit 6' >/dev/null
(timeout 8 docker attach --no-stdin c1 > /tmp/parity-other.$$) & sleep 0.4
printf 'one\ntwo\n' | docker start -ai c1; echo code $?; wait; cat /tmp/parity-other.$$; rm /tmp/parity-other.$$; docker wait c1
docker attach c1; docker create --name d1 busybox:test true >/dev/null; docker attach d1; docker attach nobody
docker run -d --name s1 busybox:test sh -c 'trap "echo interrupted; exit 7" INT; while :; do sleep 0.05; done' >/dev/null
docker attach s1 & pid=$!; sleep 0.6; kill -INT $pid; wait $pid; echo code $?; docker wait s1
printf 'a\nb\n' | docker run -i --rm busybox:test wc -l
printf 'a\n' | docker run -i --rm busybox:test sh -c 'cat; echo after; exit 4'; echo $?
docker run --rm -a stdout busybox:test sh -c 'echo out; echo err >&2'; docker run --rm -a stderr busybox:test sh -c 'echo out; echo err >&2'`,
  },
  {
    name: 'detach keys',
    script: String.raw`
(sleep 0.7; printf '\x10\x11'; sleep 0.5) | script -qec 'docker run -it --name c1 busybox:test sh -c "sleep 1000"; echo code $?' /dev/null | tr -d '\r'
docker inspect -f '{{.State.Status}}' c1
(sleep 0.7; printf 'xy'; sleep 0.5) | script -qec 'docker attach --detach-keys x,y c1; echo code $?' /dev/null | tr -d '\r'
docker attach --detach-keys nonsense c1; docker inspect -f '{{.State.Status}}' c1; docker attach c1 </dev/null; echo $?`,
  },
  {
    name: 'events: actions, attributes, filters, formats',
    script: String.raw`
since=$(date +%s.%N)
docker run -d --name c1 --label job=x busybox:test sh -c 'trap "exit 0" TERM; while :; do sleep 0.05; done' >/dev/null; sleep 0.2
docker exec c1 true; docker pause c1 >/dev/null; docker unpause c1 >/dev/null; docker rename c1 c2; docker update --cpu-shares 100 c2 >/dev/null; docker kill -s HUP c2 >/dev/null
docker top c2 >/dev/null; docker cp c2:/etc/passwd - >/dev/null; docker cp /etc/hostname c2:/tmp/x >/dev/null 2>&1; docker export c2 >/dev/null; docker commit c2 ev:1 >/dev/null; docker restart -t 5 c2 >/dev/null; docker stop -t 5 c2 >/dev/null; docker rm c2 >/dev/null; docker rmi ev:1 >/dev/null
docker volume create v1 >/dev/null; docker run --rm --name r1 -v v1:/v busybox:test true; docker volume rm v1 >/dev/null
docker network create n1 >/dev/null; docker network rm n1 >/dev/null; docker tag busybox:test ev:2; docker rmi ev:2 >/dev/null
until=$(date +%s.%N); e() { docker events --since $since --until $until "$@"; }
e --format '{{.Type}} {{.Action}}' | uniq
e -f type=container --format '{{.Action}} {{json .Actor.Attributes}}' | sed 's/"execID":"[^"]*"/"execID":"e"/'
e -f type=volume -f type=network --format '{{.Type}} {{.Action}} {{json .Actor.Attributes}}' | uniq
e -f type=container -f label=job=x --format '{{.Action}}' | sort | uniq -c; e -f event=die -f event=kill --format '{{.Action}} {{.Actor.Attributes.name}}'; e -f container=c2 --format '{{.Action}}' | wc -l; e -f image=busybox:test --format '{{.Action}}' | wc -l
e -f volume=v1 --format '{{.Action}}' | uniq; e -f network=n1 --format '{{.Action}}'; e -f event=destroy --format '{{json .}}' | sed -E 's/"(time|timeNano)":[0-9]+/"\1":N/g'; e -f event=stop | sed -E 's/ \(.*//'`,
  },
  {
    name: 'cp: both ways, links, owners, rules for directories',
    script: String.raw`
w=$(mktemp -d); cd $w
docker run --name c1 busybox:test sh -c 'mkdir -p /src/sub; echo file > /src/f; echo deep > /src/sub/g; ln -s f /src/link; ln -s /etc/passwd /src/abs; ln -s sub /src/dlink; chown 1000:1001 /src/f; chmod 4751 /src/f; mkdir /dst; echo old > /dst/f'
docker cp -q c1:/src all; find all | sort; stat -c '%a %u:%g %n' all/f; readlink all/link all/abs
docker cp -q c1:/src/. flat; ls flat; docker cp -q c1:/src/. flat; ls flat; docker cp -q c1:/src flat; ls flat/src | wc -l
docker cp -q c1:/src/link l1; ls -l l1 | cut -c1; docker cp -qL c1:/src/link l2; cat l2; docker cp -qL c1:/src/dlink l3; ls l3; docker cp -q c1:/src/dlink l4; ls -ld l4 | cut -c1; docker cp -q c1:/src/dlink/ l5; ls l5
docker cp -qa c1:/src/f owned; stat -c '%a %u:%g' owned
docker cp -q c1:/src/f none/; docker cp -q c1:/src/f none/x; docker cp -q c1:/src all/f; docker cp -q c1:/nowhere .; docker cp -q nobody:/x .; docker cp -q c1:/src c1:/dst; docker cp -q c1:relative . 
docker cp c1:/src/f - | tar -tv | awk '{print $1,$2,$3,$6}'; docker cp c1:/src - | tar -t | sort; docker cp c1:/src/link - | tar -tv | awk '{print $1,$6,$7,$8}'
mkdir -p up/sub; echo new > up/f; echo deep > up/sub/g; ln -s f up/link; chown 77:78 up/f; chmod 640 up/f
docker cp -q up c1:/in; docker cp -q up c1:/in; docker cp -q up/. c1:/in2; docker cp -q up/f c1:/dst; docker cp -q up/f c1:/dst/new; docker cp -q up/f c1:/dst/none/; docker cp -q up/f c1:/dst/none/x; docker cp -q up c1:/dst/f; docker cp -qa up/f c1:/dst/kept; docker cp -q up/link c1:/dst/link; docker cp -qL up/link c1:/dst/followed; docker cp -q nofile c1:/x
tar -C up -c f | docker cp -q - c1:/dst/sub; tar -C up -c f sub | docker cp -q - c1:/in2; ln -s /in2 loop; docker cp -q loop c1:/looped
docker start c1 >/dev/null; docker commit c1 cp:1 >/dev/null; docker run --rm cp:1 sh -c 'find /in /in2 /dst | sort; stat -c "%a %u:%g %n" /dst/f /dst/new /dst/kept /in/f; ls -l /dst/link /dst/followed | cut -c1; readlink /looped'
docker rmi cp:1 >/dev/null; cd /; rm -r $w`,
  },
  {
    name: 'cp: volumes, read-only roots and mounts, running containers, special places',
    script: String.raw`
w=$(mktemp -d); cd $w; echo data > f
docker run -d --name c1 --read-only -v vol1:/vol -v vol2:/ro:ro --tmpfs /scratch -v $w:/bind busybox:test sleep 1000 >/dev/null
docker cp -q f c1:/vol/x; docker exec c1 cat /vol/x; docker cp -q c1:/vol/x y; cat y; docker cp -q f c1:/ro/x; docker cp -q f c1:/etc/x; docker cp -q f c1:/; docker cp -q c1:/etc/hosts h; wc -l < h; docker cp -q c1:/proc/self/status s; ls
docker stop -t 0 c1 >/dev/null; docker cp -q f c1:/vol/z; docker cp -q c1:/vol/z q; cat q; docker cp -q f c1:/ro/x; docker cp -q c1:/bind/f b; cat b; docker cp -q f c1:/bind/viacp; cat viacp; docker cp -q c1:/scratch/x sx; ls
cd /; rm -r $w`,
  },
];
