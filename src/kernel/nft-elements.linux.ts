import { closeSync } from 'node:fs';
import { KindError } from '../base/errors.ts';
import { lastErrno, native, systemError } from './native.ts';
import { decodeMessages, errorType } from './netlink.ts';
import type { NftElementChange } from './nft-element.ts';
import { encodeElementBatch, netfilterFamily } from './nft-messages.ts';

const afNetlink = 16;
const rawCloexec = 3 | 0o2000000;
const [solSocket, sendBufferForce] = [1, 32];
const doNotWait = 0x40;
const wouldBlock = 11;

/**
 * Changes elements in one transaction. Sending it takes as long as the kernel needs to commit it (milliseconds, until no
 * packet sees the old rules any more), so it is done beside the event loop; the answer is then there.
 */
export async function changeElements(family: string, table: string, change: NftElementChange): Promise<void> {
  if (change.add.length === 0 && change.remove.length === 0) return;
  const doing = `change elements of nftables table ${family} ${table}`;
  const { batch, lastSequence } = encodeElementBatch(family, table, change);
  const fd = native.socket(afNetlink, rawCloexec, netfilterFamily);
  if (fd < 0) throw systemError('open netfilter netlink socket');
  try {
    const room = Buffer.alloc(4);
    room.writeInt32LE(2 * batch.length + 65_536);
    native.setsockopt(fd, solSocket, sendBufferForce, room, room.length);
    if ((await sendBeside(fd, batch)) < 0) throw new KindError('internal', `${doing}: the kernel did not take the batch`);
    expectAcknowledgement(fd, lastSequence, doing);
  } finally {
    closeSync(fd);
  }
}

/** The socket belongs to the network namespace it was opened in, whichever thread sends. */
function sendBeside(fd: number, batch: Buffer): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  native.send.async(fd, batch, batch.length, 0, (error: unknown, sent: bigint | number) => {
    if (error) reject(error);
    else resolve(Number(sent));
  });
  return promise;
}

function expectAcknowledgement(fd: number, lastSequence: number, doing: string): void {
  const buffer = Buffer.alloc(65_536);
  let isAcknowledged = false;
  for (;;) {
    const length = Number(native.recv(fd, buffer, buffer.length, doNotWait));
    if (length < 0 && lastErrno() === wouldBlock) break;
    if (length < 0) throw systemError(doing);
    for (const answer of decodeMessages(buffer.subarray(0, length))) {
      if (answer.type !== errorType) continue;
      const errno = -answer.payload.readInt32LE(0);
      if (errno !== 0) throw systemError(doing, errno);
      if (answer.sequence === lastSequence) isAcknowledged = true;
    }
  }
  if (!isAcknowledged) throw new KindError('internal', `${doing}: the kernel did not answer`);
}
