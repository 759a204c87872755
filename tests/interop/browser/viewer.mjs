// The whole story of /viewer, by keyboard, at one width.
import assert from 'node:assert/strict';
import { watched } from './page.mjs';

const origin = new URL(process.argv[2]).origin;
const width = Number(process.argv[3]);
const EMPTY = 'No entries are shown. This does not mean that none exist.';
const NOTICE = /Nothing shown here is proof that something is absent/;

await watched(origin, width, 'viewer', async (page, w) => {
  const button = (name) => page.getByRole('button', { name, exact: typeof name === 'string' });
  const main = page.locator('main');
  const signIn = async (label) => {
    await page.getByRole('heading', { level: 1, name: 'Sign in to the demo' }).waitFor();
    await w.choose('#user-group', label);
    await w.press(button('Sign in'));
  };
  const signOut = async () => {
    await w.press(button('Sign out'));
    await w.heading('Sign in to the demo');
    assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0, 'nothing is stored');
  };
  const open = async (scenario) => {
    await w.heading('Choose a patient');
    await w.press(button(new RegExp('^Open .*, ' + scenario + '$')));
  };
  const yes = async () => {
    await w.heading('Ask the patient');
    await w.press(page.getByRole('checkbox', { name: 'This was explained' }), 'Space');
    await w.choose('#answer-group', 'Yes');
    await w.press(button('Record the answer'));
  };

  // Signing in.
  const answer = await page.goto(origin + '/viewer');
  assert.match(answer.headers()['content-security-policy'], /^default-src 'none'/);
  await page.getByRole('heading', { level: 1, name: 'Sign in to the demo' }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the main part');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await w.sound('sign in');
  await w.press(button('Sign in'));
  await page.getByRole('alert').getByText('Choose who you are.').waitFor();
  await w.sound('sign in, nobody chosen');
  await signIn('Dr Ada Marsh, doctor');

  // Choosing a patient, and being refused for want of consent.
  await w.heading('Choose a patient');
  await w.sound('patients');
  await w.tabTo(page.getByLabel('NHS number', { exact: true }));
  await page.keyboard.type('999 015 1058');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').getByText('Enter an NHS number').waitFor();
  await w.sound('patients, a number that is none');
  await w.press(button(/^Open .*, rich$/));
  await w.heading('The record is not shown');
  await main.getByText('Nobody has asked the patient yet.').waitFor();
  await w.sound('consent is required');
  assert.doesNotMatch(new URL(page.url()).hash + new URL(page.url()).search, /\d/, 'nobody is named in the address');

  // Asking.
  await w.press(button('Ask the patient'));
  await w.heading('Ask the patient');
  await w.press(button('Record the answer'));
  await page.getByRole('alert').getByText('Confirm that this was explained.').waitFor();
  await w.sound('ask, incomplete');
  await w.press(page.getByRole('checkbox', { name: 'This was explained' }), 'Space');
  await w.choose('#answer-group', 'Yes');
  await w.press(button('Record the answer'));

  // The record: ten tabs, the notice always there.
  await w.heading('Mrs Philippa Anne Testwell');
  const tabs = page.getByRole('tab');
  assert.equal(await tabs.count(), 10);
  const panel = page.getByRole('tabpanel');
  const names = await tabs.allTextContents();
  await w.tabTo(tabs.first());
  for (let at = 0; at < names.length; at += 1) {
    assert.equal(await tabs.nth(at).getAttribute('aria-selected'), 'true');
    assert.equal(await panel.count(), 1, 'one panel shows');
    await panel.getByRole('heading', { level: 2, name: names[at], exact: true }).waitFor();
    assert.ok(await page.getByText(NOTICE).isVisible(), 'the notice, on ' + names[at]);
    assert.doesNotMatch(await panel.innerText(), /\bnone known\b|\bno known\b(?! allerg)|\bNone\b/, names[at]);
    await w.sound('record, ' + names[at]);
    await page.keyboard.press('ArrowRight');
  }
  assert.equal(await tabs.first().getAttribute('aria-selected'), 'true', 'the arrows go round');
  await page.keyboard.press('End');
  assert.equal(await tabs.last().getAttribute('aria-selected'), 'true');
  const pick = async (name) => {
    const tab = page.getByRole('tab', { name, exact: true });
    await w.tabTo(page.locator('[role=tab][aria-selected=true]'));
    for (let step = 0; step < 10 && !(await tab.evaluate((one) => one === document.activeElement)); step += 1) await page.keyboard.press('ArrowRight');
  };
  await pick('Investigations');
  assert.ok((await panel.innerText()).includes(EMPTY), 'an empty part says the sentence');
  const potassium = panel.getByRole('img', { name: /^Drawing of Serum potassium/ });
  assert.match(await potassium.getAttribute('aria-label'), /5\.6 mmol\/L, \d\d-[A-Z][a-z][a-z]-\d{4}; above the range 3\.5 to 5\.3/);
  assert.ok(await potassium.locator('.range').count() && await potassium.locator('.out').count(), 'its range, and a value outside it');
  await panel.getByText('Jan-2020', { exact: true }).waitFor();
  await w.press(panel.getByRole('button', { name: 'Haematology' }));
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Haematology');
  await pick('Examination');
  await panel.getByRole('img', { name: /blood pressures\. Latest 142 \/ 86 mm Hg, \d\d-[A-Z][a-z][a-z]-\d{4}/ }).waitFor();
  await panel.getByRole('table', { name: 'Blood pressures drawn' }).getByText('142 / 86').waitFor();
  await pick('Diagnoses');
  await panel.getByText('2011', { exact: true }).waitFor();

  // Withdrawn, and back to the question.
  await w.press(button('Withdraw the consent'));
  await w.heading('The consent is withdrawn');
  assert.equal(await page.getByText('Testwell').count(), 0, 'the record is off the screen');
  await w.sound('withdrawn');
  await w.press(button('Ask the patient'));
  await w.heading('Ask the patient');
  await w.press(page.getByRole('checkbox', { name: 'This was explained' }), 'Space');
  await w.choose('#speaker-group', 'A health and welfare attorney');
  await w.tabTo(page.getByLabel('Name of the person'));
  await page.keyboard.type('Rowan Testwell');
  await w.choose('#answer-group', 'No');
  await w.press(button('Record the answer'));
  await w.heading('The answer is recorded: no');
  await w.sound('refused by the patient');

  // Other refusals, each in its own words.
  await w.press(button('Choose another patient'));
  await open('opted-out');
  await w.heading('The record is not shown');
  await w.press(button('Ask the patient'));
  await yes();
  await page.getByText('The patient has told the practice not to share.').waitFor();
  await w.heading('The record is not shown');
  assert.equal(await button('Override, with a reason').count(), 0, 'what does not lift it is not offered');
  await w.sound('opted out');
  await w.press(button('Choose another patient'));
  await open('untraced');
  await w.press(button('Ask the patient'));
  await yes();
  await page.getByText('No record can be shown for this patient.').waitFor();
  await w.sound('unknown');
  await w.press(button('Choose another patient'));
  await open('not-sharing');
  await w.press(button('Ask the patient'));
  await yes();
  await page.getByText('There is no sharing agreement that covers this.').waitFor();
  await w.sound('not sharing');
  await signOut();
  for (const [who, says] of [
    ['Cai Reed, receptionist', 'Only qualified clinicians may see a record'],
    ['Dr Dee Frost, doctor', 'You have not accepted the terms of use'],
    ['Dr Fay Brook, doctor', 'There is no sharing agreement that covers this.'],
  ]) {
    await signIn(who);
    await open('rich');
    await page.getByText(says).waitFor();
    await w.sound(who);
    await signOut();
  }

  // An organisation with fewer views: the other tabs say so.
  await signIn('Dr Eli Stone, doctor elsewhere');
  await open('rich');
  await w.press(button('Ask the patient'));
  await yes();
  await w.heading('Mrs Philippa Anne Testwell');
  await pick('Events');
  await panel.getByText('outside the sharing agreement').waitFor();
  await w.sound('a view outside the agreement');
  await signOut();

  // Overriding.
  await signIn('Ben Holt, nurse');
  await open('emis');
  await w.heading('The record is not shown');
  await w.press(button('Override, with a reason'));
  await w.heading('Override');
  await w.press(button('Override and open the record'));
  await page.getByRole('alert').getByText('Choose the reason.').waitFor();
  await w.sound('override, incomplete');
  await w.choose('#reason-group', 'Life-threatening emergency');
  await w.tabTo(page.getByLabel('What has happened'));
  await page.keyboard.type('<img src=x onerror=alert(1)> collapsed');
  await w.press(button('Override and open the record'));
  await page.getByText('Overridden: the patient did not agree.').waitFor();
  await page.getByRole('tab', { name: 'Summary' }).waitFor();
  await w.sound('overridden');
  await signOut();

  // The privacy officer: the alert, the review, who looked.
  await signIn('Gil North, privacy officer');
  await w.heading('Overrides to review');
  const cards = page.getByRole('article');
  const waiting = page.getByRole('region', { name: 'Waiting' }).getByRole('article').filter({ hasText: 'Nurse Ben Holt' });
  await waiting.first().getByText('<img src=x onerror=alert(1)> collapsed').waitFor();
  assert.equal(await page.locator('main img').count(), 0, 'what was typed is text');
  await waiting.first().getByText('Recorded ').waitFor();
  await w.sound('reviews');

  // What became of the alert, and what the receiver got: nobody's name. It leaves within a second or two of the override.
  const turn = async (link) => {
    await w.press(page.getByRole('link', { name: link }));
    await w.heading(link);
  };
  const sent = waiting.first().getByText('Sent: accepted by its receiver');
  for (let look = 0; look < 10 && !(await sent.count()); look += 1) {
    await turn('Who looked');
    await turn('Overrides to review');
  }
  await sent.waitFor();
  await w.press(waiting.first().getByText('What the organisation\u2019s receiver got'));
  await waiting.first().getByText('its signature is sound').waitFor();
  const got = JSON.parse(await waiting.first().getByRole('group', { name: 'The alert as it was received' }).innerText());
  assert.deepEqual([got.type, got.data.organisation, Object.keys(got.data).sort()], ['override', 'RX001', ['organisation', 'reference']]);
  await w.sound('the alert as it was received');

  // One that nobody accepted for three days, as the service would tell it: it can be tried again.
  const told = /\/admin\/alerts\?kind=override$/;
  const retried = /\/admin\/alerts\/[^/]+\/retry$/;
  const like = (changes) => async (route) => {
    const { alerts } = await (await route.fetch({ url: origin + '/admin/alerts?kind=override', method: 'GET' })).json();
    const changed = alerts.map((one) => ({ ...one, ...changes }));
    await route.fulfill({ json: retried.test(route.request().url()) ? changed[0] : { alerts: changed } });
  };
  await page.route(told, like({ state: 'dead', attempts: 41, reason: 'status 500' }));
  await page.route(retried, like({ state: 'waiting', attempts: 0, next_attempt: new Date().toISOString() }));
  await turn('Who looked');
  await turn('Overrides to review');
  await waiting.first().getByText(/^Not delivered: tried 41 times and given up .* \(status 500\)/).waitFor();
  await w.sound('an alert that was given up');
  await w.press(waiting.first().getByRole('button', { name: 'Have it tried again' }));
  await waiting.first().getByText('Waiting to be sent').waitFor();
  await page.unroute(told);
  await page.unroute(retried);
  await turn('Who looked');
  await turn('Overrides to review');
  await sent.waitFor();
  const before = await cards.count();
  await w.press(waiting.first().getByRole('button', { name: 'Begin' }));
  await waiting.first().getByText('Being looked into').waitFor();
  await w.press(waiting.first().getByRole('button', { name: 'Close the review' }));
  await waiting.first().getByRole('alert').getByText('Choose what the review found.').waitFor();
  const group = await waiting.first().locator('fieldset').getAttribute('id');
  await w.choose('#' + group, 'The override, or the view, was right');
  await w.press(waiting.first().getByRole('button', { name: 'Close the review' }));
  await page.getByText('The review is closed.').waitFor();
  assert.equal(await cards.count(), before);
  await w.sound('reviewed');
  await w.press(page.getByRole('link', { name: 'Who looked' }));
  await w.heading('Who looked');
  const looks = page.getByRole('table', { name: 'Who looked' });
  await looks.getByRole('row').filter({ hasText: 'Nurse Ben Holt' }).filter({ hasText: 'Override: Emergency' }).first().waitFor();
  await w.sound('who looked');
  await w.tabTo(page.getByLabel('Show'));
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await looks.getByRole('cell', { name: 'Shown', exact: true }).first().waitFor({ state: 'detached' });
  assert.ok(await looks.getByRole('row').filter({ hasText: 'Refused' }).count() > 3, 'refusals are in it');
  await page.keyboard.press('ArrowDown');
  await looks.getByRole('row').filter({ hasText: 'Alert of an override' }).first().waitFor();
  await signOut();

  // The practice's auditor sees who looked, and nothing else.
  await signIn('Hal West, practice auditor');
  await w.heading('Who looked');
  assert.equal(await page.getByRole('link', { name: 'Patients' }).count(), 0);
  await w.sound('the practice looks');
  // Before consent: rich (twice, for two organisations), opted-out, untraced, not-sharing, emis. After it: opted-out and
  // not-sharing. And the three who may not look at all.
  w.quiet(new Array(6 + 2 + 3).fill(403));
});
