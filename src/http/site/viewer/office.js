// What a privacy officer and a practice's auditor see: the overrides to review, and who looked. Never the record.

import { chosen, el, fill, form, radios, stacked, table } from './dom.js';
import { Refused, grouped, list, matches, next, read, search, update } from './api.js';
import { REASONS, reason } from './reasons.js';
import { alerts, delivery } from './alerts.js';
import { time } from './when.js';

const NHS_NUMBER = 'https://fhir.nhs.uk/Id/nhs-number';
const RECIPIENT = 'IRCP';
const OUTCOME = 'urn:x-mig-fhir:CodeSystem:review-outcome';

const value = (one) => String((one && one.identifier && one.identifier.value) || '');

async function words(name) {
  const concepts = (await read('CodeSystem/' + name)).body.concept || [];
  return new Map(concepts.map((one) => [String(one.code), String(one.display)]));
}

/** Overrides to review, those after a refusal first. */
export async function reviews(who, said) {
  const [tasks, events, letters, reasons, outcomes] = await Promise.all([search('Task', {}),
    list('AuditEvent', { type: '110113' }), alerts(), words('override-reason'), words('review-outcome')]);
  const all = matches(tasks.body);
  const consents = await Promise.all(all.map((task) => read(task.focus.reference)
    .then((answer) => answer.body, () => null)));
  const known = { said, who, reasons, outcomes, letters, events: matches(events.body) };
  const cards = all.map((task, index) => card(task, consents[index], known));
  const open = all.map((task) => task.status !== 'completed');
  const part = (title, wanted, none) => el('section', { 'aria-label': title }, el('h2', {}, title),
    open.includes(wanted) ? cards.filter((_, index) => open[index] === wanted) : el('p', {}, none));
  return [el('h1', {}, 'Overrides to review'),
    el('p', {}, 'A clinician saw a record without the patient\u2019s consent. Each is told to you at once and waits here until somebody ' +
      'else than that clinician has looked into it. Where the settings say so, ordinary views that chance picked wait here too.'),
    part('Waiting', true, 'No override waits for a review.'), part('Closed', false, 'No review is closed.')];
}

function fact(term, text) {
  return text ? [el('dt', {}, term), el('dd', {}, text)] : null;
}

function card(task, consent, known) {
  const { said, reasons, outcomes, letters, events } = known;
  const given = (consent && consent.extension || []).map((one) => one.valueCodeableConcept).find(Boolean) || {};
  const code = String((((task.reasonCode || {}).coding || [])[0] || {}).code || '');
  const user = value(task.requester);
  const alert = events.find((event) => Math.abs(Date.parse(event.recorded) - Date.parse(task.authoredOn)) < 60000
    && (event.agent || []).some((agent) => value(agent.who) === user));
  const by = alert && (alert.agent || []).find((agent) => value(agent.who) === user);
  const after = JSON.stringify(task).includes('override-after-refusal');
  const picked = ((((task.code || {}).coding || [])[0]) || {}).code === 'view-review';
  const evidence = ((task.output || [])[0] || {}).valueString;
  const title = 'review-' + task.id;
  const outcome = (((task.businessStatus || {}).coding || [])[0] || {}).code;
  const place = el('article', { class: after ? 'card urgent' : 'card', 'aria-labelledby': title });
  const redraw = (changed, text) => {
    said(text);
    const fresh = card(changed, consent, known);
    place.replaceWith(fresh);
    const heading = fresh.querySelector('h3');
    heading.setAttribute('tabindex', '-1');
    heading.focus();
  };
  const step = async (change, text) => {
    try {
      redraw((await update({ ...task, ...change }, 'W/"' + task.meta.versionId + '"')).body, text);
      return [];
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const why = reason(error.codes);
      return [why ? REASONS[why].slice(0, 2).join(' ') : 'It could not be stored.'];
    }
  };
  const submit = (made) => {
    const found = chosen(made, 'outcome-' + task.id);
    if (!found) return ['Choose what the review found.'];
    return step({ status: 'completed', businessStatus: { coding: [{ system: OUTCOME, code: found }] } }, 'The review is closed.');
  };
  fill(place,
    el('h3', { id: title }, (by && by.name ? by.name : 'User ' + user) + ', ' + time(task.authoredOn)),
    after ? el('p', { class: 'mark' }, 'After a refusal: the patient had said no') : null,
    picked ? el('p', {}, 'An ordinary view with the patient\u2019s consent, picked by chance') : null,
    el('dl', { class: 'facts' },
      fact('Patient', 'NHS number ' + grouped(value(task.for))),
      fact('User', user),
      picked ? null : fact('Reason', (reasons.get(code) || code) + (given.text ? ': \u201C' + given.text + '\u201D' : '')),
      fact('Alert', alert ? 'Recorded ' + time(alert.recorded) + '; what is sent of it names neither the patient nor the user' : null),
      picked ? null : fact('Delivery', delivery(letters, 'Task/' + task.id, said)),
      fact('State', { requested: 'Waiting', 'in-progress': 'Being looked into', completed: 'Closed' }[task.status] || task.status),
      fact('Found', outcome && (outcomes.get(String(outcome)) || String(outcome))),
      fact('Evidence', evidence)),
    task.status === 'completed' ? null : form(submit,
      radios('outcome-' + task.id, 'What did the review find?', [...outcomes]),
      el('p', { class: 'buttons' }, el('button', { class: 'main' }, 'Close the review'),
        task.status === 'requested' ? el('button', {
          type: 'button', class: 'plain', onclick: () => step({ status: 'in-progress' }, 'The review is marked as begun.'),
        }, 'Begin') : null)));
  return place;
}

