package migfhir.validator;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.hl7.fhir.common.hapi.validation.validator.FhirDefaultPolicyAdvisor;
import org.hl7.fhir.r5.elementmodel.Element;
import org.hl7.fhir.r5.model.CanonicalResource;
import org.hl7.fhir.r5.model.CanonicalType;
import org.hl7.fhir.r5.utils.validation.IResourceValidator;
import org.hl7.fhir.r5.utils.validation.IValidatorResourceFetcher;
import org.hl7.fhir.r5.utils.validation.constants.ReferenceValidationPolicy;

/** What the engine asks about references: their type is judged, nothing is fetched. */
final class References {
    private References() {}

    static final class Advisor extends FhirDefaultPolicyAdvisor {
        @Override
        public ReferenceValidationPolicy getReferencePolicy() {
            return ReferenceValidationPolicy.CHECK_TYPE_IF_EXISTS;
        }

        @Override
        public ReferenceValidationPolicy policyForReference(IResourceValidator validator, Object context, String path,
                String url, ReferenceDestinationType destination) {
            return ReferenceValidationPolicy.CHECK_TYPE_IF_EXISTS;
        }
    }

    static final class Fetcher implements IValidatorResourceFetcher {
        @Override
        public Element fetch(IResourceValidator validator, Object context, String url) {
            return null;
        }

        @Override
        public boolean resolveURL(IResourceValidator validator, Object context, String path, String url, String type,
                boolean canonical, List<CanonicalType> targets) {
            return true;
        }

        @Override
        public byte[] fetchRaw(IResourceValidator validator, String url) {
            return null;
        }

        @Override
        public IValidatorResourceFetcher setLocale(Locale locale) {
            return this;
        }

        @Override
        public CanonicalResource fetchCanonicalResource(IResourceValidator validator, Object context, String url) {
            return null;
        }

        @Override
        public boolean fetchesCanonicalResource(IResourceValidator validator, String url) {
            return false;
        }

        @Override
        public Set<ResourceVersionInformation> fetchCanonicalResourceVersions(IResourceValidator validator, Object context,
                String url) {
            return Set.of();
        }
    }
}
