/** `1,3-5,7` → the indexes, ascending; those at or above `completions` are left out. */
export function parseIndexes(text: string, completions: number): readonly number[] {
  const all = text.split(',').flatMap((part) => {
    if (part === '') return [];
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: Math.max(0, Math.min(last, completions - 1) - first + 1) }, (_, step) => first + step);
  });
  return all.filter((index) => Number.isInteger(index) && index < completions);
}

/** The indexes as `1,3-5,7`; two neighbours are written `1,2`. */
export function formatIndexes(indexes: Iterable<number>): string {
  const sorted = [...new Set(indexes)].toSorted((a, b) => a - b);
  const runs: [number, number][] = [];
  for (const index of sorted) {
    const last = runs.at(-1);
    if (last && last[1] === index - 1) last[1] = index;
    else runs.push([index, index]);
  }
  return runs
    .map(([first, last]) => (first === last ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`))
    .join(',');
}
