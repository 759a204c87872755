import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.api.SearchStyleEnum;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import ca.uhn.fhir.rest.gclient.ReferenceClientParam;
import ca.uhn.fhir.rest.gclient.TokenClientParam;
import ca.uhn.fhir.rest.server.exceptions.ForbiddenOperationException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.Coding;
import org.hl7.fhir.r4.model.Consent;
import org.hl7.fhir.r4.model.OperationOutcome;
import org.hl7.fhir.r4.model.Patient;

/** Reads, searches by GET and POST, pages and is refused with HAPI's client, its check of the CapabilityStatement included. */
public final class Hapi {
    private static final String NHS = "https://fhir.nhs.uk/Id/nhs-number";
    private static final List<String> TYPES = List.of("Condition", "MedicationStatement", "MedicationRequest", "AllergyIntolerance", "Flag",
        "Observation", "DiagnosticReport", "Procedure", "Immunization", "Encounter", "ServiceRequest");
    private static final FhirContext R4 = FhirContext.forR4();
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        String base = args[0];
        String root = base.replaceAll("/FHIR/R4$", "");
        JsonNode rich = null;
        for (JsonNode person : json(HttpRequest.newBuilder(URI.create(root + "/demo/patients")).build())) {
            if (person.get("scenario").asText().equals("rich")) rich = person;
        }
        IGenericClient client = as(root, base, "clinician");
        Consent consent = R4.newJsonParser().parseResource(Consent.class, rich.get("consent").toString());
        check(client.create().resource(consent).execute().getCreated(), "consent is created");

        Bundle people = client.search().forResource(Patient.class)
            .where(new TokenClientParam("identifier").exactly().systemAndIdentifier(NHS, rich.get("nhs_number").asText()))
            .usingStyle(SearchStyleEnum.POST).returnBundle(Bundle.class).execute();
        String patient = people.getEntryFirstRep().getResource().getIdElement().getIdPart();
        check(client.read().resource(Patient.class).withId(patient).execute().getIdElement().getIdPart().equals(patient), "the patient by id");

        for (String type : TYPES) {
            Set<String> byGet = matches(search(client, type, patient, SearchStyleEnum.GET));
            Set<String> byPost = matches(search(client, type, patient, SearchStyleEnum.POST));
            check(!byGet.isEmpty() && byGet.equals(byPost), type + " by GET and by POST");
            check(client.read().resource(type).withId(byGet.iterator().next()).execute().fhirType().equals(type), type + " by id");
        }
        System.out.println("   HAPI: " + TYPES.size() + " types by GET and by POST, each read by id");

        Bundle page = client.search().forResource("Observation").where(new ReferenceClientParam("patient").hasId(patient))
            .count(7).returnBundle(Bundle.class).execute();
        int total = page.getTotal();
        Set<String> seen = new HashSet<>(matches(page));
        while (page.getLink(Bundle.LINK_NEXT) != null) {
            page = client.loadPage().next(page).execute();
            seen.addAll(matches(page));
        }
        check(seen.size() == total, "all pages are the whole");
        System.out.println("   HAPI: " + total + " observations by sevens");

        try {
            search(as(root, base, "receptionist"), "Condition", patient, SearchStyleEnum.POST);
            throw new IllegalStateException("a receptionist was not refused");
        } catch (ForbiddenOperationException refused) {
            List<Coding> reasons = ((OperationOutcome) refused.getOperationOutcome()).getIssueFirstRep().getDetails().getCoding();
            check(reasons.get(reasons.size() - 1).getCode().equals("ROLE"), "the reason is ROLE");
            System.out.println("   HAPI: a receptionist is refused, ROLE");
        }
    }

    private static Bundle search(IGenericClient client, String type, String patient, SearchStyleEnum style) {
        return client.search().forResource(type).where(new ReferenceClientParam("patient").hasId(patient))
            .usingStyle(style).returnBundle(Bundle.class).execute();
    }

    private static Set<String> matches(Bundle bundle) {
        Set<String> ids = new HashSet<>();
        for (Bundle.BundleEntryComponent entry : bundle.getEntry()) {
            if (entry.getSearch().getMode() == Bundle.SearchEntryMode.MATCH) ids.add(entry.getResource().getIdElement().getIdPart());
        }
        return ids;
    }

    private static IGenericClient as(String root, String base, String user) throws Exception {
        JsonNode token = json(HttpRequest.newBuilder(URI.create(root + "/demo/token"))
            .header("Content-Type", "application/x-www-form-urlencoded").POST(HttpRequest.BodyPublishers.ofString("user=" + user)).build());
        IGenericClient client = R4.newRestfulGenericClient(base);
        client.registerInterceptor(new BearerTokenAuthInterceptor(token.get("access_token").asText()));
        return client;
    }

    private static JsonNode json(HttpRequest request) throws Exception {
        return JSON.readTree(HTTP.send(request, BodyHandlers.ofString()).body());
    }

    private static void check(boolean holds, String what) {
        if (!holds) throw new IllegalStateException("not so: " + what);
    }
}
