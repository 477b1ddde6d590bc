import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** How the files of a class are run. */
export interface TestPlan {
  readonly patterns: readonly string[];
  readonly except: readonly string[];
  /** All files in one process: fast, and they must not disturb each other. Otherwise a process per file. */
  readonly together: boolean;
  /** Each process on a network of its own (tools/lab.sh), so that firewall tests never touch the machine's rules. */
  readonly labs: boolean;
  /** Processes at a time. */
  readonly concurrency: number;
  /** For a process, not for a test: a guard against what hangs, with room for a machine that is busy with something else. */
  readonly timeoutMs: number;
}

const timed = 'test/e2e/**/*.timed.test.ts';
const special = ['**/*.root.test.ts', 'test/e2e/**'];

export const testClasses = {
  unit: {
    patterns: ['src/**/*.test.ts', 'tools/**/*.test.ts', 'bench/**/*.test.ts', 'test/**/*.test.ts'],
    except: special,
    together: true,
    labs: false,
    concurrency: 1,
    timeoutMs: 400_000,
  },
  root: {
    patterns: ['src/**/*.root.test.ts', 'test/**/*.root.test.ts'],
    except: [],
    together: false,
    labs: true,
    concurrency: 2,
    timeoutMs: 300_000,
  },
  e2e: { patterns: ['test/e2e/**/*.test.ts'], except: [timed], together: false, labs: false, concurrency: 2, timeoutMs: 300_000 },
  // One after the other: they measure, e.g. how fast a pod comes back, and this must not depend on a neighbour.
  timed: { patterns: [timed], except: [], together: false, labs: false, concurrency: 1, timeoutMs: 300_000 },
} as const satisfies Record<string, TestPlan>;

export type TestClass = keyof typeof testClasses;

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Paths relative to the project, sorted. */
export function testFiles(name: TestClass): readonly string[] {
  const { patterns, except } = testClasses[name];
  return globSync([...patterns], { cwd: root, exclude: [...except] }).toSorted();
}
