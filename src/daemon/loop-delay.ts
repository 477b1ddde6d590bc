import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolutionMs = 5;

/** With DAVIT_MEASURE_LOOP set: each SIGUSR2 writes the longest time that the event loop was held up since the last one, in ms, to `path`. */
export function measureLoop(path: string, environment: Readonly<Record<string, string | undefined>>): void {
  if (!environment['DAVIT_MEASURE_LOOP']) return;
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  process.on('SIGUSR2', () => {
    // Half-written files are not seen: a reader waits for the closing brace.
    writeFileSync(
      path,
      `${JSON.stringify({ heldUpMs: Math.max(0, delay.max / 1e6 - resolutionMs), p99Ms: delay.percentile(99) / 1e6 - resolutionMs })}\n`,
    );
    delay.reset();
  });
}
