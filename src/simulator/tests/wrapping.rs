//! Signed parts moved, doubled, hidden and rewritten after they were signed; what XML allows to be spelled otherwise is not
//! refused. Every refusal is told by its reason, so that none is refused by accident. Longer than the limit: tables.

use super::forge::{Case, Kit, element, judge, piece, swap};
use super::{Bench, NUMBERS, RICH};
use crate::gateway::xml::{WSA, WSSE, WSU};

const OUT_OF_PLACE: &str = "3000: a signed part out of its place";
const TWICE: &str = "3000: an id given twice";
const DIGEST: &str = "3000: a digest does not match";
const MALFORMED: &str = "1000: not well-formed XML";

fn foreign(inside: &str) -> String {
    format!("<x:Wrapper xmlns:x=\"urn:x\">{inside}</x:Wrapper>")
}

/// A signed addressing header hidden under a foreign one, and another in its place.
fn header_hidden(kit: &Kit, name: &str, twin: &str) -> String {
    let original = kit.header(name).to_owned();
    kit.moved(&original, twin, "</soap:Header>", &foreign(&original))
}

fn unsigned(name: &str, text: &str) -> String {
    format!("<wsa:{name} xmlns:wsa=\"{WSA}\">{text}</wsa:{name}>")
}

fn forged_timestamp(kit: &Kit) -> String {
    element(&kit.message, "wsu:Timestamp").replace("wsu:Id=\"TS-", "wsu:Id=\"TX-").replace("10:05:00Z", "10:06:00Z")
}

/// A header of any kind with this attribute.
fn with_attribute(kit: &Kit, attribute: &str) -> String {
    kit.swapped(
        "</soap:Header>",
        &format!("<x:A xmlns:x=\"urn:x\" xmlns:wsu=\"{WSU}\" {attribute}></x:A></soap:Header>"),
    )
}

