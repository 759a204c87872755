// Token, consent, read, page and a refusal, with fetch alone: npx tsx app.ts BASE

type Resource = { resourceType: string; id: string; [element: string]: unknown };
type Bundle = {
  total?: number;
  link: { relation: string; url: string }[];
  entry?: { resource: Resource; search: { mode: string } }[];
};
type Outcome = { issue: { details: { coding: { code: string }[] } }[] };
type Person = { scenario: string; nhs_number: string; consent: unknown };

const base = process.argv[2].replace(/\/$/, "");
const root = base.replace(/\/FHIR\/R4$/, "");
const NHS = "https://fhir.nhs.uk/Id/nhs-number";

/** An OperationOutcome; its last coding is the reason to act on. */
class Refused extends Error {
  constructor(readonly status: number, readonly code: string) {
    super(`${status} ${code}`);
  }
}

async function send<T>(url: string, token?: string, body?: URLSearchParams | string): Promise<T> {
  const headers: Record<string, string> = { Accept: url.includes("/FHIR/") ? "application/fhir+json" : "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (typeof body === "string") headers["Content-Type"] = "application/fhir+json";
  const answer = await fetch(url, { method: body === undefined ? "GET" : "POST", headers, body });
  const json = await answer.json();
  if (answer.ok) return json as T;
  throw new Refused(answer.status, (json as Outcome).issue[0].details.coding.at(-1)?.code ?? "");
}

/** By POST, so that no NHS number stands in a URL. */
function form<T>(url: string, fields: Record<string, string>, token?: string): Promise<T> {
  return send<T>(url, token, new URLSearchParams(fields));
}

async function* pages(bundle: Bundle, token: string): AsyncGenerator<Resource> {
  for (;;) {
    for (const entry of bundle.entry ?? []) if (entry.search.mode === "match") yield entry.resource;
    const next = bundle.link.find((link) => link.relation === "next");
    if (!next) return;
    bundle = await send<Bundle>(next.url, token);
  }
}

async function tokenOf(user: string): Promise<string> {
  return (await form<{ access_token: string }>(`${root}/demo/token`, { user })).access_token;
}

async function main(): Promise<void> {
  const token = await tokenOf("clinician");
  const person = (await send<Person[]>(`${root}/demo/patients`)).find((one) => one.scenario === "rich");
  if (!person) throw new Error("the demo has no rich patient");
  const consent = await send<Resource>(`${base}/Consent`, token, JSON.stringify(person.consent));
  console.log("consent", consent.status);

  const found = await form<Bundle>(`${base}/Patient/_search`, { identifier: `${NHS}|${person.nhs_number}` }, token);
  const patient = found.entry?.[0]?.resource;
  if (!patient) throw new Error("no patient");
  const again = await send<Resource>(`${base}/Patient/${patient.id}`, token);
  console.log("patient read again by id:", again.id === patient.id);

  const first = await form<Bundle>(`${base}/Observation/_search`, { patient: patient.id, _count: "7" }, token);
  const seen = new Set<string>();
  for await (const observation of pages(first, token)) seen.add(observation.id);
  if (seen.size !== first.total) throw new Error(`${seen.size} observations of ${first.total}`);
  console.log("observations, by sevens:", seen.size);

  try {
    await form<Bundle>(`${base}/Condition/_search`, { patient: patient.id }, await tokenOf("receptionist"));
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 403 || error.code !== "ROLE") throw error;
    console.log("refused:", error.message);
    return;
  }
  throw new Error("a receptionist was not refused");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
