//! The accreditation tests of ITK as a table (names and expectations: TKW requirement sheet, as in the project's reference
//! on ITK, 1.4), and what this wire adds, against the simulator over TLS. Each message is signed rightly after it was changed,
//! unless the signature is the point. Longer than the limit: tables.

use super::forge::{element, piece};
use super::{Bench, Leaf, NUMBERS, RICH, pki, swap, view_of};
use crate::gateway::security::{certificates, key, roots};
use crate::gateway::xml::{SOAP, WSA};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const ACTION: &str = "urn:nhs-itk:services:201005:sendRecvDistEnvelope";
const ANSWER: &str = "urn:nhs-itk:services:201005:sendRecvDistEnvelopeResponse";
const FAULT: &str = "http://www.w3.org/2005/08/addressing/soap/fault";
const ADDRESSING_FAULT: &str = "http://www.w3.org/2005/08/addressing/fault";

/// What came back, as far as the table looks at it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    /// faultcode by its local name, empty for an answer.
    faultcode: String,
    /// `ErrorCode`, or the outcome's code.
    code: String,
    action: String,
    relates_to: Option<String>,
}

pub(super) struct Raw {
    pub status: u16,
    pub body: String,
}

/// One POST on a connection of its own, with a head of one's own.
pub(super) async fn send(bench: &Bench, tls: &Leaf, head: &str, body: &[u8]) -> Result<Raw, String> {
    let told = |error: std::io::Error| error.to_string();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = certificates(tls.certificate.as_bytes()).expect("a certificate");
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots(pki().root.as_bytes()).expect("roots"))
        .with_client_auth_cert(chain, key(tls.key.as_bytes()).expect("a key"))
        .expect("an identity");
    let stream = tokio::net::TcpStream::connect(bench.server.local_addr()).await.map_err(told)?;
    let name = "localhost".try_into().expect("a name");
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(told)?;
    let head = format!(
        "POST /mig HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n{head}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.map_err(told)?;
    stream.write_all(body).await.map_err(told)?;
    stream.flush().await.map_err(told)?;
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.get(9..12).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| read.err().map_or("nothing".to_owned(), |error| error.to_string()))?;
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Ok(Raw { status, body })
}

pub(super) fn head(soap_action: &str) -> String {
    format!("Content-Type: text/xml; charset=utf-8\r\nSOAPAction: {soap_action}\r\n")
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(from)?;
    Some(rest.split_once(to)?.0)
}

fn seen(raw: &Raw) -> Seen {
    let text = &raw.body;
    let leaf =
        |tag: &str| between(text, &format!("<{tag}"), &format!("</{tag}>")).and_then(|found| found.rsplit('>').next());
    let faultcode = leaf("faultcode").unwrap_or_default();
    Seen {
        status: raw.status,
        faultcode: faultcode.rsplit(':').next().unwrap_or_default().to_owned(),
        code: leaf("itk:ErrorCode").or_else(|| between(text, "outcome code=\"", "\"")).unwrap_or_default().to_owned(),
        action: leaf("wsa:Action").unwrap_or_default().to_owned(),
        relates_to: leaf("wsa:RelatesTo").map(str::to_owned),
    }
}

