// npm's xml-crypto, as verifier and as signer. It knows XML signatures, not WS-Security: tokens are written here.
//
// Usage: xmlcrypto.mjs MODULES judge LIST OUT            lines as judge.py's
//        xmlcrypto.mjs MODULES sign LIST FOLDER          a line: unsigned file, signed file, created, expires, username
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const [modules, task, list, target] = process.argv.slice(2);
const require = createRequire(join(resolve(modules), "from-here.js"));
const { SignedXml } = require("xml-crypto");
const { DOMParser } = require("@xmldom/xmldom");
const xpath = require("xpath");

const OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-";
const WSSE = `${OASIS}wssecurity-secext-1.0.xsd`;
const WSU = `${OASIS}wssecurity-utility-1.0.xsd`;
const DS = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#";
const NAMES = {
  "http://schemas.xmlsoap.org/soap/envelope/": "soap",
  "http://www.w3.org/2005/08/addressing": "wsa",
  [WSU]: "wsu",
  [WSSE]: "wsse",
};
const lines = (file) => readFileSync(file, "utf8").trimEnd().split("\n").map((line) => line.split("\t"));
const parse = (text) => new DOMParser().parseFromString(text, "text/xml");
const name = (element) => `${NAMES[element.namespaceURI] ?? element.namespaceURI}:${element.localName}`;

function judge([id, file, certificate, sha1]) {
  const text = readFileSync(file, "utf8");
  const verifier = new SignedXml({ publicCert: readFileSync(certificate), getCertFromKeyInfo: () => null });
  const weak = (uri) => /#(rsa-)?sha1$/.test(uri);
  for (const algorithms of [verifier.SignatureAlgorithms, verifier.HashAlgorithms]) {
    for (const uri of Object.keys(algorithms)) if (weak(uri) !== (sha1 === "sha1")) delete algorithms[uri];
  }
  let verdict = "refused", seen = [], reason = "";
  try {
    verifier.loadSignature(xpath.select1(`//*[local-name(.)='Signature' and namespace-uri(.)='${DS}']`, parse(text)));
    if (verifier.checkSignature(text)) {
      verdict = "accepted";
      seen = verifier.getSignedReferences().map((canonical) => name(parse(canonical).documentElement));
    } else {
      reason = "a reference does not validate";
    }
  } catch (error) {
    reason = error.message.replace(/\s+/g, " ");
  }
  return ["xml-crypto", id, verdict, seen.join(","), reason].join("\t");
}

function sign([unsigned, signed, created, expires, username]) {
  const pem = readFileSync(join(target, "client.pem"), "utf8");
  const token = pem.replace(/-----[^-]+-----|\s/g, "");
  const type = `${OASIS}x509-token-profile-1.0#X509v3`;
  const security =
    `<wsse:Security xmlns:wsse="${WSSE}" xmlns:wsu="${WSU}">` +
    `<wsse:BinarySecurityToken EncodingType="${OASIS}soap-message-security-1.0#Base64Binary" ValueType="${type}" ` +
    `wsu:Id="the-token">${token}</wsse:BinarySecurityToken>` +
    `<wsse:UsernameToken><wsse:Username>${username}</wsse:Username></wsse:UsernameToken>` +
    `<wsu:Timestamp><wsu:Created>${created}</wsu:Created><wsu:Expires>${expires}</wsu:Expires></wsu:Timestamp>` +
    `</wsse:Security>`;
  const text = readFileSync(unsigned, "utf8").replace(/<\/(\w[\w.-]*:)?Header>/, (end) => security + end);
  const signer = new SignedXml({
    privateKey: readFileSync(join(target, "client.key")),
    idMode: "wssecurity",
    canonicalizationAlgorithm: EXCLUSIVE,
    signatureAlgorithm: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    getKeyInfoContent: () =>
      `<wsse:SecurityTokenReference><wsse:Reference URI="#the-token" ValueType="${type}"/></wsse:SecurityTokenReference>`,
  });
  const headers = xpath.select("/*/*[local-name(.)='Header']/*", parse(text)).map((header) => header.localName);
  const signedHeaders = headers.filter((header) => header !== "Security").map((header) => `/*/*/*[local-name(.)='${header}']`);
  for (const part of ["/*/*[local-name(.)='Body']", "//*[local-name(.)='Timestamp']", ...signedHeaders]) {
    signer.addReference({
      xpath: part,
      transforms: [EXCLUSIVE],
      digestAlgorithm: "http://www.w3.org/2001/04/xmlenc#sha256",
    });
  }
  signer.computeSignature(text, {
    prefix: "ds",
    location: { reference: "//*[local-name(.)='Security']", action: "append" },
    existingPrefixes: { wsse: WSSE, wsu: WSU },
  });
  writeFileSync(signed, signer.getSignedXml());
}

if (task === "judge") writeFileSync(target, lines(list).map((line) => judge(line) + "\n").join(""));
else lines(list).forEach(sign);
