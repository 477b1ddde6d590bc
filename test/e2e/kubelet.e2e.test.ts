/** Pods on a node as kubectl's users meet them: what the kubelet does with images, rights and the life of containers. */
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { busyboxTar } from '../support/images.ts';
import { Machine } from '../support/machine.ts';
import { PeerRegistry } from '../support/peer-registry.ts';

const stack = new AsyncDisposableStack();
let machine: Machine;
/** tester : pass word:1 */
const users = 'tester:$2b$04$TDU3HuKb4bv5SLBfc2Ss0eA7XM6Ft6VLUlQSDfMJAgSnj9wD3f43i\n';
const guarded = '127.0.0.1:5001';

before(async () => {
  machine = stack.use(await Machine.create('kubelet', 161));
  await machine.davit('up');
  await machine.ok(['sh', '-c', `docker import -c 'CMD ["sh"]' ${await busyboxTar()} busybox:test`]);
  stack.use(await PeerRegistry.start(machine, { port: 5001, users }));
});

after(() => stack.disposeAsync());

const apply = (manifest: object): Promise<string> => machine.ok(['kubectl', 'apply', '-f', '-'], { input: JSON.stringify(manifest) });
const read = (what: string, path: string): Promise<string> => machine.kubectl('get', ...what.split(' '), '-o', `jsonpath=${path}`);
const pod = (name: string, spec: object, container: object = {}): Promise<string> =>
  apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'app', image: 'busybox:test', command: ['sleep', '1000'], ...container }],
      ...spec,
    },
  });
const ready = (name: string): Promise<string> => machine.kubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=30s');
const events = (name: string): Promise<string> =>
  machine.kubectl(
    'get',
    'events',
    '--field-selector',
    `involvedObject.name=${name}`,
    '-o',
    'jsonpath={range .items[*]}{.reason}: {.message}\n{end}',
  );

test('an image behind a password is pulled with a secret of the pod or of its account, and refused without', async () => {
  const image = `${guarded}/team/app:v1`;
  await machine.ok(['docker', 'login', '-u', 'tester', '--password-stdin', guarded], { input: 'pass word:1' });
  await machine.docker('tag', 'busybox:test', image);
  await machine.docker('push', image);
  const secret = ['--docker-server', guarded, '--docker-username', 'tester', '--docker-password'];
  await machine.kubectl('create', 'secret', 'docker-registry', 'good', ...secret, 'pass word:1');
  await machine.kubectl('create', 'secret', 'docker-registry', 'bad', ...secret, 'wrong');
  const legacy = JSON.stringify({ [`http://${guarded}/v1/`]: { username: 'tester', password: 'pass word:1' } });
  const data = { '.dockercfg': Buffer.from(legacy).toString('base64') };
  await apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'legacy' }, type: 'kubernetes.io/dockercfg', data });
  await apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'puller' }, imagePullSecrets: [{ name: 'legacy' }] });

  const always = { image, imagePullPolicy: 'Always' };
  await pod('refused', { imagePullSecrets: [{ name: 'bad' }, { name: 'missing' }] }, always);
  await eventually(
    async () =>
      assert.match(
        await read(
          'pod refused',
          '{.status.containerStatuses[0].state.waiting.reason} {.status.containerStatuses[0].state.waiting.message}',
        ),
        /^ImagePullBackOff Back-off pulling image "127\.0\.0\.1:5001\/team\/app:v1": ErrImagePull: failed to pull and unpack image "127\.0\.0\.1:5001\/team\/app:v1": pull access denied for team\/app/,
      ),
    { withinMs: 20_000 },
  );
  const said = await eventually(
    async () => {
      const text = await events('refused');
      assert.match(text, /FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets \(missing\); attempting to pull/);
      assert.match(text, /Failed: Error: ErrImagePull\n/);
      return text;
    },
    { withinMs: 10_000 },
  );
  assert.doesNotMatch(said, /wrong/);

  await pod('own', { imagePullSecrets: [{ name: 'bad' }, { name: 'good' }] }, always);
  await pod('account', { serviceAccountName: 'puller' }, always);
  await Promise.all([ready('own'), ready('account')]);
  await eventually(
    async () =>
      assert.match(
        await events('account'),
        /Pulled: Successfully pulled image ".*" in \S+ \(\S+ including waiting\)\. Image size: \d+ bytes\./,
      ),
    { withinMs: 10_000 },
  );
});

