//! Signed answers (`require_signed_response`): what was tampered with, wrapped or signed by somebody else is never read, and
//! what was verified is what is read.

use super::forge::{element, piece, swap};
use super::{Bench, NUMBERS, RICH, file, told, view_of};
use crate::gateway::profile::DEFAULT_PROFILE;
use crate::gateway::testing::Client;
use crate::gateway::{GatewayConfig, GatewayError};
use std::time::Duration;

async fn bench() -> (Bench, Client) {
    let profile = DEFAULT_PROFILE.replace("require_signed_response = false", "require_signed_response = true");
    let path = file("sealed.toml");
    std::fs::write(&path, &profile).expect("written");
    let bench = Bench::with(profile, Some(path)).await;
    let config = GatewayConfig { response_ca: Some(file("root.pem")), ..bench.config("viewer", "viewer") };
    let client = Client::build(&config, bench.clock.clone());
    (bench, client)
}

fn body(answer: &str) -> String {
    element(answer, "soap:Body").to_owned()
}

fn forged(answer: &str) -> String {
    body(answer).replace("wsu:Id=\"id-body\"", "wsu:Id=\"id-forged\"").replace(RICH, NUMBERS[6])
}

fn moved(answer: &str, original: &str, twin: &str, before: &str, wrapped: &str) -> String {
    swap(&answer.replacen(original, twin, 1), before, &format!("{wrapped}{before}"))
}

fn foreign(inside: &str) -> String {
    format!("<x:Wrapper xmlns:x=\"urn:x\">{inside}</x:Wrapper>")
}

fn header(answer: &str, name: &str) -> String {
    piece(answer, &format!("<wsa:{name} "), &format!("</wsa:{name}>")).to_owned()
}

type Edit = (&'static str, fn(&str) -> String, &'static str);

const SIGNATURE: &str = "the answer's signature";
const UNSIGNED: &str = "part of the answer is not signed";

