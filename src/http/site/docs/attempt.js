// Tries an operation against this service, with the token of the person at the screen.

import { el, fill, form } from './dom.js';
import { REASONS, reason } from './reasons.js';
import { demo, address, named, reasons, remember, send, session } from './session.js';
import { follow, shown, skeleton } from './schema.js';

const FORM = 'application/x-www-form-urlencoded';
const OF_THE_ANSWER = ['Content-Type', 'ETag', 'Location', 'Allow', 'Retry-After', 'WWW-Authenticate', 'X-Request-ID', 'X-Audit-Chain-Head'];
/** The type that an address speaks of, so that an id that was seen can be offered. */
const typeIn = (path) => (/\/FHIR\/R4\/(\w+)\/\{id\}/.exec(path) || [])[1];
const isPatient = (name) => /(^|\.)identifier$/.test(name) && !name.startsWith('agent');

/** The form, and beneath it what came back. */
export function attempt(doc, { method, path, operation }, said) {
  const own = operation.operationId;
  const parameters = (operation.parameters || []).map((parameter) => follow(doc, parameter));
  const content = Object.entries(follow(doc, operation.requestBody).content || {});
  const place = el('div', { class: 'answer' });
  const fields = parameters.map((parameter) => ({ ...parameter, id: own + '-' + parameter.in + '-' + parameter.name }));
  const [media, body] = content[0] || [];
  const inForm = media === FORM ? Object.entries(follow(doc, body.schema).properties || {}).map(([name, schema]) =>
    ({ name, in: 'form', schema, required: (follow(doc, body.schema).required || []).includes(name), id: own + '-form-' + name })) : [];
  const accepted = [...new Set(Object.values(operation.responses || {}).filter((one) => !one.$ref)
    .flatMap((one) => Object.keys(one.content || {})))];

  const input = (field) => {
    const known = field.in === 'path' && field.name === 'id' && session.ids.get(typeIn(path));
    const choices = follow(doc, field.schema).enum;
    const attributes = { id: field.id, name: field.id, required: Boolean(field.required), spellcheck: 'false' };
    return el('div', {},
      el('label', { for: field.id }, field.name, field.required ? ' (required)' : ''),
      choices ? el('select', attributes, [...(field.required ? [] : ['']), ...choices].map((one) => el('option', { value: one }, one || '(not sent)')))
        : el('input', { ...attributes, value: known || null }));
  };
  const all = [...fields, ...inForm];
  const many = all.length > 6;
  const leading = many ? all.filter((field) => field.required || field.name.includes('patient') || isPatient(field.name) || field.name === '_id') : all;
  const others = all.filter((field) => !leading.includes(field));
  const bodyId = own + '-body';
  const mediaId = own + '-media';
  const acceptId = own + '-accept';

  const made = form(async (asked) => {
    const value = (field) => asked.elements[field.id].value.trim();
    const found = [];
    for (const field of all) {
      if (field.required && !value(field)) found.push('Enter ' + field.name + '.');
      if (field.in === 'query' && /\b\d{3} ?\d{3} ?\d{4}\b/.test(value(field))) {
        found.push('An NHS number does not belong in an address: search by POST, or by the sealed id.');
      }
    }
    if (operation.security && !session.token) found.push('This needs a token: see Authentication.');
    if (found.length) return found;

    let target = path;
    const headers = {};
    const query = new URLSearchParams();
    for (const field of fields.filter((one) => value(one))) {
      if (field.in === 'path') target = target.replace('{' + field.name + '}', encodeURIComponent(value(field)));
      if (field.in === 'query') query.append(field.name, value(field));
      if (field.in === 'header') headers[field.name] = value(field);
    }
    const url = address(target);
    url.search = query.toString();
    if (accepted.length) headers.Accept = asked.elements[acceptId].value;
    if (operation.security) headers.Authorization = 'Bearer ' + session.token;
    const options = { method: method.toUpperCase(), headers };
    if (inForm.length) {
      options.body = new URLSearchParams(inForm.filter((one) => value(one)).map((one) => [one.name, value(one)]));
    } else if (media) {
      headers['Content-Type'] = asked.elements[mediaId].value;
      options.body = asked.elements[bodyId].value;
    }
    said('Sent.');
    try {
      const { response, text } = await send(url, options);
      fill(place, result(response, text, url, options));
      said('Answered with status ' + response.status + '.');
      place.querySelector('h5').focus();
      return [];
    } catch {
      return ['The service does not answer.'];
    }
  },
  el('div', { class: 'fields' }, leading.map(input)),
  others.length ? el('details', { class: 'nested' }, el('summary', {}, 'More parameters'), el('div', { class: 'fields' }, others.map(input))) : null,
  media && !inForm.length ? [
    el('label', { for: mediaId }, 'Media type of the body'),
    el('select', { id: mediaId, name: mediaId }, content.map(([name]) => el('option', { value: name }, name))),
    el('label', { for: bodyId }, 'Body'),
    el('textarea', { id: bodyId, name: bodyId, rows: '12', class: 'code', spellcheck: 'false' }),
  ] : null,
  accepted.length ? [
    el('label', { for: acceptId }, 'Accept'),
    el('select', { id: acceptId, name: acceptId }, accepted.map((name) => el('option', { value: name }, name))),
  ] : null,
  el('p', { class: 'buttons' },
    el('button', { class: 'main' }, 'Send'),
    demo && (inForm.some((field) => isPatient(field.name)) || own === 'createConsent') ? el('button', {
      type: 'button', class: 'plain', onclick: () => {
        if (!session.patient) {
          said('Choose a patient of the demo first, under Authentication.');
          return;
        }
        const one = inForm.find((field) => isPatient(field.name));
        if (one) made.elements[one.id].value = named();
        else made.elements[bodyId].value = JSON.stringify({ ...session.patient.consent, dateTime: new Date().toISOString() }, null, 2);
        said('The chosen patient is filled in.');
      },
    }, 'Fill in the chosen patient') : null));
  if (media && !inForm.length) made.elements[bodyId].value = JSON.stringify(skeleton(doc, body.schema), null, 2);
  return el('section', { class: 'attempt', 'aria-label': 'Try ' + own }, el('h4', {}, 'Try it'), made, place);
}

