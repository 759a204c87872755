package migfhir.signatures;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;
import org.apache.wss4j.common.crypto.AlgorithmSuite;
import org.apache.wss4j.common.crypto.Merlin;
import org.apache.wss4j.dom.WSConstants;
import org.apache.wss4j.dom.WSDataRef;
import org.apache.wss4j.dom.engine.WSSConfig;
import org.apache.wss4j.dom.engine.WSSecurityEngine;
import org.apache.wss4j.dom.engine.WSSecurityEngineResult;
import org.apache.wss4j.dom.handler.RequestData;
import org.w3c.dom.Document;

/**
 * Apache WSS4J as a receiver: Basic Security Profile enforced, the certificate out of the message and judged against the
 * demo's authority, Timestamp checked. Where it saw each signed part is judged too: its path has to be the part's place.
 */
final class Wss4j {
    private final Merlin trusted = new Merlin();

    Wss4j(Path folder) throws Exception {
        WSSConfig.init();
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (InputStream pem = Files.newInputStream(folder.resolve("ca.pem"))) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        trusted.setTrustStore(store);
    }

    List<String> judge(Document message, boolean sha1) throws Exception {
        RequestData data = new RequestData();
        data.setWssConfig(WSSConfig.getNewInstance());
        data.setSigVerCrypto(trusted);
        data.setDisableBSPEnforcement(false);
        data.setRequireTimestampExpires(true);
        data.setAllowUsernameTokenNoPassword(true);
        AlgorithmSuite suite = new AlgorithmSuite();
        suite.addSignatureMethod(sha1 ? WSConstants.RSA_SHA1 : WSConstants.RSA_SHA256);
        suite.addDigestAlgorithm(sha1 ? WSConstants.SHA1 : WSConstants.SHA256);
        suite.addC14nAlgorithm(WSConstants.C14N_EXCL_OMIT_COMMENTS);
        suite.addTransformAlgorithm(WSConstants.C14N_EXCL_OMIT_COMMENTS);
        data.setAlgorithmSuite(suite);
        var result = new WSSecurityEngine().processSecurityHeader(message, data);
        if (result == null || !result.getActionResults().containsKey(WSConstants.SIGN)) {
            throw new Exception("no signature");
        }
        List<String> seen = new ArrayList<>();
        for (WSSecurityEngineResult signature : result.getActionResults().get(WSConstants.SIGN)) {
            for (Object one : (List<?>) signature.get(WSSecurityEngineResult.TAG_DATA_REF_URIS)) {
                WSDataRef reference = (WSDataRef) one;
                String name = Main.name(reference.getProtectedElement());
                String path = reference.getXpath().replaceAll("[\\w.-]+:", "");
                String place = switch (name.substring(0, name.indexOf(':'))) {
                    case "soap" -> "/Envelope/";
                    case "wsa" -> "/Envelope/Header/";
                    default -> "/Envelope/Header/Security/";
                };
                if (!path.equals(place + name.substring(name.indexOf(':') + 1))) {
                    throw new Exception("a signed part at " + path);
                }
                seen.add(name);
            }
        }
        return seen;
    }
}
