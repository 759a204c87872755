// Authentication: what a token is, where one comes from, and in the demo one to try with.

import { el, fill, form } from './dom.js';
import { demo, json, session } from './session.js';
import { follow } from './schema.js';

/** The section; `said` tells those who listen. */
export function authentication(doc, said) {
  const now = el('p', { id: 'token-now' });
  const tell = () => fill(now, session.token ? ['Requests are sent as ', el('strong', {}, session.user), '. The token is kept in this page alone, and gone with it.']
    : 'No token yet.');
  tell();
  const schemes = Object.values((doc.components || {}).securitySchemes || {});
  return el('section', { 'aria-labelledby': 'authentication' },
    el('h2', { id: 'authentication', tabindex: '-1' }, 'Authentication'),
    schemes.map((scheme) => el('p', {}, 'A bearer token (', scheme.bearerFormat, ') in the header ', el('code', {}, 'Authorization: Bearer \u2026'), '. ',
      scheme.description, '.')),
    el('p', {}, 'What a token allows is decided anew at each request: scope, role, enrolment, agreement, relationship, consent.'),
    el('div', { class: 'who' }, el('h3', {}, 'A token to try with'), now, demo ? ofTheDemo(doc, said, tell) : pasted(said, tell)));
}

function take(token, user, said, tell) {
  session.token = token;
  session.user = user;
  tell();
  said('Requests are sent as ' + user + '.');
  return [];
}

function pasted(said, tell) {
  return form((made) => {
    const token = made.elements.token.value.trim();
    return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token) ? take(token, 'the holder of the token below', said, tell) : ['This is not a token.'];
  },
  el('label', { for: 'token' }, 'Bearer token'),
  el('textarea', { id: 'token', name: 'token', rows: '4', class: 'code', required: true, spellcheck: 'false' }),
  el('p', { class: 'buttons' }, el('button', { class: 'main' }, 'Use this token')));
}

function ofTheDemo(doc, said, tell) {
  const asked = follow(doc, (((doc.paths['/demo/token'] || {}).post || {}).requestBody || {}).content['application/x-www-form-urlencoded'].schema);
  const patient = el('select', { id: 'patient', name: 'patient' }, el('option', { value: '' }, 'None'));
  const patients = json('demo/patients').then((list) => {
    patient.append(...list.map((one) => el('option', { value: String(one.scenario) }, String(one.scenario) + ': ' + String(one.description))));
    return list;
  }, () => []);
  patient.addEventListener('change', async () => {
    session.patient = (await patients).find((one) => one.scenario === patient.value) || null;
  });
  return form(async (made) => {
    const user = made.elements.user.value;
    try {
      const answer = await json('demo/token', { method: 'POST', body: new URLSearchParams({ user }) });
      return take(String(answer.access_token), user, said, tell);
    } catch {
      return ['The demo gives no token.'];
    }
  },
  el('label', { for: 'user' }, 'One of the demo\u2019s cast'),
  el('select', { id: 'user', name: 'user' }, asked.properties.user.enum.map((name) => el('option', { value: name }, name))),
  el('label', { for: 'patient' }, 'A patient of the demo to fill in'), patient,
  el('p', { class: 'hint' }, 'The Consents that are filled in are for ', el('strong', {}, 'clinician'), '. Everybody here is made up.'),
  el('p', { class: 'buttons' }, el('button', { class: 'main' }, 'Get a token')));
}
