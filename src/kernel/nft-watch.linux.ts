import { closeSync } from 'node:fs';
import { lastErrno, native, systemError } from './native.ts';
import { netfilterFamily, nfFamilies } from './nft-messages.ts';
import { countCommits, type NftWatch } from './nft-watch.ts';
import { poll } from './poll.ts';

const afNetlink = 16;
const rawCloexecNonblock = 3 | 0o2000000 | 0o4000;
const [solSocket, receiveBufferForce] = [1, 33];
const [solNetlink, addMembership] = [270, 1];
/** NFNLGRP_NFTABLES */
const rulesGroup = 7;
const noBuffers = 105;
/** A table of 10,000 Services is announced in one go. */
const bufferBytes = 32 << 20;

/** Listens in the network namespace it is called in. When announcements are lost, `told` is called too: anything may have changed. */
export function watchTable(family: string, table: string, told: () => void): NftWatch {
  const fd = listen();
  const buffer = Buffer.alloc(1 << 17);
  let isOpen = false;
  let isOurs = false;
  let touched = 0;
  const drain = (): void => {
    for (;;) {
      const length = Number(native.recv(fd, buffer, buffer.length, 0));
      if (length < 0 && lastErrno() === noBuffers) {
        touched += 1;
        continue;
      }
      if (length <= 0) break;
      const counted = countCommits(buffer.subarray(0, length), nfFamilies[family] ?? 0, table, isOpen);
      isOpen = counted.isOpen;
      touched += counted.touched;
    }
    if (isOurs || touched === 0) return;
    touched = 0;
    told();
  };
  const handle = poll(fd, { readable: true }, drain);
  return {
    async own(commits, write) {
      drain();
      isOurs = true;
      try {
        return await write();
      } finally {
        // The kernel announces before it answers the writer.
        drain();
        isOurs = false;
        const others = touched > commits;
        touched = 0;
        if (others) told();
      }
    },
    [Symbol.dispose]() {
      handle[Symbol.dispose]();
      closeSync(fd);
    },
  };
}

function listen(): number {
  const fd = native.socket(afNetlink, rawCloexecNonblock, netfilterFamily);
  if (fd < 0) throw systemError('open netfilter netlink socket');
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return bytes;
  };
  native.setsockopt(fd, solSocket, receiveBufferForce, number(bufferBytes), 4);
  // struct sockaddr_nl; an address of its own (0: the kernel chooses), since announcements skip the one that is none.
  const address = Buffer.from([afNetlink, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const isListening =
    native.bind(fd, address, address.length) === 0 && native.setsockopt(fd, solNetlink, addMembership, number(rulesGroup), 4) === 0;
  if (isListening) return fd;
  const error = systemError('listen to changes of nftables');
  closeSync(fd);
  throw error;
}
