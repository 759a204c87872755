package migfhir.validator;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

/** Judges one file: by the engine, each type held to its UK Core profile, and every coding of it one by one. */
final class Judge {
    private static final String UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-";
    private static final Set<String> OF_UK_CORE = Set.of("Patient", "Condition", "MedicationStatement",
            "MedicationRequest", "AllergyIntolerance", "Observation", "DiagnosticReport", "Procedure", "Immunization",
            "Encounter", "ServiceRequest", "Practitioner", "PractitionerRole", "Organization", "Location", "Specimen");

    /** What the engine says of definitions that only the packages have; without them it is no news. */
    private static final Pattern OF_PACKAGES = Pattern.compile("^Profile reference '.*' has not been checked"
            + "|^Invalid profile. Failed to retrieve profile|^CodeSystem is unknown.*/(BasicAuditEntityType|UKCore-[A-Za-z]+) ");

    private final FhirValidator validator;
    private final Codings codings;
    private final boolean profiles;
    private final Set<String> seen = ConcurrentHashMap.newKeySet();
    private final AtomicInteger resources = new AtomicInteger();

    Judge(ValidationSupportChain chain, boolean profiles) {
        FhirInstanceValidator module = new FhirInstanceValidator(chain);
        module.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
        module.setAnyExtensionsAllowed(false);
        if (!profiles) {
            module.setCustomExtensionDomains(List.of("https://fhir.hl7.org.uk/"));
        }
        // A claim that cannot be checked is no claim; without packages none can.
        module.setErrorForUnknownProfiles(profiles);
        // Both are needed for the type of a reference's target to be judged at all.
        module.setValidatorPolicyAdvisor(new References.Advisor());
        module.setValidatorResourceFetcher(new References.Fetcher());
        module.setAssumeValidRestReferences(true);
        this.validator = new FhirValidator(FhirContext.forR4Cached()).registerValidatorModule(module);
        this.codings = new Codings(chain);
        this.profiles = profiles;
    }

    int resources() {
        return resources.get();
    }

    List<Finding> findings(String text) {
        List<Finding> findings = new ArrayList<>();
        if (text.stripLeading().startsWith("<")) {
            // The other encoding of a resource that is judged as JSON too: what the engine says of it as it stands.
            resources.incrementAndGet();
            engine(text, findings);
            return findings;
        }
        JsonObject resource = JsonParser.parseString(text).getAsJsonObject();
        once(resource);
        claim(resource);
        engine(resource.toString(), findings);
        codings.walk(resource, findings);
        return findings;
    }

    private void engine(String text, List<Finding> findings) {
        for (SingleValidationMessage message : validator.validateWithResult(text).getMessages()) {
            boolean unknown = !profiles && OF_PACKAGES.matcher(message.getMessage()).find();
            if (message.getSeverity() != ResultSeverityEnum.INFORMATION && !unknown) {
                findings.add(Finding.of(message.getSeverity(), String.valueOf(message.getLocationString()), message.getMessage()));
            }
        }
    }

    /**
     * Leaves out entries that were judged word by word the same in another Bundle: the same thousand resources come by
     * search, page, include and $everything. That a searchset is whole is not the engine's to see but that of rules.py; of a
     * document it looks for every reference in the document itself.
     */
    private void once(JsonObject bundle) {
        boolean document = bundle.has("type") && bundle.get("type").isJsonPrimitive()
                && bundle.get("type").getAsString().equals("document");
        if (document || !bundle.has("entry")) {
            return;
        }
        JsonArray entries = bundle.getAsJsonArray("entry");
        JsonArray left = new JsonArray();
        for (JsonElement entry : entries) {
            if (seen.add(entry.getAsJsonObject().get("fullUrl") + "=" + entry.getAsJsonObject().get("resource"))) {
                left.add(entry);
            }
        }
        if (!left.isEmpty()) {
            bundle.add("entry", left);
        } else {
            bundle.remove("entry");
        }
    }

    /** Adds the claim to the type's UK Core profile where it is missing, so that a forgotten claim hides nothing. */
    private void claim(JsonObject resource) {
        resources.incrementAndGet();
        String type = resource.get("resourceType").getAsString();
        if (type.equals("Bundle") && resource.has("entry")) {
            for (JsonElement entry : resource.getAsJsonArray("entry")) {
                JsonElement inner = entry.getAsJsonObject().get("resource");
                if (inner != null) {
                    claim(inner.getAsJsonObject());
                }
            }
        }
        if (!profiles || !OF_UK_CORE.contains(type)) {
            return;
        }
        if (!resource.has("meta")) {
            resource.add("meta", new JsonObject());
        }
        JsonObject meta = resource.getAsJsonObject("meta");
        if (!meta.has("profile")) {
            meta.add("profile", new JsonArray());
        }
        for (JsonElement claimed : meta.getAsJsonArray("profile")) {
            if (claimed.getAsString().split("\\|")[0].equals(UK_CORE + type)) {
                return;
            }
        }
        meta.getAsJsonArray("profile").add(UK_CORE + type);
    }
}
