//! Reads an answer: a fault, where the record is, or one view with the record left as a span (WIRE sections 1, 2, 5 and 7).
//!
//! Lenient where WIRE lets a sender leave things out, strict about what an answer rests on: `RelatesTo`, the echo of
//! `requestId`, the requester, the practice and the view. Anything else unknown is ignored.

use super::envelope::{Ask, Question, Stamp, payload};
use super::profile::WireProfile;
use super::xml::{ITK, Node, SOAP, WSA, scan};
use super::{GatewayError, RETRY_AFTER};
use crate::ids::OdsCode;
use crate::policy::{Location, Registration, Supplier};
use bytes::Bytes;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// A record as it arrived: not yet read.
pub(super) struct Enclosed {
    pub xml: Bytes,
    pub recorded_as_at: OffsetDateTime,
    pub complete: bool,
}

/// An answer taken apart: everything but the records, and each record as a document of its own.
pub(super) struct Opened {
    pub root: Node,
    pub records: Vec<Bytes>,
}

impl Opened {
    /// Of an answer that need not be signed: the records stay spans of the bytes received.
    pub(super) fn of(bytes: &Bytes, record: (&str, &str)) -> Result<Self, Failure> {
        let (root, records) = scan(bytes, record).map_err(|_| broken("answer unreadable"))?;
        Ok(Self { root, records: records.iter().map(|place| place.cut(bytes)).collect() })
    }
}

/// Why an answer is none.
pub(super) enum Failure {
    /// Fault 2100 or MIG-0008: asking again makes sense.
    Busy,
    /// Anything else.
    Final(GatewayError),
}

/// A successful answer.
pub(super) enum Reply {
    Located(Location),
    Enclosed(Enclosed),
}

fn broken(why: &'static str) -> Failure {
    Failure::Final(GatewayError::Broken(why))
}

/// Reads an answer to this question.
pub(super) fn read(answer: Opened, ask: &Ask, stamp: &Stamp, profile: &WireProfile) -> Result<Reply, Failure> {
    let names = &profile.payload;
    let Opened { root, records } = answer;
    if !root.is(SOAP, "Envelope") {
        return Err(broken("not a SOAP 1.1 envelope"));
    }
    let body = root.only(SOAP, "Body").ok_or(broken("not exactly one Body"))?;
    let header = root.child(SOAP, "Header");
    let fault = body.child(SOAP, "Fault");
    if let Some(header) = header {
        let mut related = header.all(WSA, "RelatesTo");
        if related.any(|node| node.token() != stamp.message_id) {
            return Err(broken("RelatesTo is another message"));
        }
        let action = if fault.is_some() { None } else { header.child(WSA, "Action") };
        if action.is_some_and(|node| node.token() != profile.response_action()) {
            return Err(broken("action of another interaction"));
        }
    }
    if let Some(fault) = fault {
        return Err(self::fault(fault));
    }
    let payload = payload(body).ok_or(broken("not exactly one payload"))?;
    let ns = names.namespace.as_str();
    let wanted = match ask.question {
        Question::Where => &names.locate_response,
        Question::View { .. } => &names.view_response,
    };
    if !payload.is(ns, wanted) {
        return Err(broken("payload of another interaction"));
    }
    let about = payload.only(ns, "serviceHeader").ok_or(broken("no serviceHeader"))?;
    if about.only(ns, "requestId").is_none_or(|node| node.token() != ask.request_id) {
        return Err(broken("requestId is another request"));
    }
    if organisation(about, ns, "targetOrganisation") != Some(ask.asker.organisation.as_str()) {
        return Err(broken("answer to another organisation"));
    }
    let content = payload.only(ns, "serviceContent").ok_or(broken("no serviceContent"))?;
    let outcome = content.only(ns, "outcome").and_then(|node| node.attribute("code")).ok_or(broken("no outcome"))?;
    let partial = judge(outcome, profile)?;
    match &ask.question {
        Question::Where if partial => Err(broken("a location in part")),
        Question::Where => {
            let place = content.only(ns, "location").ok_or(broken("success without location"))?;
            let located = location(place, ns);
            // WIRE section 4: the practice speaks where it is told, else the gateway itself.
            let source = organisation(about, ns, "sourceOrganisation");
            let entitled = |source: &str| match &located.practice {
                Some(practice) => source == practice.as_str() || source == profile.addressing.mig_ods,
                // Of a practice that is not told there is nothing to be shown either.
                None => true,
            };
            if !source.is_some_and(entitled) {
                return Err(broken("location from another organisation"));
            }
            Ok(Reply::Located(located))
        }
        Question::View { view, practice, .. } => {
            if organisation(about, ns, "sourceOrganisation") != Some(practice.as_str()) {
                return Err(broken("record of another practice"));
            }
            let record = content.only(ns, "record").ok_or(broken("success without record"))?;
            if record.attribute("view") != Some(profile.view_word(*view)) {
                return Err(broken("another view"));
            }
            enclosed(record, records, partial, (&names.record_namespace, &names.record_root)).map(Reply::Enclosed)
        }
    }
}

