package migfhir.validator;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.ConceptValidationOptions;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.context.support.ValidationSupportContext;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.instance.model.api.IBaseResource;

/** The definitions that files are held against: R4's, those of the packages, and our own. No network. */
final class Definitions {
    private static final Set<String> WANTED = Set.of("StructureDefinition", "ValueSet", "CodeSystem");

    private Definitions() {}

    static ValidationSupportChain read(Path own, Path packages) throws IOException {
        FhirContext context = FhirContext.forR4Cached();
        PrePopulatedValidationSupport given = new PrePopulatedValidationSupport(context);
        if (packages != null) {
            try (Stream<Path> files = Files.list(packages)) {
                for (Path file : files.filter(file -> file.toString().endsWith(".tgz")).sorted().toList()) {
                    unpack(context, given, file);
                }
            }
        }
        if (Files.isDirectory(own)) {
            try (Stream<Path> files = Files.walk(own)) {
                for (Path file : files.filter(file -> file.toString().endsWith(".json")).sorted().toList()) {
                    String text = Files.readString(file);
                    // Without the packages our profiles of theirs rest on nothing.
                    if (packages != null || !text.contains("\"baseDefinition\": \"https://")) {
                        add(context, given, file.getFileName().toString(), text);
                    }
                }
            }
        }
        UnknownCodeSystemWarningValidationSupport last = new UnknownCodeSystemWarningValidationSupport(context);
        last.setNonExistentCodeSystemSeverity(IValidationSupport.IssueSeverity.WARNING);
        ValidationSupportChain chain = new ValidationSupportChain(
                given,
                new DefaultProfileValidationSupport(context),
                new AnyLanguage(context),
                new InMemoryTerminologyServerValidationSupport(context),
                new SnapshotGeneratingValidationSupport(context),
                last);
        // Without it every sibling coding would have to be in the value set. That the siblings are right is seen to by Codings.
        chain.setCodeableConceptValidationSuccessfulIfNotAllCodingsAreValid(true);
        return chain;
    }

    private static void unpack(FhirContext context, PrePopulatedValidationSupport into, Path file) throws IOException {
        try (InputStream raw = new BufferedInputStream(Files.newInputStream(file));
                TarArchiveInputStream tar = new TarArchiveInputStream(new GZIPInputStream(raw))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                String name = entry.getName();
                if (entry.isFile() && name.startsWith("package/") && name.endsWith(".json") && !name.contains("/example")) {
                    String text = new String(tar.readAllBytes(), StandardCharsets.UTF_8);
                    add(context, into, name.substring("package/".length()), text);
                }
            }
        }
    }

    private static void add(FhirContext context, PrePopulatedValidationSupport into, String name, String text) {
        // By the file's name: the larger part of a package need not be read at all.
        String type = name.contains("-") ? name.substring(0, name.indexOf('-')) : "";
        if (!WANTED.contains(type)) {
            return;
        }
        IBaseResource resource = context.newJsonParser().parseResource(text);
        switch (type) {
            case "StructureDefinition" -> into.addStructureDefinition(resource);
            case "ValueSet" -> into.addValueSet(resource);
            default -> into.addCodeSystem(resource);
        }
    }

    /** HAPI calls a language outside its list an error although R4 only prefers the list (hapi-fhir issue 7959). */
    private static final class AnyLanguage extends CommonCodeSystemsTerminologyService {
        private static final String LANGUAGES = "http://hl7.org/fhir/ValueSet/languages";

        AnyLanguage(FhirContext context) {
            super(context);
        }

        @Override
        public CodeValidationResult validateCode(ValidationSupportContext context, ConceptValidationOptions options,
                String system, String code, String display, String valueSet) {
            CodeValidationResult result = super.validateCode(context, options, system, code, display, valueSet);
            if (result != null && !result.isOk() && valueSet != null && valueSet.startsWith(LANGUAGES)
                    && code != null && code.matches("[a-z]{2,3}(-[A-Z]{2})?")) {
                return new CodeValidationResult().setCode(code).setDisplay(code);
            }
            return result;
        }
    }
}
