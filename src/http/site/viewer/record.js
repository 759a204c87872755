// The document as ten tabs. Which entry stands where is the document's own order; nothing is left out, counted or concluded
// here, and an empty place says the contract's sentence and no other.

import { el, fill } from './dom.js';
import { Refused, grouped } from './api.js';
import { narrative } from './narrative.js';
import { bloodPressures, results, shown } from './plots.js';

const VIEW = 'urn:x-mig-fhir:CodeSystem:view';
const NHS_NUMBER = 'https://fhir.nhs.uk/Id/nhs-number';
const EMPTY = 'No entries are shown. This does not mean that none exist.';

/** The ten views. */
const TABS = [
  ['Summary', 'Summary'], ['PatientDetails', 'Patient details'], ['Problems', 'Problems'], ['Diagnosis', 'Diagnoses'],
  ['Medication', 'Medication'], ['RisksAndWarnings', 'Risks and warnings'], ['Procedures', 'Procedures'],
  ['Investigations', 'Investigations'], ['Examination', 'Examination'], ['Events', 'Events'],
];

const code = (section) => {
  const found = ((section.code && section.code.coding) || []).find((coding) => coding.system === VIEW);
  return found ? String(found.code) : '';
};
const id = (name) => name.replace(/\W/g, '-');

/** The page of a record. `can` has `withdraw`, `again` and `said`. */
export function record(bundle, consent, can) {
  const byUrl = new Map(bundle.entry.map((entry) => [entry.fullUrl, entry.resource]));
  const composition = bundle.entry[0].resource;
  const patient = byUrl.get(composition.subject && composition.subject.reference)
    || bundle.entry.map((entry) => entry.resource).find((one) => one.resourceType === 'Patient') || {};
  const sections = composition.section || [];
  const general = sections.filter((section) => !code(section));
  const panels = TABS.map(([name, title]) => panel(name, title, sections.find((section) => code(section) === name), byUrl));
  return [
    banner(patient, consent, can),
    el('section', { class: 'notice', 'aria-label': 'What this record may not show' },
      general.map((section) => narrative(section.text ? section.text.div : '', section.title))),
    tabs(panels),
    el('p', { class: 'buttons' }, el('button', { type: 'button', class: 'plain', onclick: can.again }, 'Fetch the record again')),
  ];
}

function banner(patient, consent, can) {
  const name = (patient.name || [])[0] || {};
  const number = ((patient.identifier || []).find((one) => one.system === NHS_NUMBER) || {}).value;
  const fact = (term, value) => (value ? el('div', {}, el('dt', {}, term), el('dd', {}, value)) : null);
  const dead = patient.deceasedDateTime ? shown(patient.deceasedDateTime) : patient.deceasedBoolean === true ? 'yes' : null;
  return el('section', { class: 'banner', 'aria-label': 'Patient' },
    el('h1', {}, name.text || [...(name.given || []), name.family].filter(Boolean).join(' ') || 'Name not given'),
    el('dl', {},
      fact('NHS number', number && grouped(number)), fact('Born', patient.birthDate && shown(patient.birthDate)),
      fact('Gender', patient.gender), fact('Died', dead)),
    basis(consent, can));
}

/** On what ground the record is shown, and the way to end it. */
function basis(consent, can) {
  if (!consent) return null;
  const end = consent.provision.period && consent.provision.period.end;
  const until = end ? new Date(end).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' }) : null;
  const over = (consent.provision.purpose || []).some((one) => one.code === 'BTG');
  const problem = el('p', { class: 'problem', role: 'alert' });
  const withdraw = async () => {
    try {
      await can.withdraw();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      fill(problem, 'The consent could not be withdrawn. Open the record again and try once more.');
    }
  };
  return el('div', { class: over ? 'basis over' : 'basis' },
    el('p', {}, el('strong', {}, over ? 'Overridden: the patient did not agree.' : 'The patient agreed.'),
      until ? ' Until ' + until + '.' : ''),
    el('button', { type: 'button', class: 'plain', onclick: withdraw }, over ? 'End the override' : 'Withdraw the consent'),
    problem);
}

function tabs(panels) {
  const list = el('div', { role: 'tablist', 'aria-label': 'Views of the record', class: 'tablist' });
  const buttons = TABS.map(([name, title], index) => el('button', {
    type: 'button', role: 'tab', id: 'tab-' + id(name), 'aria-controls': 'panel-' + id(name), onclick: () => select(index),
  }, title));
  const select = (index, focus) => {
    buttons.forEach((button, at) => {
      button.setAttribute('aria-selected', String(at === index));
      button.setAttribute('tabindex', at === index ? '0' : '-1');
      panels[at].hidden = at !== index;
    });
    if (focus) buttons[index].focus();
  };
  list.addEventListener('keydown', (event) => {
    const at = buttons.indexOf(document.activeElement);
    const count = buttons.length;
    const to = {
      ArrowRight: (at + 1) % count, ArrowDown: (at + 1) % count, ArrowLeft: (at + count - 1) % count,
      ArrowUp: (at + count - 1) % count, Home: 0, End: count - 1,
    }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    select(to, true);
  });
  list.append(...buttons);
  select(0);
  return el('div', { class: 'tabs' }, list, el('div', { class: 'panels' }, panels));
}

function panel(name, title, section, byUrl) {
  const made = el('div', {
    role: 'tabpanel', id: 'panel-' + id(name), 'aria-labelledby': 'tab-' + id(name), tabindex: '0', class: 'panel', hidden: true,
  }, el('h2', {}, title));
  if (!section) {
    made.append(el('p', {}, 'This view is outside your organisation\u2019s sharing agreement. That says nothing about the patient.'));
    return made;
  }
  const below = section.section || [];
  const own = said(section, section.title);
  if (own) made.append(own, ...drawings(section, code(section), title, byUrl));
  else if (!below.length) made.append(el('p', {}, EMPTY));
  if (below.length > 1) made.append(contents(below));
  for (const one of below) {
    const heading = el('h3', { id: 'section-' + id(code(one)), tabindex: '-1' }, one.title);
    made.append(el('section', { 'aria-labelledby': 'section-' + id(code(one)) }, heading,
      said(one, one.title) || el('p', {}, EMPTY), ...drawings(one, code(one), one.title, byUrl)));
  }
  return made;
}

/** The section's text; nothing for a section that has none. */
function said(section, title) {
  const div = section.text && section.text.div;
  return div ? narrative(div, title) : null;
}

function contents(below) {
  const jump = (section) => () => document.getElementById('section-' + id(code(section))).focus();
  return el('ul', { class: 'jumps', 'aria-label': 'Parts of this view' }, below.map((section) => el('li', {},
    el('button', { type: 'button', class: 'bare', onclick: jump(section) }, section.title))));
}

/** Drawings of what has numbers; once, where the values are at home. */
function drawings(section, name, title, byUrl) {
  const observations = (section.entry || []).map((entry) => byUrl.get(entry.reference))
    .filter((one) => one && one.resourceType === 'Observation');
  if (name === 'Examination.bloodPressures') return [bloodPressures(observations)].filter(Boolean);
  const home = name.startsWith('Investigations') && name !== 'Investigations.recent' || name === 'Examination';
  return home ? [results(observations, title)].filter(Boolean) : [];
}
