import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { kubeconfigOf, liveServer, type LiveServer } from './live.fake.ts';

const cached = join(import.meta.dirname, '../../../.cache/bin/kubectl-1.35');
const kubectlPath = [cached, '/usr/bin/kubectl', '/usr/local/bin/kubectl'].find((path) => existsSync(path));
const options = { skip: kubectlPath ? false : 'no kubectl on this machine' };
let live: LiveServer;
let folder = '';
before(async () => {
  live = await liveServer();
  folder = mkdtempSync(join(tmpdir(), 'davit-kubectl-'));
  writeFileSync(join(folder, 'config'), kubeconfigOf(live));
});
after(async () => {
  await live[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Output and errors together, as a person sees them. */
function kubectl(line: string, input = ''): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const env = { PATH: process.env['PATH'], HOME: folder, KUBECONFIG: join(folder, 'config') };
  // A no-break space stands for one inside a word.
  const words = line.split(' ').map((word) => word.replaceAll('\u00a0', ' '));
  const child = spawn(kubectlPath ?? 'kubectl', words, { env });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.on('error', reject);
  child.on('close', () => resolve(text.trim()));
  child.stdin.end(input);
  return promise;
}

const deployment = (replicas: unknown, more = ''): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${String(replicas)}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "nginx:1"}]${more}}
`;

test('create, apply, change and delete', options, async () => {
  assert.equal(await kubectl('create namespace other'), 'namespace/other created');
  assert.equal(await kubectl('create configmap c --from-literal=a=b'), 'configmap/c created');
  assert.equal(await kubectl('apply -f -', deployment(2)), 'deployment.apps/web created');
  assert.equal(await kubectl('apply -f -', deployment(2)), 'deployment.apps/web unchanged');
  assert.equal(await kubectl('apply -f -', deployment(3)), 'deployment.apps/web configured');
  assert.match(
    await kubectl('get deployment web -o wide'),
    /READY.*CONTAINERS +IMAGES +SELECTOR\nweb +0\/3 +0 +0 +\S+ +c +nginx:1 +app=web$/,
  );
  assert.equal(await kubectl('scale deployment web --replicas=5'), 'deployment.apps/web scaled');
  assert.equal(await kubectl('label deployment web x=y'), 'deployment.apps/web labeled');
  assert.equal(await kubectl('set image deployment/web c=nginx:2'), 'deployment.apps/web image updated');
  assert.equal(
    await kubectl('get deployment web -o jsonpath={.spec.replicas}{.metadata.labels.x}{.spec.template.spec.containers[0].image}'),
    '5ynginx:2',
  );
  assert.match(await kubectl('delete deployment web'), /^deployment\.apps "web" deleted/);
});

test('a manifest that is wrong says where', options, async () => {
  assert.match(await kubectl('apply -f -', deployment(1, ', foo: 1')), /strict decoding error: unknown field "spec\.template\.spec\.foo"/);
  assert.match(
    await kubectl('apply -f -', deployment('many')),
    /json: cannot unmarshal string into Go struct field .*spec\.replicas of type int32/,
  );
  assert.match(
    await kubectl('apply --server-side -f -', deployment(-1)),
    /spec\.replicas: Invalid value: -1: must be greater than or equal to 0/,
  );
  assert.match(await kubectl('get pod none'), /Error from server \(NotFound\): pods "none" not found/);
});

test('explain, who one is, and a trial run', options, async () => {
  const answers = await Promise.all([
    kubectl('explain pod.spec.containers'),
    kubectl('auth whoami'),
    kubectl('run t --image=x --dry-run=server -o name'),
  ]);
  assert.match(answers[0], /FIELD: containers <\[\]Container>/);
  assert.match(answers[1], /kubernetes-admin/);
  assert.equal(answers[2], 'pod/t');
});

const pod = (name: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec: {nodeName: n1, containers: [{name: c, image: x}]}
`;

