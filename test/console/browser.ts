// A browser that looks at the console: Debian's Chromium, driven by Playwright, and axe's eye for what keeps people out.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Limit: a wait that is longer is in vain, even on a machine that others keep busy. As in test/process.ts. */
const patienceMs = 120_000;

export const startBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });

export interface Visitor {
  readonly page: Page;
  /** What scripts threw. */
  readonly problems: readonly string[];
}

export async function visitor(
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<Visitor & { readonly context: BrowserContext }> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(patienceMs);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  return { context, page, problems };
}

/** The page has been told of the scheme, and all of it has its colours. */
const isDrawnIn = (scheme: string): string =>
  `document.documentElement.dataset.theme === '${scheme}' && document.getAnimations().length === 0`;

/** No violations, light and dark, and nothing that sticks out at the side. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    // Asked from out here: the page’s own policy lets nothing be evaluated within it.
    while (!(await page.evaluate(isDrawnIn(colorScheme)))) await page.waitForTimeout(20);
    await page.evaluate(axe);
    // Nothing else changes with the colours.
    const rules = colorScheme === 'light' ? {} : { runOnly: ['color-contrast'] };
    const found = await page.evaluate(async (rules) => {
      const { axe } = globalThis as unknown as {
        axe: { run(options: object): Promise<{ violations: Violation[] }> };
      };
      interface Violation {
        readonly id: string;
        readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
      }
      const { violations } = await axe.run({ resultTypes: ['violations'], ...rules });
      return violations.map(({ id, nodes }) => [id, nodes[0]?.html, nodes[0]?.failureSummary]);
    }, rules);
    assert.deepEqual(found, [], `${what}, ${colorScheme}`);
  }
  const tooWide = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
  assert.ok(Number(tooWide) <= 0, `${what} is ${tooWide} pixels wider than the window`);
}
