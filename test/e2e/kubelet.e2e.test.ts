/** Pods on a node as kubectl's users meet them: what the kubelet does with images, rights and the life of containers. */
import assert from 'node:assert/strict';
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
    async () => assert.match(await read('pod refused', '{.status.containerStatuses[0].state.waiting.reason}'), /^ImagePullBackOff$/),
    { withinMs: 20_000 },
  );
  assert.match(
    await read('pod refused', '{.status.containerStatuses[0].state.waiting.message}'),
    /^Back-off pulling image "127\.0\.0\.1:5001\/team\/app:v1": ErrImagePull: failed to pull and unpack image "127\.0\.0\.1:5001\/team\/app:v1": pull access denied for team\/app/,
  );
  const said = await events('refused');
  assert.match(said, /FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets \(missing\); attempting to pull/);
  assert.match(said, /Failed: Error: ErrImagePull\n/);
  assert.doesNotMatch(said, /wrong/);

  await pod('own', { imagePullSecrets: [{ name: 'bad' }, { name: 'good' }] }, always);
  await pod('account', { serviceAccountName: 'puller' }, always);
  await Promise.all([ready('own'), ready('account')]);
  assert.match(
    await events('account'),
    /Pulled: Successfully pulled image ".*" in \S+ \(\S+ including waiting\)\. Image size: \d+ bytes\./,
  );
});
