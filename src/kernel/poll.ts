import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { native, systemError } from './native.ts';

/** Waits for descriptors that Node.js has no name for (pidfds, SEQPACKET sockets), on libuv's own loop: no thread, no polling. */
export interface Poll extends Disposable {
  /** Replaces what is waited for; keeps the process alive while that is anything. */
  want(interest: PollInterest): void;
}

export interface PollInterest {
  readonly readable?: boolean;
  readonly writable?: boolean;
}

/** Calls `ready` each time the loop finds the descriptor ready. The caller closes the descriptor after disposing this. */
export function poll(fd: number, interest: PollInterest, ready: () => void): Poll {
  const options = ({ readable = false, writable = false }: PollInterest): { readable: boolean; writable: boolean } => ({
    readable,
    writable,
  });
  const handle = koffi.node.poll(fd, options(interest), ready);
  return {
    want(next) {
      if (next.readable === true || next.writable === true) handle.start(options(next), ready);
      else handle.stop();
    },
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

const pidfdSendSignalNumber = 424;

/** A signal that cannot reach a successor with the same pid: `isSame` is asked once the process is held. False when it is gone. */
export function signalProcess(pid: number, signal: number, isSame: () => boolean): boolean {
  const fd = openPidfd(pid);
  if (fd === undefined) return false;
  try {
    if (!isSame()) return false;
    if (Number(native.pidfdSendSignal(pidfdSendSignalNumber, fd, signal, null, 0)) === 0) return true;
    const error = systemError(`signal ${signal} to process ${pid}`);
    if (error.kind === 'notFound') return false;
    throw error;
  } finally {
    closeSync(fd);
  }
}
