import type { ParityCase } from './case.ts';

const status = "grep -E '^(Cap|Seccomp:|NoNewPrivs|Groups)' /proc/self/status";

export const optionCases: readonly ParityCase[] = [
  {
    name: 'capabilities, seccomp and privileges, in every combination',
    script: String.raw`
for options in '' '--cap-add cap_sys_ptrace --cap-drop chown' '--cap-drop ALL' '--cap-drop ALL --cap-add KILL --cap-add CAP_SETUID' '--user nobody' '--user 7:8 --group-add 9 --group-add nogroup' '--security-opt no-new-privileges' '--security-opt seccomp=unconfined --cap-add SYS_ADMIN'; do echo "# $options"; docker run --rm $options busybox:test ${status}; done
docker run --rm --cap-add NONSENSE busybox:test true; docker run --rm --security-opt nonsense busybox:test true; docker run --rm --security-opt no-new-privileges=x busybox:test true; docker run --rm --user nosuch busybox:test true; docker run --rm --user 0:nosuch busybox:test true; docker run --rm --group-add nosuch busybox:test true`,
  },
  {
    name: 'what a container sees: mounts, devices, limits, names',
    script: String.raw`
docker run --rm --name c1 --hostname box busybox:test sh -c 'awk "{print \$2,\$3,\$4}" /proc/mounts | grep -v -E "^(/|/sys/fs/cgroup.*|/etc/.*|/proc/interrupts|/sys/devices/.*) " | sed "s/,inode64//; s/,size=[0-9]*k,nr_inodes=[0-9]*//" | sort; ls -l /dev | awk "{print \$1,\$3,\$4,\$5,\$6,\$NF}" | grep -v total | sort; ls /.dockerenv; cat /etc/hostname; hostname; env | sort; cat /proc/self/limits | grep -v -E "pending|processes|files|locked|core"; ls -ld /tmp /dev/shm /proc /sys | awk "{print \$1,\$3,\$NF}"; umask; pwd; cat /proc/self/oom_score_adj; readlink /proc/self/exe; id'
docker run --rm --read-only --tmpfs /t --tmpfs /u:rw,exec,size=1m,mode=700 --shm-size 8m busybox:test sh -c 'grep -E " (/|/t|/u|/dev/shm) " /proc/mounts | sort -k2 | sed "s/,inode64//; s/.*overlay ro.*/overlay ro/" | cut -d" " -f2-'
docker run --rm -v vol1:/v:ro -v /tmp:/b:ro --mount type=tmpfs,dst=/m,tmpfs-size=1048576,tmpfs-mode=1770 busybox:test sh -c 'grep -E " (/v|/b|/m) " /proc/mounts | cut -d" " -f2- | sed "s/ext[234]/fs/; s/,inode64//" | sort; touch /v/x /b/x'
docker run --rm --init busybox:test sh -c 'tr "\0" " " < /proc/1/cmdline; echo; ls -l /sbin/docker-init | cut -c1-10'
docker run --rm --ulimit nofile=100:200 --ulimit core=0 busybox:test sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'
docker run --rm --sysctl net.core.somaxconn=77 --sysctl kernel.msgmax=9000 busybox:test cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax
docker run --rm --dns 9.9.9.9 --dns-search x.y --dns-option ndots:3 --add-host a:1.2.3.4 --hostname h.example.org busybox:test sh -c 'grep -v "^#" /etc/resolv.conf | sort; grep -v 00:: /etc/hosts | sed "s/172[.0-9]*/<ip>/"; hostname; hostname -f'
docker run --rm --domainname d.e --hostname h busybox:test sh -c 'hostname -f; cat /proc/sys/kernel/domainname; sed "s/172[.0-9]*/<ip>/" /etc/hosts | tail -1'
docker run --rm --device /dev/null:/dev/zed:r --device-cgroup-rule 'c 1:5 rw' busybox:test sh -c 'ls -l /dev/zed | cut -c1; cat /dev/zed; echo x > /dev/zed; cat /sys/fs/cgroup/devices/devices.list 2>/dev/null | sort | head -30'`,
  },
  {
    name: 'namespaces of the host and of others',
    script: String.raw`
docker run -d --name c1 --hostname first --ipc shareable busybox:test sleep 1000 >/dev/null
docker exec c1 readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/pid /proc/self/ns/uts /proc/self/ns/mnt > /tmp/other.$$; host=$(readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/pid /proc/self/ns/uts /proc/self/ns/mnt)
same() { for ns in $(docker run --rm "$@" busybox:test readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/pid /proc/self/ns/uts /proc/self/ns/mnt); do if grep -qF "$ns" /tmp/other.$$; then printf "c1:%s " "${'$'}{ns%%:*}"; elif echo "$host" | grep -qF "$ns"; then printf "host:%s " "${'$'}{ns%%:*}"; fi; done; echo; }
same; same --net container:c1; same --ipc container:c1; same --pid container:c1; same --ipc host; same --pid host; same --uts host; same --net container:c1 --pid container:c1 --ipc container:c1
docker run --rm --net container:c1 busybox:test hostname; docker run --rm --net container:c1 -p 1:1 busybox:test true; docker run --rm --net container:c1 --hostname x busybox:test true; docker run --rm --net container:nobody busybox:test true; docker run --rm --pid container:nobody busybox:test true; docker run --rm --ipc container:nobody busybox:test true; docker run --rm --pid nonsense busybox:test true; docker run --rm --ipc nonsense busybox:test true; docker run --rm --uts nonsense busybox:test true; docker run --rm --uts host --hostname x busybox:test true; docker run --rm --net host --hostname x busybox:test true; docker run --rm --ipc none busybox:test sh -c 'ls /dev/shm; grep -c shm /proc/mounts'
docker create --name d1 busybox:test true >/dev/null; docker run --rm --net container:d1 busybox:test true; docker run --rm --pid container:d1 busybox:test true; docker run -d --name e1 --ipc private busybox:test sleep 1000 >/dev/null; docker run --rm --ipc container:e1 busybox:test true; rm /tmp/other.$$`,
  },
  {
    name: 'mounts that nothing may propagate through, names of the host',
    script: String.raw`
p=$(mktemp -d)
for mode in shared rshared slave rslave private; do docker run --rm -v $p:/p:$mode busybox:test true; echo "$? $mode"; done
docker run --rm --mount type=bind,src=$p,dst=/p,bind-propagation=rshared busybox:test true; docker run --rm -v vol1:/p:shared busybox:test true
docker create --name c1 -v $p:/p:shared busybox:test true >/dev/null && docker start c1; docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' c1; rmdir $p
docker run --rm --name c2 --uts host busybox:test sh -c 'for each in $(cat /etc/hostname) $(hostname) $HOSTNAME; do case $each in *[!0-9a-f]*) echo $each;; *) echo "<short id>";; esac; done'`,
  },
  {
    name: 'options that cannot be: each refusal, 125',
    script: String.raw`
r() { docker run --rm "$@" busybox:test true; echo "$? $*"; }
r --memory 1m; r --memory 64m --memory-swap 32m; r --memory-swap 32m; r --memory 64m --memory-reservation 128m; r --memory-swappiness 101; r --cpus 99; r --cpu-period 10; r --cpu-quota 10; r --cpus 1 --cpu-quota 10000; r --cpuset-cpus 99; r --cpuset-cpus x
r --oom-score-adj 1001; r --oom-score-adj -100; r --pids-limit -5; r --restart nonsense; r --sysctl nonsense=1; r --sysctl kernel.hostname=x; r --ulimit nonsense=1; r --ulimit nofile=2:1
r -v relative/path:/x; r -v /tmp:/; r -v aa:/x -v bb:/x; r --mount type=bind,src=/nowhere,dst=/x; r --mount type=volume,dst=; r --tmpfs relative; r --tmpfs /x:nonsense; r -v 'bad name!:/x'; r --volumes-from nobody; r --volumes-from c1:bad; r --device /nowhere; r --device /dev/null:/dev/x:q
r --name 'bad name'; r --add-host nonsense; r --dns nonsense; r --net nowhere; r --mac-address nonsense; r --stop-signal NOPE; r --health-cmd x --health-interval 1us; r --health-retries -1; r -w relative; r --log-driver none --log-opt x=y; r --cgroupns nonsense`,
  },
];
