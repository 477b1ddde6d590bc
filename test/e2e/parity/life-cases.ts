import type { ParityCase } from './case.ts';

/** What happens over a container's life, and what is told of it. */
export const lifeCases: readonly ParityCase[] = [
  {
    name: 'events of pruning: once for each kind, after what was removed',
    script: String.raw`
t=$(date +%s.%N); docker create --name c1 --label a=b busybox:test true >/dev/null; docker container prune -f | head -1; docker container prune -f --filter label=nope >/dev/null
docker network create n1 >/dev/null; docker network prune -f >/dev/null; docker image prune -f >/dev/null; docker volume prune -f >/dev/null
docker events --since $t --until $(date +%s.%N) --filter event=prune --format '{{.Type}} {{.Action}} {{.Actor.ID}} {{json .Actor.Attributes}}' | sort`,
  },
  {
    name: 'health checks: good, bad, slow, missing; the start period; none',
    script: String.raw`
for s in 'exit 0' 'echo bad; exit 1' 'sleep 5' 'nosuch'; do docker run -d --name h1 --health-cmd "$s" --health-interval 150ms --health-timeout 300ms --health-retries 2 busybox:test sleep 100 >/dev/null
for i in $(seq 100); do docker inspect -f '{{.State.Health.Status}}' h1 | grep -qE '^(healthy|unhealthy)' && break; sleep 0.1; done
docker inspect -f '{{.State.Health.Status}} {{(index .State.Health.Log 0).ExitCode}} {{json (index .State.Health.Log 0).Output}}' h1; docker ps --format '{{.Status}}' | sed 's/Up [a-zA-Z0-9 ]*/Up /'; docker rm -f h1 >/dev/null; done
docker run -d --name h1 --health-cmd 'exit 1' --health-start-period 100s --health-interval 100ms busybox:test sleep 100 >/dev/null; sleep 0.7; docker inspect -f '{{.State.Health.Status}} {{.State.Health.FailingStreak}}' h1; docker ps --filter health=starting --format '{{.Names}}'; docker rm -f h1 >/dev/null
docker run -d --name h1 --no-healthcheck busybox:test sleep 100 >/dev/null; docker inspect -f '{{.State.Health}} {{json .Config.Healthcheck}}' h1`,
  },
  {
    name: 'restarts: always, on failure, until stopped, of what cannot start',
    script: String.raw`
docker run -d --name c1 --restart always busybox:test false >/dev/null; for i in $(seq 100); do [ "$(docker inspect -f '{{.RestartCount}}' c1)" -ge 3 ] && break; sleep 0.1; done; docker stop c1; docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' c1
docker run -d --name c2 --restart on-failure:2 busybox:test sh -c 'exit 4' >/dev/null; for i in $(seq 100); do docker inspect -f '{{.State.Status}} {{.RestartCount}}' c2 | grep -q 'exited 2' && break; sleep 0.1; done; docker inspect -f '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}' c2
docker create --name c3 --restart always busybox:test nosuch >/dev/null; docker start c3 >/dev/null 2>&1; echo $?; docker inspect -f '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}' c3
docker run -d --name c4 --restart unless-stopped busybox:test sleep 1000 >/dev/null; docker kill c4; sleep 0.5; docker inspect -f '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}' c4`,
  },
  {
    name: 'the driver local: read, followed, turned over',
    script: String.raw`
docker run -d --name c1 --log-driver local --log-opt max-size=2k --log-opt max-file=2 busybox:test sh -c 'for i in $(seq 50); do echo line $i; done; sleep 0.3; echo late; sleep 0.2' >/dev/null
docker logs -f c1 | tail -2; docker logs --tail 2 c1; docker logs --tail 0 c1; docker logs -t --tail 1 c1 | wc -w; docker inspect -f '{{json .HostConfig.LogConfig}}' c1
docker create --log-driver local --log-opt nonsense=1 busybox:test true; docker create --log-driver none --name c2 busybox:test echo x >/dev/null; docker start -a c2; docker logs c2`,
  },
  {
    name: 'inspect: where the parts of a running container lie',
    script: String.raw`
docker run -d --name c1 -v vol1:/v busybox:test sh -c 'echo mine > /made; exec sleep 1000' >/dev/null; sleep 0.3
for each in ResolvConfPath HostnamePath HostsPath; do cat "$(docker inspect -f "{{.$each}}" c1)" >/dev/null && echo $each; done
cat "$(docker inspect -f '{{.GraphDriver.Data.UpperDir}}' c1)/made" "$(docker inspect -f '{{.GraphDriver.Data.MergedDir}}' c1)/made"; docker inspect -f '{{.GraphDriver.Data.LowerDir}}' c1 | tr : '\n' | while read -r each; do ls -d "$each" >/dev/null || echo "no $each"; done
test -e "$(docker inspect -f '{{.NetworkSettings.SandboxKey}}' c1)" && echo namespace; test -d "$(docker inspect -f '{{(index .Mounts 0).Source}}' c1)" && echo volume`,
  },
];
