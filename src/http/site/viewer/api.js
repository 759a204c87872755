// The public API, and nothing else. NHS numbers go in bodies, never in an address.

const ROOT = new URL('./', document.baseURI);
const BASE = new URL('FHIR/R4/', ROOT);
const ADMIN = new URL('admin/', ROOT);
export const NHS_NUMBER = 'https://fhir.nhs.uk/Id/nhs-number';
export const ODS = 'https://fhir.nhs.uk/Id/ods-organization-code';
export const USER = 'https://fhir.nhs.uk/Id/sds-user-id';
export const REFUSAL = 'urn:x-mig-fhir:CodeSystem:refusal';
export const demo = document.documentElement.dataset.demo === 'yes';

let token = null;

/** Whoever asks from now on; null for nobody. */
export function bearer(of) {
  token = of;
}

/** An answer that is a refusal or a failure, with the codes that the service gave as its reason. */
export class Refused extends Error {
  constructor(status, outcome) {
    super('refused');
    const issues = (outcome && outcome.issue) || [];
    this.status = status;
    this.codes = issues.flatMap((issue) => ((issue.details && issue.details.coding) || []))
      .filter((coding) => coding.system === REFUSAL).map((coding) => String(coding.code));
    this.texts = issues.map((issue) => (issue.details && issue.details.text) || '').filter(Boolean);
    this.elements = issues.flatMap((issue) => issue.expression || []);
    this.request = issues.map((issue) => issue.diagnostics).find(Boolean) || '';
  }
}

async function call(address, options = {}) {
  const headers = { Accept: 'application/fhir+json', ...(options.headers || {}) };
  if (token && [BASE, ADMIN].some((own) => address.href.startsWith(own.href))) headers.Authorization = 'Bearer ' + token;
  let response;
  try {
    response = await fetch(address, { ...options, headers, cache: 'no-store', credentials: 'omit', redirect: 'error' });
  } catch {
    throw new Refused(0, { issue: [{ details: { text: 'The service does not answer.' } }] });
  }
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Refused(response.status, body);
  return { body, etag: response.headers.get('ETag') };
}

const sent = (method, body, more = {}) => ({
  method, body: JSON.stringify(body), headers: { 'Content-Type': 'application/fhir+json', ...more },
});

/** Reads `Type/id` or an operation on it. */
export const read = (path) => call(new URL(path, BASE));

export const create = (resource) => call(new URL(resource.resourceType, BASE), sent('POST', resource));

/** Replaces a resource, if it is still of the version that was read. */
export const update = (resource, etag) => call(
  new URL(resource.resourceType + '/' + encodeURIComponent(resource.id), BASE), sent('PUT', resource, { 'If-Match': etag }),
);

/** A search whose parameters go in the body. */
export const search = (type, parameters) => call(new URL(type + '/_search', BASE), {
  method: 'POST', body: new URLSearchParams(parameters), headers: {},
});

/** A search by address, for types that name no patient in it. */
export function list(type, parameters = {}) {
  const address = new URL(type, BASE);
  address.search = new URLSearchParams(parameters).toString();
  return call(address);
}

/** The next page of a search, fetched from here, whatever host the link names. */
export function next(bundle, type) {
  const link = (bundle.link || []).find((one) => one.relation === 'next');
  if (!link) return null;
  return () => list(type, new URL(link.url, BASE).searchParams);
}

/** The resources of a bundle that match. */
export const matches = (bundle) => (bundle.entry || []).filter((entry) => !entry.search || entry.search.mode === 'match')
  .map((entry) => entry.resource);

/** What the service says beside the matches. */
export const notices = (bundle) => (bundle.entry || []).filter((entry) => entry.search && entry.search.mode === 'outcome')
  .flatMap((entry) => entry.resource.issue || []);

/** What `/admin` answers to those who have an office. */
export function admin(method, path, parameters = {}) {
  const address = new URL(path, ADMIN);
  address.search = new URLSearchParams(parameters).toString();
  return call(address, { method, headers: { Accept: 'application/json' } });
}

/** A token of the demo's cast. */
export async function demoToken(user) {
  const answer = await call(new URL('demo/token', ROOT), { method: 'POST', body: new URLSearchParams({ user }) });
  return answer.body.access_token;
}

/** The demo's patients. */
export const demoPatients = async () => (await call(new URL('demo/patients', ROOT))).body;

/** What the demo's receiver of alerts got. */
export const demoAlerts = async () => (await call(new URL('demo/alerts', ROOT))).body;

/** Whether ten digits end in their check digit. */
export function isNhsNumber(text) {
  const digits = text.replace(/[\s-]/g, '');
  if (!/^\d{10}$/.test(digits)) return false;
  const sum = [...digits.slice(0, 9)].reduce((total, digit, index) => total + Number(digit) * (10 - index), 0);
  const check = (11 - (sum % 11)) % 11;
  return check < 10 && check === Number(digits[9]);
}

/** An NHS number as people read it. */
export const grouped = (number) => String(number).replace(/^(\d{3})(\d{3})(\d{4})$/, '$1 $2 $3');
