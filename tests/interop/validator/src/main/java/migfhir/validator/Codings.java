package migfhir.validator;

import ca.uhn.fhir.context.support.ConceptValidationOptions;
import ca.uhn.fhir.context.support.IValidationSupport.CodeValidationResult;
import ca.uhn.fhir.context.support.ValidationSupportContext;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.r4.model.CodeSystem;

/**
 * Every coding of every file against its code system, where that is known in full. The engine is satisfied when one of
 * several codings fits, and only warns of a display that is wrong or a system that is none.
 */
final class Codings {
    private final ValidationSupportChain chain;
    private final Map<String, Boolean> complete = new ConcurrentHashMap<>();
    private final Map<String, Optional<String>> judged = new ConcurrentHashMap<>();

    Codings(ValidationSupportChain chain) {
        this.chain = chain;
    }

    void walk(JsonObject resource, List<Finding> findings) {
        walk(resource, resource.get("resourceType").getAsString(), findings);
    }

    private void walk(JsonElement element, String at, List<Finding> findings) {
        if (element.isJsonArray()) {
            int index = 0;
            for (JsonElement item : element.getAsJsonArray()) {
                walk(item, at + "[" + index++ + "]", findings);
            }
        } else if (element.isJsonObject()) {
            JsonObject object = element.getAsJsonObject();
            // A quantity has a value, a resource its type; of what is left only codings have a code with a system.
            if (isText(object, "system") && isText(object, "code") && !object.has("value") && !object.has("resourceType")) {
                coding(object, at, findings);
            }
            object.entrySet().forEach(member -> walk(member.getValue(), at + "." + member.getKey(), findings));
        }
    }

    private static boolean isText(JsonObject object, String name) {
        return object.has(name) && object.get(name).isJsonPrimitive();
    }

    private void coding(JsonObject coding, String at, List<Finding> findings) {
        String system = coding.get("system").getAsString();
        String code = coding.get("code").getAsString();
        String display = isText(coding, "display") ? coding.get("display").getAsString() : null;
        if (!system.contains(":")) {
            findings.add(Finding.of(ResultSeverityEnum.ERROR, at, "the system of a coding is no absolute URI: " + system));
        } else if (complete.computeIfAbsent(system, this::isComplete)) {
            judged.computeIfAbsent(system + "|" + code + "|" + display, key -> judge(system, code, display))
                    .ifPresent(text -> findings.add(Finding.of(ResultSeverityEnum.ERROR, at, text)));
        }
    }

    private boolean isComplete(String system) {
        return chain.fetchCodeSystem(system) instanceof CodeSystem found
                && found.getContent() == CodeSystem.CodeSystemContentMode.COMPLETE;
    }

    private Optional<String> judge(String system, String code, String display) {
        CodeValidationResult result = chain.validateCode(
                new ValidationSupportContext(chain), new ConceptValidationOptions(), system, code, null, null);
        if (result == null || !result.isOk()) {
            return Optional.of("the code system " + system + " has no code " + code);
        }
        if (display != null && result.getDisplay() != null && !display.equalsIgnoreCase(result.getDisplay())) {
            return Optional.of("the display of " + system + "|" + code + " is '" + display + "', not '" + result.getDisplay() + "'");
        }
        return Optional.empty();
    }
}
