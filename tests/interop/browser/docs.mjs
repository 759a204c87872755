// /docs, by keyboard, at one width: every route, every refusal, and requests tried, from no token to a record.
import assert from 'node:assert/strict';
import { watched } from './page.mjs';

const origin = new URL(process.argv[2]).origin;
const width = Number(process.argv[3]);
const api = await (await fetch(origin + '/openapi.json')).json();
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const operations = Object.entries(api.paths).flatMap(([path, item]) => METHODS.filter((method) => item[method])
  .map((method) => ({ method, path, id: item[method].operationId, ...item[method] })));

await watched(origin, width, 'docs', async (page, w) => {
  const route = (id) => page.locator('details#' + id);
  const summary = (id) => route(id).locator(':scope > summary');
  const section = (id) => route(id).getByRole('region', { name: 'Try ' + id, exact: true });
  const send = async (id, heading) => {
    await w.press(section(id).getByRole('button', { name: 'Send', exact: true }));
    await section(id).getByRole('heading', { level: 5, name: heading }).waitFor();
    assert.match(await page.evaluate(() => document.activeElement.textContent), heading, 'the answer has the focus');
  };

  // The page as it comes.
  const answer = await page.goto(origin + '/docs');
  assert.match(answer.headers()['content-security-policy'], /^default-src 'none'/);
  await page.getByRole('heading', { level: 1, name: 'mig-fhir' }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the main part');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await w.sound('as it comes');

  // Every operation of the document is a route of the page, and says all that the document says.
  const routes = page.locator('.subject-of > details');
  assert.deepEqual((await routes.evaluateAll((all) => all.map((one) => one.id))).sort(), operations.map((one) => one.id).sort());
  // All of it open is larger than anybody's page: it is read without being drawn, which would take most of this walk's time.
  const { texts, ids } = await page.evaluate(async () => {
    document.getElementById('main').hidden = true;
    const open = async (selector) => {
      const all = [...document.querySelectorAll(selector)];
      all.forEach((one) => { one.open = true; });
      const empty = () => all.some((one) => one.querySelector(':scope > .inside:empty'));
      for (let wait = 0; wait < 1000 && empty(); wait += 1) await new Promise((done) => { setTimeout(done, 20); });
      return all;
    };
    const read = (await open('.subject-of > details')).map((one) => [one.id, one.textContent]);
    await open('.subject-of > details details');
    return { texts: Object.fromEntries(read), ids: [...document.querySelectorAll('[id]')].map((one) => one.id) };
  });
  for (const one of operations) {
    const text = texts[one.id];
    assert.ok(text.includes(one.method.toUpperCase()) && text.includes(one.path), one.id);
    for (const parameter of one.parameters || []) assert.ok(text.includes(parameter.name), one.id + ' ' + parameter.name);
    for (const status of Object.keys(one.responses)) assert.ok(text.includes(status), one.id + ' ' + status);
    assert.equal(text.includes('Needs no token.'), !one.security, one.id);
  }
  assert.equal(new Set(ids).size, ids.length, 'every id is there once');

  // The states that follow are of a new page.
  const anew = async (hash) => {
    await page.goto('about:blank');
    await page.goto(origin + '/docs' + hash);
    await page.getByRole('heading', { level: 1, name: 'mig-fhir' }).waitFor();
  };
  await anew('');

  // Every coded reason, with what to do.
  const errors = page.locator('details[id^=error-]');
  await errors.evaluateAll((all) => all.forEach((one) => { one.open = true; }));
  const said = await page.getByRole('region', { name: 'Errors', exact: true }).innerText();
  const reasons = new Set(Object.values(api.components.responses).flatMap((one) => Object.values(one.content['application/fhir+json'].examples))
    .flatMap((one) => one.value.issue[0].details.coding.map((coding) => coding.code)));
  assert.ok(reasons.size > 25);
  for (const reason of reasons) assert.ok(said.includes(reason), reason);
  await w.sound('every refusal');
  await errors.evaluateAll((all) => all.forEach((one) => { one.open = false; }));

  // Finding a route.
  await w.tabTo(page.getByLabel('Find a route'));
  await page.keyboard.type('post allergy');
  await page.locator('#found').getByText('1 route', { exact: true }).waitFor();
  assert.equal(await routes.filter({ visible: true }).count(), 1);
  assert.equal(await page.getByRole('heading', { name: 'Registers and reports' }).count(), 0, 'what has none of it is not shown');
  await w.sound('found');
  for (let key = 0; key < 12; key += 1) await page.keyboard.press('Backspace');
  assert.equal(await routes.filter({ visible: true }).count(), operations.length);

  // Trying: without a token nothing is sent.
  await w.press(summary('searchConditionByPost'));
  await w.press(section('searchConditionByPost').getByRole('button', { name: 'Send', exact: true }));
  await section('searchConditionByPost').getByRole('alert').getByText('This needs a token').waitFor();
  await w.sound('no token');

  // With one: refused for want of consent, and told what to do.
  await anew('#authentication');
  await page.locator('#patient option', { hasText: 'rich' }).waitFor({ state: 'attached' });
  await w.tabTo(page.getByLabel('A patient of the demo to fill in'));
  await page.keyboard.type('rich');
  await w.press(page.getByRole('button', { name: 'Get a token' }));
  await page.getByText('Requests are sent as clinician').first().waitFor();
  await w.sound('a token');
  const search = section('searchConditionByPost');
  await w.press(summary('searchConditionByPost'));
  await w.press(search.getByRole('button', { name: 'Fill in the chosen patient' }));
  await send('searchConditionByPost', /^Status 403/);
  await search.getByText('NO_PATIENT_CONSENT CONSENT_REQUIRED').waitFor();
  await search.getByText('Ask the patient whether you may look').first().waitFor();
  await w.sound('refused');

  // The Consent, then the record, then one of it by the id that the search showed.
  await w.press(summary('createConsent'));
  await w.press(section('createConsent').getByRole('button', { name: 'Fill in the chosen patient' }));
  await send('createConsent', /^Status 201/);
  await section('createConsent').getByText('W/"1"').waitFor();
  await w.sound('consent');
  await send('searchConditionByPost', /^Status 200/);
  const body = JSON.parse(await search.getByRole('group', { name: 'Body of the answer' }).innerText());
  assert.ok(body.total > 0);
  const line = await search.getByRole('group', { name: 'The same by curl' }).innerText();
  assert.match(line, /Bearer \$TOKEN/, 'the token is not shown');
  await w.sound('the record');
  await w.press(summary('readCondition'));
  assert.match(await section('readCondition').getByLabel('id (required)').inputValue(), /^[A-Za-z0-9.-]+$/, 'an id that was shown is filled in');
  await send('readCondition', /^Status 200/);

  // An NHS number is kept out of the address.
  await w.press(summary('searchCondition'));
  await w.tabTo(section('searchCondition').getByLabel('patient.identifier', { exact: true }));
  await page.keyboard.type('https://fhir.nhs.uk/Id/nhs-number|9990151059');
  await w.press(section('searchCondition').getByRole('button', { name: 'Send', exact: true }));
  await section('searchCondition').getByRole('alert').getByText('An NHS number does not belong in an address').waitFor();
  await w.sound('no number in an address');

  // Without a token, what anyone may read; and by its own address.
  await anew('#ready');
  await section('ready').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.parentNode.id), 'ready', 'what the address names has the focus');
  await send('ready', /^Status 200/);
  await w.sound('by its own address');
  assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length + document.cookie.length), 0, 'nothing is stored');
  w.quiet([403]);
});
