/**
 * Runs the tests: `node tools/run-tests.ts [unit|root|e2e|timed …] [part of a path …]`.
 * Ends with `N passed, N failed, N skipped`; fails on a failed test, on none at all, and on anything left on the host.
 */
import { parseArgs } from 'node:util';
import { hostState, leftBehind } from './run-tests/host-state.ts';
import { runFiles } from './run-tests/run-files.ts';
import { type Counts, none, sum } from './run-tests/counts.ts';
import { type TestClass, testClasses, testFiles } from './run-tests/test-files.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const names = Object.keys(testClasses) as TestClass[];
const wanted = names.filter((name) => positionals.includes(name));
const parts = positionals.filter((word) => !names.includes(word as TestClass));
process.exitCode = (await main(wanted.length > 0 ? wanted : names)) ? 0 : 1;

async function main(classes: readonly TestClass[]): Promise<boolean> {
  const onHost = classes.some((name) => name !== 'unit');
  if (onHost && process.getuid?.() !== 0) {
    console.error('The root and e2e tests use the real kernel: run them as root, or `npm run test:unit` alone.');
    return false;
  }
  const before = onHost ? hostState() : undefined;
  let total = none;
  for (const name of classes) {
    const files = testFiles(name).filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
    if (files.length > 0) total = sum(total, await report(name, files));
  }
  const leaks = before ? leftBehind(before, hostState()) : [];
  for (const leak of leaks) console.error(`left behind on the host: ${leak}`);
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  if (total.passed === 0) console.error('No test passed: nothing was run.');
  return total.failed === 0 && total.passed > 0 && leaks.length === 0;
}

async function report(name: TestClass, files: readonly string[]): Promise<Counts> {
  const began = performance.now();
  const counts = await runFiles(testClasses[name], files);
  const mark = counts.failed === 0 ? '✓' : '✗';
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const text = `${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
  console.log(`${mark} ${text.padEnd(50)} ${seconds.padStart(6)} s`);
  return counts;
}
