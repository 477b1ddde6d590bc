/** Packets through the policy table, also between pods of one bridge. Run in a network namespace of its own. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { namespaces, networkPolicies, pods } from '../../api/kubernetes/kinds.ts';
import type { NetworkPolicySpec } from '../../api/kubernetes/types.generated.ts';
import { silentLog } from '../../base/log.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { PacketLab } from '../../../test/support/packet-lab.ts';
import { FakeClient } from '../client/client.fake.ts';
import { tableName } from './render.ts';
import { startPolicies } from './start.ts';

const client = new FakeClient();
const key = { namespace: 'shop', name: 'policy' };
let lab: PacketLab;
let running: AsyncDisposable;
let [web, friend, stranger]: readonly string[] = [];
/** Short: a packet that is dropped is waited for as long. */
const patienceMs = 300;
const refused = 'TIMEOUT';

before(async () => {
  lab = await PacketLab.open({ prefix: 'dvn', net: '10.244.8', pods: 3 });
  [web, friend, stranger] = lab.pods;
  await lab.serve(web, 8080);
  await lab.serve(web, 9090);
  await lab.serve(friend, 8080);
  await lab.serve(undefined, 7070);
  for (const [namespace, team] of [
    ['shop', 'a'],
    ['other', 'b'],
  ] as const) {
    await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { team } } });
  }
  for (const [name, namespace, ip] of [
    ['web', 'shop', web],
    ['friend', 'shop', friend],
    ['stranger', 'other', stranger],
  ] as const) {
    await client.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace, name, labels: { app: name } },
      spec: { nodeName: 'n1', containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }] },
      status: { phase: 'Running', podIP: ip },
    });
  }
  running = await startPolicies({ client, kernel: lab.kernel, nodeName: 'n1', dnsAddress: '10.96.0.10', log: silentLog });
  await eventually(tableText, { withinMs: 2_000 });
});

after(async () => {
  await running[Symbol.asyncDispose]();
  await lab.run(undefined, 'nft', 'delete', 'table', 'ip', tableName);
  await lab[Symbol.asyncDispose]();
});

const tableText = (): Promise<string> => lab.run(undefined, 'nft', '-s', 'list', 'table', 'ip', tableName);

/** Puts one policy in force instead of the last. */
async function enforce(spec: NetworkPolicySpec): Promise<void> {
  const previous = await tableText();
  const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: key, spec };
  const { items } = await client.list(networkPolicies);
  if (items[0]) await client.update(networkPolicies, { ...policy, metadata: items[0].metadata });
  else await client.create(networkPolicies, policy);
  await eventually(async () => assert.notEqual(await tableText(), previous), { withinMs: 2_000 });
}

const ask = (from: string | undefined, port = 8080, to = web): Promise<string> => lab.ask(from, to ?? '', port, patienceMs);
const answers = (from: string | undefined): string => `${web} ${from}`;

test('without a policy everybody is heard', async () => {
  assert.deepEqual(
    await Promise.all([friend, stranger, lab.outside].map((from) => ask(from))),
    [friend, stranger, lab.outside].map(answers),
  );
});

test('default deny: nobody but the host itself, which probes, and the pod itself', async () => {
  await enforce({ podSelector: { matchLabels: { app: 'web' } } });
  assert.deepEqual(await Promise.all([friend, stranger, lab.outside].map((from) => ask(from))), [refused, refused, refused]);
  assert.match(await ask(undefined), /^10\.244\.8\.2 10\.244\.8\.1/);
  assert.equal(await ask(web), answers(web));
  assert.match(await ask(stranger, 8080, friend), new RegExp(`^${friend}`));
});

test('pods by label and namespace; a named port, a range', async () => {
  const podSelector = { matchLabels: { app: 'web' } };
  await enforce({ podSelector, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'friend' } } }], ports: [{ port: 'http' }] }] });
  assert.deepEqual([await ask(friend), await ask(friend, 9090), await ask(stranger)], [answers(friend), refused, refused]);
  await enforce({
    podSelector,
    ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'b' } } }], ports: [{ port: 9000, endPort: 9100 }] }],
  });
  assert.deepEqual([await ask(stranger, 9090), await ask(stranger), await ask(friend, 9090)], [answers(stranger), refused, refused]);
});

test('an ipBlock with an exception', async () => {
  const ingress = [{ from: [{ ipBlock: { cidr: '0.0.0.0/0', except: [`${friend}/32`] } }] }];
  await enforce({ podSelector: { matchLabels: { app: 'web' } }, ingress });
  assert.deepEqual([await ask(lab.outside), await ask(friend)], [answers(lab.outside), refused]);
});

test('egress: only where it may go, the host included; UDP too', async () => {
  const podSelector = { matchLabels: { app: 'stranger' } };
  const spec = { podSelector: { matchLabels: { app: 'friend' } }, policyTypes: ['Egress'] };
  await enforce({ ...spec, egress: [{ to: [{ podSelector }] }] });
  assert.deepEqual(
    [await ask(friend), await ask(friend, 7070, '10.244.8.1'), await lab.askUdp(friend, web ?? '', 8080, { waitMs: patienceMs })],
    [refused, refused, refused],
  );
  await enforce({ ...spec, egress: [{ ports: [{ protocol: 'UDP', port: 8080 }] }] });
  assert.deepEqual([await ask(friend), await lab.askUdp(friend, web ?? '', 8080)], [refused, answers(friend)]);
  assert.match(await ask(stranger, 8080, friend), new RegExp(`^${friend}`));
});

test('a connection that stands when it is forbidden goes on', async () => {
  await enforce({ podSelector: { matchLabels: { app: 'friend' } }, ingress: [{}] });
  await lab.serveEcho(web, 8081);
  const connection = lab.converse(friend, web ?? '', 8081);
  assert.equal(await connection.say('one'), 'one');
  await enforce({ podSelector: { matchLabels: { app: 'web' } } });
  assert.equal(await ask(friend), refused);
  assert.equal(await connection.say('two'), 'two');
});

test('a second sync changes nothing; what somebody deletes is back within two seconds', async () => {
  const whole = await tableText();
  const pod = await client.get(pods, { namespace: 'shop', name: 'web' });
  await client.update(pods, { ...pod, metadata: { ...pod.metadata, annotations: { touched: 'yes' } } });
  assert.equal(await tableText(), whole);
  await lab.run(undefined, 'nft', 'delete', 'table', 'ip', tableName);
  await eventually(async () => assert.equal(await tableText(), whole), { withinMs: 2_000 });
});
