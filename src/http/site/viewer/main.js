// The story, page by page. What is shown lives in `state` and nowhere else: not in the address, not in the browser's store.

import { byId, chosen, el, fill, form, radios, stacked, table } from './dom.js';
import * as api from './api.js';
import { CAST, holder } from './people.js';
import { Refused } from './api.js';
import { refusal } from './refusal.js';
import { ask, override } from './consent.js';
import { record } from './record.js';
import { looked, reviews } from './office.js';

const state = { who: null, patient: null, refused: null, shown: null, consent: null };
const main = byId('main');
let turn = 0;
let expiry = null;

const PAGES = {
  'sign-in': ['Sign in', signIn],
  patients: ['Choose a patient', patients],
  open: ['Opening the record', open],
  refused: ['The record is not shown', refusedPage],
  ask: ['Ask the patient', () => ask(state.who, state.patient, done, go)],
  override: ['Override', () => override(state.who, state.patient, done, go)],
  record: ['The record', recordPage],
  reviews: ['Overrides to review', () => reviews(state.who, said)],
  looked: ['Who looked', () => looked(said)],
};
const WITH_PATIENT = ['open', 'refused', 'ask', 'override', 'record'];

/** Tells those who listen. */
export function said(text) {
  fill(byId('said'), text);
}

/** Turns to a page. */
export function go(page) {
  if (location.hash === '#' + page) render();
  else location.hash = page;
}

function wanted() {
  const page = location.hash.slice(1);
  if (!state.who) return 'sign-in';
  if (!Object.hasOwn(PAGES, page)) return home();
  if (WITH_PATIENT.includes(page) && !state.patient) return 'patients';
  if (page === 'record' && !state.shown) return 'open';
  if (page === 'refused' && !state.refused) return 'open';
  return page;
}

const home = () => (state.who.reads ? 'patients' : state.who.reviews ? 'reviews' : 'looked');

