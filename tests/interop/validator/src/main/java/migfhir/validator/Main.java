package migfhir.validator;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/**
 * Validates every JSON and XML file of a folder in one run, offline, and exits 1 for any error.
 *
 * <p>Usage: {@code FOLDER BROKEN ACCEPTED OWN [PACKAGES]}: the folder; a folder of files that must fail; the list of
 * accepted warnings; our own definitions, themselves validated; FHIR packages (tgz), without which base R4 alone is held against.
 */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "error");
        if (arguments.length < 4) {
            System.err.println("FOLDER BROKEN ACCEPTED OWN [PACKAGES]");
            System.exit(2);
        }
        Path packages = arguments.length > 4 ? Path.of(arguments[4]) : null;
        Judge judge = new Judge(Definitions.read(Path.of(arguments[3]), packages), packages != null);
        Accepted accepted = Accepted.read(Path.of(arguments[2]));
        List<Path> files = new ArrayList<>(list(Path.of(arguments[0])));
        // Not our profiles: HAPI cannot judge one of an extension ("Unable to resolve package id hl7.fhir.r4.core#null"). They
        // are judged by being used: a profile that yields no snapshot fails whatever claims it.
        list(Path.of(arguments[3])).stream()
                .filter(file -> !file.getFileName().toString().startsWith("StructureDefinition-"))
                .forEach(files::add);
        List<Path> broken = list(Path.of(arguments[1]));
        if (files.isEmpty() || broken.isEmpty()) {
            System.out.println("nothing to validate, or nothing that must fail");
            System.exit(1);
        }

        // One message stands for all files in which it occurs: a defect of the mapping is one line, not hundreds.
        Map<String, List<String>> errors = new TreeMap<>();
        Map<String, List<String>> warnings = new TreeMap<>();
        List<String> faults = new ArrayList<>();
        var pool = Executors.newFixedThreadPool(Math.max(1, Math.min(4, Runtime.getRuntime().availableProcessors())));
        try {
            Map<Path, Future<List<Finding>>> running = new TreeMap<>();
            for (Path file : files) {
                running.put(file, pool.submit(() -> judge.findings(Files.readString(file))));
            }
            for (var entry : running.entrySet()) {
                for (Finding finding : entry.getValue().get()) {
                    var into = finding.isError() ? errors : accepted.covers(finding) ? null : warnings;
                    if (into != null) {
                        into.computeIfAbsent(finding.text(), text -> new ArrayList<>())
                                .add(entry.getKey().getFileName() + " " + finding.at());
                    }
                }
            }
            for (Path file : broken) {
                // A defect against a profile can only be seen where the profile is.
                if (packages == null && file.getFileName().toString().startsWith("profile-")) {
                    continue;
                }
                if (judge.findings(Files.readString(file)).stream().noneMatch(Finding::isError)) {
                    faults.add("the gate is not one: " + file.getFileName() + " passes");
                }
            }
        } finally {
            pool.shutdown();
        }

        print("warning", warnings);
        accepted.print();
        print("ERROR", errors);
        faults.forEach(System.out::println);
        System.out.printf("   %d files (%d resources in them) validated against %s: %d errors, %d warnings not accepted%n",
                files.size(), judge.resources(), packages == null ? "base R4 only" : "the profiles",
                count(errors), count(warnings));
        System.exit(errors.isEmpty() && faults.isEmpty() ? 0 : 1);
    }

    private static int count(Map<String, List<String>> findings) {
        return findings.values().stream().mapToInt(List::size).sum();
    }

    private static void print(String severity, Map<String, List<String>> findings) {
        findings.forEach((text, places) ->
                System.out.printf("   %s, %d times: %s%n      first in %s%n", severity, places.size(), text, places.get(0)));
    }

    private static List<Path> list(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.toString().matches(".*\\.(json|xml)")).sorted().toList();
        }
    }
}
