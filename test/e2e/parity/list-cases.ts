import type { ParityCase } from './case.ts';

export const listCases: readonly ParityCase[] = [
  {
    name: 'ps: every filter and format',
    script: String.raw`
docker run -d --name run1 --label a=1 --label b=2 -p 127.0.0.1:18811:80 -p 0.0.0.0:18812:53/udp --expose 99 -v v1:/data -v /tmp:/host busybox:test sleep 1000 >/dev/null
docker create --name made1 --label a=2 busybox:test echo hello world >/dev/null
docker run --name ended1 busybox:test sh -c 'exit 3'; docker run --name ended2 --net none busybox:test true
docker run -d --name paused1 busybox:test sleep 1000 >/dev/null; docker pause paused1 >/dev/null
docker run -d --name sick1 --health-cmd 'exit 1' --health-interval 100ms --health-retries 1 busybox:test sleep 1000 >/dev/null; docker run -d --name well1 --health-cmd true --health-interval 100ms busybox:test sleep 1000 >/dev/null; sleep 1.5
l() { docker ps --format '{{.Names}}' "$@" | sort | tr '\n' ' '; echo; }
l; l -a; docker ps -l --format '{{.Names}}'; docker ps -n 2 --format '{{.Names}}'; docker ps -q | wc -l; docker ps -a --no-trunc --format '{{.Command}}' -f name=ended1
for f in status=running status=paused status=created status=exited status=restarting status=removing status=dead exited=3 exited=0 label=a label=a=1 label=b=1 name=ended name='^/ended1$' name=nothing health=healthy health=unhealthy health=starting health=none ancestor=busybox ancestor=busybox:test ancestor=none:x volume=v1 volume=/data volume=/host publish=80 publish=18811 publish=18811/tcp publish=18812/udp expose=99 expose=80 expose=1-100/tcp network=none network=bridge network=host before=made1 since=made1 is-task=false; do printf '%s: ' $f; l -a -f $f; done
l -a -f label=a=1 -f label=a=2; l -a -f name=run1 -f name=made1; l -f status=nonsense; l -f nonsense=1; l -f exited=x; l -f health=x; l -a -f before=nobody; l -a -f publish=x; l -f is-task=x
docker ps -a --format '{{.Names}}|{{.Image}}|{{.Command}}|{{.Status}}|{{.Ports}}|{{.Labels}}|{{.Networks}}|{{.State}}|{{.LocalVolumes}}|{{.RunningFor}}' | sed 's/[0-9]* seconds\?/N seconds/g; s/Less than a second/N seconds/g; s/About a minute/N seconds/g' | sort
docker ps -a -s --format '{{.Names}} {{.Size}}' | sort`,
  },
  {
    name: 'inspect: what is said of a container that asked for much',
    script: String.raw`
docker run -d --name c1 --hostname box --domainname dom -e A=1 --label l=1 --user 1:1 --group-add 7 -w /tmp --entrypoint sleep --stop-signal INT --stop-timeout 3 --memory 64m --cpus 0.5 --cpu-shares 77 --pids-limit 9 --ulimit nofile=128:256 --shm-size 1m --cap-add NET_ADMIN --cap-drop CHOWN --device /dev/null:/dev/zed:rw --device-cgroup-rule 'c 7:* rmw' --security-opt no-new-privileges --sysctl net.ipv4.ip_forward=0 --tmpfs /t:size=1m --mount type=volume,src=vv,dst=/v,ro --mount type=tmpfs,dst=/tt,tmpfs-size=1m,tmpfs-mode=700 -v /etc:/b:ro --add-host x:1.2.3.4 --dns 1.1.1.1 --dns-search s --dns-option ndots:2 --restart on-failure:2 --health-cmd 'true' --health-interval 5s --health-timeout 4s --health-retries 3 --health-start-period 2s --log-opt max-size=1m --expose 8 -p 127.0.0.1:18813:80 --oom-score-adj 100 --ipc shareable --pid host --init busybox:test 1000 >/dev/null
for field in AutoRemove Binds BlkioWeight CapAdd CapDrop CgroupnsMode ContainerIDFile CpuPeriod CpuQuota CpuShares CpusetCpus CpusetMems DeviceCgroupRules DeviceRequests Devices Dns DnsOptions DnsSearch ExtraHosts GroupAdd IpcMode Isolation Links LogConfig Memory MemoryReservation MemorySwap Mounts NanoCpus NetworkMode OomScoreAdj PidMode PidsLimit PortBindings Privileged PublishAllPorts ReadonlyRootfs RestartPolicy Runtime SecurityOpt ShmSize Sysctls Tmpfs UTSMode Ulimits UsernsMode VolumeDriver VolumesFrom Init; do docker inspect c1 -f "$field {{json .HostConfig.$field}}"; done | sed 's/,"label=disable"//'
for field in AttachStderr Cmd Domainname Entrypoint Env ExposedPorts Healthcheck Hostname Image Labels OnBuild OpenStdin StopSignal StopTimeout Tty User Volumes WorkingDir; do docker inspect c1 -f "$field {{json .Config.$field}}"; done
docker inspect c1 -f '{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.Driver}} {{.Mode}} {{.RW}} {{.Propagation}}{{println}}{{end}}' | sort
docker inspect c1 -f '{{.State.Status}} {{.State.Running}} {{.State.Paused}} {{.State.Restarting}} {{.State.OOMKilled}} {{.State.Dead}} {{.State.ExitCode}} {{.State.Error}} {{.State.Health.FailingStreak}}'
docker inspect c1 -f '{{.Path}} {{.Args}} {{.Platform}} {{.Name}} {{.RestartCount}} {{.MountLabel}}'`,
  },
  {
    name: 'prune and its filters',
    script: String.raw`
docker create --name a1 --label keep=1 busybox:test true >/dev/null; docker create --name b1 busybox:test true >/dev/null; docker run -d --name c1 busybox:test sleep 1000 >/dev/null; docker run --name d1 busybox:test true
docker container prune -f --filter until=1h | head -1; docker container prune -f --filter label=nothing | head -1; docker container prune -f --filter 'label!=keep' | grep -v reclaimed; docker ps -a --format '{{.Names}}' | sort; docker container prune -f --filter label=keep=1 | grep -v reclaimed; docker container prune -f --filter nonsense=1; docker container prune -f | grep -v reclaimed; docker ps -a --format '{{.Names}}'
docker volume create --label keep=1 v1 >/dev/null; docker volume create v2 >/dev/null; docker volume prune -f --filter label=nothing; docker volume prune -f --filter 'label!=keep' | grep -v reclaimed; docker volume prune -f --filter label=keep | grep -v reclaimed; docker volume ls -q`,
  },
  {
    name: 'stats: one look, several containers, stopped ones, unknown ones',
    script: String.raw`
docker run -d --name c1 --memory 64m busybox:test sleep 1000 >/dev/null; docker run -d --name c2 --net none busybox:test sleep 1000 >/dev/null; docker create --name d1 busybox:test true >/dev/null
docker stats --no-stream --format '{{.Name}} {{.PIDs}} {{.CPUPerc}}' c1 c2 | sort; docker stats --no-stream --format '{{.MemUsage}}' c1 | sed 's/.*\///'; docker stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.NetIO}} {{.BlockIO}} {{.PIDs}} {{.MemPerc}}' d1; docker stats --no-stream nobody; docker stats -a --no-stream --format '{{.Name}}' | sort
curl -s --unix-socket "${'$'}{DOCKER_HOST#unix://}" "http://d/v1.41/containers/d1/stats?stream=true&one-shot=true"`,
  },
];
