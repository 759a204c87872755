package migfhir.validator;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/** The warnings that are accepted, each with its reason: in the file a line "# reason" above each expression. */
final class Accepted {
    private record Rule(Pattern pattern, String reason) {}

    private final Map<Rule, Integer> rules = new LinkedHashMap<>();

    static Accepted read(Path file) throws IOException {
        Accepted accepted = new Accepted();
        String reason = "";
        for (String line : Files.readAllLines(file)) {
            if (line.startsWith("#")) {
                reason = line.substring(1).strip();
            } else if (!line.isBlank()) {
                if (reason.isEmpty()) {
                    throw new IOException("an accepted warning without its reason: " + line);
                }
                accepted.rules.put(new Rule(Pattern.compile(line), reason), 0);
                reason = "";
            }
        }
        return accepted;
    }

    boolean covers(Finding finding) {
        for (var rule : rules.entrySet()) {
            if (rule.getKey().pattern.matcher(finding.text()).find()) {
                rule.setValue(rule.getValue() + 1);
                return true;
            }
        }
        return false;
    }

    void print() {
        rules.forEach((rule, times) -> System.out.printf("   accepted, %d times: %s%n", times, rule.reason));
    }
}
