import { KindError } from '../../base/errors.ts';
import type { Handler } from '../call.ts';
import type { Route } from '../router.ts';

/** Docker's own orchestration, plugins and BuildKit sessions: answered, so that clients know where they stand. */
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const;

const notManager: Handler = async () => {
  throw new KindError(
    'unavailable',
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again. (This engine has no swarm: its cluster speaks to kubectl.)',
  );
};

const noSwarm: Handler = async () => {
  throw new KindError('notImplemented', 'swarm mode is not supported by this engine: its cluster speaks to kubectl');
};

const noPlugins: Handler = async () => {
  throw new KindError('notImplemented', 'managed plugins are not supported by this engine');
};

const noBuildKit: Handler = async () => {
  throw new KindError(
    'notImplemented',
    'BuildKit sessions are not supported by this engine: build with DOCKER_BUILDKIT=0 (the classic builder)',
  );
};

const all = (pattern: string, handle: Handler): readonly Route[] => methods.map((method) => ({ method, pattern, handle }));

export const swarmRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/swarm/init', handle: noSwarm },
  { method: 'POST', pattern: '/swarm/join', handle: noSwarm },
  { method: 'GET', pattern: '/plugins', handle: async ({ reply }) => reply.json([]) },
  ...['swarm', 'nodes', 'services', 'tasks', 'secrets', 'configs'].flatMap((noun) => [
    ...all(`/${noun}`, notManager),
    ...all(`/${noun}/:rest*`, notManager),
  ]),
  ...all('/plugins/:rest*', noPlugins),
  { method: 'POST', pattern: '/session', handle: noBuildKit },
  { method: 'POST', pattern: '/grpc', handle: noBuildKit },
];
