// Reads, searches by GET and POST, pages and is refused with fhir-kit-client, without special cases.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";

const [modules, base] = process.argv.slice(2);
const kit = createRequire(path.resolve(modules, "index.js"))("fhir-kit-client");
const Client = kit.default ?? kit.Client ?? kit;
const root = base.replace(/\/FHIR\/R4$/, "");
const NHS = "https://fhir.nhs.uk/Id/nhs-number";
const TYPES = ["Condition", "MedicationStatement", "MedicationRequest", "AllergyIntolerance", "Flag", "Observation",
  "DiagnosticReport", "Procedure", "Immunization", "Encounter", "ServiceRequest"];

async function as(user) {
  const answer = await fetch(`${root}/demo/token`, { method: "POST", body: new URLSearchParams({ user }) });
  const client = new Client({ baseUrl: base });
  client.bearerToken = (await answer.json()).access_token;
  return client;
}

const person = (await (await fetch(`${root}/demo/patients`)).json()).find((one) => one.scenario === "rich");
const client = await as("clinician");
await client.create({ resourceType: "Consent", body: person.consent });
const identifier = `${NHS}|${person.nhs_number}`;
const people = await client.search({ resourceType: "Patient", searchParams: { identifier }, options: { postSearch: true } });
const patient = people.entry[0].resource.id;
assert.equal((await client.read({ resourceType: "Patient", id: patient })).id, patient);
for (const resourceType of TYPES) {
  const byGet = await client.search({ resourceType, searchParams: { patient } });
  const byPost = await client.search({ resourceType, searchParams: { patient }, options: { postSearch: true } });
  const ids = (bundle) => bundle.entry.filter((e) => e.search.mode === "match").map((e) => e.resource.id);
  assert.ok(ids(byGet).length > 0, resourceType);
  assert.deepEqual(ids(byGet), ids(byPost), resourceType);
  assert.equal((await client.read({ resourceType, id: ids(byGet)[0] })).resourceType, resourceType);
}
console.log(`   fhir-kit-client: ${TYPES.length} types by GET and by POST, each read by id`);

let page = await client.search({ resourceType: "Observation", searchParams: { patient, _count: 7 } });
const total = page.total;
const seen = new Set();
while (page) {
  for (const entry of page.entry) if (entry.search.mode === "match") seen.add(entry.resource.id);
  page = page.link.some((link) => link.relation === "next") ? await client.nextPage({ bundle: page }) : undefined;
}
assert.equal(seen.size, total);
console.log(`   fhir-kit-client: ${total} observations by sevens`);

const receptionist = await as("receptionist");
await assert.rejects(receptionist.search({ resourceType: "Condition", searchParams: { patient } }), (error) => {
  assert.equal(error.response.status, 403);
  assert.equal(error.response.data.issue[0].details.coding.at(-1).code, "ROLE");
  return true;
});
console.log("   fhir-kit-client: a receptionist is refused, ROLE");
