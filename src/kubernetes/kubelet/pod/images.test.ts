import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Container, Pod, Secret } from '../../../api/kubernetes/types.generated.ts';
import { KindError } from '../../../base/errors.ts';
import { FakeEngine } from '../engine.fake.ts';
import { Tasks } from '../tasks.ts';
import { ContainerWaits } from './container-waits.ts';
import { PodImages } from './images.ts';
import { PullRecords } from './pull-records.ts';
import { appContainer, podOf } from './pod.fake.ts';

const secret = (name: string, ...users: readonly string[]): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  type: 'kubernetes.io/dockerconfigjson',
  data: {
    '.dockerconfigjson': Buffer.from(
      JSON.stringify({
        auths: Object.fromEntries(users.map((user, index) => [`r.io/${'team/'.repeat(index)}`, { username: user, password: 'p' }])),
      }),
    ).toString('base64'),
  },
});

class World {
  readonly engine = new FakeEngine();
  readonly events: string[] = [];
  nowMs = 1_000_000;
  retryAfterMs: number | undefined;
  readonly #tasks = new Tasks((task, error) => this.events.push(`${task} failed: ${String(error)}`));
  readonly #images: PodImages;
  readonly #folder = mkdtempSync(join(tmpdir(), 'pulls-'));

  constructor() {
    const record = (_pod: Pod, type: string, reason: string, message: string): number => this.events.push(`${type} ${reason}: ${message}`);
    const records = new PullRecords(join(this.#folder, 'pulls.json'));
    this.#images = new PodImages({
      images: this.engine.asEngine().images,
      tasks: this.#tasks,
      recorder: { record },
      records,
      now: () => this.nowMs,
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }

  /** What the status says after one look, once what that look started has ended: a reason and its message. */
  async look(container: Container, names: readonly string[] = [], secrets: readonly Secret[] = []): Promise<readonly [string, string]> {
    const { promise, resolve: wake } = Promise.withResolvers<void>();
    const pod = podOf({ containers: [container], imagePullSecrets: names.map((name) => ({ name })) });
    const known = new Map(secrets.map((each) => [each.metadata.name ?? '', each]));
    try {
      await this.#images.resolve({ pod, container, secrets: known, wake });
      return ['', ''];
    } catch (error) {
      if (!(error instanceof ContainerWaits)) throw error;
      this.retryAfterMs = error.retryAfterMs;
      if (error.reason === 'ContainerCreating') await promise;
      return [error.reason, error.message];
    }
  }
}

test('a pull that fails is told, then backed off from: 10 s, 20 s … 5 min', async () => {
  using world = new World();
  const app = appContainer({ image: 'gone:1' });
  const failure = 'failed to pull and unpack image "docker.io/library/gone:1": no such host';
  const waits: (number | undefined)[] = [];
  for (let round = 0; round < 7; round++) {
    assert.deepEqual(await world.look(app), ['ContainerCreating', '']);
    assert.deepEqual(await world.look(app), ['ErrImagePull', failure]);
    assert.deepEqual(await world.look(app), ['ImagePullBackOff', `Back-off pulling image "gone:1": ErrImagePull: ${failure}`]);
    waits.push((world.retryAfterMs ?? 0) / 1000);
    world.nowMs += world.retryAfterMs ?? 0;
  }
  assert.deepEqual(waits, [10, 20, 40, 80, 160, 300, 300]);
  assert.deepEqual(world.events.slice(0, 5), [
    'Normal Pulling: Pulling image "gone:1"',
    `Warning Failed: Failed to pull image "gone:1": ${failure}`,
    'Warning Failed: Error: ErrImagePull',
    'Normal BackOff: Back-off pulling image "gone:1"',
    'Warning Failed: Error: ImagePullBackOff',
  ]);
});

test('policies: Never takes what is here, IfNotPresent pulls what is not, Always asks the registry', async () => {
  using world = new World();
  world.engine.addImage('here:1', { digests: ['here@sha256:1'] });
  assert.equal((await world.look(appContainer({ image: 'here:1', imagePullPolicy: 'Never' })))[0], '');
  assert.equal((await world.look(appContainer({ image: 'here:1', imagePullPolicy: 'IfNotPresent' })))[0], '');
  assert.deepEqual(
    [...new Set(world.events)],
    ['Normal Pulled: Container image "here:1" already present on machine and can be accessed by the pod'],
  );
  assert.deepEqual(await world.look(appContainer({ image: 'gone:1', imagePullPolicy: 'Never' })), [
    'ErrImageNeverPull',
    'Container image "gone:1" is not present with pull policy of Never',
  ]);
  const always = appContainer({ image: 'here:1', imagePullPolicy: 'Always' });
  assert.equal((await world.look(always))[0], 'ContainerCreating');
  assert.equal((await world.look(always))[0], 'ErrImagePull', 'what is here does not stand in for a registry that is away');
  world.engine.addImage('built:1');
  assert.equal((await world.look(appContainer({ image: 'built:1', imagePullPolicy: 'Always' })))[0], '');
});

test('a name that is none is told as such', async () => {
  using world = new World();
  const [reason, message] = await world.look(appContainer({ image: 'No_Such:' }));
  assert.equal(reason, 'InvalidImageName');
  assert.match(message, /^Failed to apply default image tag "No_Such:": couldn't parse image name "No_Such:": /);
});

test('every credential meant for the image is tried until one is taken', async () => {
  using world = new World();
  const shown: unknown[] = [];
  world.engine.pull = (reference, { credentials }) => {
    shown.push(credentials);
    if (!credentials || !('username' in credentials) || credentials.username !== 'ann') throw new KindError('unauthorized', 'no');
    world.engine.addImage(reference, { digests: [`${reference}@sha256:1`] });
  };
  const app = appContainer({ image: 'r.io/team/app:1', imagePullPolicy: 'Always' });
  const secrets = [secret('one', 'ann', 'bob')];
  assert.equal((await world.look(app, ['one', 'two'], secrets))[0], 'ContainerCreating');
  assert.deepEqual(shown, [
    { username: 'bob', password: 'p' },
    { username: 'ann', password: 'p' },
  ]);
  assert.equal((await world.look(app, ['one', 'two'], secrets))[0], '');
  assert.deepEqual(world.events, [
    'Normal Pulling: Pulling image "r.io/team/app:1"',
    'Warning FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (two); attempting to pull the image may not succeed.',
    'Normal Pulled: Successfully pulled image "r.io/team/app:1" in 0s (0s including waiting). Image size: 1 bytes.',
  ]);
  assert.equal((await world.look(app))[0], 'ContainerCreating', 'the next container asks the registry again');
  assert.deepEqual(await world.look(app), ['ErrImagePull', 'failed to pull and unpack image "r.io/team/app:1": no']);
});

test('an image that one pod needed its secret for is pulled again for a pod without, and again asks the registry', async () => {
  using world = new World();
  world.engine.pull = (reference, { credentials }) => {
    if (!credentials) throw new KindError('unauthorized', 'no');
    world.engine.addImage(reference, { digests: [`${reference}@sha256:1`] });
  };
  const app = appContainer({ image: 'r.io/team/app:1', imagePullPolicy: 'IfNotPresent' });
  const secrets = [secret('one', 'ann')];
  assert.equal((await world.look(app, ['one'], secrets))[0], 'ContainerCreating');
  assert.equal((await world.look(app, ['one'], secrets))[0], '');
  assert.equal((await world.look(app, ['one'], secrets))[0], '', 'whose secret does is asked nothing more');
  assert.equal((await world.look(app))[0], 'ContainerCreating');
  assert.deepEqual(await world.look(app), ['ErrImagePull', 'failed to pull and unpack image "r.io/team/app:1": no']);
  assert.equal((await world.look({ ...app, imagePullPolicy: 'Never' }))[0], 'ErrImageNeverPull');
});

test('what is known of pulls outlives the kubelet, without a password, for root alone; what others pulled is everybody’s', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pulls-'));
  const path = join(folder, 'pulls.json');
  const ann = { username: 'ann', password: 'p' };
  await new PullRecords(path).pulled('sha256:1', 'r.io/app', ann);
  const records = new PullRecords(path);
  const image = { id: 'sha256:1', names: ['r.io/app:1', 'built:1'], digests: [`r.io/app@sha256:${'2'.repeat(64)}`] } as const;
  assert.deepEqual([records.mayUse(image, 'r.io/app', [ann]), records.mayUse(image, 'r.io/app', [])], [true, false]);
  assert.equal(records.mayUse(image, 'docker.io/library/built', []), true, 'somebody gave it this name here');
  assert.equal(records.mayUse(image, 'docker.io/library/1a2b3c', []), false, 'nor by its ID');
  assert.equal(records.mayUse({ ...image, id: 'sha256:2' }, 'r.io/app', []), true);
  await records.pulled('sha256:1', 'r.io/app', undefined);
  assert.equal(records.mayUse(image, 'r.io/app', []), true);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  rmSync(folder, { recursive: true });
});
