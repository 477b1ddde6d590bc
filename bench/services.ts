/**
 * `unshare --net node bench/services.ts`: what a Service costs among 10 to 10,000 others. Whole: the table from nothing;
 * change: one Service comes and goes; endpoint: one more backend of a Service; first packet: from connect to connected,
 * median of many, to a backend on this host.
 */
import { connect, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { silentLog } from '../src/base/log.ts';
import { openKernel } from '../src/kernel/linux.ts';
import type { Frontend } from '../src/kubernetes/proxy/service-port.ts';
import { ServiceTable } from '../src/kubernetes/proxy/service-table.ts';
import { median } from './median.ts';

const repeats = 50;
await using kernel = await openKernel();
kernel.links.apply([
  { do: 'setUp', name: 'lo' },
  { do: 'addBridge', name: 'dvb0' },
  { do: 'addAddress', name: 'dvb0', cidr: '10.244.0.1/16' },
  { do: 'setUp', name: 'dvb0' },
  // Cluster addresses need a way out before they are translated.
  { do: 'addRoute', to: 'default', via: '10.244.0.9' },
]);
const server = createServer((socket) => socket.resume().on('error', () => undefined)).listen(0, '10.244.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;

console.log('Services   whole     change   endpoint   first packet');
for (const count of [10, 100, 1_000, 10_000]) {
  using table = new ServiceTable(kernel.firewall, '10.244.0.0/16', silentLog);
  for (let index = 0; index < count; index += 1) table.put(`default/s${index}`, [frontend(index, 2)]);
  const whole = await timed(() => table.write());
  const changes: number[] = [];
  const endpoints: number[] = [];
  for (let round = 0; round < repeats; round += 1) {
    for (const frontends of [[frontend(count, 2)], []]) {
      table.put('default/another', frontends);
      changes.push(await timed(() => table.write()));
    }
    table.put('default/s0', [frontend(0, 2 + (round % 2))]);
    endpoints.push(await timed(() => table.write()));
  }
  table.put('default/s1', [{ ...frontend(1, 0), backends: [{ ip: '10.244.0.1', port }] }]);
  await table.write();
  const packets: number[] = [];
  for (let round = 0; round < 10 * repeats; round += 1) packets.push(await timed(firstPacket));
  const cells = [whole, median(changes), median(endpoints), median(packets)].map((ms) => `${ms.toFixed(2)} ms`.padStart(10));
  console.log(`${String(count).padStart(8)} ${cells.join(' ')}`);
}
server.close();

function frontend(index: number, backends: number): Frontend {
  return {
    view: 'all',
    way: 'cluster',
    address: `10.96.${index >> 8}.${index & 255}`,
    protocol: 'tcp',
    port: 80,
    backends: Array.from({ length: backends }, (_, at) => ({ ip: `10.244.${(index >> 6) + 1}.${(index % 64) * 3 + at + 1}`, port: 8080 })),
    masquerade: 'strangers',
    otherwise: 'reject',
    affinitySeconds: undefined,
    sources: undefined,
  };
}

async function timed(act: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await act();
  return performance.now() - began;
}

async function firstPacket(): Promise<void> {
  const socket = connect(80, '10.96.0.1');
  await once(socket, 'connect');
  socket.destroy();
}
