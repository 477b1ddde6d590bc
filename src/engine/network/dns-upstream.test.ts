import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { test } from 'node:test';
import { decode, encode, type Answer, type Packet } from 'dns-packet';
import { framed, framesOf } from './dns-frames.ts';
import { isTruncated, rcode, rcodeOf, renderReply } from './dns-message.ts';
import { DnsUpstream, type UpstreamOptions } from './dns-upstream.ts';

const address = (ttl: number): Answer => ({ type: 'A', name: 'example.org', ttl, data: '192.0.2.7' });
const query = (name = 'example.org', edns?: object): Packet => ({
  type: 'query',
  id: 7,
  flags: 0x100,
  questions: [{ type: 'A', name }],
  ...(edns && { additionals: [{ type: 'OPT', name: '.', options: [], flags: 0, ...edns } as unknown as Answer] }),
});

/** A name server on 127.0.0.x, all on one port; `answer` undefined = it never answers. */
interface FakeServer extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly asked: Packet[];
}

async function serve(
  at: string,
  port: number,
  answer: (asked: Packet, protocol: 'udp' | 'tcp') => Partial<Packet> | undefined,
): Promise<FakeServer> {
  const asked: Packet[] = [];
  const reply = (data: Buffer, protocol: 'udp' | 'tcp'): Buffer | undefined => {
    const packet = decode(data);
    asked.push(packet);
    const parts = answer(packet, protocol);
    return parts && encode({ type: 'response', id: packet.id ?? 0, questions: packet.questions ?? [], ...parts });
  };
  const udp: Socket = createSocket('udp4');
  udp.on('message', (data, from) => {
    const answered = reply(data, 'udp');
    if (answered) udp.send(answered, from.port, from.address);
  });
  udp.bind(port, at);
  await once(udp, 'listening');
  const tcp: Server = createServer((socket) => {
    void (async () => {
      for await (const data of framesOf(socket)) {
        const answered = reply(data, 'tcp');
        if (answered) socket.write(framed(answered));
      }
    })();
  });
  tcp.listen(udp.address().port, at);
  await once(tcp, 'listening');
  return {
    address: at,
    port: (tcp.address() as AddressInfo).port,
    asked,
    async [Symbol.asyncDispose]() {
      udp.close();
      tcp.close();
      await once(tcp, 'close');
    },
  };
}

const upstream = (port: number, options: Partial<UpstreamOptions> = {}): DnsUpstream =>
  new DnsUpstream({ port, againMs: 50, giveUpMs: 400, ...options });

test('all servers are asked at once: one that is silent or refuses costs no time', async () => {
  await using good = await serve('127.0.0.1', 0, () => ({ answers: [address(60)] }));
  await using silent = await serve('127.0.0.2', good.port, () => undefined);
  await using refusing = await serve('127.0.0.3', good.port, () => ({ flags: rcode.refused }));
  using asking = upstream(good.port);
  const began = performance.now();
  const parts = await asking.ask(query(), [silent.address, refusing.address, good.address]);
  assert.deepEqual(
    parts.answers?.map((each) => each.type === 'A' && each.data),
    ['192.0.2.7'],
  );
  assert.ok(performance.now() - began < 300);
  assert.deepEqual(await asking.ask(query('other.org'), [refusing.address]), { code: rcode.serverFailure });
  assert.deepEqual(await asking.ask(query('other.org'), []), { code: rcode.serverFailure });
});

test('a lost packet is sent again; who never answers is given up', async () => {
  let packets = 0;
  await using lossy = await serve('127.0.0.1', 0, () => (++packets < 2 ? undefined : { answers: [address(60)] }));
  await using silent = await serve('127.0.0.2', lossy.port, () => undefined);
  using asking = upstream(lossy.port);
  assert.equal((await asking.ask(query(), [lossy.address])).answers?.length, 1);
  assert.equal((await asking.ask(query('dead.org'), [silent.address])).code, rcode.serverFailure);
});

test('an answer too long for UDP is fetched by TCP, and cut for a client that takes less', async () => {
  const many = Array.from({ length: 100 }, (_, index): Answer => ({ type: 'A', name: 'example.org', ttl: 60, data: `192.0.2.${index}` }));
  await using server = await serve('127.0.0.1', 0, (_, protocol) => (protocol === 'udp' ? { flags: 0x200 } : { answers: many }));
  using asking = upstream(server.port);
  const parts = await asking.ask(query(), [server.address]);
  assert.equal(parts.answers?.length, 100);
  const plain = decode(renderReply(query(), parts, 'udp'));
  assert.deepEqual([isTruncated(plain), plain.answers?.length], [true, 0]);
  assert.equal(decode(renderReply(query(), parts, 'tcp')).answers?.length, 100);
  const large = decode(renderReply(query('example.org', { udpPayloadSize: 4096 }), parts, 'udp'));
  assert.deepEqual([isTruncated(large), large.answers?.length], [false, 100]);
  assert.equal(large.additionals?.[0]?.type, 'OPT', 'EDNS is answered with EDNS');
  assert.equal(plain.additionals?.length, 0, 'and only then');
});

test('answers are kept as long as they say, at most so many; that there is none is kept too', async () => {
  await using server = await serve('127.0.0.1', 0, ({ questions }) => {
    const name = questions?.[0]?.name ?? '';
    if (name.startsWith('none')) {
      const data = { mname: 'ns', rname: 'x', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 30 };
      return { flags: rcode.nameError, authorities: [{ type: 'SOA', name: 'org', ttl: 60, data }] };
    }
    return { answers: [{ ...address(name.startsWith('short') ? 0 : 60), name } as Answer] };
  });
  using asking = upstream(server.port, { cacheSize: 3 });
  const ask = (name: string) => asking.ask(query(name), [server.address]);
  const count = async (name: string): Promise<number> => {
    const before = server.asked.length;
    await ask(name);
    return server.asked.length - before;
  };
  assert.deepEqual([await count('a.org'), await count('A.ORG')], [1, 0]);
  assert.deepEqual([await count('short.org'), await count('short.org')], [1, 1], 'TTL 0');
  assert.deepEqual([await count('none.org'), await count('none.org')], [1, 0]);
  assert.equal((await ask('none.org')).code, rcode.nameError);
  for (const name of ['b.org', 'c.org', 'd.org']) await ask(name);
  assert.equal(asking.size, 3);
  assert.equal(await count('a.org'), 1, 'the oldest went');
});

test('the same question of many clients is asked once; too many different ones are refused', async () => {
  await using server = await serve('127.0.0.1', 0, ({ questions }) =>
    questions?.[0]?.name === 'slow.org' ? undefined : { answers: [address(60)] },
  );
  using asking = upstream(server.port, { concurrency: 1 });
  const same = await Promise.all(Array.from({ length: 20 }, () => asking.ask(query(), [server.address])));
  assert.ok(same.every(({ answers }) => answers?.length === 1));
  assert.equal(server.asked.length, 1);
  const slow = asking.ask(query('slow.org'), [server.address]);
  assert.equal((await asking.ask(query('third.org'), [server.address])).code, rcode.serverFailure);
  await slow;
});

test('an answer that nobody asked for is not believed', async () => {
  await using server = await serve('127.0.0.1', 0, (asked) => {
    assert.equal(rcodeOf(asked), 0);
    return { id: ((asked.id ?? 0) + 1) & 0xffff, answers: [address(60)] };
  });
  using asking = upstream(server.port);
  assert.equal((await asking.ask(query(), [server.address])).code, rcode.serverFailure);
});