const OPERATIONS = { 'detailed-care-record': 'The whole record', everything: 'Everything of the record' };
const DEEDS = { create: 'recorded', update: 'changed', read: 'read' };
const THINGS = {
  Consent: ['A consent', 'consents'], Task: ['A review', 'reviews'], AuditEvent: ['Who looked', 'who looked'],
  EpisodeOfCare: ['A relationship', 'relationships'], 'admin/alerts': ['What became of an alert', 'what became of alerts'],
};
const thing = (type, many = 0) => (THINGS[type] ? THINGS[type][many] : type);

/** What was done, in words where there are some for it. */
function what(event, entities, views) {
  if (event.type && event.type.code === '110113') return 'Alert of an override';
  const asked = entities.map((one) => one.description).find(Boolean);
  const subtype = (event.subtype || []).map((one) => one.code).find(Boolean);
  const reference = entities.map((one) => one.what && one.what.reference).find(Boolean);
  if (!asked) return reference ? thing(reference.split('/')[0]) + ', ' + (DEEDS[subtype] || subtype) : subtype;
  const operation = OPERATIONS[(/\$([\w-]+)/.exec(asked) || [])[1]];
  const type = (/^(?:GET\?)?([A-Za-z/]+)/.exec(asked) || [])[1];
  const said = operation || (asked.includes('?') || asked === type ? 'Search: ' + thing(type, 1) : thing(type || asked));
  return said + (views.length ? ' (' + (views.length === 10 ? 'all ten views' : views.join(', ')) + ')' : '');
}

const WHY = {
  CONSENT_REQUIRED: 'the patient had not been asked', CONSENT_REFUSED: 'the patient had said no', CONSENT_EXPIRED: 'the consent was over',
  OPTED_OUT: 'the patient has opted out', NO_ORGANISATION_CONSENT: 'no sharing agreement covers it', ROLE: 'not a qualified clinician',
  ENROLMENT: 'terms not accepted or training not done', RELATIONSHIP: 'the patient is not registered for care there',
};
const DONE = { 0: 'Shown', 4: 'Refused', 8: 'Failed', 12: 'Failed' };
const FILTERS = [['', 'Everything'], ['0', 'What was shown'], ['4', 'What was refused'], ['alert', 'Overrides']];

/** Who looked: the audit of the own organisation, or of the own practice's patients. */
export async function looked(said) {
  const rows = el('div', {});
  let turn = 0;
  const show = async (which) => {
    const mine = ++turn;
    const asked = which === 'alert' ? { type: '110113' } : which ? { outcome: which } : {};
    const first = (await list('AuditEvent', { ...asked, _count: '50' })).body;
    // An answer that comes late is not put over a later question's.
    if (mine === turn) fill(rows, page(first, said));
  };
  await show('');
  const options = FILTERS.map(([name, title]) => el('option', { value: name }, title));
  return [el('h1', {}, 'Who looked'),
    el('p', {}, 'Every look at a record, and every try that was refused; the latest first. This page is itself in it.'),
    el('p', {}, el('label', { for: 'which' }, 'Show'), el('select', {
      id: 'which', onchange: async (event) => {
        await show(event.target.value);
        said('The list is new.');
      },
    }, options)), rows];
}

function page(bundle, said) {
  const events = matches(bundle);
  if (!events.length) return el('p', {}, 'Nothing of the kind is recorded where you may look.');
  const region = stacked(table('Who looked', ['When', 'Who', 'Patient', 'What', 'On what ground', 'Result'],
    events.map(row), { hidden: true }));
  const more = next(bundle, 'AuditEvent');
  const holder = el('div', {}, region);
  if (more) {
    const button = el('button', { type: 'button', class: 'plain', onclick: async () => {
      const older = page((await more()).body, said);
      button.replaceWith(older);
      older.setAttribute('tabindex', '-1');
      older.focus();
      said('Older entries are shown.');
    } }, 'Show older');
    holder.append(button);
  }
  return holder;
}

/** A coded reason as people say it; about whoever asked, who is not the reader. */
function because(told) {
  return told ? ': ' + (WHY[told] || told.replace(/^[A-Z_]+$/, (code) => code.toLowerCase().replace(/_/g, ' '))) : '';
}

function row(event) {
  const agent = (event.agent || []).find((one) => ((one.type && one.type.coding) || []).some((coding) => coding.code === RECIPIENT))
    || (event.agent || []).find((one) => one.requestor) || {};
  const entities = event.entity || [];
  const patient = entities.map((one) => one.what && one.what.identifier)
    .find((identifier) => identifier && identifier.system === NHS_NUMBER);
  const detail = (name) => entities.flatMap((one) => one.detail || []).filter((one) => one.type === name)
    .map((one) => String(one.valueString || ''));
  const alert = event.type && event.type.code === '110113';
  const ground = [
    detail('override').length ? 'Override: ' + detail('override').join(', ') : detail('consent').length ? 'Consent' : '',
    detail('agreement').length ? 'agreement ' + detail('agreement').join(', ') : '',
    detail('practice').length ? 'practice ' + detail('practice').join(', ') : ''].filter(Boolean).join('; ');
  const role = ((agent.role || [])[0] || {}).text;
  return [time(event.recorded),
    [agent.name || value(agent.who), role ? ', ' + role : ''].join(''),
    patient ? el('span', { class: 'number' }, grouped(String(patient.value))) : '',
    what(event, entities, detail('view')),
    ground, (event.outcome === '0' && (alert || ['C', 'U'].includes(event.action)) ? 'Recorded' : DONE[event.outcome] || String(event.outcome)) + because(event.outcomeDesc)];
}
