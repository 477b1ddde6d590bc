import assert from 'node:assert/strict';
import { Duplex, duplexPair, type Duplex as DuplexType } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { Channels } from './channels.ts';

function pair(accept: (channels: () => Channels, number: number) => DuplexType): { readonly here: Channels; readonly there: Channels } {
  const [a, b] = duplexPair();
  const here = new Channels(a);
  const there: Channels = new Channels(b, (number) => accept(() => there, number));
  void here.read();
  void there.read();
  return { here, there };
}

test('streams side by side, each in order, ends of their own', async () => {
  const got = new Map<number, Promise<string>>();
  const { here } = pair((channels, number) => {
    const channel = channels().open(number);
    got.set(
      number,
      text(channel).then((all) => (channel.end(all.toUpperCase()), all)),
    );
    return channel;
  });
  const [one, two] = [here.open(1), here.open(2)];
  one.write('a');
  two.write('x'.repeat(300_000));
  one.end('b');
  two.end('y');
  assert.deepEqual([await text(one), (await text(two)).length], ['AB', 300_001]);
  assert.equal(await got.get(1), 'ab');
});

test('a connection that breaks ends all channels', async () => {
  const [a, b] = duplexPair();
  const [here, there] = [new Channels(a), new Channels(b)];
  const [mine, theirs] = [here.open(7), there.open(7)];
  const reading = Promise.all([here.read(), there.read()]);
  mine.write('half');
  theirs.resume();
  a.destroy();
  b.destroy();
  await reading;
  assert.deepEqual([mine.destroyed, theirs.destroyed], [true, true]);
  assert.ok(mine instanceof Duplex);
});
