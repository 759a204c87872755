// One operation: what it needs, what is sent, what is answered, every refusal, and a form to try it.

import { el } from './dom.js';
import { attempt } from './attempt.js';
import { reasonsOf } from './errors.js';
import { follow, later, rows, shown, structure, typeOf } from './schema.js';

const PLACES = { path: 'address', query: 'query', header: 'header' };

/** Everything about an operation. */
export function details(doc, one, said) {
  const { operation } = one;
  const parameters = (operation.parameters || []).map((parameter) => follow(doc, parameter));
  return [
    operation.description ? el('p', {}, operation.description) : null,
    el('p', {}, operation.security ? ['Needs a ', el('a', { href: '#authentication' }, 'token'), '.'] : 'Needs no token.'),
    parameters.length ? [el('h4', {}, 'Parameters'), rows('Parameters of ' + operation.operationId,
      ['Name', 'Where', 'Required', 'Type', 'Meaning'],
      parameters.map((parameter) => [el('code', {}, parameter.name), PLACES[parameter.in] || parameter.in,
        parameter.required ? 'yes' : 'no', typeOf(parameter.schema), parameter.description || '']), { hidden: true })] : null,
    sent(doc, operation),
    answered(doc, operation),
    attempt(doc, one, said),
  ];
}

function sent(doc, operation) {
  const content = Object.entries((follow(doc, operation.requestBody)).content || {});
  if (!content.length) return null;
  return [el('h4', {}, 'Body'), content.map(([media, one]) => [el('p', {}, el('code', {}, media)), structure(doc, one.schema)])];
}

function answered(doc, operation) {
  const responses = Object.entries(operation.responses || {});
  const good = responses.filter(([, response]) => !response.$ref);
  const bad = responses.filter(([, response]) => response.$ref);
  return [el('h4', {}, 'Answers'), good.map(([status, response]) => {
    const content = Object.entries(response.content || {});
    const [first] = content;
    const headers = Object.entries(response.headers || {});
    return [el('p', {}, el('strong', {}, status), ' ', response.description || '', content.length ? [': ', content.map(([media], index) =>
      [index ? ', ' : '', el('code', {}, media)])] : ''),
    headers.length ? el('ul', {}, headers.map(([name, one]) => el('li', {}, el('code', {}, name), ': ', one.description || ''))) : null,
    first && first[1].schema ? later('Structure', () => structure(doc, first[1].schema), { class: 'nested' }) : null,
    first && first[1].example ? later('Example', () => shown(JSON.stringify(first[1].example, null, 2),
      'Example of ' + operation.operationId), { class: 'nested' }) : null];
  }), bad.length ? [el('h4', {}, 'Refusals'), bad.map(([status, response]) => {
    const found = follow(doc, response);
    return later([status + ': ', String(found.description || '').split('. Reasons:')[0]],
      () => reasonsOf(found, 'Reasons with ' + status + ' of ' + operation.operationId), { class: 'nested' });
  })] : null];
}