function result(response, text, url, options) {
  const headers = OF_THE_ANSWER.filter((name) => response.headers.has(name));
  let body = null;
  let pretty = text;
  if (/json/.test(response.headers.get('Content-Type') || '')) {
    try {
      body = JSON.parse(text);
      pretty = JSON.stringify(body, null, 2);
    } catch {
      body = null;
    }
  }
  remember(body);
  const codes = reasons(body);
  const known = reason(codes);
  return [el('h5', { tabindex: '-1' }, 'Status ' + response.status + (response.statusText ? ' ' + response.statusText : '')),
    codes.length ? el('div', { class: 'refusal' }, el('p', {}, el('strong', {}, codes.join(' ')), known ? ': ' + REASONS[known][0] : ''),
      known ? el('p', {}, REASONS[known][1]) : null) : null,
    headers.length ? el('dl', { class: 'facts' }, headers.map((name) => [el('dt', {}, name), el('dd', {}, response.headers.get(name))])) : null,
    pretty ? shown(pretty, 'Body of the answer') : el('p', { class: 'none' }, 'Without a body.'),
    el('h5', {}, 'The same by curl'), shown(inShell(url, options), 'The same by curl')];
}

/** A line for a shell; the token is not in it. */
function inShell(target, { method, headers, body }) {
  const quoted = (text) => "'" + String(text).replace(/'/g, "'\\''") + "'";
  const lines = ['curl -s -X ' + method + ' ' + quoted(target.href)];
  for (const [name, value] of Object.entries(headers)) {
    lines.push(name === 'Authorization' ? '-H "Authorization: Bearer $TOKEN"' : '-H ' + quoted(name + ': ' + value));
  }
  if (body instanceof URLSearchParams) body.forEach((value, name) => lines.push('--data-urlencode ' + quoted(name + '=' + value)));
  else if (body) lines.push('--data-binary ' + quoted(body));
  return lines.join(' \\\n  ');
}
