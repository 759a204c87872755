//! Wrong answers, made from the real one by editing its text.
//!
//! Only what a hostile or broken far side could do: everything not named stays as the simulator wrote it. An edit whose
//! place the answer does not have changes nothing. Called by the server, for switches alone.

use crate::ids::NhsNumber;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it; `edit` is the table")]
pub enum Tamper {
    NotXml,
    Dtd,
    ProcessingInstruction,
    Entity,
    CutXml,
    TooLarge,
    Soap12,
    NoHeader,
    NoBody,
    TwoBodies,
    WrongRelatesTo,
    NoRelatesTo,
    WrongAction,
    Infrastructure,
    NoPayload,
    TwoPayloads,
    OtherRoot,
    OtherNamespace,
    NoServiceHeader,
    WrongRequestId,
    NoRequestId,
    WrongRequester,
    NoRequester,
    WrongResponder,
    NoResponder,
    NoServiceContent,
    NoOutcome,
    NoOutcomeCode,
    Unknowns,
    NoLocation,
    NoPractice,
    BadPractice,
    OtherPractice,
    NoSystem,
    OtherSystem,
    NoRegistration,
    BadRegistration,
    NoTrace,
    BadTrace,
    NoSharing,
    BadSharing,
    NoRecord,
    TwoRecords,
    EmptyRecord,
    OtherRecord,
    WrongView,
    NoView,
    NoRecordedAsAt,
    BadRecordedAsAt,
    OldRecord,
    NoComplete,
    BadComplete,
    Incomplete,
    NoPatient,
    NoNhsNumber,
    WrongPatient,
    WrongBirthDate,
    AbsentPolicy,
    RestrictedPatient,
    #[serde(rename = "schema-2.1.1")]
    Schema211,
    #[serde(rename = "schema-2.1.10")]
    Schema2110,
    NoErrorCode,
    UnknownErrorCode,
    OtherErrorCode,
    Unsigned,
    EditedAfterSigning,
}

/// A policy that no record has.
const NOWHERE: &str = "00000000-dead-4000-8000-000000000000";

/// How much longer than any limit an answer grows.
const TOO_LARGE: usize = 33 * 1024 * 1024;

impl Tamper {
    /// Whether it changes what was signed, or takes the signature away.
    pub(super) fn is_after_signing(self) -> bool {
        matches!(self, Self::Unsigned | Self::EditedAfterSigning)
    }

