import { KindError } from '../../base/errors.ts';
import type { Container, ContainerState } from './container.ts';

type Facts = Pick<Container, 'startedAt' | 'finishedAt' | 'pausedAt' | 'pid' | 'isRestarting' | 'isRemoving'>;

/**
 *            start            exit
 *  created ────────► running ──────► exited ──start──► running
 *                    │  ▲    └─policy─► restarting ──back-off over──► running
 *              pause ▼  │ unpause
 *                    paused           any ──remove──► removing ──► gone
 */
export function stateOf(facts: Facts): ContainerState {
  if (facts.isRemoving) return 'removing';
  if (facts.pid !== undefined) return facts.pausedAt ? 'paused' : 'running';
  if (facts.isRestarting) return 'restarting';
  return facts.startedAt ? 'exited' : 'created';
}

export type ContainerAction = 'start' | 'stop' | 'kill' | 'pause' | 'unpause' | 'exec' | 'attach' | 'remove' | 'forceRemove';

/** `yes`; `nothing` = already so, succeed without doing anything; a string with `$name` = the refusal. */
const table: Readonly<Record<ContainerAction, Readonly<Record<ContainerState, string>>>> = {
  start: row('yes', 'nothing', 'cannot start a paused container, try unpause instead', 'nothing', removing, 'yes'),
  stop: row('nothing', 'yes', 'yes', 'yes', 'nothing', 'nothing'),
  kill: row(notRunning(), 'yes', 'yes', 'yes', notRunning(), notRunning()),
  pause: row(
    notRunning(),
    'yes',
    'container $id is already paused',
    'container $id is restarting, wait until the container is running',
    notRunning(),
    notRunning(),
  ),
  unpause: row(
    'container $id is not paused',
    'container $id is not paused',
    'yes',
    'container $id is not paused',
    'container $id is not paused',
    'container $id is not paused',
  ),
  exec: row(
    notRunning(),
    'yes',
    'container $name is paused, unpause the container before exec',
    'container $id is restarting, wait until the container is running',
    notRunning(),
    notRunning(),
  ),
  attach: row(
    'yes',
    'yes',
    'you cannot attach to a paused container, unpause it first',
    'you cannot attach to a restarting container, wait until it is running',
    notRunning(),
    'yes',
  ),
  remove: row(
    'yes',
    mustStop('running'),
    mustStop('paused'),
    mustStop('restarting'),
    'removal of container $id is already in progress',
    'yes',
  ),
  forceRemove: row('yes', 'yes', 'yes', 'yes', 'removal of container $id is already in progress', 'yes'),
};

/** Whether there is anything to do; throws `conflict` when the state does not allow it. */
export function mayDo(action: ContainerAction, container: Container): boolean {
  const verdict = table[action][stateOf(container)];
  if (verdict === 'yes') return true;
  if (verdict === 'nothing') return false;
  throw new KindError('conflict', verdict.replaceAll('$id', container.id).replaceAll('$name', container.name));
}

function row(
  created: string,
  running: string,
  paused: string,
  restarting: string,
  removingState: string | (() => string),
  exited: string,
): Record<ContainerState, string> {
  const whileRemoving = typeof removingState === 'string' ? removingState : removingState();
  return { created, running, paused, restarting, removing: whileRemoving, exited, dead: exited };
}

function removing(): string {
  return 'container is marked for removal and cannot be started';
}

function notRunning(): string {
  return 'container $id is not running';
}

function mustStop(state: string): string {
  return `cannot remove container "$name": container is ${state}: stop the container before removing or force remove`;
}
