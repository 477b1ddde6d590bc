import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { defineConfig } from 'rolldown';

/** main plus every worker, flat in dist/ (see base/worker-url.ts). Packages stay in node_modules. */
const workers = globSync('src/**/*.worker.ts').map((path) => [basename(path, '.ts'), path] as const);

export default defineConfig({
  input: { main: 'src/main.ts', ...Object.fromEntries(workers) },
  platform: 'node',
  external: /^[^./]/,
  output: { dir: 'dist', format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js', cleanDir: true },
});
