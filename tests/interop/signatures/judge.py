"""xmlsec1, signxml and zeep over the same messages. Usage: judge.py LIST OUT

LIST has a line a message: id, XML file, PEM file of the certificate that came with it, and whether SHA-1 is allowed.
OUT gets a line a judgement: tool, id, accepted or refused, what it saw signed, and the reason.
"""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Callable

import xmlsec
import zeep.exceptions
import zeep.wsse.signature
from lxml import etree
from signxml import DigestAlgorithm, SignatureConfiguration, SignatureMethod, XMLVerifier

NAMES = {
    "http://schemas.xmlsoap.org/soap/envelope/": "soap",
    "http://www.w3.org/2005/08/addressing": "wsa",
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd": "wsu",
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd": "wsse",
}
PARTS = ["Timestamp", "Body", "MessageID", "Action", "To", "From", "RelatesTo", "UsernameToken"]


class Refused(Exception):
    pass


def name(element: etree._Element) -> str:
    tag = etree.QName(element)
    return f"{NAMES.get(tag.namespace, tag.namespace)}:{tag.localname}"


def by_xmlsec1(xml: Path, certificate: Path, sha1: bool) -> list[str]:
    hints = [word for part in PARTS for word in ("--id-attr:Id", part)]
    command = ["xmlsec1", "--verify", "--store-references", "--print-debug", "--pubkey-cert-pem", certificate, *hints, xml]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr.decode(errors="replace").strip().splitlines()[-1])
    # What it digested, as it prints it.
    digested = re.findall(rb"== PreDigest data - start buffer:\n(.*?)\n== PreDigest data - end buffer", done.stdout, re.S)
    return [name(etree.fromstring(data)) for data in digested]


def by_signxml(xml: Path, certificate: Path, sha1: bool) -> list[str]:
    root = etree.fromstring(xml.read_bytes())
    methods, digests = ({SignatureMethod.RSA_SHA256}, {DigestAlgorithm.SHA256})
    if sha1:
        methods, digests = ({SignatureMethod.RSA_SHA1}, {DigestAlgorithm.SHA1})
    count = len(root.findall(".//{http://www.w3.org/2000/09/xmldsig#}Reference"))
    config = SignatureConfiguration(
        location=".//",
        expect_references=count,
        signature_methods=frozenset(methods),
        digest_algorithms=frozenset(digests),
        ignore_ambiguous_key_info=True,
    )
    try:
        seen = XMLVerifier().verify(root, x509_cert=certificate.read_text(), id_attribute="Id", expect_config=config)
    except Exception as error:  # its exceptions have no common base
        raise Refused(f"{type(error).__name__}: {error}") from error
    return [name(one.signed_xml) for one in (seen if isinstance(seen, list) else [seen])]


def by_zeep(xml: Path, certificate: Path, sha1: bool) -> list[str]:
    seen: list[str] = []

    class Recording(xmlsec.SignatureContext):
        def register_id(self, node: etree._Element, *rest: object) -> None:
            seen.append(name(node))
            super().register_id(node, *rest)

    watched = {key: getattr(xmlsec, key) for key in dir(xmlsec)} | {"SignatureContext": Recording}
    zeep.wsse.signature.xmlsec = SimpleNamespace(**watched)
    try:
        zeep.wsse.signature.verify_envelope(etree.fromstring(xml.read_bytes()), str(certificate))
    except zeep.exceptions.SignatureVerificationFailed as error:
        raise Refused("SignatureVerificationFailed") from error
    finally:
        zeep.wsse.signature.xmlsec = xmlsec
    return seen


def main() -> None:
    messages, out = sys.argv[1:]
    tools: dict[str, Callable[[Path, Path, bool], list[str]]]
    tools = {"xmlsec1": by_xmlsec1, "signxml": by_signxml, "zeep": by_zeep}
    with Path(out).open("w") as lines:
        for line in Path(messages).read_text().splitlines():
            case, xml, certificate, sha1 = line.split("\t")
            for tool, judge in tools.items():
                try:
                    verdict, seen, reason = "accepted", judge(Path(xml), Path(certificate), sha1 == "sha1"), ""
                except Refused as error:
                    verdict, seen, reason = "refused", [], " ".join(str(error).split())
                print(tool, case, verdict, ",".join(seen), reason, sep="\t", file=lines)


main()
