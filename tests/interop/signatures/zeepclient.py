"""zeep as a whole SOAP client of the simulated MIG: a WSDL around our schema, WS-Addressing and WS-Security its own.

zeep signs Body and Timestamp; it is told to sign every wsa header too, as the wire wants. Its order of children is
Signature, BinarySecurityToken, UsernameToken, Timestamp; its MessageID has a prefix and lower case; it sends no From.
"""

import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import requests
import xmlsec
import zeep
import zeep.wsse.signature as signature
from lxml import etree
from zeep import ns
from zeep.plugins import HistoryPlugin
from zeep.transports import Transport
from zeep.wsa import WsAddressingPlugin
from zeep.wsse.compose import Compose
from zeep.wsse.username import UsernameToken
from zeep.wsse.utils import WSU

SERVICE = "urn:nhs-itk:services:201005:sendRecvDistEnvelope"
ODS = "urn:nhs-uk:addressing:ods:"
USERNAME = "facade.demo.invalid"
ITK = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:nhs-itk:ns:201005" xmlns:dcr="urn:x-mig-facade:dcr:v1"
    targetNamespace="urn:nhs-itk:ns:201005" elementFormDefault="qualified">
  <xs:import namespace="urn:x-mig-facade:dcr:v1" schemaLocation="dcr.xsd"/>
  <xs:complexType name="uri"><xs:attribute name="uri" type="xs:anyURI" use="required"/><xs:attribute name="type" type="xs:string"/></xs:complexType>
  <xs:element name="DistributionEnvelope"><xs:complexType><xs:sequence>
    <xs:element name="header"><xs:complexType>
      <xs:sequence>
        <xs:element name="addresslist"><xs:complexType><xs:sequence><xs:element name="address" type="uri"/></xs:sequence></xs:complexType></xs:element>
        <xs:element name="auditIdentity" minOccurs="0"><xs:complexType><xs:sequence><xs:element name="id" type="uri" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>
        <xs:element name="manifest"><xs:complexType>
          <xs:sequence><xs:element name="manifestitem"><xs:complexType>
            <xs:attribute name="id" type="xs:string"/><xs:attribute name="mimetype" type="xs:string"/><xs:attribute name="profileid" type="xs:string"/>
          </xs:complexType></xs:element></xs:sequence>
          <xs:attribute name="count" type="xs:integer"/>
        </xs:complexType></xs:element>
        <xs:element name="senderAddress" type="uri" minOccurs="0"/>
        <xs:element name="handlingSpecification" minOccurs="0"><xs:complexType><xs:sequence><xs:element name="spec" maxOccurs="unbounded"><xs:complexType>
          <xs:attribute name="key" type="xs:string"/><xs:attribute name="value" type="xs:string"/></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>
      </xs:sequence>
      <xs:attribute name="service" type="xs:string"/><xs:attribute name="trackingid" type="xs:string"/>
    </xs:complexType></xs:element>
    <xs:element name="payloads"><xs:complexType>
      <xs:sequence><xs:element name="payload"><xs:complexType>
        <xs:choice>
          <xs:element ref="dcr:locatePatientRequest"/><xs:element ref="dcr:locatePatientResponse"/>
          <xs:element ref="dcr:getDetailedCareRecordRequest"/><xs:element ref="dcr:getDetailedCareRecordResponse"/>
        </xs:choice>
        <xs:attribute name="id" type="xs:string"/>
      </xs:complexType></xs:element></xs:sequence>
      <xs:attribute name="count" type="xs:integer"/>
    </xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>
"""
WSDL = f"""<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:itk="urn:nhs-itk:ns:201005" xmlns:tns="urn:mig" targetNamespace="urn:mig">
  <wsdl:types><xs:schema><xs:import namespace="urn:nhs-itk:ns:201005" schemaLocation="itk.xsd"/></xs:schema></wsdl:types>
  <wsdl:message name="envelope"><wsdl:part name="envelope" element="itk:DistributionEnvelope"/></wsdl:message>
  <wsdl:portType name="Mig"><wsdl:operation name="SendReceive">
    <wsdl:input message="tns:envelope"/><wsdl:output message="tns:envelope"/></wsdl:operation></wsdl:portType>
  <wsdl:binding name="Mig" type="tns:Mig">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="SendReceive"><soap:operation soapAction="{SERVICE}"/>
      <wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>
  </wsdl:binding>
  <wsdl:service name="Mig"><wsdl:port name="Mig" binding="tns:Mig"><soap:address location="ENDPOINT"/></wsdl:port></wsdl:service>
