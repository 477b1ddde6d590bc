import { isKind } from '../base/errors.ts';
import { pathsOf, type Config } from '../daemon/config.ts';
import { machineConfig } from '../daemon/load.ts';
import type { DockerGet } from '../explain/docker-facts.ts';
import { dockerRequest } from './docker-request.ts';

/** Reads davit's Docker API. */
export function dockerGet(flags: Partial<Config>): DockerGet {
  const { dockerSocket } = pathsOf(machineConfig(flags));
  return async (path) => {
    try {
      return JSON.parse(await dockerRequest(dockerSocket, 'GET', path)) as unknown;
    } catch (error) {
      if (isKind(error, 'notFound')) return undefined;
      throw error;
    }
  };
}
