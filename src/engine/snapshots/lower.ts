import type { Root } from '../../kernel/files.ts';

/**
 * Whether a path exists in a stack of layer directories (topmost first), as overlayfs would show it:
 * a whiteout or a non-directory on the way hides what is below, an opaque directory too.
 */
export function existsInLayers(layers: readonly Root[], path: string): boolean {
  const parts = path.split('/');
  for (const layer of layers) {
    const found = lookIn(layer, parts);
    if (found !== 'below') return found === 'there';
  }
  return false;
}

function lookIn(layer: Root, parts: readonly string[]): 'there' | 'hidden' | 'below' {
  let isOpaque = false;
  for (let depth = 1; depth <= parts.length; depth++) {
    const path = parts.slice(0, depth).join('/');
    const stat = layer.stat(path);
    if (!stat) return isOpaque ? 'hidden' : 'below';
    if (stat.isCharacterDevice() && stat.rdev === 0n) return 'hidden';
    if (depth === parts.length) return 'there';
    if (!stat.isDirectory()) return 'hidden';
    isOpaque ||= layer.extendedAttributes(path)['trusted.overlay.opaque'] === 'y';
  }
  return 'there';
}