const MOVED: &[Case] = &[
    (
        "the Body under a foreign header, a forged twin in its place",
        |kit| kit.moved(kit.body(), &kit.forged_body(), "</soap:Header>", &foreign(kit.body())),
        OUT_OF_PLACE,
    ),
    (
        "the Body in the Header itself, a forged twin in its place",
        |kit| kit.moved(kit.body(), &kit.forged_body(), "</soap:Header>", kit.body()),
        OUT_OF_PLACE,
    ),
    (
        "the Body in the Security header, a forged twin in its place",
        |kit| kit.moved(kit.body(), &kit.forged_body(), "</wsse:Security>", kit.body()),
        OUT_OF_PLACE,
    ),
    (
        "the Body in an Object of the Signature, a forged twin in its place",
        |kit| {
            let object = format!("<ds:Object>{}</ds:Object>", kit.body());
            kit.moved(kit.body(), &kit.forged_body(), "</ds:Signature>", &object)
        },
        OUT_OF_PLACE,
    ),
    (
        "the Body inside a forged Body",
        |kit| {
            let outer = swap(&kit.forged_body(), "</soap:Body>", &format!("{}</soap:Body>", kit.body()));
            kit.message.replacen(kit.body(), &outer, 1)
        },
        OUT_OF_PLACE,
    ),
    (
        "the Body inside the payload of a forged Body",
        |kit| {
            let outer =
                swap(&kit.forged_body(), "</dcr:serviceContent>", &format!("{}</dcr:serviceContent>", kit.body()));
            kit.message.replacen(kit.body(), &outer, 1)
        },
        OUT_OF_PLACE,
    ),
    (
        "the Body inside an element of its own beside a forged Body",
        |kit| kit.moved(kit.body(), &kit.forged_body(), "</soap:Envelope>", &foreign(kit.body())),
        OUT_OF_PLACE,
    ),
    (
        "a forged Body behind the signed one",
        |kit| kit.swapped("</soap:Envelope>", &format!("{}</soap:Envelope>", kit.forged_body())),
        "3000: not exactly one Body",
    ),
    (
        "a forged Body before the signed one",
        |kit| kit.swapped("</soap:Header>", &format!("</soap:Header>{}", kit.forged_body())),
        "3000: not exactly one Body",
    ),
    (
        "To under a foreign header, another in its place",
        |kit| header_hidden(kit, "To", &unsigned("To", "https://elsewhere.example/mig")),
        OUT_OF_PLACE,
    ),
    (
        "To in the Security header, another in its place",
        |kit| {
            let original = kit.header("To").to_owned();
            kit.moved(&original, &unsigned("To", "https://elsewhere.example/mig"), "</wsse:Security>", &original)
        },
        OUT_OF_PLACE,
    ),
    (
        "MessageID under a foreign header, a fresh one in its place",
        |kit| header_hidden(kit, "MessageID", &unsigned("MessageID", "00000000-0000-4000-8000-00000000AAAA")),
        OUT_OF_PLACE,
    ),
    (
        "Action under a foreign header, another in its place",
        |kit| header_hidden(kit, "Action", &unsigned("Action", "urn:other")),
        OUT_OF_PLACE,
    ),
    (
        "From under a foreign header, another in its place",
        |kit| header_hidden(kit, "From", &unsigned("From", "<wsa:Address>urn:other</wsa:Address>")),
        OUT_OF_PLACE,
    ),
    ("From under a foreign header, none in its place", |kit| header_hidden(kit, "From", ""), OUT_OF_PLACE),
    (
        "the Timestamp under a foreign header, a longer one in its place",
        |kit| {
            let original = element(&kit.message, "wsu:Timestamp").to_owned();
            kit.moved(&original, &forged_timestamp(kit), "</soap:Header>", &foreign(&original))
        },
        OUT_OF_PLACE,
    ),
    (
        "the Timestamp deeper in the Security header, a longer one in its place",
        |kit| {
            let original = element(&kit.message, "wsu:Timestamp").to_owned();
            kit.moved(&original, &forged_timestamp(kit), "</wsse:Security>", &foreign(&original))
        },
        OUT_OF_PLACE,
    ),
    (
        "two Timestamps",
        |kit| kit.swapped("</wsse:Security>", &format!("{}</wsse:Security>", forged_timestamp(kit))),
        "3000: not exactly one Timestamp",
    ),
    (
        "two Security headers",
        |kit| {
            let copy = element(&kit.message, "wsse:Security").replace("wsu:Id=\"", "wsu:Id=\"x");
            kit.swapped("</soap:Header>", &format!("{copy}</soap:Header>"))
        },
        "3000: not exactly one Security",
    ),
    (
        "an empty Security header before the other",
        |kit| kit.swapped("<soap:Header>", &format!("<soap:Header><wsse:Security xmlns:wsse=\"{WSSE}\"/>")),
        "3000: not exactly one Security",
    ),
    (
        "a second Security header for somebody else",
        |kit| {
            let other = format!("<wsse:Security xmlns:wsse=\"{WSSE}\" soap:actor=\"urn:other\"/>");
            kit.swapped("</soap:Header>", &format!("{other}</soap:Header>"))
        },
        "3000: not exactly one Security",
    ),
    (
        "the Security header in the Body",
        |kit| {
            let security = element(&kit.message, "wsse:Security").to_owned();
            let without = kit.message.replacen(&security, "", 1);
            swap(&without, "</soap:Body>", &format!("{security}</soap:Body>"))
        },
        "3000: not exactly one Security",
    ),
    (
        "a second Header before the signed one",
        |kit| kit.swapped("<soap:Header>", "<soap:Header></soap:Header><soap:Header>"),
        "3000: not exactly one Header",
    ),
    (
        "no Header",
        |kit| kit.message.replacen(element(&kit.message, "soap:Header"), "", 1),
        "3000: not exactly one Header",
    ),
    ("the Body's id on a foreign header too", |kit| with_attribute(kit, "wsu:Id=\"id-body\""), TWICE),
    ("the Body's id as a plain Id elsewhere", |kit| with_attribute(kit, "Id=\"id-body\""), TWICE),
    ("the Body's id as a plain ID elsewhere", |kit| with_attribute(kit, "ID=\"id-body\""), TWICE),
    (
        "any id twice, signed or not",
        |kit| {
            with_attribute(kit, "wsu:Id=\"q\"").replacen(
                "<soap:Header>",
                "<soap:Header><y:B xmlns:y=\"urn:y\" Id=\"q\"/>",
                1,
            )
        },
        TWICE,
    ),
    (
        "a header given twice, the second not signed",
        |kit| {
            kit.swapped("</soap:Header>", &format!("{}</soap:Header>", unsigned("To", "https://elsewhere.example/mig")))
        },
        "3000: an addressing header given twice",
    ),
    (
        "a header given twice, both alike",
        |kit| {
            let copy = kit.header("MessageID").replace("wsu:Id=\"", "wsu:Id=\"x");
            kit.swapped("</soap:Header>", &format!("{copy}</soap:Header>"))
        },
        "3000: an addressing header given twice",
    ),
    (
        "the Signature under a foreign header",
        |kit| {
            let original = element(&kit.message, "ds:Signature").to_owned();
            kit.moved(&original, "", "</soap:Header>", &foreign(&original))
        },
        "3000: not exactly one signature",
    ),
    (
        "a second Signature under a foreign header",
        |kit| {
            let copy = foreign(element(&kit.message, "ds:Signature"));
            kit.swapped("</soap:Header>", &format!("{copy}</soap:Header>"))
        },
        "3000: a signature outside the Security header",
    ),
    (
        "two Signatures",
        |kit| {
            let copy = element(&kit.message, "ds:Signature").to_owned();
            kit.swapped("</wsse:Security>", &format!("{copy}</wsse:Security>"))
        },
        "3000: not exactly one signature",
    ),
    (
        "the token under a foreign header",
        |kit| {
            let original = element(&kit.message, "wsse:BinarySecurityToken").to_owned();
            kit.moved(
                &original,
                "",
                "</soap:Header>",
                &format!("<x:W xmlns:x=\"urn:x\" xmlns:wsse=\"{WSSE}\">{original}</x:W>"),
            )
        },
        "3000: not exactly one token",
    ),
    (
        "two tokens",
        |kit| {
            let copy = element(&kit.message, "wsse:BinarySecurityToken").replace("id-token", "id-other");
            kit.swapped("</wsse:Security>", &format!("{copy}</wsse:Security>"))
        },
        "3000: not exactly one token",
    ),
    (
        "two user names",
        |kit| {
            let copy = element(&kit.message, "wsse:UsernameToken").to_owned();
            kit.swapped("</wsse:Security>", &format!("{copy}</wsse:Security>"))
        },
        "3000: not exactly one Username",
    ),
];