</wsdl:definitions>
"""

plain_sign_node = signature._sign_node


def sign_node_and_headers(context: object, made: etree._Element, target: etree._Element, digest: object = None) -> None:
    plain_sign_node(context, made, target, digest)
    if etree.QName(target).localname == "Body":
        header = target.getparent().find(etree.QName(etree.QName(target).namespace, "Header"))
        for child in header.findall(f"{{{ns.WSA}}}*"):
            plain_sign_node(context, made, child, digest)


signature._sign_node = sign_node_and_headers


class Security(Compose):
    """Made anew for each message: a Timestamp is in it."""

    def __init__(self, folder: Path, created: datetime) -> None:
        stamp = WSU.Timestamp(WSU.Created(utc(created)), WSU.Expires(utc(created + timedelta(minutes=5))))
        method = {"signature_method": xmlsec.Transform.RSA_SHA256, "digest_method": xmlsec.Transform.SHA256}
        signing = signature.BinarySignature(str(folder / "client.key"), str(folder / "client.pem"), **method)
        super().__init__([UsernameToken(USERNAME, timestamp_token=stamp), signing])

    def verify(self, envelope: etree._Element) -> None:
        """Answers carry no WS-Security."""


def utc(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def new_uuid() -> str:
    return str(uuid.uuid4()).upper()


def envelope(root: str, practice: str | None, number: str, created: datetime) -> dict:
    """The body of a request, as plain values."""
    payload = f"uuid_{new_uuid()}"
    target = {"targetOrganisation": {"odsCode": practice}} if practice else {}
    content = {"nhsNumber": number}
    if practice:
        consent = {"status": "Explicit Consent", "reference": str(uuid.uuid4()), "recordedAt": created}
        content |= {"view": "Summary", "consent": consent}
    return {
        "header": {
            "service": SERVICE,
            "trackingid": new_uuid(),
            "addresslist": {"address": {"uri": ODS + (practice or "YMG01")}},
            "auditIdentity": {"id": [{"uri": "urn:nhs-uk:identity:ods:RX001:user:999000000101"}]},
            "manifest": {
                "count": 1,
                "manifestitem": {"id": payload, "mimetype": "text/xml", "profileid": f"urn:x-mig-facade:profile:{root}-v1-0"},
            },
            "senderAddress": {"uri": f"{ODS}RX001"},
            "handlingSpecification": {
                "spec": [{"key": "urn:nhs-itk:ns:201005:interaction", "value": f"urn:x-mig-facade:interaction:{root}-v1-0"}]
            },
        },
        "payloads": {
            "count": 1,
            "payload": {
                "id": payload,
                root: {
                    "serviceHeader": {
                        "requestId": new_uuid(),
                        "created": created,
                        "sourceOrganisation": {"odsCode": "RX001"},
                        **target,
                        "user": {"id": "999000000101", "name": "Dr Ada Marsh", "roleCode": "R8000"},
                    },
                    "serviceContent": content,
                },
            },
        },
    }


LOCATE, VIEW = "locatePatientRequest", "getDetailedCareRecordRequest"


class Client:
    """A client of one MIG, its WSDL written to a folder."""

    def __init__(self, folder: Path, endpoint: str, schema: str, wsdl: Path) -> None:
        wsdl.mkdir(exist_ok=True)
        (wsdl / "dcr.xsd").write_text(schema)
        (wsdl / "itk.xsd").write_text(ITK)
        (wsdl / "mig.wsdl").write_text(WSDL.replace("ENDPOINT", endpoint))
        session = requests.Session()
        # A bundle of certificates named in the environment would win over ours.
        session.trust_env = False
        session.cert = (str(folder / "client.pem"), str(folder / "client.key"))
        session.verify = str(folder / "ca.pem")
        self.folder, self.history = folder, HistoryPlugin()
        plugins = [WsAddressingPlugin(), self.history]
        self.client = zeep.Client(str(wsdl / "mig.wsdl"), transport=Transport(session=session), plugins=plugins)

    def ask(self, practice: str | None, number: str) -> tuple[object, etree._Element]:
        """Asks, and gives what zeep made of the answer, and its Envelope as received."""
        created = datetime.now(timezone.utc).replace(microsecond=0)
        self.client.wsse = Security(self.folder, created)
        root = VIEW if practice else LOCATE
        answer = self.client.service.SendReceive(**envelope(root, practice, number, created))
        return answer.payloads.payload, self.history.last_received["envelope"]

    def write(self, practice: str | None, number: str) -> bytes:
        """A signed request, not sent."""
        created = datetime.now(timezone.utc).replace(microsecond=0)
        self.client.wsse = Security(self.folder, created)
        root = VIEW if practice else LOCATE
        made = self.client.create_message(self.client.service, "SendReceive", **envelope(root, practice, number, created))
        return etree.tostring(made)

    def unsigned(self, practice: str | None, number: str, created: datetime) -> bytes:
        """The same without Security and headers, for others to sign."""
        self.client.wsse = None
        root = VIEW if practice else LOCATE
        made = self.client.create_message(self.client.service, "SendReceive", **envelope(root, practice, number, created))
        return etree.tostring(made)
