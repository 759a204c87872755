package migfhir.signatures;

import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Node;

/**
 * {@code judge LIST OUT FOLDER}: the JDK and WSS4J over messages, lines as judge.py's. {@code sign LIST FOLDER}: WSS4J signs,
 * lines as xmlcrypto.mjs's. FOLDER is a demo's, with its certificates and keys.
 */
public final class Main {
    /** A tool that accepts by saying what it saw signed, and refuses by throwing. */
    interface Judge {
        List<String> judge(Document message, boolean sha1) throws Exception;
    }

    static final Map<String, String> NAMES = Map.of(
            "http://schemas.xmlsoap.org/soap/envelope/", "soap",
            "http://www.w3.org/2005/08/addressing", "wsa",
            "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd", "wsu",
            "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd", "wsse");

    public static void main(String[] words) throws Exception {
        if (words[0].equals("sign")) {
            Signer signer = new Signer(Path.of(words[2]));
            for (String line : Files.readAllLines(Path.of(words[1]))) {
                String[] fields = line.split("\t");
                Document unsigned = parse(Files.readAllBytes(Path.of(fields[0])));
                Files.write(Path.of(fields[1]), signer.sign(unsigned, fields[2], fields[3], fields[4]));
            }
            return;
        }
        Map<String, Judge> tools = Map.of("JDK", Jdk::judge, "WSS4J", new Wss4j(Path.of(words[3]))::judge);
        List<String> judgements = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(words[1]))) {
            String[] fields = line.split("\t");
            byte[] message = Files.readAllBytes(Path.of(fields[1]));
            for (Map.Entry<String, Judge> tool : tools.entrySet()) {
                String verdict;
                try {
                    List<String> seen = tool.getValue().judge(parse(message), fields[3].equals("sha1"));
                    verdict = "accepted\t" + String.join(",", seen) + "\t";
                } catch (Exception refused) {
                    verdict = "refused\t\t" + String.valueOf(refused.getMessage()).replaceAll("\\s+", " ");
                }
                judgements.add(tool.getKey() + "\t" + fields[0] + "\t" + verdict);
            }
        }
        Files.write(Path.of(words[2]), judgements);
    }

    static Document parse(byte[] message) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        return factory.newDocumentBuilder().parse(new ByteArrayInputStream(message));
    }

    static String name(Node element) {
        String namespace = element.getNamespaceURI();
        return NAMES.getOrDefault(namespace, namespace) + ":" + element.getLocalName();
    }
}