const REFUSED: &[Edit] = &[
    ("another number", |a| a.replace(RICH, NUMBERS[6]), SIGNATURE),
    ("another outcome", |a| swap(a, "MIG-0000", "MIG-0009"), SIGNATURE),
    ("another RelatesTo", |a| swap(a, "</wsa:RelatesTo>", "0</wsa:RelatesTo>"), SIGNATURE),
    ("another Action", |a| swap(a, "Response</wsa:Action>", "</wsa:Action>"), SIGNATURE),
    ("a longer life", |a| swap(a, "10:05:00Z</wsu:Expires>", "10:06:00Z</wsu:Expires>"), SIGNATURE),
    (
        "a life too long",
        |a| swap(a, "10:05:00Z</wsu:Expires>", "10:30:00Z</wsu:Expires>"),
        "signed answer out of its time",
    ),
    ("an element more in the record", |a| swap(a, "</openHealthRecord>", "<x/></openHealthRecord>"), SIGNATURE),
    (
        "the Body under a foreign header",
        |a| moved(a, &body(a), &forged(a), "</soap:Header>", &foreign(&body(a))),
        SIGNATURE,
    ),
    ("the Body in the Header", |a| moved(a, &body(a), &forged(a), "</soap:Header>", &body(a)), SIGNATURE),
    ("the Body in the Security header", |a| moved(a, &body(a), &forged(a), "</wsse:Security>", &body(a)), SIGNATURE),
    (
        "the Body behind the Header in an element of its own",
        |a| moved(a, &body(a), &forged(a), "</soap:Envelope>", &foreign(&body(a))),
        SIGNATURE,
    ),
    (
        "two Bodies",
        |a| swap(a, "</soap:Envelope>", &format!("{}</soap:Envelope>", forged(a))),
        "signed answer without Body",
    ),
    (
        "two Headers",
        |a| swap(a, "<soap:Header>", "<soap:Header></soap:Header><soap:Header>"),
        "signed answer without Header",
    ),
    (
        "two Security headers",
        |a| {
            let copy = element(a, "wsse:Security").replace("wsu:Id=\"", "wsu:Id=\"x");
            swap(a, "</soap:Header>", &format!("{copy}</soap:Header>"))
        },
        "answer not signed",
    ),
    ("no Security header", |a| a.replacen(element(a, "wsse:Security"), "", 1), "answer not signed"),
    ("no Timestamp", |a| a.replacen(element(a, "wsu:Timestamp"), "", 1), "signed answer without Timestamp"),
    ("an id twice", |a| swap(a, "</soap:Header>", "<x:A xmlns:x=\"urn:x\" Id=\"id-body\"/></soap:Header>"), SIGNATURE),
    (
        "RelatesTo under a foreign header, another in its place",
        |a| {
            let original = header(a, "RelatesTo");
            let twin = original.replace("wsu:Id=", "wsu:Is=").replace("</wsa", "0</wsa");
            moved(a, &original, &twin, "</soap:Header>", &foreign(&original))
        },
        SIGNATURE,
    ),
    (
        "an addressing header that is not signed",
        |a| {
            let wsa = crate::gateway::xml::WSA;
            swap(a, "</soap:Header>", &format!("<wsa:RelatesTo xmlns:wsa=\"{wsa}\">x</wsa:RelatesTo></soap:Header>"))
        },
        UNSIGNED,
    ),
    ("a DTD", |a| swap(a, "<soap:Envelope", "<!DOCTYPE x><soap:Envelope"), "answer unreadable"),
    ("another signature value", |a| swap(a, "<ds:SignatureValue>", "<ds:SignatureValue>AAAA"), SIGNATURE),
    (
        "SHA-1",
        |a| swap(a, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        SIGNATURE,
    ),
];

#[tokio::test]
async fn an_answer_that_was_tampered_with_after_it_was_signed_is_never_read() {
    let (_bench, client) = bench().await;
    let conversation = client.converse(&view_of(RICH)).await;
    let answer = String::from_utf8(conversation.answer.to_vec()).expect("text");
    assert!(client.read(&conversation, answer.clone()).is_ok());
    let mut wrong = Vec::new();
    for (what, edit, wanted) in REFUSED {
        match client.read(&conversation, edit(&answer)) {
            Err(GatewayError::Broken(why)) if why == *wanted => {}
            other => wrong.push(format!("{what}: {other:?}, not {wanted}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("answers: {} cases refused", REFUSED.len());
}

#[tokio::test]
async fn a_signed_answer_names_no_user_and_may_be_spelled_otherwise() {
    let (_bench, client) = bench().await;
    let conversation = client.converse(&view_of(RICH)).await;
    let answer = String::from_utf8(conversation.answer.to_vec()).expect("text");
    assert!(!answer.contains("UsernameToken"), "{answer}");
    for (what, edited) in [
        ("a comment in the number", answer.replace("999000", "999<!-- 0 -->000")),
        (
            "a comment that other readers end early",
            swap(&answer, "<openHealthRecord", "<!--><openHealthRecord/><!-- --><openHealthRecord"),
        ),
        ("a declaration more", swap(&answer, "<soap:Envelope", "<soap:Envelope xmlns:q=\"urn:q\"")),
    ] {
        // Whatever a reader of bytes might make of it: what is read is what was verified, or nothing is.
        match client.read(&conversation, edited) {
            Ok(()) | Err(GatewayError::Broken("answer unreadable")) => {}
            Err(other) => panic!("{what}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_fault_is_believed_only_where_it_is_signed() {
    let (bench, client) = bench().await;
    let fault = client.enclosed(&view_of(NUMBERS[9]), Duration::from_secs(20)).await.err();
    assert!(matches!(fault, Some(GatewayError::Broken("fault 2200"))));
    assert!(client.locate(&told(RICH)).await.is_ok());
    let plain = Bench::start().await;
    let config = GatewayConfig {
        endpoint: plain.server.endpoint(),
        response_ca: Some(file("root.pem")),
        ..bench.config("viewer", "viewer")
    };
    let doubting = Client::build(&config, bench.clock.clone());
    for number in [RICH, NUMBERS[9]] {
        let error = doubting.enclosed(&view_of(number), Duration::from_secs(20)).await.err();
        assert!(matches!(error, Some(GatewayError::Broken("answer not signed"))), "{error:?}");
    }
}