test('sidecars start in turn, come back, and end after the others, the last one first; the Job is complete', async () => {
  const logged = (name: string, then = ''): object => ({
    name,
    image: 'busybox:test',
    restartPolicy: 'Always',
    command: [
      'sh',
      '-c',
      `echo ${name} begins >> /work/log; trap "echo ${name} ends >> /work/log; exit 0" TERM; ${then} while true; do sleep 0.1; done`,
    ],
    volumeMounts: [{ name: 'work', mountPath: '/work' }],
  });
  const main =
    'echo main begins >> /work/log; while [ $(grep -c "second begins" /work/log) -lt 2 ]; do sleep 0.1; done; echo main ends >> /work/log';
  await machine.run(['mkdir', '-p', `${machine.folder}/work`]);
  const template = {
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 5,
      volumes: [{ name: 'work', hostPath: { path: `${machine.folder}/work` } }],
      initContainers: [
        { ...logged('first'), startupProbe: { exec: { command: ['grep', 'first begins', '/work/log'] }, periodSeconds: 1 } },
        { ...logged('second', '[ $(grep -c "second begins" /work/log) -lt 2 ] && sleep 1 && exit 1;') },
      ],
      containers: [{ ...logged('main'), restartPolicy: undefined, command: ['sh', '-c', main] }],
    },
  };
  await apply({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'helped' }, spec: { template } });
  await machine.kubectl('wait', '--for=condition=Complete', 'job/helped', '--timeout=60s');
  assert.deepEqual((await machine.ok(['cat', `${machine.folder}/work/log`])).split('\n'), [
    'first begins',
    'second begins',
    'main begins',
    'second begins',
    'main ends',
    'second ends',
    'first ends',
  ]);
  assert.equal(await read('pods -l job-name=helped', '{.items[0].status.initContainerStatuses[1].restartCount}'), '1');
  assert.equal(await read('pods -l job-name=helped', '{.items[0].status.phase}'), 'Succeeded');
});

test('hooks run: postStart by exec before the pod is ready, preStop by HTTP and by sleep before the signal', async () => {
  const lifecycle = {
    postStart: { exec: { command: ['sh', '-c', 'echo started > /tmp/hook'] } },
    preStop: { httpGet: { path: '/bye', port: 8080 } },
  };
  const heard = 'nc -l -p 8080 > /work/heard; trap "exit 0" TERM; while true; do sleep 0.1; done';
  const volumes = [{ name: 'work', hostPath: { path: `${machine.folder}/work` } }];
  const volumeMounts = [{ name: 'work', mountPath: '/work' }];
  await pod(
    'hooked',
    { volumes, terminationGracePeriodSeconds: 3 },
    { lifecycle, volumeMounts, command: ['sh', '-c', `mkdir -p /tmp; ${heard}`] },
  );
  await pod('failing', {}, { lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo secret; exit 4'] } } } });
  await pod(
    'slow',
    {},
    { lifecycle: { preStop: { sleep: { seconds: 2 } } }, command: ['sh', '-c', 'trap "exit 0" TERM; while true; do sleep 0.1; done'] },
  );
  await Promise.all([ready('hooked'), ready('slow')]);
  assert.equal(await machine.kubectl('exec', 'hooked', '--', 'cat', '/tmp/hook'), 'started');
  const began = performance.now();
  await machine.kubectl('delete', 'pod', 'slow', '--grace-period=10');
  const took = performance.now() - began;
  assert(took > 1900 && took < 9000, `the hook slept, and the signal was heard: ${took} ms`);
  await machine.kubectl('delete', 'pod', 'hooked');
  assert.match(await machine.ok(['cat', `${machine.folder}/work/heard`]), /^GET \/bye HTTP\/1\.1/);
  await eventually(async () => assert.match(await events('failing'), /FailedPostStartHook: PostStartHook failed/), { withinMs: 10_000 });
  assert.doesNotMatch(await events('failing'), /secret/);
});

test('volumes belong to fsGroup, processes to the groups of the pod; who must not be root is refused', async () => {
  await apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'owned' }, data: { key: 'value' } });
  const securityContext = { runAsUser: 1234, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000] };
  const volumes = [
    { name: 'e', emptyDir: {} },
    { name: 'm', emptyDir: { medium: 'Memory' } },
    { name: 'c', configMap: { name: 'owned', defaultMode: 0o400 } },
  ];
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
  await pod('owner', { securityContext, volumes }, { volumeMounts });
  await ready('owner');
  const script = 'id -u; id -G; touch /e/file /m/file; stat -c "%a %u %g" /e /m /e/file /m/file /c/..data/key; cat /c/key';
  assert.deepEqual((await machine.kubectl('exec', 'owner', '--', 'sh', '-c', script)).split('\n'), [
    '1234',
    '3000 2000 4000',
    '2777 0 2000',
    '2777 0 2000',
    '644 1234 2000',
    '644 1234 2000',
    '440 0 2000',
    'value',
  ]);
  await pod('rootless', { securityContext: { runAsNonRoot: true } });
  await eventually(
    async () =>
      assert.match(
        await read('pod rootless', '{.status.containerStatuses[0].state.waiting}'),
        /container has runAsNonRoot and image will run as root \(pod: \\"rootless_default\(.*\)\\", container: app\)","reason":"CreateContainerConfigError"/,
      ),
    { withinMs: 10_000 },
  );
});