    /// Edits an answer.
    #[allow(clippy::too_many_lines, reason = "a table")]
    pub(super) fn edit(self, text: &mut String) {
        match self {
            Self::NotXml => "{\"resourceType\":\"not XML\"}".clone_into(text),
            Self::Dtd => text.insert_str(0, "<!DOCTYPE Envelope [<!ENTITY x \"y\">]>"),
            Self::ProcessingInstruction => text.insert_str(0, "<?target data?>"),
            Self::Entity => before_end(text, "soap:Body", "&unknown;"),
            Self::CutXml => text.truncate(floor(text, text.len() / 2)),
            Self::TooLarge => {
                let padding = " ".repeat(TOO_LARGE);
                before_end(text, "soap:Body", &padding);
            }
            Self::Soap12 => {
                *text = text.replace(crate::gateway::xml::SOAP, "http://www.w3.org/2003/05/soap-envelope");
            }
            Self::NoHeader => remove(text, "soap:Header"),
            Self::NoBody => remove(text, "soap:Body"),
            Self::TwoBodies => double(text, "soap:Body"),
            Self::WrongRelatesTo => write(text, "wsa:RelatesTo", &crate::gateway::uuid()),
            Self::NoRelatesTo => remove(text, "wsa:RelatesTo"),
            Self::WrongAction => write(text, "wsa:Action", "urn:nhs-itk:services:201005:anotherResponse"),
            Self::Infrastructure => {
                let info = "<itk:InfrastructureResponse xmlns:itk=\"urn:nhs-itk:ns:201005\" result=\"OK\"></itk:InfrastructureResponse>";
                write(text, "soap:Body", info);
            }
            Self::NoPayload => remove(text, "itk:payload"),
            Self::TwoPayloads => double(text, "itk:payload"),
            Self::OtherRoot => {
                *text = text
                    .replace("Response xmlns:dcr", "Answer xmlns:dcr")
                    .replace("Response></itk:payload", "Answer></itk:payload");
            }
            Self::OtherNamespace => *text = text.replace("urn:x-mig-facade:dcr:v1", "urn:x-mig-facade:dcr:v2"),
            Self::NoServiceHeader => remove(text, "dcr:serviceHeader"),
            Self::WrongRequestId => write(text, "dcr:requestId", &crate::gateway::uuid()),
            Self::NoRequestId => remove(text, "dcr:requestId"),
            Self::WrongRequester => set(text, "dcr:targetOrganisation", "odsCode", Some("ZZ999")),
            Self::NoRequester => remove(text, "dcr:targetOrganisation"),
            Self::WrongResponder => set(text, "dcr:sourceOrganisation", "odsCode", Some("ZZ999")),
            Self::NoResponder => remove(text, "dcr:sourceOrganisation"),
            Self::NoServiceContent => remove(text, "dcr:serviceContent"),
            Self::NoOutcome => remove(text, "dcr:outcome"),
            Self::NoOutcomeCode => set(text, "dcr:outcome", "code", None),
            Self::Unknowns => {
                let extra = "<x:extra xmlns:x=\"urn:example:extra\"><x:deep></x:deep></x:extra>";
                for place in ["soap:Header", "dcr:serviceHeader", "dcr:serviceContent"] {
                    before_end(text, place, extra);
                }
                set(text, "dcr:outcome", "extra", Some("1"));
            }
            Self::NoLocation => remove(text, "dcr:location"),
            Self::NoPractice => remove(text, "dcr:practice"),
            Self::BadPractice => set(text, "dcr:practice", "odsCode", Some("not a code")),
            Self::OtherPractice => set(text, "dcr:practice", "odsCode", Some("ZZ999")),
            Self::NoSystem => remove(text, "dcr:system"),
            Self::OtherSystem => set(text, "dcr:system", "supplier", Some("Unheard-of")),
            Self::NoRegistration => set(text, "dcr:registration", "status", None),
            Self::BadRegistration => set(text, "dcr:registration", "status", Some("Registered!")),
            Self::NoTrace => remove(text, "dcr:trace"),
            Self::BadTrace => set(text, "dcr:trace", "status", Some("TRACED")),
            Self::NoSharing => set(text, "dcr:sharing", "optedOut", None),
            Self::BadSharing => set(text, "dcr:sharing", "optedOut", Some("no")),
            Self::NoRecord => remove(text, "dcr:record"),
            Self::TwoRecords => double(text, "dcr:record"),
            Self::EmptyRecord => write(text, "dcr:record", ""),
            Self::OtherRecord => *text = text.replace("openHealthRecord", "closedHealthRecord"),
            Self::WrongView => {
                let view = if text.contains(" view=\"Events\"") { "Summary" } else { "Events" };
                set(text, "dcr:record", "view", Some(view));
            }
            Self::NoView => set(text, "dcr:record", "view", None),
            Self::NoRecordedAsAt => set(text, "dcr:record", "recordedAsAt", None),
            Self::BadRecordedAsAt => set(text, "dcr:record", "recordedAsAt", Some("yesterday")),
            Self::OldRecord => set(text, "dcr:record", "recordedAsAt", Some("2020-02-29T12:00:00Z")),
            Self::NoComplete => set(text, "dcr:record", "complete", None),
            Self::BadComplete => set(text, "dcr:record", "complete", Some("partly")),
            Self::Incomplete => set(text, "dcr:record", "complete", Some("false")),
            Self::NoPatient => remove(text, "patient"),
            Self::NoNhsNumber => within(text, "patient", |patient| remove(patient, "patientIdentifier")),
            Self::WrongPatient => within(text, "patientIdentifier", |identifier| {
                if let Some(place) = inside(identifier, "value") {
                    let other = another(identifier.get(place.clone()).unwrap_or_default());
                    identifier.replace_range(place, other);
                }
            }),
            Self::WrongBirthDate => write(text, "birthDate", "1899-12-31"),
            Self::AbsentPolicy => within(text, "patient", |patient| write(patient, "confidentialityPolicy", NOWHERE)),
            Self::RestrictedPatient => {
                *text = text.replace("<restrictToOrganisation>false", "<restrictToOrganisation>true");
            }
            Self::Schema211 => schema(text, "2.1.1"),
            Self::Schema2110 => schema(text, "2.1.10"),
            Self::NoErrorCode => remove(text, "itk:ErrorCode"),
            Self::UnknownErrorCode => write(text, "itk:ErrorCode", "4711"),
            Self::OtherErrorCode => set(text, "itk:ErrorCode", "codeSystem", Some("1.2.3.4")),
            Self::Unsigned => remove(text, "wsse:Security"),
            // White space that no schema minds and every digest does.
            Self::EditedAfterSigning => before_end(text, "soap:Body", " "),
        }
    }
}

