// Versions and ranges of them, as far as advisories need: semver.org 2.0.0, and `>=FIRST <FIXED`.

interface Version {
  readonly numbers: readonly number[];
  /** Identifiers of a pre-release; empty of a release. */
  readonly pre: readonly string[];
}

const NUMBER = '(0|[1-9]\\d*)';
const VERSION = new RegExp(`^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-([0-9A-Za-z.-]+))?(?:\\+[0-9A-Za-z.-]+)?$`);
const RANGE = /^>=(\S+) <(\S+)$/;
const DIGITS = /^\d+$/;

function parse(text: string): Version {
  const [whole, major, minor, patch, pre] = VERSION.exec(text) ?? [];
  if (whole === undefined) throw new RangeError(`not a version like 1.2.3: "${text}"`);
  return { numbers: [major, minor, patch].map(Number), pre: pre?.split('.') ?? [] };
}

function compareIdentifiers(a: string, b: string): number {
  const [isNumber, isOtherNumber] = [DIGITS.test(a), DIGITS.test(b)];
  if (isNumber && isOtherNumber) return Number(a) - Number(b);
  // Numbers come before words.
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Negative when `a` comes before `b`, 0 when neither does. Throws a RangeError for what is no version. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  for (const at of [0, 1, 2]) {
    const difference = (left.numbers[at] ?? 0) - (right.numbers[at] ?? 0);
    if (difference !== 0) return difference;
  }
  // A release comes after all its pre-releases.
  if (left.pre.length === 0 || right.pre.length === 0) return right.pre.length - left.pre.length;
  for (const [at, identifier] of left.pre.entries()) {
    const other = right.pre[at];
    if (other === undefined) return 1;
    const difference = compareIdentifiers(identifier, other);
    if (difference !== 0) return difference;
  }
  return left.pre.length - right.pre.length;
}

/** @returns the first version that a range names, and the one that is fixed. Throws a RangeError for what is no range. */
export function boundsOf(range: string): readonly [first: string, fixed: string] {
  const [, first, fixed] = RANGE.exec(range) ?? [];
  if (first === undefined || fixed === undefined) throw new RangeError(`not a range like >=1.0.0 <1.2.3: "${range}"`);
  if (compareVersions(first, fixed) >= 0) throw new RangeError(`an empty range: "${range}"`);
  return [first, fixed];
}

/** Whether a version lies in one of the ranges. */
export function isAffected(version: string, ranges: readonly string[]): boolean {
  return ranges.some((range) => {
    const [first, fixed] = boundsOf(range);
    return compareVersions(version, first) >= 0 && compareVersions(version, fixed) < 0;
  });
}
