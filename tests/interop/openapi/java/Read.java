import java.util.List;
import migfhir.ApiClient;
import migfhir.ApiException;
import migfhir.api.KeptApi;
import migfhir.api.RecordApi;
import migfhir.api.ServiceApi;
import migfhir.model.AllergyIntolerance;
import migfhir.model.Bundle;
import migfhir.model.DemoPatient;

/** A token, a consent, a patient's allergies and a refusal, by the generated Java client. Usage: Read BASE */
public final class Read {
  private static void check(boolean holds, String what) {
    if (!holds) throw new IllegalStateException(what);
  }

  private static DemoPatient patient(List<DemoPatient> patients, String scenario) {
    return patients.stream().filter(one -> scenario.equals(one.getScenario())).findFirst().orElseThrow();
  }

  private static Bundle search(RecordApi record, DemoPatient patient) throws ApiException {
    return record.searchAllergyIntoleranceByPost(
        RecordApi.APIsearchAllergyIntoleranceByPostRequest.newBuilder()
            .patientIdentifier("https://fhir.nhs.uk/Id/nhs-number|" + patient.getNhsNumber())
            .build());
  }

  public static void main(String[] arguments) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(arguments[0].replaceFirst("/FHIR/R4$", ""));
    ServiceApi service = new ServiceApi(client);
    String token = service.demoToken("clinician").getAccessToken();
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
    KeptApi kept = new KeptApi(client);
    RecordApi record = new RecordApi(client);

    DemoPatient rich = patient(service.demoPatients(), "rich");
    check(kept.createConsent(rich.getConsent()).getId() != null, "the consent has no id");
    Bundle found = search(record, rich);
    List<AllergyIntolerance> allergies =
        found.getEntry().stream()
            .map(entry -> entry.getResource().getActualInstance())
            .filter(AllergyIntolerance.class::isInstance)
            .map(AllergyIntolerance.class::cast)
            .toList();
    check(!allergies.isEmpty() && found.getTotal() == allergies.size(), "not as many allergies as the total says");
    for (AllergyIntolerance allergy : allergies) {
      check(allergy.getCode() != null, "an allergy to nothing");
      check(allergy.getPatient().getReference().startsWith("Patient/"), "an allergy of nobody");
      check(
          allergy.getMeta().getSecurity().stream().anyMatch(label -> "NOINTEGRATE".equals(label.getCode())),
          "not marked as for viewing only");
    }
    AllergyIntolerance one = record.readAllergyIntolerance(allergies.get(0).getId());
    check(one.equals(allergies.get(0)), "the read found another");

    DemoPatient away = patient(service.demoPatients(), "opted-out");
    kept.createConsent(away.getConsent());
    try {
      search(record, away);
      throw new IllegalStateException("an opted-out patient was shown");
    } catch (ApiException refused) {
      check(refused.getCode() == 403 && refused.getResponseBody().contains("OPTED_OUT"), "refused for another reason");
    }
    System.out.println("   " + allergies.size() + " allergies by Java");
  }
}
