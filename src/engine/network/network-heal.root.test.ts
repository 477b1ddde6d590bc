/** Whatever somebody takes away of the host's network is back within two seconds, by packets, and no container notices. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { EngineLab } from '../../../test/support/engine-lab.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { silentLog } from '../../base/log.ts';
import { hostInterface } from './link-plan.ts';

let lab: EngineLab;
let pids: readonly (number | undefined)[];
const told: { readonly lost: readonly string[]; readonly message: string }[] = [];
const containers = ['web', 'client'] as const;

const sh = async (line: string): Promise<void> => {
  const { exitCode, stderr } = await lab.kernel.processes.run(['sh', '-c', line]);
  assert.equal(exitCode, 0, stderr);
};
const pidsOf = (): Promise<readonly (number | undefined)[]> =>
  Promise.all(containers.map(async (name) => (await lab.engine.containers.get(name)).pid));

/** From the host by the published port, from a neighbour by name, and outwards from inside, by both families. */
async function carries(): Promise<void> {
  const answer = await fetch('http://127.0.0.1:8080', { signal: AbortSignal.timeout(500) });
  assert.equal((await answer.text()).trim(), 'web');
  const six = await fetch('http://[fd00:5::1]:8080', { signal: AbortSignal.timeout(500) });
  assert.equal((await six.text()).trim(), 'web');
  const inside = await lab.exec(
    'client',
    'timeout 1 wget -qO- http://web && ping -c1 -W1 192.0.2.1 >/dev/null && ping -6 -c1 -W1 fd00:9::1 >/dev/null && timeout 1 wget -qO- http://[fd00:5::2]',
  );
  assert.equal(inside.output, 'web\nweb\n');
}

before(async () => {
  const log = {
    ...silentLog,
    warn: (fields: object, message: string) => void told.push({ ...(fields as { lost: readonly string[] }), message }),
  };
  lab = await EngineLab.open('heal', log);
  // Something to reach beyond the bridge.
  await sh(
    'ip link add out type bridge && ip addr add 192.0.2.1/24 dev out && ip addr add fd00:9::1/64 dev out nodad && ip link set out up',
  );
  await lab.engine.networks.create({
    name: 'front',
    driver: 'bridge',
    enableIpv6: true,
    pools: [{ subnet: '172.18.0.0/16' }, { subnet: 'fd00:5::/64' }],
    options: { 'com.docker.network.bridge.name': 'br-front' },
  });
  const httpd = 'mkdir -p /w && hostname > /w/index.html && httpd -f -p 80 -h /w';
  await lab.start('web', httpd, { hostname: 'web', network: 'front', ports: [{ containerPort: 80, protocol: 'tcp', hostPort: 8080 }] });
  await lab.start('client', 'sleep 1000', { network: 'front' });
  await eventually(carries, { withinMs: 5000 });
  pids = await pidsOf();
});
after(() => lab[Symbol.asyncDispose]());

const veth = async (): Promise<string> => hostInterface((await lab.engine.containers.get('web')).endpoints[0]?.id ?? '');

const wounds: readonly (readonly [what: string, line: () => Promise<string>, named: RegExp])[] = [
  ['nft flush ruleset', async () => 'nft flush ruleset', /iptables nat: jump from PREROUTING to DOCKER/],
  [
    'every iptables table flushed, as scripts do',
    async () => 'for t in raw nat filter; do iptables -t $t -F; iptables -t $t -X; done; iptables -P FORWARD ACCEPT',
    /iptables filter: jump from FORWARD to DOCKER-USER/,
  ],
  [
    'rules replaced whole, as firewall-cmd --reload does',
    async () => 'printf "*nat\\nCOMMIT\\n*filter\\n:FORWARD DROP [0:0]\\nCOMMIT\\n" | iptables-restore',
    /iptables nat: 2 of 2 rules of DOCKER/,
  ],
  ['one rule deleted', async () => 'iptables -t nat -D DOCKER 2 && iptables -t nat -D DOCKER 1', /iptables nat: 2 of 2 rules of DOCKER/],
  ['a rule of others in front', async () => 'iptables -I DOCKER-FORWARD -j DROP', /order or number of the rules of DOCKER-FORWARD/],
  ['a veth deleted', async () => `ip link del ${await veth()}`, /^link veth\w+ of web on network front$/m],
  ['a veth taken down', async () => `ip link set ${await veth()} down`, /of web on network front is down/],
  [
    'a veth taken out of its bridge',
    async () => `ip link set ${await veth()} nomaster`,
    /of web on network front no longer in bridge br-front/,
  ],
  ['a veth moved to another bridge', async () => `ip link set ${await veth()} master out`, /no longer in bridge br-front/],
  ['the bridge taken down', async () => 'ip link set br-front down', /bridge br-front of network front is down/],
  ['the bridge deleted', async () => 'ip link del br-front', /^bridge br-front of network front$/m],
  ['the bridge’s address removed', async () => 'ip addr del 172.18.0.1/16 dev br-front', /address 172\.18\.0\.1\/16 of bridge br-front/],
  ['the route deleted', async () => 'ip route del 172.18.0.0/16', /route to 172\.18\.0\.0\/16 by bridge br-front/],
  ['the route bent', async () => 'ip route replace 172.18.0.0/16 via 192.0.2.9', /route to 172\.18\.0\.0\/16 .*it went by out/],
  [
    'every ip6tables table flushed',
    async () => 'for t in raw nat filter; do ip6tables -t $t -F; done',
    /ip6tables nat: \d of \d rules of DOCKER/,
  ],
  ['the bridge’s IPv6 address removed', async () => 'ip addr del fd00:5::1/64 dev br-front', /address fd00:5::1\/64 of bridge br-front/],
  ['the IPv6 route deleted', async () => 'ip -6 route del fd00:5::/64', /route to fd00:5::\/64 by bridge br-front/],
  [
    'IPv6 switched off on the bridge',
    async () => 'sysctl -qw net.ipv6.conf.br-front.disable_ipv6=1',
    /address fd00:5::1\/64 of bridge br-front/,
  ],
  ['IPv6 forwarding switched off', async () => 'sysctl -qw net.ipv6.conf.all.forwarding=0', /net\.ipv6\.conf\.all\.forwarding was 0/],
  ['forwarding switched off', async () => 'sysctl -qw net.ipv4.ip_forward=0', /net\.ipv4\.ip_forward was 0/],
];

for (const [what, line, named] of wounds) {
  test(`${what}: put right, and named`, async (context) => {
    told.length = 0;
    const command = await line();
    const began = performance.now();
    await sh(command);
    await eventually(carries, { withinMs: 3000 });
    const lost = await eventually(
      async () => {
        const all = told.flatMap((each) => each.lost ?? []).join('\n');
        assert.match(all, named);
        return all;
      },
      { withinMs: 1000 },
    );
    context.diagnostic(`${what}: ${Math.round(performance.now() - began)} ms, ${lost.split('\n').length} named`);
    assert.ok(
      told.every(({ message }) => message === 'network changed by somebody else: put right'),
      JSON.stringify(told),
    );
    assert.deepEqual(await pidsOf(), pids, 'no process was touched');
  });
}

test('idle, nothing is looked at; what others do to their own is none of ours', async () => {
  told.length = 0;
  await sh(
    'iptables -A INPUT -p tcp --dport 1 -j DROP; nft add table inet other; ip link add theirs type bridge; ip link del theirs; nft delete table inet other',
  );
  const listed = await lab.kernel.firewall.save('filter');
  assert.match(listed, /--dport 1 -j DROP/, 'stays');
  await carries();
  assert.deepEqual(told, []);
});
