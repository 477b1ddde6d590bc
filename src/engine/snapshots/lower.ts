import type { BigIntStats } from 'node:fs';
import type { Root } from '../../kernel/files.ts';

/**
 * Whether a path exists in a stack of layer directories (topmost first), as overlayfs would show it:
 * a whiteout or a non-directory on the way hides what is below, an opaque directory too.
 */
export function existsInLayers(layers: readonly Root[], path: string): boolean {
  return findInLayers(layers, path) !== undefined;
}

/** The layer whose file overlayfs would show there. */
export function findInLayers(layers: readonly Root[], path: string): { readonly layer: Root; readonly stat: BigIntStats } | undefined {
  const parts = path.split('/');
  for (const layer of layers) {
    const found = lookIn(layer, parts);
    if (found === 'hidden') return undefined;
    if (found !== 'below') return { layer, stat: found };
  }
  return undefined;
}

function lookIn(layer: Root, parts: readonly string[]): BigIntStats | 'hidden' | 'below' {
  let isOpaque = false;
  for (let depth = 1; depth <= parts.length; depth++) {
    const path = parts.slice(0, depth).join('/');
    const stat = layer.stat(path);
    if (!stat) return isOpaque ? 'hidden' : 'below';
    if (stat.isCharacterDevice() && stat.rdev === 0n) return 'hidden';
    if (depth === parts.length) return stat;
    if (!stat.isDirectory()) return 'hidden';
    isOpaque ||= layer.extendedAttributes(path)['trusted.overlay.opaque'] === 'y';
  }
  return 'below';
}
