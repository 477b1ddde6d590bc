import koffi from 'koffi';
import { native, systemError } from './native.ts';

/** Waits for descriptors that Node.js has no name for (pidfds, SEQPACKET sockets), on libuv's own loop: no thread, no polling. */
export interface Poll extends Disposable {
  /** Keeps the process alive while armed. */
  ref(): void;
  unref(): void;
}

export interface PollInterest {
  readonly readable?: boolean;
  readonly writable?: boolean;
}

/** Calls `ready` each time the loop finds the descriptor ready. The caller closes the descriptor after disposing this. */
export function poll(fd: number, interest: PollInterest, ready: () => void): Poll {
  const handle = koffi.node.poll(fd, { readable: interest.readable === true, writable: interest.writable === true }, ready);
  return {
    ref: () => handle.ref(),
    unref: () => handle.unref(),
    [Symbol.dispose]: () => handle.close(),
  };
}

const pidfdOpenNumber = 434;

/** A pidfd, or undefined when there is no such process. It is close-on-exec by nature. */
export function openPidfd(pid: number): number | undefined {
  const fd = Number(native.pidfdOpen(pidfdOpenNumber, pid, 0));
  if (fd >= 0) return fd;
  const error = systemError(`pidfd_open ${pid}`);
  if (error.kind === 'notFound' || error.kind === 'invalid') return undefined;
  throw error;
}