test('typed commands send protobuf', options, async () => {
  assert.match(await kubectl('create configmap traced --from-literal=a=b -v=8'), /Content-Type: application\/vnd\.kubernetes\.protobuf/);
  const binary = join(folder, 'binary');
  writeFileSync(binary, Buffer.from([0, 255, 128]));
  await kubectl('apply -f -', 'apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n');
  const lines: readonly (readonly [string, RegExp])[] = [
    ['create deployment typed --image=nginx:1 --replicas=2 --port=80', /^deployment.apps\/typed created$/],
    ['expose deployment typed --target-port=8080 --type=NodePort', /^service\/typed exposed$/],
    [`create configmap typed --from-literal=a=b --from-file=binary=${binary}`, /^configmap\/typed created$/],
    ['create secret generic typed --from-literal=a=b', /^secret\/typed created$/],
    ['create serviceaccount typed', /^serviceaccount\/typed created$/],
    ['create namespace typed', /^namespace\/typed created$/],
    ['create service clusterip headless --tcp=80:http --clusterip=None', /^service\/headless created$/],
    ['run typed --image=x --env=A=B --restart=Never', /^pod\/typed created$/],
    ['scale deployment typed --replicas=0', /^deployment.apps\/typed scaled$/],
    ['set image deployment/typed nginx=nginx:2', /^deployment.apps\/typed image updated$/],
    ['rollout restart deployment/typed', /^deployment.apps\/typed restarted$/],
    ['cordon n1', /^node\/n1 cordoned$/],
    ['uncordon n1', /^node\/n1 uncordoned$/],
    ['auth can-i create pods', /^yes$/],
  ];
  for (const [line, answer] of lines) assert.match(await kubectl(line), answer, line);
  const read = (what: string, path: string): Promise<string> => kubectl(`get ${what} -o jsonpath=${path}`);
  const paths: readonly (readonly [string, string, string])[] = [
    [
      'deployment typed',
      '{.spec.replicas},{.spec.template.spec.containers[0].image},{.spec.strategy.rollingUpdate.maxSurge}',
      '0,nginx:2,25%',
    ],
    ['service typed', '{.spec.type},{.spec.ports[0].port},{.spec.ports[0].targetPort},{.spec.selector.app}', 'NodePort,80,8080,typed'],
    ['service headless', '{.spec.clusterIP},{.spec.ports[0].targetPort}', 'None,http'],
    ['configmap typed', '{.data.a},{.binaryData.binary}', 'b,AP+A'],
    ['secret typed', '{.type},{.data.a}', 'Opaque,Yg=='],
    ['pod typed', '{.spec.restartPolicy},{.spec.containers[0].env[0].value},{.metadata.labels.run}', 'Never,B,typed'],
  ];
  const found = await Promise.all(paths.map(([what, path]) => read(what, path)));
  assert.deepEqual(
    found,
    paths.map(([, , value]) => value),
  );
});

test('batch, budgets, priorities and autoscalers', options, async () => {
  const lines: readonly (readonly [string, RegExp])[] = [
    ['create job once --image=busybox -- true', /^job\.batch\/once created$/],
    ['get job once', /^NAME +STATUS +COMPLETIONS +DURATION +AGE\nonce +Running +0\/1 +\S+$/],
    ['create cronjob nightly --image=busybox --schedule=*/5\u00a0*\u00a0*\u00a0*\u00a0* -- true', /^cronjob\.batch\/nightly created$/],
    ['get cj nightly', /TIMEZONE +SUSPEND +ACTIVE +LAST SCHEDULE +AGE\nnightly +\*\/5 \* \* \* \* +<none> +False +0 +<none>/],
    ['create job by-hand --from=cronjob/nightly', /^job\.batch\/by-hand created$/],
    ['create pdb web --selector=app=web --min-available=1', /^poddisruptionbudget\.policy\/web created$/],
    ['get pdb web', /MIN AVAILABLE +MAX UNAVAILABLE +ALLOWED DISRUPTIONS +AGE\nweb +1 +N\/A +0/],
    ['create priorityclass high --value=1000', /^priorityclass\.scheduling\.k8s\.io\/high created$/],
    ['get pc high', /VALUE +GLOBAL-DEFAULT +AGE +PREEMPTIONPOLICY\nhigh +1000 +false +\S+ +PreemptLowerPriority$/],
    ['create deployment scaled --image=x', /created$/],
    ['autoscale deployment scaled --cpu=50% --min=1 --max=5', /^horizontalpodautoscaler\.autoscaling\/scaled autoscaled$/],
    ['get hpa scaled', /Deployment\/scaled +cpu: <unknown>\/50% +1 +5 +0 /],
  ];
  for (const [line, answer] of lines) assert.match(await kubectl(line), answer, line);
});

test('drain evicts, or deletes when told so', options, async () => {
  const drain = 'drain n1 --ignore-daemonsets --force --grace-period=0 --timeout=10s';
  await kubectl('apply -f -', 'apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n');
  await kubectl('apply -f -', pod('evicted'));
  assert.match(await kubectl(drain), /\nevicting pod default\/evicted\npod\/evicted evicted\nnode\/n1 drained$/);
  await kubectl('apply -f -', pod('deleted'));
  assert.match(await kubectl(`${drain} --disable-eviction`), /\npod\/deleted deleted\nnode\/n1 drained$/);
});
