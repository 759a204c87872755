// Who asks, and about whom. In memory alone: it is gone with the page.

const ROOT = new URL('./', document.baseURI);
const SYSTEM = 'https://fhir.nhs.uk/Id/nhs-number';
const REFUSAL = 'urn:x-mig-fhir:CodeSystem:refusal';

export const demo = document.documentElement.dataset.demo === 'yes';

/** The token, whose it is, the patient of the demo that is asked about, and the ids that answers have shown, by type. */
export const session = { token: null, user: '', patient: null, ids: new Map() };

/** The address of a path of the document, wherever this page stands. */
export const address = (path) => new URL(path.replace(/^\//, ''), ROOT);

/** Sends a request; the answer comes as text. */
export async function send(url, options = {}) {
  const response = await fetch(url, { ...options, cache: 'no-store', credentials: 'omit', redirect: 'error' });
  return { response, text: await response.text() };
}

/** The same where JSON must come back. */
export async function json(path, options) {
  const { response, text } = await send(address(path), options);
  if (!response.ok) throw new Error('status ' + response.status);
  return JSON.parse(text);
}

/** The patient as a search parameter names them. */
export const named = () => (session.patient ? SYSTEM + '|' + session.patient.nhs_number : '');

/** Remembers the ids that an answer shows, so that a read need not be typed. */
export function remember(body) {
  const resources = body && body.resourceType === 'Bundle' ? (body.entry || []).map((entry) => entry.resource) : [body];
  for (const one of resources) {
    if (one && typeof one.id === 'string' && one.resourceType) session.ids.set(String(one.resourceType), one.id);
  }
}

/** The coded reasons of an outcome. */
export const reasons = (body) => ((body && body.issue) || []).flatMap((issue) => (issue.details && issue.details.coding) || [])
  .filter((coding) => coding.system === REFUSAL).map((coding) => String(coding.code));