async function render(first) {
  const mine = ++turn;
  const page = wanted();
  const [title, draw] = PAGES[page];
  bar(page);
  let made;
  try {
    const wait = setTimeout(() => { if (mine === turn) waiting(title); }, 150);
    try {
      made = await draw();
    } finally {
      clearTimeout(wait);
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    made = refusal(error, offers());
  }
  if (mine !== turn || !made) return;
  fill(main, made);
  main.dataset.page = page;
  const heading = main.querySelector('h1');
  document.title = (heading ? heading.textContent : title) + ' \u2013 GP record viewer';
  if (heading && first !== true) {
    heading.setAttribute('tabindex', '-1');
    heading.focus();
    window.scrollTo(0, 0);
  }
}

function waiting(title) {
  fill(main, el('h1', { tabindex: '-1' }, title), el('p', { class: 'waiting' }, 'One moment, please.'));
  main.dataset.page = 'waiting';
  said('One moment, please.');
}

function bar(page) {
  const who = state.who;
  const nav = byId('nav');
  fill(byId('who'), who ? [
    el('span', {}, who.name + (who.role ? ', ' + who.role : '') + (who.organisation ? ', ' + who.organisation : '')),
    el('button', { type: 'button', class: 'bare', onclick: signOut }, 'Sign out'),
  ] : null);
  const pages = who ? [who.reads && ['patients', 'Patients'], who.reviews && ['reviews', 'Overrides to review'],
    who.audits && ['looked', 'Who looked']].filter(Boolean) : [];
  nav.hidden = pages.length === 0;
  fill(nav, el('ul', {}, pages.map(([name, words]) => el('li', {}, el('a', {
    href: '#' + name, 'aria-current': name === page ? 'page' : null,
  }, words)))));
}

/** What can be done after a refusal. */
function offers() {
  return {
    ask: state.patient && (() => go('ask')),
    override: state.patient && (() => go('override')),
    patients: state.who && state.who.reads && (() => go('patients')),
    again: () => (state.patient && state.who.reads ? go('open') : render()),
    'sign-in': signOut,
  };
}

function forget() {
  clearTimeout(expiry);
  Object.assign(state, { patient: null, refused: null, shown: null, consent: null });
}

function signOut() {
  forget();
  state.who = null;
  api.bearer(null);
  go('sign-in');
}

function take(token) {
  const who = holder(token);
  if (!who) return ['This is not a token.'];
  forget();
  state.who = who;
  api.bearer(token);
  go(home());
  return [];
}

function signIn() {
  if (!api.demo) {
    return [el('h1', {}, 'Sign in'),
      el('p', {}, 'This test environment has no sign-in page of its own. Get a token where your application gets it.'),
      form((made) => take(made.elements.token.value.trim()),
        el('label', { for: 'token' }, 'Bearer token'),
        el('textarea', { id: 'token', name: 'token', rows: '5', required: true, spellcheck: 'false' }),
        el('p', { class: 'buttons' }, el('button', { class: 'main' }, 'Sign in')))];
  }
  const submit = async (made) => {
    const user = chosen(made, 'user');
    if (!user) return ['Choose who you are.'];
    try {
      return take(await api.demoToken(user));
    } catch {
      return ['The demo gives no token.'];
    }
  };
  return [el('h1', {}, 'Sign in to the demo'),
    el('p', { class: 'lead' }, 'See a GP record from outside the practice, as a clinician would: ask the patient first, see ' +
      'what was agreed, be refused where it was not. Everybody here is made up.'),
    form(submit, radios('user', 'Who are you?', CAST),
      el('p', { class: 'buttons' }, el('button', { class: 'main' }, 'Sign in')))];
}

function choose(number, born, label) {
  forget();
  state.patient = { number, born, label };
  go('open');
}

async function patients() {
  const list = api.demo ? await api.demoPatients() : [];
  const find = async (made) => {
    const number = made.elements.number.value.replace(/[\s-]/g, '');
    const born = made.elements.born.value.trim();
    const found = [];
    if (!api.isNhsNumber(number)) found.push('Enter an NHS number: ten digits, of which the last is a check digit.');
    if (born && !/^\d{4}-\d{2}-\d{2}$/.test(born)) found.push('Enter the date of birth as year-month-day, such as 1957-08-23.');
    if (!found.length) choose(number, born, null);
    return found;
  };
  const rows = list.map((one) => {
    const number = String(one.nhs_number);
    const words = api.grouped(number);
    return [words, String(one.scenario), String(one.description), el('button', {
      type: 'button', class: 'plain', 'aria-label': 'Open ' + words + ', ' + String(one.scenario),
      onclick: () => choose(number, '', String(one.description)),
    }, 'Open')];
  });
  return [el('h1', {}, 'Choose a patient'),
    rows.length ? stacked(table('The demo\u2019s patients', ['NHS number', 'Name in the demo', 'What to expect', 'Record'], rows)) : null,
    el('section', { 'aria-labelledby': 'find' }, el('h2', { id: 'find' }, 'Find by NHS number'),
      form(find,
        el('label', { for: 'number' }, 'NHS number'),
        el('input', { id: 'number', name: 'number', inputmode: 'numeric', required: true, class: 'short' }),
        el('label', { for: 'born' }, 'Date of birth, if you want it compared'),
        el('p', { class: 'hint', id: 'born-hint' }, 'Year-month-day, such as 1957-08-23. Another date answers as an unknown patient.'),
        el('input', { id: 'born', name: 'born', 'aria-describedby': 'born-hint', class: 'short' }),
        el('p', { class: 'buttons' }, el('button', { class: 'main' }, 'Find'))))];
}

async function open() {
  const { number, born } = state.patient;
  state.refused = null;
  state.shown = null;
  said('Asking for the record.');
  try {
    const parameters = { identifier: api.NHS_NUMBER + '|' + number };
    if (born) parameters.birthdate = born;
    const found = (await api.search('Patient', parameters)).body;
    const [patient] = api.matches(found).filter((one) => one.resourceType === 'Patient');
    if (!patient) throw new Refused(200, { issue: [{ details: { coding: [{ system: api.REFUSAL, code: 'PATIENT_NOT_FOUND' }] } }] });
    const path = 'Patient/' + encodeURIComponent(patient.id) + '/$detailed-care-record';
    state.shown = (await api.read(path)).body;
    state.consent = state.consent || await latest(number);
    state.refused = null;
    close();
    history.replaceState(null, '', '#record');
    render();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    state.refused = error;
    history.replaceState(null, '', '#refused');
    render();
  }
  return null;
}

/** The own Consent under which the record is shown, so that it can be named and withdrawn. */
async function latest(number) {
  const found = await api.search('Consent', { 'patient.identifier': api.NHS_NUMBER + '|' + number, status: 'active' });
  const own = api.matches(found.body).filter((one) => one.provision && one.provision.type === 'permit');
  own.sort((a, b) => String(b.meta.lastUpdated).localeCompare(String(a.meta.lastUpdated)));
  return own[0] || null;
}

/** Takes the record off the screen when the occasion is over. */
function close() {
  clearTimeout(expiry);
  const end = state.consent && state.consent.provision.period && Date.parse(state.consent.provision.period.end);
  if (end) expiry = setTimeout(() => over('CONSENT_EXPIRED'), Math.max(0, end - Date.now()));
}

function over(code, title) {
  clearTimeout(expiry);
  Object.assign(state, { shown: null, consent: null });
  state.refused = new Refused(403, { issue: [{ details: { coding: [{ system: api.REFUSAL, code }] } }] });
  state.refused.title = title;
  go('refused');
}

function refusedPage() {
  return [subject(), refusal(state.refused, { ...offers(), title: state.refused.title })];
}

function subject() {
  return el('p', { class: 'subject' }, 'NHS number ', el('strong', {}, api.grouped(state.patient.number)));
}

/** After a Consent was stored. */
function done(consent) {
  if (consent.provision.type === 'deny') {
    said('The answer is recorded.');
    over('CONSENT_REFUSED', 'The answer is recorded: no');
  } else {
    state.consent = consent;
    go('open');
  }
}

function recordPage() {
  return record(state.shown, state.consent, {
    withdraw: async () => {
      const etag = 'W/"' + state.consent.meta.versionId + '"';
      await api.update({ ...state.consent, status: 'inactive' }, etag);
      over('CONSENT_EXPIRED', 'The consent is withdrawn');
    },
    again: () => go('open'),
    said,
  });
}

document.querySelector('a.skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
fill(byId('mark'), api.demo ? 'Demo' : 'Test');
window.addEventListener('hashchange', render);
render(true);
