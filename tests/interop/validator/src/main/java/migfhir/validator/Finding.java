package migfhir.validator;

import ca.uhn.fhir.validation.ResultSeverityEnum;

/** What was found at one place of one file. */
record Finding(boolean isError, String at, String text) {
    static Finding of(ResultSeverityEnum severity, String at, String message) {
        // Object addresses would make every run read differently.
        String text = message.replaceAll("@[0-9a-f]{5,}", "");
        return new Finding(severity.ordinal() >= ResultSeverityEnum.ERROR.ordinal(), at, text);
    }
}
