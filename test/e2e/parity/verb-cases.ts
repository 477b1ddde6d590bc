import type { ParityCase } from './case.ts';

/** A container that does nothing, quick to stop. */
const idle = 'docker run -d --init=false --name c1 busybox:test sleep 1000 >/dev/null';

export const verbCases: readonly ParityCase[] = [
  {
    name: 'kill: signals by name, number, unknown ones, of what does not run',
    script: String.raw`
docker run -d --name c1 busybox:test sh -c 'trap "echo got usr1" USR1; trap "echo got hup" HUP; trap "exit 3" TERM; while :; do sleep 0.05; done' >/dev/null
sleep 0.3
docker kill -s USR1 c1; sleep 0.2; docker kill -s SIGHUP c1; sleep 0.2; docker kill -s 1 c1; sleep 0.2; docker kill --signal=usr1 c1; sleep 0.2
docker kill -s NONE c1; docker kill -s 0 c1
docker kill -s TERM c1; docker wait c1; docker kill c1; docker kill nobody
docker logs c1; docker inspect -f '{{.State.ExitCode}} {{.State.Status}}' c1`,
  },
  {
    name: 'stop: time-outs, signals, what has ended',
    script: String.raw`
docker run -d --name c1 --stop-signal USR2 busybox:test sh -c 'trap "exit 5" USR2; while :; do sleep 0.05; done' >/dev/null
docker create --name d1 --stop-timeout 1 --stop-signal NONSENSE busybox:test true
docker create --name e1 --stop-timeout 1 busybox:test sleep 100 >/dev/null
sleep 0.2
docker stop c1; docker wait c1; docker stop c1; docker stop e1; docker start e1; docker stop -t 0 e1; docker wait e1; docker stop nobody
docker inspect -f '{{.Config.StopSignal}} {{.Config.StopTimeout}}' c1 e1`,
  },
  {
    name: 'restart, rename, pause and unpause refusals',
    script: String.raw`
${idle}
docker create --name d1 busybox:test true >/dev/null
docker restart -t 0 c1; docker restart nobody
docker rename c1 d1; docker rename c1 c1; docker rename c1 ''; docker rename c1 'a b'; docker rename c1 x1; docker rename nobody y1; docker rename c1 z1; docker ps --format '{{.Names}}'
docker rename x1 c1
docker pause c1; docker pause c1; docker unpause c1; docker unpause c1; docker pause d1; docker unpause d1; docker pause nobody
docker pause c1; docker exec c1 true; docker stop -t 1 c1; docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' c1; docker kill c1; docker attach c1
docker start c1; docker pause c1; docker restart -t 0 c1; docker pause c1; docker rm c1; docker attach c1; docker start c1; docker rm -f c1`,
  },
  {
    name: 'wait: several containers, conditions, unknown ones',
    script: String.raw`
docker create --name a1 busybox:test sh -c 'exit 3' >/dev/null
docker create --name b1 busybox:test sh -c 'exit 4' >/dev/null
docker wait a1; docker start a1 b1; docker wait a1 b1; docker wait nobody
curl -s --unix-socket "${'$'}{DOCKER_HOST#unix://}" -X POST 'http://d/v1.41/containers/a1/wait?condition=not-running'; echo
(curl -s --unix-socket "${'$'}{DOCKER_HOST#unix://}" -X POST 'http://d/v1.41/containers/a1/wait?condition=next-exit' > /tmp/parity-next.$$) & sleep 0.3; docker start a1; wait; cat /tmp/parity-next.$$; rm /tmp/parity-next.$$
(curl -s --unix-socket "${'$'}{DOCKER_HOST#unix://}" -X POST 'http://d/v1.41/containers/a1/wait?condition=removed' > /tmp/parity-gone.$$) & sleep 0.3; docker rm a1; wait; cat /tmp/parity-gone.$$; rm /tmp/parity-gone.$$`,
  },
  {
    name: 'rm: running, forced, links, several, unknown',
    script: String.raw`
${idle}
docker create --name d1 -v /data busybox:test true >/dev/null
docker rm c1; docker rm nobody d1; docker volume ls -q | wc -l; docker rm -f c1 nobody; docker ps -aq | wc -l
docker run --name e1 -v /data busybox:test true; docker volume ls -q | wc -l; docker rm -v e1; docker volume ls -q | wc -l`,
  },
  {
    name: 'exec: exit codes, users, environment, directories, refusals',
    script: String.raw`
${idle}
docker exec c1 sh -c 'exit 9'; echo $?
docker exec c1 nonesuch | head -1
docker exec c1 /etc/passwd; echo $?
docker exec c1 sh -c 'kill -9 $$'; echo $?
docker exec c1 sh -c 'kill -15 $$'; echo $?
docker exec -w /nowhere c1 pwd
docker exec -w relative c1 pwd; echo $?
docker exec -u nobody c1 id; docker exec -u 1234:77 c1 id; docker exec -u nosuch c1 id; echo $?; docker exec -u 0:nosuch c1 id; echo $?
docker exec -e A=1 -e B c1 sh -c 'echo $A-$B; echo $HOME $HOSTNAME | cut -c1-5'
docker exec c1 grep -E 'Cap|Seccomp:|NoNewPrivs' /proc/self/status
docker exec -u nobody c1 grep Cap /proc/self/status
docker exec -i c1 cat < /etc/hostname | wc -l
docker exec c1 ''
docker exec n1 true; echo $?
docker exec -d c1 sh -c 'echo hidden > /tmp/x'; sleep 0.3; docker exec c1 cat /tmp/x
docker stop -t 0 c1 >/dev/null; docker exec c1 true; echo $?`,
  },
  {
    name: 'exec and run on a terminal: size, detach keys',
    script: String.raw`
${idle}
script -qec 'stty cols 91 rows 33; docker exec -it c1 sh -c "sleep 0.3; stty size; tty; echo \$TERM"' /dev/null < /dev/null | tr -d '\r' | sed 's/\^@//g; s/\x08//g' 
docker exec -t c1 sh -c 'tty; stty size | wc -w' | tr -d '\r'
(sleep 0.6; printf '\x10\x11'; sleep 0.5) | script -qec 'docker exec -it c1 sh -c "echo begun; sleep 2"' /dev/null | tr -d '\r' | head -1
docker exec c1 true && echo alive
(sleep 0.6; printf 'ab'; sleep 0.5) | script -qec 'docker exec -it --detach-keys a,b c1 sh -c "sleep 3"; echo code $?' /dev/null | tr -d '\r'
docker exec -it --detach-keys nonsense c1 true; docker exec --detach-keys 'ctrl-!' c1 true`,
  },
  {
    name: 'update: each limit, refusals, restart policies',
    script: String.raw`
${idle}
docker update --memory 32m --memory-swap 64m --memory-reservation 16m --cpus 0.5 --cpu-shares 300 --pids-limit 77 c1
docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.MemoryReservation}} {{.HostConfig.NanoCpus}} {{.HostConfig.CpuShares}} {{.HostConfig.PidsLimit}}' c1
docker update --memory 128m c1; docker update --memory 1k c1; docker update --memory-reservation 1g c1
docker update --cpu-quota 10000 c1; docker update --cpu-period 50000 c1; docker update --cpus 100 c1; docker update --cpuset-cpus 99 c1; docker update --cpuset-cpus x c1; docker update --cpuset-cpus 0 c1
docker update --pids-limit -1 c1; docker exec c1 cat /sys/fs/cgroup/pids/pids.max
docker update --restart on-failure:3 c1; docker inspect -f '{{json .HostConfig.RestartPolicy}}' c1; docker update --restart always:3 c1; docker update --restart nonsense c1
docker update --restart no c1 nobody; docker update nobody
docker run -d --rm --name r1 busybox:test sleep 100 >/dev/null; docker update --restart always r1; docker rm -f r1
docker create --name s1 busybox:test true >/dev/null; docker update --memory 64m s1; docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}' s1; docker update --memory 256m --memory-swap -1 s1;  docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}' s1`,
  },
  {
    name: 'top: ps arguments, stopped ones',
    script: String.raw`
docker run -d --name c1 busybox:test sh -c 'sleep 1001 & sleep 1002' >/dev/null; sleep 0.3
docker top c1 | awk '{$2=$3=$4=$5=$7="";print}' | sed 's/ \+/ /g'
docker top c1 -eo user,args; docker top c1 aux | awk '{print $1,$11,$12,$13}'; docker top c1 -o pid,comm | awk '{print $2}'; docker top c1 -eo args; docker top c1 -o comm
docker stop -t 0 c1 >/dev/null; docker top c1; docker top nobody`,
  },
  {
    name: 'diff, commit, export',
    script: String.raw`
docker run --name c1 busybox:test sh -c 'echo x > /new; mkdir -p /d/e; echo y > /d/e/f; rm /bin/vi; chmod 600 /etc/passwd; ln -s /new /etc/link; echo t > /tmp/t; touch /root/dot'
docker diff c1 | sort -k2; docker diff nobody
docker export c1 | tar -t | grep -E '^(new|d/|d/e/f|etc/passwd|etc/link|bin/vi)$'
docker commit -a me -m why -c 'ENV A=b' -c 'CMD ["cat","/new"]' -c 'EXPOSE 80' -c 'LABEL x=y' -c 'WORKDIR /d' -c 'VOLUME /v' -c 'USER nobody' -c 'ENTRYPOINT ["env"]' -c 'ONBUILD RUN true' c1 img:1
docker inspect -f '{{json .Config.Env}} {{json .Config.Cmd}} {{json .Config.ExposedPorts}} {{json .Config.Labels}} {{json .Config.WorkingDir}} {{json .Config.Volumes}} {{json .Config.User}} {{json .Config.Entrypoint}} {{json .Config.OnBuild}} {{.Author}} {{.Comment}}' img:1
docker commit -c 'RUN true' c1 img:2; docker commit c1 'BAD NAME'; docker commit nobody x
docker history --format '{{.CreatedBy}} {{.Comment}}' img:1; docker rmi -f img:1 >/dev/null`,
  },
  {
    name: 'commit keeps what the container was made with',
    script: String.raw`
docker create --name c1 --health-cmd true --health-interval 3s -e A=1 -p 80 -v /data -v named:/other --expose 99/udp --label l=1 -w /usr --stop-signal USR1 --entrypoint env busybox:test -i >/dev/null
docker commit c1 img:1 >/dev/null; docker inspect -f '{{json .Config}}' img:1
docker commit -c 'EXPOSE 7' c1 img:2 >/dev/null; docker inspect -f '{{json .Config.ExposedPorts}}' img:2; docker rmi img:1 img:2 >/dev/null`,
  },
];