const REWRITTEN: &[Case] = &[
    ("another number", |kit| kit.swapped(RICH, NUMBERS[6]), DIGEST),
    ("another view", |kit| kit.swapped("<dcr:view>Summary", "<dcr:view>Events"), DIGEST),
    ("another consent", |kit| kit.swapped("Explicit Consent", "Not Specified"), DIGEST),
    (
        "another requester",
        |kit| kit.swapped("sourceOrganisation odsCode=\"V1\"", "sourceOrganisation odsCode=\"V2\""),
        DIGEST,
    ),
    ("another role", |kit| kit.swapped("roleCode=\"R8000\"", "roleCode=\"R8003\""), DIGEST),
    ("another address", |kit| kit.swapped("ods:A81001\"", "ods:A81002\""), DIGEST),
    (
        "another request id",
        |kit| {
            let id = element(&kit.message, "dcr:requestId").to_owned();
            kit.message.replacen(&id, "<dcr:requestId>00000000-0000-4000-8000-00000000AAAA</dcr:requestId>", 1)
        },
        DIGEST,
    ),
    ("white space where there was none", |kit| kit.swapped("<dcr:serviceContent>", "<dcr:serviceContent> "), DIGEST),
    (
        "an element more",
        |kit| kit.swapped("</dcr:serviceContent>", "<x:A xmlns:x=\"urn:x\"/></dcr:serviceContent>"),
        DIGEST,
    ),
    ("an attribute more on the Body", |kit| kit.swapped("wsu:Id=\"id-body\"", "wsu:Id=\"id-body\" x=\"1\""), DIGEST),
    (
        "another prefix",
        |kit| {
            let body = kit.body().replace("dcr:", "abc:").replace("xmlns:dcr", "xmlns:abc");
            kit.message.replacen(kit.body(), &body, 1)
        },
        DIGEST,
    ),
    ("a longer life", |kit| kit.swapped("10:05:00Z", "10:06:00Z"), DIGEST),
    ("another Action", |kit| kit.swapped("sendRecvDistEnvelope</wsa", "send</wsa"), DIGEST),
    ("another From", |kit| kit.swapped("ods:V1</wsa:Address>", "ods:V2</wsa:Address>"), DIGEST),
    (
        "the Body's id taken off",
        |kit| kit.swapped(" wsu:Id=\"id-body\"", ""),
        "3000: a reference that resolves to nothing",
    ),
    (
        "a comment that cuts the user name",
        |kit| kit.swapped("<wsse:Username>viewer.example", "<wsse:Username>viewer.example<!-- -->.other"),
        "3000: Username is not the certificate's common name",
    ),
    (
        "an element that cuts the user name",
        |kit| kit.swapped("<wsse:Username>viewer.example", "<wsse:Username>viewer<x:a xmlns:x=\"urn:x\"/>.example"),
        "3000: not exactly one Username",
    ),
    (
        "a user name in other letters",
        |kit| kit.swapped("<wsse:Username>viewer", "<wsse:Username>VIEWER"),
        "3000: Username is not the certificate's common name",
    ),
    (
        "a user name with white space",
        |kit| kit.swapped("<wsse:Username>viewer.example", "<wsse:Username>viewer.example "),
        "3000: Username is not the certificate's common name",
    ),
    (
        "no user name",
        |kit| kit.message.replacen(element(&kit.message, "wsse:UsernameToken"), "", 1),
        "3000: not exactly one Username",
    ),
    (
        "an internal DTD",
        |kit| kit.swapped("<soap:Envelope", "<!DOCTYPE soap:Envelope [<!ENTITY n \"9990000077\">]><soap:Envelope"),
        MALFORMED,
    ),
    (
        "an external DTD",
        |kit| kit.swapped("<soap:Envelope", "<!DOCTYPE soap:Envelope SYSTEM \"file:///etc/passwd\"><soap:Envelope"),
        MALFORMED,
    ),
    (
        "a parameter entity",
        |kit| {
            kit.swapped(
                "<soap:Envelope",
                "<!DOCTYPE x [<!ENTITY % p SYSTEM \"https://127.0.0.1:1/\"> %p;]><soap:Envelope",
            )
        },
        MALFORMED,
    ),
    (
        "ids declared by a DTD",
        |kit| kit.swapped("<soap:Envelope", "<!DOCTYPE x [<!ATTLIST dcr:user id ID #REQUIRED>]><soap:Envelope"),
        MALFORMED,
    ),
    ("an entity of no one", |kit| kit.swapped(RICH, "&n;"), MALFORMED),
    (
        "an instruction in the Body",
        |kit| kit.swapped("<dcr:view>", "<?x y?><dcr:view>"),
        "1000: a DTD, processing instruction or entity",
    ),
    (
        "an instruction before the Envelope",
        |kit| kit.swapped("<soap:Envelope", "<?xml-stylesheet href=\"x\"?><soap:Envelope"),
        "1000: a DTD, processing instruction or entity",
    ),
    ("an attribute twice", |kit| kit.swapped("wsu:Id=\"id-body\"", "wsu:Id=\"id-body\" wsu:Id=\"id-body\""), MALFORMED),
    (
        "an attribute twice by two prefixes",
        |kit| kit.swapped("wsu:Id=\"id-body\"", &format!("wsu:Id=\"id-body\" xmlns:w=\"{WSU}\" w:Id=\"id-body\"")),
        MALFORMED,
    ),
    ("a prefix that nobody declared", |kit| kit.swapped("<dcr:view>", "<q:a/><dcr:view>"), MALFORMED),
    ("two roots", |kit| format!("{}<x/>", kit.message), MALFORMED),
    ("a null character", |kit| kit.swapped("<dcr:view>", "<dcr:view>\0"), MALFORMED),
    ("another encoding told than used", |kit| kit.swapped("encoding=\"UTF-8\"", "encoding=\"UTF-16\""), MALFORMED),
];

