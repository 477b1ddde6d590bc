/** The candidate that a mistyped word most likely meant, or undefined: at most two letters wrong, and fewer than half. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate);
    if (distance <= 2 && distance * 2 < candidate.length && distance < (best?.distance ?? Infinity)) best = { candidate, distance };
  }
  return best?.candidate;
}

/** The first of the candidates that are nearest, at most two letters away, as BuildKit finds it: a swap counts two. */
export function suggested(word: string, candidates: Iterable<string>): string | undefined {
  const near = [...candidates].map((candidate) => ({ candidate, distance: editDistance(word, candidate, 2) }));
  const least = Math.min(2, ...near.map(({ distance }) => distance));
  return near.find(({ distance }) => distance === least)?.candidate;
}

/** ` (did you mean RUN?)`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>, as: (candidate: string) => string = (it) => it): string {
  const near = nearest(word, candidates);
  return near === undefined ? '' : ` (did you mean ${as(near)}?)`;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string, swapCost = 1): number {
  let [before, previous]: [readonly number[], readonly number[]] = [[], Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + swapCost : Infinity;
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + same, swap));
    }
    [before, previous] = [previous, row];
  }
  return previous[b.length] ?? 0;
}
