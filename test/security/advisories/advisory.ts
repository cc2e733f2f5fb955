// What is told of an advisory: tables of them stand in table-*.ts, and all of them in advisories.ts.

/** One published advisory that concerns a proxy, as its publisher tells it. */
export interface Advisory {
  /** As published: GHSA-..., or CVE-... where there is no other. */
  readonly id: string;
  /** The same under another name. */
  readonly alias?: string;
  /** The npm package, or `node`. */
  readonly package: string;
  /** What the package is called today, where it has been renamed and its versions go on. */
  readonly now?: string;
  /** Versions that have the flaw, as `>=FIRST <FIXED`, one for each line that the publisher names. */
  readonly affected: readonly string[];
  /** The flaw, in our words. */
  readonly summary: string;
  /** What a test here shows; or why there is nothing to be shown, and the version alone counts. */
  readonly here: { readonly shown: string } | { readonly unreachable: string };
}
