import type { Container } from '../../engine/containers/container.ts';
import { stateOf } from '../../engine/containers/state.ts';

/** How `docker ps` tells an age: `Less than a second`, `5 seconds`, `About a minute`, `3 hours`, `2 days`, `5 weeks`, `2 months`. */
export function durationText(ms: number): string {
  const second = Math.floor(ms / 1000);
  const minute = Math.floor(second / 60);
  const hour = Math.round(ms / 3_600_000);
  if (second < 1) return 'Less than a second';
  if (second === 1) return '1 second';
  if (second < 60) return `${second} seconds`;
  if (minute === 1) return 'About a minute';
  if (minute < 60) return `${minute} minutes`;
  if (hour === 1) return 'About an hour';
  if (hour < 48) return `${hour} hours`;
  if (hour < 24 * 7 * 2) return `${Math.floor(hour / 24)} days`;
  if (hour < 24 * 30 * 2) return `${Math.floor(hour / 24 / 7)} weeks`;
  if (hour < 24 * 365 * 2) return `${Math.floor(hour / 24 / 30)} months`;
  return `${Math.floor(hour / 24 / 365)} years`;
}

/** The Status column: `Up 5 minutes (healthy)`, `Exited (137) 2 hours ago`, `Created`. */
export function statusText(container: Container, now: Date): string {
  const since = (time: Date | undefined): string => durationText(now.getTime() - (time ?? now).getTime());
  switch (stateOf(container)) {
    case 'paused':
      return `Up ${since(container.startedAt)} (Paused)`;
    case 'running':
      return `Up ${since(container.startedAt)}${healthText(container)}`;
    case 'restarting':
      return `Restarting (${container.exitCode ?? 0}) ${since(container.finishedAt)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'created':
      return 'Created';
    case 'exited':
      return `Exited (${container.exitCode ?? 0}) ${since(container.finishedAt)} ago`;
  }
}

function healthText(container: Container): string {
  if (container.health === undefined) return '';
  return container.health.status === 'starting' ? ' (health: starting)' : ` (${container.health.status})`;
}
