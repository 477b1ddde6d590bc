/** `npm run demo` on a machine of its own: from Dockerfiles to a counted vote, and what a person would try next. */
import assert from 'node:assert/strict';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { fileURLToPath } from 'node:url';
import { Compose } from '../support/compose.ts';
import { debianTar } from '../support/images.ts';
import { Machine } from '../support/machine.ts';
import { PeerRegistry } from '../support/peer-registry.ts';
import { launchBrowser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { PodWatch } from '../support/pod-watch.ts';

const demo = ['bash', fileURLToPath(new URL('../../tools/demo.sh', import.meta.url))] as const;
const applicationFolder = fileURLToPath(new URL('../../examples/voting-app', import.meta.url));
const voteFolder = fileURLToPath(new URL('../../examples/voting-app/vote/', import.meta.url));
const sysctl = '--sysctl=net.ipv4.ip_unprivileged_port_start=1024';

interface Results {
  readonly total: number;
  readonly results: readonly { readonly choice: string; readonly votes: number }[];
}

let machine: Machine;
let said = '';

before(
  async () => {
    machine = await Machine.create('demo', 120);
    await machine.davit('up');
    // What `davit base` made once and keeps: no registry is in reach here.
    const cache = join(machine.folder, 'data/cache');
    await mkdir(cache, { recursive: true });
    await copyFile(await debianTar(), join(cache, 'debian-bookworm-slim.tar'));
    said = await machine.ok(demo, { timeoutMs: 240_000 });
  },
  { timeout: 290_000 },
);

after(() => machine[Symbol.asyncDispose]());

async function get(url: string): Promise<string> {
  return machine.ok(['curl', '-sSf', '--max-time', '5', url]);
}

async function results(): Promise<Results> {
  return JSON.parse(await get('http://127.0.0.1:31001/api/results')) as Results;
}

test('the demo made its base image, built, started and counted, and says where everything is', () => {
  assert.match(said, /✓ debian:bookworm-slim +made from this machine's Debian mirror: no registry in reach/);
  for (const name of ['vote', 'worker', 'analyzer', 'redis', 'db', 'result']) {
    assert.match(said, new RegExp(`✓ voting-app/${name}:1\\.0 +built in`));
    assert.match(said, new RegExp(`✓ ${name} +\\d/\\d Ready`));
  }
  assert.match(said, /✓ cast, then counted +Cats: counted \d+ ms later; Cats 1, Dogs 0/);
  assert.match(said, /http:\/\/127\.0\.0\.1:31000/);
  assert.match(said, /export DOCKER_HOST=unix:\/\/.*\n.*export KUBECONFIG=/);
});

test('the second run finds everything done, and is quick', async () => {
  const began = performance.now();
  const again = await machine.ok(demo, { timeoutMs: 60_000 });
  const seconds = (performance.now() - began) / 1000;
  assert.equal(again.match(/unchanged, every step from the cache/g)?.length, 6, again);
  assert.match(again, /✓ manifests .*unchanged/);
  assert.doesNotMatch(again, /restart|created/);
  assert(seconds < 20, `took ${seconds.toFixed(1)} s`);
});

test('the pages are there, and the analysis is about the votes', async () => {
  assert.match(await get('http://127.0.0.1:31000/'), /Cats or Dogs\?/);
  assert.match(await get('http://127.0.0.1:31001/'), /EventSource/);
  const { total } = await results();
  const analysis = JSON.parse(await get('http://127.0.0.1:31002/api/analysis')) as { total: number; summary: string };
  assert.equal(analysis.total, total);
  assert.match(analysis.summary, /for Cats/);
});

test('a person votes in a browser on another host, and sees the result page and the analysis follow', { timeout: 60_000 }, async () => {
  const browser = await launchBrowser();
  try {
    const open = async (port: number): Promise<Page> => {
      const page = await browser.newPage();
      await page.goto(`http://${machine.address}:${port}/`);
      return page;
    };
    const { total } = await results();
    const result = await open(31001);
    await result.getByText(new RegExp(`^${total} votes? in all$`)).waitFor();
    const vote = await open(31000);
    await vote.getByRole('button', { name: 'Dogs' }).click();
    await vote.getByText('Your vote for Dogs is in.').waitFor();
    await result.getByText(new RegExp(`^${total + 1} votes in all$`)).waitFor();
    assert.match(await result.title(), /Dogs 1/);
    const analysis = await open(31002);
    await analysis
      .locator('#total')
      .getByText(String(total + 1), { exact: true })
      .waitFor();
    await picture(result, 'result');
    await picture(vote, 'vote');
    await picture(analysis, 'analyzer');
  } finally {
    await browser.close();
  }
});

/** For a person's eyes: with DAVIT_PICTURES set, into that folder. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env['DAVIT_PICTURES'];
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, animations: 'disabled' });
}

test('a bad vote is refused with what was expected', async () => {
  const answer = await machine.ok(['curl', '-sS', '--json', '{"choice":"z"}', '-w', '%{http_code}', 'http://127.0.0.1:31000/api/votes']);
  assert.match(answer, /choice must be one of a, b.*400$/s);
});

test('port 80 as appuser: only with the file capability, which survives build, layer and container', async () => {
  const inside = (command: string): Promise<string> => machine.kubectl('exec', '-n', 'vote', 'deploy/vote', '--', 'sh', '-c', command);
  assert.equal(await inside('id -u; cat /proc/sys/net/ipv4/ip_unprivileged_port_start'), '10001\n1024');
  const capability = await machine.docker('run', '--rm', '--entrypoint', 'getcap', 'voting-app/vote:1.0', '/usr/local/bin/vote');
  assert.match(capability, /cap_net_bind_service=ep/);
  const served = await machine.docker('run', '-d', '--name', 'with', sysctl, '-p', '18080:80', 'voting-app/vote:1.0');
  assert.match(served, /^[0-9a-f]{64}$/);
  await eventually(async () => assert.equal(await get('http://127.0.0.1:18080/healthz'), 'ok'), { withinMs: 10_000 });
  await machine.docker('rm', '-f', 'with');
  await machine.docker('build', '-q', '--target', 'without-setcap', '-t', 'vote:without-setcap', voteFolder);
  const refused = await machine.run(['docker', 'run', '--rm', sysctl, 'vote:without-setcap']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /listen on port 80 as uid 10001: permission denied \(the program lacks cap_net_bind_service\)/);
});

test('the votes are still there after the database pod was deleted', async () => {
  const { total } = await results();
  await machine.kubectl('delete', 'pod', '-n', 'vote', 'db-0');
  await machine.kubectl('rollout', 'status', '-n', 'vote', 'statefulset/db', '--timeout=60s');
  await eventually(async () => assert.equal((await results()).total, total), { withinMs: 15_000 });
});

test('a deleted pod and a killed process: Ready again in under 2 s (median of 10)', { timeout: 120_000 }, async (context) => {
  const watch = await PodWatch.start(machine, 'vote', 'app=vote');
  const deletions: number[] = [];
  const kills: number[] = [];
  try {
    for (let round = 0; round < 10; round += 1) {
      const known = watch.ready();
      const victim = known[0] ?? '';
      const deletedAt = performance.now();
      await machine.kubectl('delete', 'pod', '-n', 'vote', victim, '--wait=false');
      const replacement = await watch.until(({ name, ready }) => ready && !known.includes(name));
      deletions.push(performance.now() - deletedAt);
      const container = await machine.docker('ps', '-q', '--filter', `name=k8s_vote_${replacement.name}_`);
      const pid = await machine.docker('inspect', '--format', '{{.State.Pid}}', container);
      const killedAt = performance.now();
      await machine.ok(['kill', '-9', pid]);
      await watch.until(({ name, ready, restarts }) => name === replacement.name && ready && restarts === 1);
      kills.push(performance.now() - killedAt);
    }
  } finally {
    watch.stop();
  }
  const middle = (values: readonly number[]): number => values.toSorted((one, other) => one - other)[values.length >> 1] ?? Infinity;
  context.diagnostic(`deleted: ${middle(deletions).toFixed(0)} ms, killed: ${middle(kills).toFixed(0)} ms (medians of 10)`);
  assert(middle(deletions) < 2000, `deleted: ${deletions.map(Math.round).join(' ')} ms`);
  assert(middle(kills) < 2000, `killed: ${kills.map(Math.round).join(' ')} ms`);
});

test('the same application by docker compose: a vote over HTTP is counted', { timeout: 60_000 }, async () => {
  const compose = new Compose(machine, 'docker-compose@sid', applicationFolder, 'voting-app');
  await compose.ok('up', '-d');
  const count = async (): Promise<number> => {
    const { results: all } = JSON.parse(await get('http://127.0.0.1:8081/api/results')) as Results;
    return all.find(({ choice }) => choice === 'a')?.votes ?? 0;
  };
  await eventually(() => get('http://127.0.0.1:8080/healthz'), { withinMs: 20_000 });
  const known = await eventually(count, { withinMs: 20_000 });
  await machine.ok(['curl', '-sSf', '--json', '{"choice":"a"}', 'http://127.0.0.1:8080/api/votes']);
  await eventually(async () => assert.equal(await count(), known + 1), { withinMs: 15_000 });
  await compose.ok('down', '-v', '--timeout', '1');
});

test('where a registry is in reach, the base image is pulled', { timeout: 120_000 }, async () => {
  await using registry = await PeerRegistry.start(machine, { port: 5000 });
  const base = 'debian:bookworm-slim';
  const pushed = `127.0.0.1:5000/library/${base}`;
  await machine.docker('tag', base, pushed);
  await machine.docker('push', pushed);
  await machine.docker('rmi', base, pushed);
  await machine.davit('down', '--keep-containers');
  await machine.davit('up', '--registry-mirror=http://127.0.0.1:5000');
  const again = await machine.ok(demo, { timeoutMs: 100_000 });
  assert.match(again, /✓ debian:bookworm-slim +pulled/);
  assert.equal(again.match(/unchanged, every step from the cache/g)?.length, 6, again);
  assert.equal(registry.requests(/GET \/v2\/library\/debian\/manifests\/bookworm-slim/).length, 1);
});

test('--down removes davit, its containers and its data', async () => {
  await machine.ok([...demo, '--down']);
  assert.notEqual((await machine.run(['docker', 'version'])).code, 0);
  assert.equal(await machine.ok(['sh', '-c', 'ip -br link | grep -cE "docker0|davit0|veth" || true']), '0');
  assert.equal(await machine.ok(['sh', '-c', `ls -A "$DAVIT_DATA_ROOT" "$DAVIT_RUN_ROOT" 2>/dev/null | grep -v : | wc -l`]), '0');
  assert.equal(await machine.ok(['sh', '-c', 'iptables-save | grep -c "^-A" || true']), '0');
});