/// Puts words wherever an answer has text for people.
pub(super) fn speak(text: &mut String, words: &str) {
    let mut safe = String::new();
    crate::gateway::xml::escape_attribute(&mut safe, words);
    let safe = safe.replace('>', "&gt;");
    for element in ["faultstring", "itk:ErrorText", "itk:ErrorDiagnosticText"] {
        write(text, element, &safe);
    }
    set(text, "dcr:outcome", "display", Some(&safe));
    if let Some(place) = element(text, "dcr:outcome") {
        text.insert_str(place.end, &format!("<dcr:message>{safe}</dcr:message>"));
    }
}

/// Another number with a right check digit.
fn another(number: &str) -> &'static str {
    const OTHERS: [&str; 2] = ["9990000018", "9990000026"];
    debug_assert!(OTHERS.iter().all(|other| NhsNumber::parse(other).is_some()));
    if number == OTHERS[0] { OTHERS[1] } else { OTHERS[0] }
}

fn schema(text: &mut String, version: &str) {
    set(text, "openHealthRecord", "schemaVersion", Some(version));
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The first opening tag of a name.
fn tag(text: &str, name: &str) -> Option<Range<usize>> {
    let opening = format!("<{name}");
    let mut from = 0;
    loop {
        let start = from + text.get(from..)?.find(&opening)?;
        let rest = text.get(start + opening.len()..)?;
        if rest.starts_with(['>', ' ', '/', '\t', '\n', '\r']) {
            return Some(start..start + opening.len() + rest.find('>')? + 1);
        }
        from = start + opening.len();
    }
}

/// The first element of a name, tags and all. None of those edited holds another of its own name.
fn element(text: &str, name: &str) -> Option<Range<usize>> {
    let opening = tag(text, name)?;
    if text.get(..opening.end)?.ends_with("/>") {
        return Some(opening);
    }
    let closing = format!("</{name}>");
    let end = opening.end + text.get(opening.end..)?.find(&closing)? + closing.len();
    Some(opening.start..end)
}

/// What stands in it.
fn inside(text: &str, name: &str) -> Option<Range<usize>> {
    let opening = tag(text, name)?;
    let whole = element(text, name)?;
    (opening != whole).then(|| opening.end..whole.end - name.len() - 3)
}

fn remove(text: &mut String, name: &str) {
    if let Some(place) = element(text, name) {
        text.replace_range(place, "");
    }
}

fn double(text: &mut String, name: &str) {
    if let Some(place) = element(text, name) {
        let copy = text.get(place.clone()).unwrap_or_default().to_owned();
        text.insert_str(place.end, &copy);
    }
}

fn write(text: &mut String, name: &str, content: &str) {
    if let Some(place) = inside(text, name) {
        text.replace_range(place, content);
    }
}

fn before_end(text: &mut String, name: &str, content: &str) {
    if let Some(place) = inside(text, name) {
        text.insert_str(place.end, content);
    }
}

fn within(text: &mut String, name: &str, edit: impl FnOnce(&mut String)) {
    if let Some(place) = element(text, name) {
        let mut part = text.get(place.clone()).unwrap_or_default().to_owned();
        edit(&mut part);
        text.replace_range(place, &part);
    }
}

/// Sets an attribute, or takes it away.
fn set(text: &mut String, name: &str, attribute: &str, value: Option<&str>) {
    let Some(place) = tag(text, name) else { return };
    let opening = text.get(place.clone()).unwrap_or_default().to_owned();
    let written = value.map(|value| format!(" {attribute}=\"{value}\"")).unwrap_or_default();
    let start = format!(" {attribute}=\"");
    let changed = if let Some((head, rest)) = opening.split_once(&start) {
        format!("{head}{written}{}", rest.split_once('"').map_or("", |(_, tail)| tail))
    } else {
        let end = opening.len() - if opening.ends_with("/>") { 2 } else { 1 };
        let (head, tail) = opening.split_at(end);
        format!("{head}{written}{tail}")
    };
    text.replace_range(place, &changed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_and_attributes_are_found_by_whole_names() {
        let mut text = "<a><bc x=\"1\"></bc><b x=\"2\" y=\"3\">t</b><b/></a>".to_owned();
        set(&mut text, "b", "x", Some("9"));
        set(&mut text, "b", "y", None);
        set(&mut text, "b", "z", Some("4"));
        assert_eq!(text, "<a><bc x=\"1\"></bc><b x=\"9\" z=\"4\">t</b><b/></a>");
        write(&mut text, "b", "u");
        double(&mut text, "bc");
        before_end(&mut text, "a", "!");
        assert_eq!(text, "<a><bc x=\"1\"></bc><bc x=\"1\"></bc><b x=\"9\" z=\"4\">u</b><b/>!</a>");
        remove(&mut text, "b");
        remove(&mut text, "b");
        remove(&mut text, "none");
        assert_eq!(text, "<a><bc x=\"1\"></bc><bc x=\"1\"></bc>!</a>");
    }
}
