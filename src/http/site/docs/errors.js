// Every refusal with its coded reasons: what each means, and what to do about it.

import { el } from './dom.js';
import { REASONS } from './reasons.js';
import { later, rows, shown } from './schema.js';

/** `[reason, issue code, all reasons, text, example]` of a response. */
function told(response) {
  const content = (response.content || {})['application/fhir+json'] || {};
  return Object.values(content.examples || {}).map((example) => {
    const issue = ((example.value || {}).issue || [])[0] || {};
    const codes = ((issue.details || {}).coding || []).map((coding) => String(coding.code));
    return { codes, code: issue.code, text: example.summary || '', example: example.value };
  });
}

/** The reasons of one refusal, as a table. */
export function reasonsOf(response, caption) {
  const cells = told(response).map((one) => {
    const last = one.codes[one.codes.length - 1];
    const advice = Object.hasOwn(REASONS, last) ? REASONS[last][1] : '';
    return [el('code', {}, one.codes.join(' ')), el('code', {}, one.code), one.text, advice];
  });
  return rows(caption, ['Reason', 'Issue code', 'What it says', 'What to do'], cells);
}

/** Status and component of the document's refusals, in order. */
export function statuses(doc) {
  const found = new Map();
  for (const item of Object.values(doc.paths)) {
    for (const operation of Object.values(item)) {
      for (const [status, response] of Object.entries(operation.responses || {})) {
        if (response.$ref) found.set(status, response.$ref.split('/').pop());
      }
    }
  }
  return [...found].sort(([one], [other]) => Number(one) - Number(other));
}

/** What is said of all refusals together. */
export function errors(doc) {
  return el('section', { 'aria-labelledby': 'errors' },
    el('h2', { id: 'errors', tabindex: '-1' }, 'Errors'),
    el('p', {}, 'Every refusal is an OperationOutcome. The reason is in ', el('code', {}, 'issue.details.coding'), ', of the code system ',
      el('code', {}, 'urn:x-mig-fhir:CodeSystem:refusal'), '; where there are two, the second says what can be done. ',
      el('code', {}, 'issue.expression'), ' names the parameter or element, never its value; ', el('code', {}, 'issue.diagnostics'),
      ' is the request\u2019s number, by which it is found in the log.'),
    statuses(doc).map(([status, name]) => {
      const response = doc.components.responses[name] || {};
      const words = String(response.description || '').split('. Reasons:')[0];
      return later([el('span', { class: 'method' }, status), el('span', { class: 'about' }, words)], () => {
        const headers = Object.entries(response.headers || {});
        const first = told(response)[0];
        return [reasonsOf(response, 'Reasons with ' + status),
          headers.length ? rows('Headers with ' + status, ['Header', 'Meaning'],
            headers.map(([header, one]) => [el('code', {}, header), one.description || ''])) : null,
          first ? [el('h3', {}, 'Example'), shown(JSON.stringify(first.example, null, 2), 'Example of ' + status)] : null];
      }, { class: 'route', id: 'error-' + status });
    }));
}
