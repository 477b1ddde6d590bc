import { posix } from 'node:path';
import type { RunConfig } from '../../api/oci/image.ts';
import { KindError } from '../../base/errors.ts';
import { parseInstruction } from './instruction.ts';
import { changeMetadata } from './metadata.ts';
import { expand } from './words.ts';

/** dockerd's. */
const changeCommands: ReadonlySet<string> = new Set(
  'cmd entrypoint healthcheck env expose label onbuild stopsignal user volume workdir'.split(' '),
);

/** Dockerfile instructions of `docker import --change` and `docker commit --change`, applied to a config. */
export function applyChanges(config: RunConfig, changes: readonly string[]): RunConfig {
  let [current, hasOwnCommand] = [config, false];
  for (const [index, change] of changes.entries()) {
    const [word = ''] = change.trim().split(/\s+/);
    if (!changeCommands.has(word.toLowerCase())) throw new KindError('invalid', `${word.toLowerCase()} is not a valid change command`);
    const instruction = parseInstruction(change, index + 1);
    const { keyword } = instruction;
    const variables = environment(current.Env ?? []);
    const changed =
      keyword === 'WORKDIR'
        ? { config: { ...current, WorkingDir: posix.resolve(current.WorkingDir || '/', expand(instruction.rest, variables)) } }
        : changeMetadata(current, instruction, variables, '\\', hasOwnCommand);
    if (!changed) throw new KindError('invalid', `${keyword.toLowerCase()} is not a valid change command`);
    current = changed.config;
    hasOwnCommand ||= keyword === 'CMD';
  }
  return current;
}

/** `['A=b']` as a lookup. */
export function environment(env: readonly string[]): (name: string) => string | undefined {
  return (name) => env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}