const SPELLED_OTHERWISE: &[Case] = &[
    ("as it was signed", |kit| kit.message.clone(), "MIG-0000"),
    ("a comment in the number", |kit| kit.swapped("999000", "999<!-- 0 -->000"), "MIG-0000"),
    (
        "a comment in the user name",
        |kit| kit.swapped("<wsse:Username>viewer", "<wsse:Username>vie<!-- -->wer"),
        "MIG-0000",
    ),
    ("a comment in To", |kit| kit.swapped("/mig</wsa:To>", "/m<!-- -->ig</wsa:To>"), "MIG-0000"),
    (
        "a comment that looks like an element",
        |kit| kit.swapped("<dcr:view>", "<!-- <dcr:view>Events</dcr:view> --><dcr:view>"),
        "MIG-0000",
    ),
    ("a section of characters", |kit| kit.swapped(RICH, &format!("<![CDATA[{RICH}]]>")), "MIG-0000"),
    ("a character by its number", |kit| kit.swapped("<dcr:view>S", "<dcr:view>&#83;"), "MIG-0000"),
    (
        "an empty element in one tag",
        |kit| {
            let user = element(&kit.message, "dcr:user").to_owned();
            kit.message.replacen(&user, &user.replace("></dcr:user>", "/>"), 1)
        },
        "MIG-0000",
    ),
    (
        "attributes in another order and quoted otherwise",
        |kit| {
            let item = piece(&kit.message, "<dcr:consent ", ">").to_owned();
            let mut words: Vec<_> = item
                .trim_start_matches("<dcr:consent ")
                .trim_end_matches('>')
                .split("\" ")
                .map(|word| format!("{}\"", word.trim_end_matches('"')))
                .collect();
            words.reverse();
            kit.message.replacen(
                &item,
                &format!("<dcr:consent {}>", words.join("\n ").replace("\"Explicit Consent\"", "'Explicit Consent'")),
                1,
            )
        },
        "MIG-0000",
    ),
    (
        "a declaration that nothing uses",
        |kit| kit.swapped("<soap:Envelope", "<soap:Envelope xmlns:unused=\"urn:unused\""),
        "MIG-0000",
    ),
    ("a byte order mark", |kit| format!("\u{feff}{}", kit.message), "MIG-0000"),
    ("white space between the headers", |kit| kit.swapped("</soap:Header>", "\n  </soap:Header>"), "MIG-0000"),
    (
        "an inclusion that nobody follows",
        |kit| {
            kit.swapped(
                "</soap:Header>",
                "<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"file:///etc/passwd\"/></soap:Header>",
            )
        },
        "MIG-0000",
    ),
];

#[tokio::test]
async fn a_signed_part_that_was_moved_doubled_or_hidden_is_refused() {
    let bench = Bench::start().await;
    println!("wrapping: {} cases refused", judge(&bench, MOVED).await);
}

#[tokio::test]
async fn a_message_rewritten_after_it_was_signed_is_refused() {
    let bench = Bench::start().await;
    println!("tampering: {} cases refused", judge(&bench, REWRITTEN).await);
}

#[tokio::test]
async fn what_xml_lets_a_sender_spell_otherwise_is_not_refused() {
    let bench = Bench::start().await;
    println!("spelling: {} cases accepted", judge(&bench, SPELLED_OTHERWISE).await);
}
