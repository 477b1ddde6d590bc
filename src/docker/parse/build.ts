import { integer, list, map, orElse, record, text, type Shape } from '../../api/docker/shape.ts';
import { KindError, messageOf } from '../../base/errors.ts';
import type { BuildRequest } from '../../engine/build/builder.ts';
import type { Ulimit } from '../../engine/containers/container.ts';
import { flagParam, integerParam } from '../call.ts';
import { parseLimits } from './limits.ts';
import { checkPlatform } from './platform.ts';

/** Options of `POST /build`; the context is the request's body. */
export function parseBuild(query: URLSearchParams): Omit<BuildRequest, 'context'> {
  refuseForeign(query);
  const network = query.get('networkmode') ?? '';
  return {
    dockerfile: query.get('dockerfile') || undefined,
    names: query.getAll('t').filter((name) => name !== ''),
    target: query.get('target') || undefined,
    buildArgs:
      jsonParam<Readonly<Record<string, string | undefined>>>(query, 'buildargs', map(orElse<string | undefined>(text, undefined))) ?? {},
    labels: jsonParam(query, 'labels', map(text)) ?? {},
    noCache: flagParam(query, 'nocache'),
    noCacheStages: query.getAll('nocachefilter').filter((name) => name !== ''),
    pull: flagParam(query, 'pull'),
    network: network === '' || network === 'default' ? undefined : network,
    extraHosts: query
      .getAll('extrahosts')
      .flatMap((hosts) => hosts.split(','))
      .filter((host) => host !== ''),
    limits: parseLimits({
      Memory: integerParam(query, 'memory'),
      MemorySwap: integerParam(query, 'memswap'),
      CpuShares: integerParam(query, 'cpushares'),
      CpuPeriod: integerParam(query, 'cpuperiod'),
      CpuQuota: integerParam(query, 'cpuquota'),
      CpusetCpus: query.get('cpusetcpus') ?? '',
      CpusetMems: query.get('cpusetmems') ?? '',
    }),
    ulimits: jsonParam(query, 'ulimits', list(ulimit)),
    cacheFrom: jsonParam(query, 'cachefrom', list(text)),
    remote: query.get('remote') || undefined,
    shmBytes: integerParam(query, 'shmsize') || undefined,
    platform: checkPlatform(query.get('platform')),
    quiet: flagParam(query, 'q'),
    check: flagParam(query, 'check'),
  };
}

const ulimit: Shape<Ulimit> = (value, path) => {
  const { Name = '', Soft = 0, Hard = Soft } = record({ Name: text, Soft: integer, Hard: integer })(value, path);
  if (!/^[a-z]+$/.test(Name)) throw new KindError('invalid', `invalid ulimit "${Name}"`);
  return { name: Name, soft: Soft, hard: Hard };
};

function refuseForeign(query: URLSearchParams): void {
  if (query.get('version') === '2') {
    throw new KindError('notImplemented', 'BuildKit is not supported by this engine: build with DOCKER_BUILDKIT=0 (the classic builder)');
  }
  if (query.get('remote') === 'client-session') throw new KindError('notImplemented', 'BuildKit sessions are not supported by this engine');
  if (flagParam(query, 'squash')) throw new KindError('invalid', 'squash is only supported with experimental mode');
  if (query.get('outputs') && query.get('outputs') !== 'null' && query.get('outputs') !== '[]') {
    throw new KindError('notImplemented', 'build outputs are not supported by this engine: they need BuildKit');
  }
  if (query.get('cgroupparent')) throw new KindError('invalid', 'build option cgroup-parent is not supported by this engine; leave it out');
  if ((jsonParam(query, 'securityopt', list(text)) ?? []).length > 0) {
    throw new KindError('invalid', 'build option security-opt is not supported by this engine; leave it out');
  }
}

/** A query parameter that holds JSON; absent, empty and `null` are undefined. */
function jsonParam<T>(query: URLSearchParams, name: string, shape: Shape<T>): T | undefined {
  const value = query.get(name);
  if (value === null || value === '' || value === 'null') return undefined;
  try {
    return shape(JSON.parse(value), name);
  } catch (error) {
    throw new KindError('invalid', `error reading ${name}: ${messageOf(error)}`, { cause: error });
  }
}