test('containers share their processes when the pod wants that, and PID 1 is nobody’s program', async () => {
  await pod('shared', { shareProcessNamespace: true });
  await ready('shared');
  assert.match(await machine.kubectl('exec', 'shared', '--', 'ps', '-o', 'pid,args'), /^ +1 \/pause$[^]*sleep 1000/m);
  await machine.kubectl('delete', 'pod', 'shared');
});

test('who writes more to disk than its limits is evicted, with the reason in its status', async () => {
  const volumes = [{ name: 'work', emptyDir: { sizeLimit: '1Mi' } }];
  const write = (path: string): object => ({ command: ['sh', '-c', `head -c 3000000 /dev/zero > ${path}; sleep 1000`] });
  await pod('filler', { volumes }, { ...write('/work/file'), volumeMounts: [{ name: 'work', mountPath: '/work' }] });
  await pod('layer', {}, { ...write('/file'), resources: { limits: { 'ephemeral-storage': '1Mi' } } });
  const status = (name: string): Promise<string> => read(`pod ${name}`, '{.status.phase} {.status.reason}: {.status.message}');
  await eventually(
    async () => assert.equal(await status('filler'), 'Failed Evicted: Usage of EmptyDir volume "work" exceeds the limit "1Mi". '),
    { withinMs: 30_000 },
  );
  await eventually(
    async () =>
      assert.equal(await status('layer'), 'Failed Evicted: Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. '),
    { withinMs: 30_000 },
  );
  await eventually(async () => assert.match(await events('layer'), /Evicted: Pod ephemeral local storage usage exceeds/), {
    withinMs: 10_000,
  });
  assert.equal(await read('pod layer', '{.status.conditions[?(@.type=="DisruptionTarget")].reason}'), 'TerminationByKubelet');
});

test('kubectl debug puts a container beside another and sees its processes; it stays what it was when davit starts again', async () => {
  await pod('watched', {});
  await ready('watched');
  const debug = [
    'debug',
    'watched',
    '--image=busybox:test',
    '--image-pull-policy=IfNotPresent',
    '--target=app',
    '--profile=general',
    '-c',
    'look',
  ];
  await machine.kubectl(...debug, '--', 'sh', '-c', 'ps -o pid,args | grep -v ps; echo seen; sleep 1000');
  await eventually(async () => assert.match(await machine.kubectl('logs', 'watched', '-c', 'look'), /^ +1 sleep 1000$[^]*seen/m), {
    withinMs: 20_000,
  });
  assert.equal(await machine.kubectl('exec', 'watched', '-c', 'look', '--', 'cat', '/proc/1/root/etc/hostname'), 'watched');
  const started = (): Promise<string> =>
    read(
      'pod watched',
      '{.status.ephemeralContainerStatuses[0].state.running.startedAt} {.status.ephemeralContainerStatuses[0].containerID}',
    );
  const first = await started();
  assert.match(first, /Z davit:\/\/[0-9a-f]{64}$/);
  await machine.davit('down', '--keep-containers');
  await machine.davit('up');
  await ready('watched');
  assert.equal(await started(), first);
  assert.match(await events('watched'), /Started: Started container look/);
});

