import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { KindError } from '../../../base/errors.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import { native } from '../../../kernel/native.ts';

const family = { inet: 2 } as const;
/** SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC */
const streamSocket = 1 | 0o4000 | 0o2000000;

/**
 * Connects to 127.0.0.1:port as a process of the pod would. The socket is made inside the pod's network
 * namespace, where it stays for good, and handed to Node.js.
 */
export async function connectInPod(kernel: Pick<Kernel, 'namespaces'>, netnsPath: string | undefined, port: number): Promise<Socket> {
  const socket = netnsPath === undefined ? connect(port, '127.0.0.1') : inside(kernel, netnsPath, port);
  await once(socket, 'connect');
  return socket;
}

function inside(kernel: Pick<Kernel, 'namespaces'>, netnsPath: string, port: number): Socket {
  const fd = kernel.namespaces.inNetwork(netnsPath, () => native.socket(family.inet, streamSocket, 0));
  if (fd < 0) throw new KindError('internal', `socket in ${netnsPath} failed`);
  return new Socket({ fd }).connect(port, '127.0.0.1');
}
