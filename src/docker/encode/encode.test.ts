import assert from 'node:assert/strict';
import { test } from 'node:test';
import { created, exited, imageId, sampleContainer, sampleImage, sampleNetwork, start } from '../samples.fake.ts';
import { containerInspect, containerSummary } from './container.ts';
import { durationText, statusText } from './duration.ts';
import { eventMessage } from './event.ts';
import { goFileMode } from './file-mode.ts';
import { networkInspect } from './network.ts';
import { portSummaries, publishedPorts } from './ports.ts';
import { containerStats } from './stats.ts';

const second = 1000;
const hour = 3600 * second;

const ages: readonly (readonly [ms: number, text: string])[] = [
  [0, 'Less than a second'],
  [second, '1 second'],
  [59 * second, '59 seconds'],
  [61 * second, 'About a minute'],
  [45 * 60 * second, '45 minutes'],
  [hour, 'About an hour'],
  [47 * hour, '47 hours'],
  [50 * hour, '2 days'],
  [15 * 24 * hour, '2 weeks'],
  [90 * 24 * hour, '3 months'],
  [800 * 24 * hour, '2 years'],
];

for (const [ms, text] of ages) test(`${ms} ms is ${text}`, () => assert.equal(durationText(ms), text));

test('status texts', () => {
  const now = new Date(start.getTime() + 5 * second);
  const text = (changes: Parameters<typeof sampleContainer>[0]): string => statusText(sampleContainer(changes), now);
  assert.equal(text({}), 'Up 5 seconds');
  assert.equal(text({ health: { status: 'starting', failingStreak: 0, log: [] } }), 'Up 5 seconds (health: starting)');
  assert.equal(text({ health: { status: 'healthy', failingStreak: 0, log: [] } }), 'Up 5 seconds (healthy)');
  assert.equal(text({ pausedAt: start }), 'Up 5 seconds (Paused)');
  assert.equal(text(exited), 'Exited (137) 5 seconds ago');
  assert.equal(text(created), 'Created');
  assert.equal(text({ ...exited, isRestarting: true, exitCode: 1 }), 'Restarting (1) 5 seconds ago');
});

test('a published port is told once, an exposed one without host port', () => {
  const ports = [{ containerPort: 80, protocol: 'tcp' as const, hostPort: 8080 }];
  assert.deepEqual(portSummaries(['80/tcp', '443/tcp'], ports), [
    { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
    { PrivatePort: 443, Type: 'tcp' },
  ]);
  assert.deepEqual(publishedPorts(['80/tcp', '443/tcp'], ports), { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }], '443/tcp': null });
});

test('inspect merges the image’s configuration with the own one', () => {
  const { Config, State, NetworkSettings, Name } = containerInspect(sampleContainer(), { image: sampleImage().config });
  assert.deepEqual([Name, Config.Cmd, Config.Entrypoint], ['/web', ['serve', '--port', '80'], ['/entry']]);
  assert.deepEqual(Object.keys(Config.ExposedPorts ?? {}), ['80/tcp', '443/tcp']);
  assert.deepEqual([State.Status, State.Running, State.Pid, State.FinishedAt], ['running', true, 4242, '0001-01-01T00:00:00Z']);
  assert.deepEqual(
    [NetworkSettings.IPAddress, NetworkSettings.IPPrefixLen, NetworkSettings.Networks['bridge']?.DNSNames],
    ['172.17.0.2', 16, null],
  );
});

test('a stopped container publishes nothing and keeps its networks', () => {
  const stopped = sampleContainer({ ...exited, endpoints: sampleContainer().endpoints.map((end) => ({ ...end, ipv4: undefined })) });
  const { State, NetworkSettings } = containerInspect(stopped, { image: undefined });
  assert.deepEqual([State.Status, State.ExitCode, State.Pid], ['exited', 137, 0]);
  assert.deepEqual([NetworkSettings.Ports, NetworkSettings.IPAddress, NetworkSettings.Networks['bridge']?.EndpointID], [{}, '', '']);
});

test('a row quotes arguments with blanks', () => {
  assert.equal(
    containerSummary(sampleContainer({ path: 'sh', args: ['-c', 'sleep 1'] }), { image: undefined }, start).Command,
    "sh -c 'sleep 1'",
  );
});

test('a row shows the image’s ID when its name means another image by now', () => {
  const row = (isNameMoved: boolean) => containerSummary(sampleContainer(), { image: undefined, isNameMoved }, start).Image;
  assert.deepEqual([row(false), row(true)], ['nginx:1.27', imageId]);
});

test('a network tells who is attached', () => {
  const { Containers, IPAM } = networkInspect(sampleNetwork());
  assert.deepEqual(IPAM.Config, [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' }]);
  assert.deepEqual(
    Object.values(Containers).map((end) => [end.Name, end.IPv4Address]),
    [['web', '172.17.0.2/16']],
  );
});

test('container events carry the older fields too', () => {
  const message = eventMessage({
    type: 'container',
    action: 'die',
    id: 'abc',
    attributes: { image: 'busybox', exitCode: '0' },
    time: start,
  });
  assert.deepEqual([message.status, message.id, message.from, message.timeNano], ['die', 'abc', 'busybox', start.getTime() * 1e6]);
  assert.equal('status' in eventMessage({ type: 'network', action: 'connect', id: 'n', attributes: {}, time: start }), false);
});

test('memory without a limit is limited by the host', () => {
  const numbers = { usageBytes: 5, maxUsageBytes: 0, limitBytes: 2 ** 62, oomKills: 0, stat: {} };
  const sample = { read: start, systemCpuNs: 1, onlineCpus: 2, networks: {}, memory: numbers };
  assert.deepEqual(containerStats(sampleContainer(), sample, undefined, 1000).memory_stats, { usage: 5, stats: {}, limit: 1000 });
  assert.deepEqual(containerStats(sampleContainer(), undefined, undefined, 1000).memory_stats, {});
});

test('file modes as Go has them', () => {
  assert.equal(goFileMode(0o100644), 0o644);
  assert.equal(goFileMode(0o040755), 0x80000000 + 0o755);
  assert.equal(goFileMode(0o120777), 0x08000000 + 0o777);
  assert.equal(goFileMode(0o104755), 0x00800000 + 0o755);
  assert.equal(goFileMode(0o041777), 0x80000000 + 0x00100000 + 0o777);
});
