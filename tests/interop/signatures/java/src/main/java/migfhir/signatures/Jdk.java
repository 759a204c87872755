package migfhir.signatures;

import java.io.ByteArrayInputStream;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.xml.crypto.NodeSetData;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;

/** The JDK's own XML signatures. They know nothing of tokens: the certificate is taken out of the message for them. */
final class Jdk {
    private static final String OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-";
    private static final String WSU = OASIS + "utility-1.0.xsd";
    private static final String WSSE = OASIS + "secext-1.0.xsd";

    static List<String> judge(Document message, boolean sha1) throws Exception {
        String token = message.getElementsByTagNameNS(WSSE, "BinarySecurityToken").item(0).getTextContent();
        byte[] der = Base64.getMimeDecoder().decode(token);
        var certificate = CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
        Node signature = message.getElementsByTagNameNS(XMLSignature.XMLNS, "Signature").item(0);
        DOMValidateContext context = new DOMValidateContext(certificate.getPublicKey(), signature);
        context.setProperty("javax.xml.crypto.dsig.cacheReference", true);
        // It refuses SHA-1 otherwise, and the default profile has none.
        context.setProperty("org.jcp.xml.dsig.secureValidation", !sha1);
        NodeList all = message.getElementsByTagName("*");
        for (int at = 0; at < all.getLength(); at++) {
            Element element = (Element) all.item(at);
            if (element.hasAttributeNS(WSU, "Id")) {
                context.setIdAttributeNS(element, WSU, "Id");
            }
        }
        XMLSignature parsed = XMLSignatureFactory.getInstance("DOM").unmarshalXMLSignature(context);
        boolean valid = parsed.validate(context);
        List<String> seen = new ArrayList<>();
        for (Reference reference : parsed.getSignedInfo().getReferences()) {
            if (!reference.validate(context)) {
                throw new Exception("the digest of " + reference.getURI() + " does not match");
            }
            for (Object node : (NodeSetData<?>) reference.getDereferencedData()) {
                // The first element; an element's attributes come before it.
                if (node instanceof Element element) {
                    seen.add(Main.name(element));
                    break;
                }
            }
        }
        if (!valid) {
            throw new Exception("the signature value does not verify");
        }
        return seen;
    }
}
