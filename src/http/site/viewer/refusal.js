// A refusal in plain words: what it means, what to do, and the buttons for what can be done.

import { el } from './dom.js';
import { REASONS, reason } from './reasons.js';

const OFFERS = {
  ask: ['ask', 'override', 'patients'],
  refused: ['ask', 'override', 'patients'],
  again: ['again', 'patients'],
  'sign-in': ['sign-in'],
};
const WORDS = {
  ask: 'Ask the patient', override: 'Override, with a reason', patients: 'Choose another patient', again: 'Try again',
  'sign-in': 'Sign in again',
};

/** The heading that a refusal has. */
export const TITLE = 'The record is not shown';

/** `can` says what the page can do: a name of `WORDS` to a function. */
export function refusal(refused, can, level = 'h1') {
  const code = reason(refused.codes);
  const [meaning, todo, offer] = code ? REASONS[code]
    : ['The service gave no answer that can be shown.', 'Try again later.', 'again'];
  const offered = (OFFERS[offer] || ['patients', 'again']).filter((name) => can[name]);
  return el('section', { class: 'refusal', 'aria-labelledby': 'refused' },
    el(level, { id: 'refused', tabindex: '-1' }, can.title || TITLE),
    el('p', { class: 'lead' }, meaning),
    el('p', {}, el('strong', {}, 'What to do: '), todo),
    refused.elements.length ? el('p', {}, 'It is about: ' + refused.elements.join(', ') + '.') : null,
    offered.length ? el('p', { class: 'buttons' }, offered.map((name, index) => el('button', {
      type: 'button', class: index === 0 ? 'main' : name === 'override' ? 'warn' : 'plain', onclick: can[name],
    }, WORDS[name]))) : null,
    el('details', {}, el('summary', {}, 'For support'),
      el('dl', { class: 'facts' },
        el('dt', {}, 'Status'), el('dd', {}, refused.status || 'no answer'),
        el('dt', {}, 'Reason'), el('dd', {}, refused.codes.join(', ') || 'none given'),
        refused.texts.length ? [el('dt', {}, 'The service says'), el('dd', {}, refused.texts.join(' '))] : null,
        refused.request ? [el('dt', {}, 'Request'), el('dd', {}, refused.request)] : null)));
}
