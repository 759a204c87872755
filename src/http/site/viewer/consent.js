// The question to the patient, and the override where nobody can be asked. Each becomes a Consent for this occasion.

import { chosen, el, form, radios } from './dom.js';
import { NHS_NUMBER, ODS, Refused, USER, create, grouped, read } from './api.js';
import { REASONS, reason } from './reasons.js';

const ROLE = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode';
const REASON = 'urn:x-mig-fhir:CodeSystem:override-reason';
const QUESTION = 'May I look at your GP record now, to help with your care today?';
const LONGEST = 128;

const coded = (system, code) => ({ coding: [{ system, code }] });
const by = (system, value) => ({ identifier: { system, value } });

/** A Consent of this moment for whoever is signed in. */
function consent(who, patient, type, purpose, performer, wording) {
  return {
    resourceType: 'Consent',
    status: 'active',
    scope: coded('http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy'),
    category: [coded('http://loinc.org', '59284-0'), coded('http://terminology.hl7.org/CodeSystem/v3-ActCode', 'INFA')],
    patient: by(NHS_NUMBER, patient.number),
    dateTime: new Date().toISOString(),
    performer: [performer],
    organization: [by(ODS, who.organisation)],
    sourceAttachment: { contentType: 'text/plain', language: 'en-GB', title: wording },
    policy: [{ uri: 'urn:x-mig-fhir:policy:permission-to-view:1.0' }],
    provision: {
      type,
      actor: [{ role: coded('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP'), reference: by(USER, who.user) }],
      purpose: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: purpose }],
    },
  };
}

/** Stores it; what keeps it from being stored comes back in words. */
async function store(resource, done) {
  try {
    done((await create(resource)).body);
    return [];
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const code = reason(error.codes);
    const words = code ? REASONS[code][0] + ' ' + REASONS[code][1] : 'It could not be recorded.';
    return [words, ...error.elements.map((element) => 'It is about ' + element + '.')];
  }
}

const subject = (patient) => el('p', { class: 'subject' }, 'NHS number ', el('strong', {}, grouped(patient.number)));

const cancel = (go) => el('button', { type: 'button', class: 'plain', onclick: () => go('patients') }, 'Choose another patient');

/** Who may answer: the patient, or somebody with the authority to. */
const SPEAKERS = [
  ['patient', 'The patient'],
  ['PRN', 'A parent', 'With parental responsibility, for a child who cannot decide.'],
  ['GUARD', 'A guardian'],
  ['HPOWATT', 'A health and welfare attorney', 'Under a lasting power of attorney.'],
];

/** The page that asks the patient. */
export function ask(who, patient, done, go) {
  const submit = (made) => {
    const speaker = chosen(made, 'speaker');
    const answer = chosen(made, 'answer');
    const name = made.elements.name.value.trim();
    const found = [];
    if (!made.elements.explained.checked) found.push('Confirm that this was explained.');
    if (!speaker) found.push('Choose who answers.');
    if (speaker && speaker !== 'patient' && !name) found.push('Enter the name of the person who answers for the patient.');
    if (!answer) found.push('Choose the answer.');
    if (found.length) return found;
    const performer = speaker === 'patient' ? by(NHS_NUMBER, patient.number) : { reference: '#speaker' };
    const resource = consent(who, patient, answer, 'TREAT', performer, QUESTION + ' (wording 1.0)');
    if (speaker !== 'patient') {
      resource.contained = [{
        resourceType: 'RelatedPerson', id: 'speaker', patient: by(NHS_NUMBER, patient.number),
        relationship: [coded(ROLE, speaker)], name: [{ text: name }],
      }];
    }
    return store(resource, done);
  };
  return [subject(patient), el('h1', {}, 'Ask the patient'),
    el('section', { class: 'say', 'aria-labelledby': 'say' },
      el('h2', { id: 'say' }, 'Say this'),
      el('blockquote', {}, el('p', {}, '\u201C' + QUESTION + '\u201D')),
      el('ul', {},
        el('li', {}, 'Only I will see it, for 60 minutes at most, and you can stop it at any time.'),
        el('li', {}, 'It is what your practice holds: problems, medicines, allergies, results and visits. ' +
          'Some sensitive subjects, and what your practice marked private, are left out.'),
        el('li', {}, 'You may say no. You are treated all the same.'),
        el('li', {}, 'It is written down that I looked. Your practice can tell you who did, and can stop sharing altogether.'))),
    form(submit,
      el('div', { class: 'choice' },
        el('input', { type: 'checkbox', id: 'explained', name: 'explained', required: true }),
        el('label', { for: 'explained' }, 'This was explained')),
      radios('speaker', 'Who answers?', SPEAKERS, 'patient'),
      el('label', { for: 'name' }, 'Name of the person, if it is not the patient'),
      el('input', { id: 'name', name: 'name', maxlength: '100' }),
      radios('answer', 'What is the answer?', [['permit', 'Yes'], ['deny', 'No']]),
      el('p', { class: 'buttons' }, el('button', { class: 'main' }, 'Record the answer'), cancel(go))),
    el('p', {}, 'Nobody can be asked? ', el('a', { href: '#override' }, 'Override, with a reason'), '.')];
}

/** The page that overrides a missing consent. */
export async function override(who, patient, done, go) {
  const codes = (await read('CodeSystem/override-reason')).body.concept || [];
  const usual = ['Emergency', 'UnableToConsent'];
  const options = codes.map((one) => [String(one.code), String(one.display),
    usual.includes(one.code) ? null : 'Only where your organisation\u2019s agreement allows it.']);
  const left = el('p', { class: 'hint', id: 'left' }, 'At most ' + LONGEST + ' characters.');
  const submit = (made) => {
    const code = chosen(made, 'reason');
    const text = made.elements.text.value.trim();
    const found = [];
    if (!code) found.push('Choose the reason.');
    if (!text || text.length > LONGEST) found.push('Say why, in 1 to ' + LONGEST + ' characters.');
    if (found.length) return found;
    const resource = consent(who, patient, 'permit', 'BTG', by(USER, who.user), 'The patient cannot be asked (wording 1.0)');
    resource.extension = [{
      url: 'urn:x-mig-fhir:StructureDefinition:override-reason',
      valueCodeableConcept: { ...coded(REASON, code), text },
    }];
    return store(resource, done);
  };
  return [subject(patient), el('h1', {}, 'Override'),
    el('div', { class: 'caution' }, el('p', {}, el('strong', {}, 'Your privacy officer is told at once.'), ' You will be asked ' +
      'why you looked without the patient\u2019s consent. An override does not lift the patient\u2019s opt-out at the practice.')),
    form(submit,
      radios('reason', 'Why can the patient not be asked?', options),
      el('label', { for: 'text' }, 'What has happened'), left,
      el('textarea', { id: 'text', name: 'text', rows: '3', maxlength: LONGEST, required: true, 'aria-describedby': 'left' }),
      el('p', { class: 'buttons' }, el('button', { class: 'warn' }, 'Override and open the record'), cancel(go)))];
}
