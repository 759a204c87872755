package migfhir.signatures;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.apache.wss4j.common.WSEncryptionPart;
import org.apache.wss4j.common.crypto.Merlin;
import org.apache.wss4j.dom.WSConstants;
import org.apache.wss4j.dom.engine.WSSConfig;
import org.apache.wss4j.dom.message.WSSecHeader;
import org.apache.wss4j.dom.message.WSSecSignature;
import org.apache.wss4j.dom.message.WSSecTimestamp;
import org.apache.wss4j.dom.message.WSSecUsernameToken;
import org.w3c.dom.Document;
import org.w3c.dom.Node;

/** Apache WSS4J as a sender: its own order of children, ids and lists of inclusive prefixes. */
final class Signer {
    private static final char[] WORD = "word".toCharArray();
    private final Merlin keys = new Merlin();

    Signer(Path folder) throws Exception {
        WSSConfig.init();
        Certificate certificate;
        try (InputStream pem = Files.newInputStream(folder.resolve("client.pem"))) {
            certificate = CertificateFactory.getInstance("X.509").generateCertificate(pem);
        }
        String pem = Files.readString(folder.resolve("client.key")).replaceAll("-----[^-]+-----|\\s", "");
        var key = KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("client", key, WORD, new Certificate[] {certificate});
        keys.setKeyStore(store);
    }

    byte[] sign(Document message, String created, String expires, String username) throws Exception {
        WSSecHeader header = new WSSecHeader(message);
        header.insertSecurityHeader();
        WSSecTimestamp timestamp = new WSSecTimestamp(header);
        timestamp.setPrecisionInMilliSeconds(false);
        timestamp.setWsTimeSource(() -> Instant.parse(created));
        timestamp.setTimeToLive((int) Duration.between(Instant.parse(created), Instant.parse(expires)).toSeconds());
        timestamp.build();
        WSSecUsernameToken token = new WSSecUsernameToken(header);
        token.setPasswordType(null);
        token.setUserInfo(username, null);
        token.build();
        WSSecSignature signature = new WSSecSignature(header);
        signature.setUserInfo("client", new String(WORD));
        signature.setKeyIdentifierType(WSConstants.BST_DIRECT_REFERENCE);
        signature.setSignatureAlgorithm(WSConstants.RSA_SHA256);
        signature.setDigestAlgo(WSConstants.SHA256);
        signature.getParts().add(new WSEncryptionPart("Body", WSConstants.URI_SOAP11_ENV, "Element"));
        signature.getParts().add(new WSEncryptionPart("Timestamp", WSConstants.WSU_NS, "Element"));
        Node above = header.getSecurityHeaderElement().getParentNode();
        for (Node part = above.getFirstChild(); part != null; part = part.getNextSibling()) {
            if ("http://www.w3.org/2005/08/addressing".equals(part.getNamespaceURI())) {
                signature.getParts().add(new WSEncryptionPart(part.getLocalName(), part.getNamespaceURI(), "Element"));
            }
        }
        signature.build(keys);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        var writer = TransformerFactory.newInstance().newTransformer();
        writer.setOutputProperty("encoding", StandardCharsets.UTF_8.name());
        writer.transform(new DOMSource(message), new StreamResult(out));
        return out.toByteArray();
    }
}
