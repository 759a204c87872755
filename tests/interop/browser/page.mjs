// A browser whose every page is watched: what the console says, where requests go, what axe finds, what can be reached by Tab.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

/** The longest page, in pixels, that is pictured whole. */
const LONG = 6000;
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Opens a page at this width; `walk` gets the page and its watcher. */
export async function watched(origin, width, name, walk) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || undefined, args: ['--no-sandbox'] });
  const context = await browser.newContext({ viewport: { width, height: 800 }, locale: 'en-GB', timezoneId: 'Europe/London' });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  const found = [];
  const refusals = [];
  page.on('pageerror', (error) => found.push('error: ' + error.message));
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    // The browser itself notes each refusal; those that the walk expects are compared by their statuses.
    const refused = /the server responded with a status of (\d+)/.exec(message.text());
    if (refused) refusals.push(Number(refused[1]));
    else found.push(message.type() + ': ' + message.text());
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== 'data:') found.push('a request elsewhere: ' + url.origin);
    if (/\b999\d{7}\b/.test(request.url())) found.push('an NHS number in an address');
  });
  let shots = 0;
  const watcher = {
    narrow: width < 600,
    /** This state is sound: axe finds nothing, nothing is wider than the screen, a picture of it is kept. */
    async sound(state) {
      await page.waitForTimeout(50);
      if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
      // What axe found in order is most of what it says, and is left where it is.
      const told = await page.evaluate(async () => {
        const { violations } = await globalThis.axe.run({
          runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'],
        });
        return violations.map((one) => one.id + ': ' + one.nodes.slice(0, 4).map((node) => node.target.join(' ') + ' ' + node.failureSummary).join(' | '));
      });
      assert.deepEqual(told, [], 'axe, in the state "' + state + '"');
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, 'wider than the screen by ' + wide + ': ' + state);
      shots += 1;
      const file = [name, width, String(shots).padStart(2, '0'), state.replace(/\W+/g, '-')].join('-') + '.png';
      // Of a page that is longer than anybody looks at, what is around the place where one is.
      const [height, at] = await page.evaluate(() => [document.documentElement.scrollHeight, window.scrollY]);
      const clip = height > LONG ? { x: 0, y: Math.max(0, Math.min(at - 400, height - LONG / 2)), width, height: LONG / 2 } : undefined;
      await page.screenshot({ path: (process.env.SCREENS || '.') + '/' + file, fullPage: true, clip });
    },
    /** Goes to an element by Tab alone, as people without a mouse do, and sees that the focus shows. */
    async tabTo(locator) {
      for (let step = 0; step < 250; step += 1) {
        const outline = await locator.evaluate((element) => (element === document.activeElement ? getComputedStyle(element).outlineStyle : null));
        if (outline) {
          assert.notEqual(outline, 'none', 'the focus shows');
          return;
        }
        await page.keyboard.press('Tab');
      }
      assert.fail('not reached by Tab: ' + locator);
    },
    async press(locator, key = 'Enter') {
      await this.tabTo(locator);
      await page.keyboard.press(key);
    },
    /** Chooses among radio buttons: Tab to the group, then the arrows. */
    async choose(fieldset, label) {
      const wanted = page.getByRole('radio', { name: label, exact: true });
      const inputs = page.locator(fieldset + ' input[type=radio]');
      const entered = async () => inputs.evaluateAll((all) => all.includes(document.activeElement));
      for (let step = 0; step < 100 && !(await entered()); step += 1) await page.keyboard.press('Tab');
      for (let step = 0; step < 20; step += 1) {
        if (await wanted.evaluate((element) => element === document.activeElement)) break;
        await page.keyboard.press('ArrowDown');
      }
      if (!(await wanted.isChecked())) await page.keyboard.press('Space');
      assert.ok(await wanted.isChecked(), label);
    },
    async heading(text) {
      await page.getByRole('heading', { level: 1, name: text }).waitFor();
      const focused = await page.evaluate(() => document.activeElement && document.activeElement.textContent);
      assert.match(focused, text instanceof RegExp ? text : new RegExp(text), 'the heading has the focus');
      return page.title();
    },
    /** Nothing was said on the console but these refusals, in this order. */
    quiet(expected) {
      assert.deepEqual(found, []);
      assert.deepEqual(refusals, expected);
    },
  };
  try {
    await walk(page, watcher);
    console.log('   ' + name + ' at ' + width + ': ' + shots + ' states');
  } catch (error) {
    await page.screenshot({ path: (process.env.SCREENS || '.') + '/' + name + '-' + width + '-failed.png', fullPage: true }).catch(() => {});
    console.error(found, refusals);
    throw error;
  } finally {
    await browser.close();
  }
}
