// A token, a consent, a patient's allergies and a refusal, by the generated types alone: nothing here is cast.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };
type AllergyIntolerance = components["schemas"]["AllergyIntolerance"];

const base = process.argv[2];
if (!base) throw new Error("usage: read.js BASE");
const client = createClient<paths, "application/fhir+json" | "application/json">({ baseUrl: base.replace(/\/FHIR\/R4$/, "") });

function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

const form = (body: Record<string, unknown>) => new URLSearchParams(body as Record<string, string>);
const { data: token } = await client.POST("/demo/token", {
  body: { user: "nurse" },
  bodySerializer: form,
  headers: { "Content-Type": "application/x-www-form-urlencoded" },
});
assert(token, "no token");
client.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${token.access_token}`);
    return request;
  },
});

const { data: patients } = await client.GET("/demo/patients");
const rich = patients?.find((patient) => patient.scenario === "rich");
assert(rich, "no rich patient");
const identifier = `https://fhir.nhs.uk/Id/nhs-number|${rich.nhs_number}`;
const search = () =>
  client.POST("/FHIR/R4/AllergyIntolerance/_search", {
    body: { "patient.identifier": identifier },
    bodySerializer: form,
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  });

async function refused(): Promise<void> {
  const { error, response } = await search();
  const reasons = error?.issue[0]?.details?.coding?.map((coding) => coding.code);
  // Run again on the same demo, there was a consent once.
  const expected = ["CONSENT_REQUIRED", "CONSENT_EXPIRED"];
  assert(response.status === 403 && reasons?.some((reason) => expected.includes(reason ?? "")), `not refused: ${response.status}`);
}
await refused();

// The patient's consent is made out to the clinician who asks: here the nurse.
const consent = structuredClone(rich.consent);
const asks = JSON.parse(atob(token.access_token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/"))) as { sub: string };
const actor = consent.provision.actor?.[0]?.reference.identifier;
assert(actor, "no actor");
actor.value = asks.sub;
consent.dateTime = new Date().toISOString();
const kept = await client.POST("/FHIR/R4/Consent", {
  body: consent,
  headers: { "Content-Type": "application/fhir+json" },
});
assert(kept.response.status === 201 && kept.data?.id, `consent: ${kept.response.status}`);

const { data: found } = await search();
const allergies = (found?.entry ?? [])
  .map((entry) => entry.resource)
  .filter((resource): resource is AllergyIntolerance => resource?.resourceType === "AllergyIntolerance");
assert(allergies.length > 0 && allergies.length === found?.total, `${allergies.length} allergies of ${found?.total}`);
for (const allergy of allergies) {
  assert(allergy.code?.text ?? allergy.code?.coding?.[0]?.display, "an allergy to nothing");
  assert(allergy.patient.reference?.startsWith("Patient/"), "an allergy of nobody");
  assert(allergy.meta?.security?.some((label) => label.code === "NOINTEGRATE"), "not marked as for viewing only");
}
const first = allergies[0];
assert(first?.id, "no id");
const { data: one } = await client.GET("/FHIR/R4/AllergyIntolerance/{id}", { params: { path: { id: first.id } } });
assert(one?.id === first.id, "the read found another");

const withdrawn = await client.PUT("/FHIR/R4/Consent/{id}", {
  params: { path: { id: kept.data.id }, header: { "If-Match": kept.response.headers.get("ETag") ?? "" } },
  body: { ...kept.data, status: "inactive" },
  headers: { "Content-Type": "application/fhir+json" },
});
assert(withdrawn.response.status === 200, `withdrawal: ${withdrawn.response.status}`);
await refused();
console.log(`   ${allergies.length} allergies by TypeScript`);
