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

/** Changes elements in one transaction. The kernel answers while it takes the batch, so reading never waits. */
export function changeElements(family: string, table: string, change: NftElementChange): void {
  if (change.add.length === 0 && change.remove.length === 0) return;
  const doing = `change elements of nftables table ${family} ${table}`;
  const { batch, lastSequence } = encodeElementBatch(family, table, change);
  const fd = native.socket(afNetlink, rawCloexec, netfilterFamily);
  if (fd < 0) throw systemError('open netfilter netlink socket');
  try {
    const room = Buffer.alloc(4);
    room.writeInt32LE(2 * batch.length + 65_536);
    native.setsockopt(fd, solSocket, sendBufferForce, room, room.length);
    if (Number(native.send(fd, batch, batch.length, 0)) < 0) throw systemError(doing);
    expectAcknowledgement(fd, lastSequence, doing);
  } finally {
    closeSync(fd);
  }
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
