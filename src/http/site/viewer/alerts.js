// What became of the alert of an override, as the service tells a privacy officer; in the demo also what its receiver got.

import { el } from './dom.js';
import { Refused, admin, demo, demoAlerts } from './api.js';
import { time } from './when.js';

/** The alerts of the own organisation, by the review that each led to; null where the service does not tell. */
export async function alerts() {
  try {
    const [told, heard] = await Promise.all([admin('GET', 'alerts', { kind: 'override' }), demo ? demoAlerts() : []]);
    return {
      sent: new Map(told.body.alerts.map((one) => [one.review, one])),
      heard: new Map(heard.map((one) => [one.webhook_id, one])),
    };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return null;
  }
}

const times = (count) => (count === 1 ? 'once' : count + ' times');

function state({ state: now, attempts, next_attempt: again, settled, reason }) {
  const why = reason ? ' (' + reason + ')' : '';
  if (now === 'delivered') return 'Sent: accepted by its receiver ' + time(settled);
  if (now === 'dead') return 'Not delivered: tried ' + times(attempts) + ' and given up ' + time(settled) + why;
  if (now === 'unaddressed') return 'Not sent: the settings name nobody to send it to';
  return attempts ? 'Waiting: tried ' + times(attempts) + why + ', and again ' + time(again) : 'Waiting to be sent';
}

/** How one alert stands; one that was given up can be tried again. */
export function delivery(known, review, said) {
  const letter = known && known.sent.get(review);
  if (!letter) return null;
  const heard = known.heard.get(letter.id);
  const place = el('div', {}, state(letter),
    letter.state === 'dead' ? el('p', {}, el('button', { type: 'button', class: 'plain', onclick: again }, 'Have it tried again')) : null,
    heard ? el('details', {}, el('summary', {}, 'What the organisation\u2019s receiver got'),
      el('p', {}, 'Received ' + time(heard.received) + (heard.verified ? '; its signature is sound.' : '; its signature is NOT sound.')),
      el('pre', { tabindex: '0', role: 'group', 'aria-label': 'The alert as it was received' }, JSON.stringify(heard.body, null, 2))) : null);
  async function again() {
    try {
      known.sent.set(review, (await admin('POST', 'alerts/' + encodeURIComponent(letter.id) + '/retry')).body);
      const fresh = delivery(known, review, said);
      fresh.setAttribute('tabindex', '-1');
      place.replaceWith(fresh);
      fresh.focus();
      said('The alert will be tried again.');
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      said('It could not be stored.');
    }
  }
  return place;
}
