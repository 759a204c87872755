//! The FHIR R4 model and its two encodings: the only code that names fhirbolt.
//!
//! Typed resources are serialised to JSON here, once, behind one function that is not generic; the typed
//! deserialiser is never instantiated, since it alone would cost more to compile than the rest of the product.
//! What clients send is read as plain JSON by whoever validates it; XML is turned into that form first.

pub use fhirbolt::model::r4::{Resource, resources, types};

use fhirbolt::FhirReleases;
use fhirbolt::element::Element;

/// A value that cannot be written or read as FHIR. It carries no text of the input.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// A required element is missing from a typed resource: a bug of the mapping.
    #[error("a resource cannot be encoded")]
    Encode,
    /// The bytes are not the FHIR encoding they claim to be.
    #[error("the body is not readable as FHIR")]
    Decode,
}

/// Encodes one resource as JSON, compact, `resourceType` first.
///
/// # Errors
/// [`CodecError::Encode`] when a required element is missing.
pub fn to_json(resource: &Resource) -> Result<Vec<u8>, CodecError> {
    fhirbolt::json::to_vec(resource, None).map_err(|_| CodecError::Encode)
}

/// Turns one JSON resource into the XML form. `resourceType` must come first in every object that has it.
///
/// # Errors
/// [`CodecError::Decode`] when the bytes are not FHIR JSON, [`CodecError::Encode`] when they cannot be written.
pub fn json_to_xml(json: &[u8]) -> Result<Vec<u8>, CodecError> {
    let element: Element<{ FhirReleases::R4 }> =
        fhirbolt::json::from_slice(json, None).map_err(|_| CodecError::Decode)?;
    fhirbolt::xml::to_vec(&element, None).map_err(|_| CodecError::Encode)
}

/// Turns one XML resource into the JSON form.
///
/// # Errors
/// [`CodecError::Decode`] when the bytes are not FHIR XML, [`CodecError::Encode`] when they cannot be written.
pub fn xml_to_json(xml: &[u8]) -> Result<Vec<u8>, CodecError> {
    let element: Element<{ FhirReleases::R4 }> =
        fhirbolt::xml::from_slice(xml, None).map_err(|_| CodecError::Decode)?;
    fhirbolt::json::to_vec(&element, None).map_err(|_| CodecError::Encode)
}