test('kubectl resizes a running pod: its cgroup follows without a restart; what does not fit is told', async () => {
  const resources = (memory: string): object => ({ requests: { cpu: '100m', memory }, limits: { cpu: '200m', memory } });
  await pod('sized', {}, { resources: resources('32Mi') });
  await ready('sized');
  const patch = (value: object): Promise<string> =>
    machine.kubectl(
      'patch',
      'pod',
      'sized',
      '--subresource=resize',
      '-p',
      JSON.stringify({ spec: { containers: [{ name: 'app', resources: value }] } }),
    );
  await patch(resources('64Mi'));
  const status = (path: string): Promise<string> => read('pod sized', `{.status.containerStatuses[0].${path}}`);
  await eventually(async () => assert.equal(await status('resources.limits.memory'), '64Mi'), { withinMs: 10_000 });
  assert.equal(await status('allocatedResources.memory'), '64Mi');
  assert.equal(await status('restartCount'), '0');
  const limit = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max';
  assert.equal(await machine.kubectl('exec', 'sized', '--', 'sh', '-c', limit), String(64 * 2 ** 20));
  await patch(resources('8000Gi'));
  await eventually(
    async () =>
      assert.match(
        await read('pod sized', '{.status.conditions[?(@.type=="PodResizePending")]}'),
        /Node didn't have enough capacity: memory, requested: 8589934592000, capacity: \d+","observedGeneration":\d,"reason":"Infeasible"/,
      ),
    { withinMs: 10_000 },
  );
  assert.equal(await status('resources.limits.memory'), '64Mi');
  await patch(resources('16Mi'));
  await eventually(async () => assert.equal(await status('resources.limits.memory'), '16Mi'), { withinMs: 10_000 });
  await assert.rejects(patch({ limits: { cpu: '100m' } }), /Pod QOS Class may not change as a result of resizing/);
});

test('a pod knows its full name; what the node does not do is refused in an event', async () => {
  await pod('named', { hostname: 'db-0', subdomain: 'db' });
  await pod('separate', { hostUsers: false });
  await ready('named');
  assert.equal(await machine.kubectl('exec', 'named', '--', 'hostname', '-f'), 'db-0.db.default.svc.cluster.local');
  await eventually(
    async () =>
      assert.match(
        await events('separate'),
        /FailedCreatePodSandBox: .*hostUsers: false \(a user namespace\) is not supported by this node/,
      ),
    { withinMs: 10_000 },
  );
});

test('a manifest on the node is a pod with a mirror; nobody can delete it but by its file', async () => {
  const folder = join(machine.folder, 'manifests');
  await mkdir(folder);
  await machine.davit('down', '--keep-containers');
  await machine.davit('up', '--pod-manifest-path', folder);
  const container = { name: 'app', image: 'busybox:test', command: ['sleep', '1000'] };
  const manifest = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'fixed' },
    spec: { terminationGracePeriodSeconds: 1, containers: [container] },
  };
  await writeFile(join(folder, 'fixed.yaml'), JSON.stringify(manifest));
  await eventually(() => read('pod fixed-node-1', '{.metadata.name}'), { withinMs: 10_000 });
  await ready('fixed-node-1');
  const containerId = (): Promise<string> => read('pod fixed-node-1', '{.status.containerStatuses[0].containerID}');
  const first = await containerId();
  assert.equal(
    await read('pod fixed-node-1', '{.metadata.ownerReferences[0].kind} {.metadata.annotations.kubernetes\\.io/config\\.source}'),
    'Node file',
  );
  assert.equal(await machine.kubectl('exec', 'fixed-node-1', '--', 'echo', 'hello'), 'hello');
  await machine.kubectl('delete', 'pod', 'fixed-node-1', '--wait=false');
  await eventually(async () => assert.equal(await containerId(), first), { withinMs: 10_000 });
  await rm(join(folder, 'fixed.yaml'));
  await eventually(async () => assert.match((await machine.run(['kubectl', 'get', 'pod', 'fixed-node-1'])).stderr, /NotFound/), {
    withinMs: 15_000,
  });
  await eventually(async () => assert.doesNotMatch(await machine.docker('ps'), /k8s_app_fixed/), { withinMs: 10_000 });
});

test('a node that is short of memory says so, is tainted, and gets no more pods but those that bear it', async () => {
  await machine.davit('down');
  await machine.davit('up', '--eviction-soft', 'memory.available<4000Ti', '--eviction-soft-grace-period', 'memory.available=10h');
  await eventually(
    async () =>
      assert.equal(
        await read('node node-1', '{.status.conditions[?(@.type=="MemoryPressure")].message} {.spec.taints[*].key}'),
        'kubelet has insufficient memory available node.kubernetes.io/memory-pressure',
      ),
    { withinMs: 30_000 },
  );
  await pod('late', {});
  await eventually(
    async () =>
      assert.match(
        await read('pod late', '{.status.conditions[0].message}'),
        /^0\/1 nodes are available: 1 node\(s\) had untolerated taint\(s\)\./,
      ),
    { withinMs: 10_000 },
  );
  await pod('bearing', { tolerations: [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' }] });
  await ready('bearing');
});