/// The name of a test, how its message is made (before and after signing), and what must come back: HTTP status, faultcode,
/// code, action.
struct Row {
    name: &'static str,
    before: fn(&str) -> String,
    after: fn(&str) -> String,
    head: fn() -> String,
    wanted: (u16, &'static str, &'static str, &'static str),
}

const GOOD: Row = Row {
    name: "",
    before: str::to_owned,
    after: str::to_owned,
    head: || head(ACTION),
    wanted: (200, "", "MIG-0000", ANSWER),
};
const INVALID: (u16, &str, &str, &str) = (500, "Client", "1000", FAULT);
const DENIED: (u16, &str, &str, &str) = (500, "Client", "3000", FAULT);

fn cut(message: &str, tag: &str) -> String {
    let header = piece(message, &format!("<{tag}"), &format!("</{tag}>")).to_owned();
    message.replacen(&header, "", 1)
}

fn with_header(message: &str, xml: &str) -> String {
    swap(message, "</soap:Header>", &format!("{xml}</soap:Header>"))
}

fn times(message: &str, created: &str, expires: &str) -> String {
    message
        .replace("2026-11-24T10:00:00Z", &format!("2026-11-24T{created}Z"))
        .replace("2026-11-24T10:05:00Z", &format!("2026-11-24T{expires}Z"))
}

fn profile_id(message: &str) -> String {
    piece(message, " profileid=\"", "v1-0\"").to_owned()
}

const ROWS: &[Row] = &[
    Row { name: "a good message", ..GOOD },
    Row { name: "SO_NOTOEL To missing", before: |m| cut(m, "wsa:To"), wanted: INVALID, ..GOOD },
    Row {
        name: "SO_INVATO To unknown",
        before: |m| swap(m, "https://localhost", "https://elsewhere"),
        wanted: INVALID,
        ..GOOD
    },
    Row { name: "SO_NOACTN Action missing", before: |m| cut(m, "wsa:Action"), wanted: INVALID, ..GOOD },
    Row { name: "SO_NOTIME Timestamp missing", before: |m| cut(m, "wsu:Timestamp"), wanted: DENIED, ..GOOD },
    Row { name: "SO_EXPIRE expired", before: |m| times(m, "09:50:00", "09:55:00"), wanted: DENIED, ..GOOD },
    Row { name: "SO_EXPIRE expires this second", before: |m| times(m, "09:55:00", "10:00:00"), wanted: DENIED, ..GOOD },
    Row { name: "SO_EXPIRE expires the next second", before: |m| times(m, "09:55:00", "10:00:01"), ..GOOD },
    Row {
        name: "SO_INVTIM Expires before Created",
        before: |m| times(m, "10:00:00", "09:59:59"),
        wanted: DENIED,
        ..GOOD
    },
    Row {
        name: "SO_INVTIM Expires with Created",
        before: |m| times(m, "10:00:01", "10:00:01"),
        wanted: DENIED,
        ..GOOD
    },
    Row { name: "Created 5 s ahead", before: |m| times(m, "10:00:05", "10:05:00"), ..GOOD },
    Row { name: "Created 6 s ahead", before: |m| times(m, "10:00:06", "10:05:00"), wanted: DENIED, ..GOOD },
    Row { name: "a window of 10 minutes", before: |m| times(m, "10:00:00", "10:10:00"), ..GOOD },
    Row {
        name: "a window of 10 minutes and a second",
        before: |m| times(m, "10:00:00", "10:10:01"),
        wanted: DENIED,
        ..GOOD
    },
    Row { name: "Created missing", before: |m| cut(m, "wsu:Created"), wanted: DENIED, ..GOOD },
    Row { name: "Expires missing", before: |m| cut(m, "wsu:Expires"), wanted: DENIED, ..GOOD },
    Row { name: "a time with an offset", before: |m| m.replace("10:05:00Z", "11:05:00+01:00"), wanted: DENIED, ..GOOD },
    Row { name: "SO_NOUSER Username missing", after: |m| cut(m, "wsse:UsernameToken"), wanted: DENIED, ..GOOD },
    Row {
        name: "SO_NOUSER Username empty",
        after: |m| swap(m, "viewer.example</wsse:Username>", "</wsse:Username>"),
        wanted: DENIED,
        ..GOOD
    },
    Row {
        name: "SO_USRSUB Username is not the certificate's name",
        after: |m| swap(m, "<wsse:Username>viewer", "<wsse:Username>other"),
        wanted: DENIED,
        ..GOOD
    },
    Row {
        name: "SO_RPLYTO ReplyTo elsewhere",
        before: |m| {
            with_header(
                m,
                &format!("<wsa:ReplyTo xmlns:wsa=\"{WSA}\"><wsa:Address>https://x</wsa:Address></wsa:ReplyTo>"),
            )
        },
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "ReplyTo anonymous",
        before: |m| {
            with_header(
                m,
                &format!("<wsa:ReplyTo xmlns:wsa=\"{WSA}\"><wsa:Address>{WSA}/anonymous</wsa:Address></wsa:ReplyTo>"),
            )
        },
        ..GOOD
    },
    Row { name: "SO_EXHEAD a foreign header", before: |m| with_header(m, "<x:A xmlns:x=\"urn:x\"></x:A>"), ..GOOD },
    Row {
        name: "SO_EXHDMU mustUnderstand 0",
        before: |m| with_header(m, "<x:A xmlns:x=\"urn:x\" soap:mustUnderstand=\"0\"></x:A>"),
        ..GOOD
    },
    Row {
        name: "SO_EXHDRJ mustUnderstand 1",
        before: |m| with_header(m, "<x:A xmlns:x=\"urn:x\" soap:mustUnderstand=\"1\"></x:A>"),
        wanted: (500, "MustUnderstand", "", ADDRESSING_FAULT),
        ..GOOD
    },
    Row {
        name: "mustUnderstand 1 for the next",
        before: |m| {
            with_header(
                m,
                "<x:A xmlns:x=\"urn:x\" soap:mustUnderstand=\"1\" soap:actor=\"http://schemas.xmlsoap.org/soap/actor/next\"></x:A>",
            )
        },
        wanted: (500, "MustUnderstand", "", ADDRESSING_FAULT),
        ..GOOD
    },
    Row {
        name: "mustUnderstand 1 for another",
        before: |m| with_header(m, "<x:A xmlns:x=\"urn:x\" soap:mustUnderstand=\"1\" soap:actor=\"urn:o\"></x:A>"),
        ..GOOD
    },
    Row {
        name: "mustUnderstand 1 on what is understood",
        before: |m| {
            let demanding = swap(m, "wsu:Id=\"id-to\"", "wsu:Id=\"id-to\" soap:mustUnderstand=\"1\"");
            swap(&demanding, "<wsa:To ", &format!("<wsa:To xmlns:soap=\"{SOAP}\" "))
        },
        ..GOOD
    },
    Row {
        name: "SO_VMISRJ SOAP 1.2",
        after: |m| m.replace(SOAP, "http://www.w3.org/2003/05/soap-envelope"),
        wanted: (500, "VersionMismatch", "", FAULT),
        ..GOOD
    },
    Row {
        name: "DE_INVSER service is not the Action",
        before: |m| swap(m, "sendRecvDistEnvelope\" trackingid", "other\" trackingid"),
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "DE_INVMPC manifest counts two",
        before: |m| swap(m, "<itk:manifest count=\"1\"", "<itk:manifest count=\"2\""),
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "DE_INVMCT an item too many",
        before: |m| {
            let item = element(m, "itk:manifestitem").to_owned();
            m.replacen(&item, &item.repeat(2), 1)
        },
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "DE_INVPCT payloads count two",
        before: |m| swap(m, "<itk:payloads count=\"1\"", "<itk:payloads count=\"2\""),
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "DE_INVMPI ids of manifest and payload differ",
        before: |m| m.replacen("uuid_", "uuid_0", 1),
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "DE_INVPID profile id unknown",
        before: |m| swap(m, "urn:x-mig-facade:profile:", "urn:x:"),
        wanted: INVALID,
        ..GOOD
    },
    Row { name: "DE_MISPID profile id missing", before: |m| swap(m, &profile_id(m), ""), wanted: INVALID, ..GOOD },
    Row {
        name: "DE_EMPPID profile id empty",
        before: |m| swap(m, &profile_id(m), " profileid=\"\""),
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "DE_INAUTH audit identity of another",
        before: |m| swap(m, "user:u%2F1", "user:u%2F2"),
        wanted: INVALID,
        ..GOOD
    },
    Row { name: "audit identity missing", before: |m| cut(m, "itk:auditIdentity"), wanted: INVALID, ..GOOD },
    Row {
        name: "audit identity with the default type spelled out",
        before: |m| swap(m, "<itk:id uri=\"urn", "<itk:id type=\"2.16.840.1.113883.2.1.3.2.4.18.27\" uri=\"urn"),
        ..GOOD
    },
    Row {
        name: "handling specification of another interaction",
        before: |m| swap(m, "urn:x-mig-facade:interaction:", "urn:x:"),
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "handling specification with two interactions",
        before: |m| {
            let spec = element(m, "itk:spec").to_owned();
            m.replacen(&spec, &spec.repeat(2), 1)
        },
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "handling specification with another key too",
        before: |m| swap(m, "<itk:spec ", "<itk:spec key=\"urn:k\" value=\"v\"></itk:spec><itk:spec "),
        ..GOOD
    },
    Row {
        name: "a payload that is compressed",
        before: |m| swap(m, "<itk:manifestitem ", "<itk:manifestitem compressed=\"true\" "),
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "a tracking id in small letters",
        before: |m| {
            let id = piece(m, "trackingid=\"", "\">").to_owned();
            swap(m, &id, &id.to_lowercase())
        },
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "ER_INVXML malformed",
        after: |m| swap(m, "</soap:Header>", "</soap:Header><q>"),
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "ER_INVSCH schema-invalid",
        before: |m| swap(m, "<dcr:view>", "<dcr:mood></dcr:mood><dcr:view>"),
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "ER_INVMAX a byte over the limit",
        after: |m| format!("{m}{}", " ".repeat(1_048_577 - m.len())),
        wanted: INVALID,
        ..GOOD
    },
    Row { name: "as many bytes as allowed", after: |m| format!("{m}{}", " ".repeat(1_048_576 - m.len())), ..GOOD },
    Row { name: "SOAPAction quoted", head: || head(&format!("\"{ACTION}\"")), ..GOOD },
    Row { name: "SOAPAction missing", head: || "Content-Type: text/xml\r\n".to_owned(), wanted: INVALID, ..GOOD },
    Row { name: "SOAPAction empty", head: || head("\"\""), wanted: INVALID, ..GOOD },
    Row { name: "SOAPAction of another", head: || head("urn:other"), wanted: INVALID, ..GOOD },
    Row { name: "MessageID missing", before: |m| cut(m, "wsa:MessageID"), wanted: INVALID, ..GOOD },
    Row {
        name: "MessageID is no UUID",
        before: |m| swap(m, "</wsa:MessageID>", "X</wsa:MessageID>"),
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "From of another",
        before: |m| swap(m, "ods:V1</wsa:Address>", "ods:V9</wsa:Address>"),
        wanted: INVALID,
        ..GOOD
    },
    Row { name: "From absent", before: |m| cut(m, "wsa:From"), ..GOOD },
    Row {
        name: "To with white space",
        before: |m| swap(m, "/mig</wsa:To>", "/mig </wsa:To>"),
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "created of another instant",
        before: |m| swap(m, "<dcr:created>2026-11-24T10:00:00Z", "<dcr:created>2026-11-24T10:00:01Z"),
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "request id and Timestamp id the same",
        before: |m| {
            let stamp =
                element(m, "wsu:Timestamp").split('"').find(|text| text.starts_with("TS-")).expect("an id").to_owned();
            let id = format!("A{}", &stamp[4..]);
            let request = element(m, "dcr:requestId").to_owned();
            m.replace(&stamp, &id).replacen(&request, &format!("<dcr:requestId>{id}</dcr:requestId>"), 1)
        },
        wanted: INVALID,
        ..GOOD
    },
    Row {
        name: "a view of a patient nobody knows",
        before: |m| swap(m, RICH, NUMBERS[11]),
        wanted: (200, "", "MIG-0002", ANSWER),
        ..GOOD
    },
];

#[tokio::test]
async fn every_accreditation_test_gets_the_answer_that_it_must() {
    let bench = Bench::start().await;
    let client = bench.client();
    let mut wrong = Vec::new();
    for row in ROWS {
        let signed = client.sign_again(&(row.before)(&client.write(&view_of(RICH))));
        let message = (row.after)(&signed);
        let ids: Vec<_> = message.matches("<wsa:MessageID").collect();
        let parsed = !row.name.starts_with("ER_INV") || row.name.starts_with("ER_INVSCH");
        let relates_to = (parsed && ids.len() == 1 && !row.name.starts_with("SO_VMISRJ"))
            .then(|| element(&message, "wsa:MessageID").rsplit_once("</").expect("an end").0)
            .and_then(|text| text.rsplit('>').next())
            .map(str::to_owned);
        let (status, faultcode, code, action) = row.wanted;
        let [faultcode, code, action] = [faultcode, code, action].map(str::to_owned);
        let wanted = Seen { status, faultcode, code, action, relates_to };
        match send(&bench, &pki().viewer, &(row.head)(), message.as_bytes()).await {
            Ok(raw) if seen(&raw) == wanted => complete(row.name, &raw),
            Ok(raw) => wrong.push(format!("{}: {:?}, not {wanted:?}: {}", row.name, seen(&raw), raw.body)),
            Err(error) => wrong.push(format!("{}: {error}", row.name)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("accreditation: {} rows", ROWS.len());
}

/// What every coded fault has beside its code.
fn complete(name: &str, raw: &Raw) {
    if raw.status == 200 || !raw.body.contains("<itk:ToolkitErrorInfo") {
        assert!(!raw.body.contains("<faultcode>soap:Client"), "{name}: without ToolkitErrorInfo");
        return;
    }
    let id = between(&raw.body, "<itk:ErrorID>", "</itk:ErrorID>").expect("an id");
    assert!(id.len() == 36 && id == id.to_uppercase(), "{name}: {id}");
    assert!(raw.body.contains("codeSystem=\"2.16.840.1.113883.2.1.3.2.4.17.268\""), "{name}");
    assert!(between(&raw.body, "<faultstring>", "</faultstring>").is_some_and(|text| !text.is_empty()), "{name}");
    assert!(between(&raw.body, "<itk:ErrorText>", "</itk:ErrorText>").is_some_and(|text| !text.is_empty()), "{name}");
}

#[tokio::test]
async fn an_unauthorised_user_is_denied_and_a_wrong_certificate_gets_no_connection() {
    let bench = Bench::start().await;
    let unlisted = crate::gateway::testing::Client::build(&bench.config("unlisted", "unlisted"), bench.clock.clone());
    let message = unlisted.write(&view_of(RICH));
    let raw = send(&bench, &pki().unlisted, &head(ACTION), message.as_bytes()).await.expect("an answer");
    let found = seen(&raw);
    assert_eq!((found.status, found.faultcode.as_str(), found.code.as_str()), (500, "Client", "3000"), "SO_INVUSR");

    // 111_SO_MA1, MA2: another authority's certificate, an expired one. MA3, a revoked one, is tested with the lists.
    let message = bench.client().write(&view_of(RICH));
    assert!(send(&bench, &pki().foreign, &head(ACTION), message.as_bytes()).await.is_err());
    let expired = super::certificates::expired_viewer();
    assert!(send(&bench, &expired, &head(ACTION), message.as_bytes()).await.is_err());
    assert!(bench.server.extracts().is_empty());
}

#[tokio::test]
async fn a_fault_relates_to_nothing_where_two_messages_are_named() {
    let bench = Bench::start().await;
    let client = bench.client();
    let message = client.write(&view_of(RICH));
    let copy = element(&message, "wsa:MessageID").replace("id-message", "id-other");
    for two in [
        with_header(&message, &copy),
        swap(&message, "<soap:Header>", &format!("<soap:Header>{copy}</soap:Header><soap:Header>")),
    ] {
        let raw = send(&bench, &pki().viewer, &head(ACTION), two.as_bytes()).await.expect("an answer");
        assert_eq!((seen(&raw).code.as_str(), seen(&raw).relates_to), ("3000", None));
    }
}