fn organisation<'n>(about: &'n Node, ns: &str, name: &str) -> Option<&'n str> {
    about.children.iter().find(|child| child.is(ns, name))?.attribute("odsCode")
}

fn enclosed(record: &Node, records: Vec<Bytes>, partial: bool, (ns, name): (&str, &str)) -> Result<Enclosed, Failure> {
    let ([child], Ok([xml])) = (record.children.as_slice(), <[Bytes; 1]>::try_from(records)) else {
        return Err(broken("not exactly one record"));
    };
    if !child.is(ns, name) {
        return Err(broken("not exactly one record"));
    }
    let complete = match record.attribute("complete").map(str::trim) {
        Some("true" | "1") => true,
        Some("false" | "0") => false,
        _ => return Err(broken("completeness not told")),
    };
    if complete == partial {
        return Err(broken("completeness contradicts the outcome"));
    }
    let recorded_as_at = record
        .attribute("recordedAsAt")
        .and_then(|text| OffsetDateTime::parse(text.trim(), &Rfc3339).ok())
        .and_then(|at| at.checked_to_offset(UtcOffset::UTC))
        .ok_or(broken("time of the record not told"))?;
    Ok(Enclosed { xml, recorded_as_at, complete })
}

/// The table of outcomes; whether it is a success in part.
fn judge(code: &str, profile: &WireProfile) -> Result<bool, Failure> {
    let codes = &profile.outcomes;
    let known = [
        (&codes.unknown_patient, GatewayError::UnknownPatient),
        (&codes.ambiguous, GatewayError::UnknownPatient),
        (&codes.consent_refused, GatewayError::ConsentRefused),
        (&codes.opted_out, GatewayError::OptedOut),
        (&codes.outside_agreement, GatewayError::OutsideAgreement),
        (&codes.not_authorised, GatewayError::NotAuthorised),
        (&codes.invalid, GatewayError::Broken("request found invalid there")),
        (&codes.failure, GatewayError::Broken("provider failure")),
    ];
    if code == codes.success {
        return Ok(false);
    }
    if code == codes.partial {
        return Ok(true);
    }
    if code == codes.busy {
        return Err(Failure::Busy);
    }
    let found = known.into_iter().find(|(known, _)| code == *known).map(|(_, error)| error);
    Err(Failure::Final(found.unwrap_or(GatewayError::Broken("unknown outcome"))))
}

/// Readers decide on `ErrorCode`, and on the faultcode's local name only where there is none.
fn fault(fault: &Node) -> Failure {
    let info = fault
        .children
        .iter()
        .find(|child| child.name == "detail")
        .and_then(|detail| detail.child(ITK, "ToolkitErrorInfo"));
    let Some(code) = info.and_then(|info| info.child(ITK, "ErrorCode")) else {
        let code = fault.children.iter().find(|child| child.name == "faultcode").map(Node::token).unwrap_or_default();
        let local = code.rsplit(':').next().unwrap_or_default().split('.').next().unwrap_or_default();
        return broken(match local {
            "VersionMismatch" => "fault VersionMismatch",
            "MustUnderstand" => "fault MustUnderstand",
            "Client" => "fault Client",
            _ => "fault Server",
        });
    };
    if code.attribute("codeSystem").is_some_and(|system| system != ERROR_CODES) {
        return broken("fault of another code system");
    }
    match code.token().as_str() {
        "1000" => broken("fault 1000"),
        "2100" => Failure::Busy,
        "2200" => broken("fault 2200"),
        "3000" => broken("fault 3000"),
        _ => broken("unknown fault"),
    }
}

/// The default code system of a toolkit error.
pub(crate) const ERROR_CODES: &str = "2.16.840.1.113883.2.1.3.2.4.17.268";

/// Anything missing or outside its list fails closed.
fn location(place: &Node, ns: &str) -> Location {
    let practice = place.only(ns, "practice");
    let code = practice.and_then(|node| node.attribute("odsCode")).and_then(|code| OdsCode::parse(code.trim()));
    let word = |name, attribute| place.only(ns, name).and_then(|node: &Node| node.attribute(attribute)).map(str::trim);
    let registration = word("registration", "status").and_then(Registration::parse).unwrap_or(Registration::Unknown);
    Location {
        registration: if code.is_some() || registration != Registration::Registered {
            registration
        } else {
            Registration::Unknown
        },
        practice_name: practice.and_then(|node| node.attribute("name")).map(str::to_owned),
        practice: code,
        supplier: word("system", "supplier").and_then(Supplier::parse).unwrap_or(Supplier::Other),
        traced: word("trace", "status") == Some("traced"),
        opted_out: word("sharing", "optedOut") != Some("false"),
    }
}

impl Failure {
    /// What is left when asking again is over.
    pub(super) fn into_error(self) -> GatewayError {
        match self {
            Self::Busy => GatewayError::Unavailable { retry_after: RETRY_AFTER },
            Self::Final(error) => error,
        }
    }
}
