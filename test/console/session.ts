// What the tests of the page on a real gateway have in common: one browser, one lab with callers, and pages that have
// nothing to complain of.
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { launch, type Opened, type OpenOptions, open } from './browser.ts';
import { consoleConfig, WRITER } from './console-lab.ts';
import { startTraffic, type Traffic } from './traffic.ts';

export interface Session {
  readonly lab: Lab;
  /** With a token of role write, once the first state is there. */
  show(hash: string, options?: OpenOptions): Promise<Page>;
  /** Without waiting for anything, and without a token. */
  openOnly(hash: string): Promise<Opened>;
}

/** Sets it up for the tests of a file or a group; after each one, that its pages complained of nothing is looked at. */
export function useConsole(): Session {
  let browser: Browser;
  let lab: Lab;
  let traffic: Traffic;
  const opened: Opened[] = [];

  beforeAll(async () => {
    browser = await launch();
    lab = await openLab({ config: consoleConfig() });
    traffic = startTraffic(lab.gateway.url);
  });
  afterAll(async () => {
    await browser.close();
    await traffic.stop();
    await lab.close();
  });
  afterEach(async () => {
    const complaints = opened.flatMap((one) => one.complaints);
    for (const one of opened.splice(0)) await one[Symbol.asyncDispose]();
    // An answer of 4xx is a line in the browser's console, and often what a test is about.
    expect(complaints.filter((line) => !line.startsWith('console: Failed to load resource'))).toEqual([]);
  });

  async function openWith(hash: string, options: OpenOptions): Promise<Opened> {
    const one = await open(browser, lab.gateway.adminUrl, hash, options);
    opened.push(one);
    return one;
  }
  return {
    get lab() {
      return lab;
    },
    openOnly: (hash) => openWith(hash, {}),
    async show(hash, options) {
      const { page } = await openWith(hash, { token: WRITER, ...options });
      await page.getByText('Live', { exact: true }).waitFor();
      return page;
    },
  };
}
