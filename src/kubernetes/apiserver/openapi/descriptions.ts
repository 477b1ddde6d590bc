import { readFileSync } from 'node:fs';

let texts: Readonly<Record<string, string>> | undefined;

/** What a type (`api.core.v1.PodSpec`) or a field (`api.core.v1.PodSpec.containers`) is, where set-up found texts. */
export function descriptionOf(name: string): string | undefined {
  texts ??= load();
  return texts[name];
}

/** Made by tools/generate-descriptions.ts beside the bundle; without the file, types have no texts. */
function load(): Readonly<Record<string, string>> {
  for (const path of ['./descriptions.json', '../../../../dist/descriptions.json']) {
    try {
      return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Readonly<Record<string, string>>;
    } catch {
      // Looked for in the next place.
    }
  }
  return {};
}
