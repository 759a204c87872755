//! The distribution envelope and the payload of a request, read strictly (WIRE sections 4 and 5).

use super::fault::Fault;
use super::schema::{
    Sequence, any_text, at_most, attribute, attributes_are, day, digits, empty, instant, maybe, text, token, uuid,
};
use crate::gateway::WireProfile;
use crate::gateway::xml::{ITK, Node};
use time::{Date, OffsetDateTime};

/// `auditIdentity/id/@type` where none is given (ITK distribution envelope 2.0).
const DEFAULT_IDENTITY: &str = "2.16.840.1.113883.2.1.3.2.4.18.27";

/// What the distribution envelope says.
pub(super) struct Envelope<'n> {
    pub tracking_id: String,
    pub payload_id: String,
    pub address: String,
    pub sender: String,
    /// Type (none for the default) and URI.
    identities: Vec<(Option<String>, String)>,
    pub payload: &'n Node,
}

/// A consent, as said.
pub(super) struct Consent {
    pub status: String,
    pub reference: String,
    pub category: Option<String>,
}

/// A view, as asked.
pub(super) struct Wanted {
    pub view: String,
    pub range: (Option<Date>, Option<Date>),
    pub consent: Consent,
}

/// What a payload says.
#[allow(clippy::struct_field_names, reason = "the names of the wire")]
pub(super) struct Request {
    pub request_id: String,
    pub created: OffsetDateTime,
    pub source: String,
    pub target: Option<String>,
    pub user: String,
    pub name: String,
    pub role: String,
    sds_user: Option<String>,
    role_profile: Option<String>,
    pub nhs_number: String,
    pub birth_date: Option<Date>,
    /// None where the question is where the record is.
    pub wanted: Option<Wanted>,
}

/// Reads the envelope of a Body.
pub(super) fn envelope<'n>(body: &'n Node, profile: &WireProfile) -> Result<Envelope<'n>, Fault> {
    let [root] = body.children.as_slice() else { return Err(Fault::Invalid("not exactly one element in the Body")) };
    if !root.is(ITK, "DistributionEnvelope") {
        return Err(Fault::Invalid("not a distribution envelope"));
    }
    let mut parts = Sequence::of(root, ITK, &[])?;
    let (header, payloads) = (parts.required("header")?, parts.required("payloads")?);
    parts.end()?;
    let mut parts = Sequence::of(header, ITK, &["service", "trackingid"])?;
    let tracking_id = uuid(attribute(header, "trackingid")?)?;
    if attribute(header, "service")? != profile.addressing.service {
        return Err(Fault::Invalid("service is not the action"));
    }
    let mut addresses = Sequence::of(parts.required("addresslist")?, ITK, &[])?;
    let address = addresses.required("address")?;
    addresses.end()?;
    empty(address, &["uri", "type"])?;
    let auditing = parts.required("auditIdentity")?;
    let mut list = Sequence::of(auditing, ITK, &[])?;
    let mut identities = Vec::new();
    while let Some(id) = list.optional("id") {
        empty(id, &["uri", "type"])?;
        // The schema's default, spelled out, says the same as its absence.
        let kind = maybe(id, "type")?.filter(|kind| kind != DEFAULT_IDENTITY);
        identities.push((kind, attribute(id, "uri")?));
    }
    list.end()?;
    if identities.is_empty() || identities.len() > 4 {
        return Err(Fault::Invalid("not one to four audit identities"));
    }
    let manifest = parts.required("manifest")?;
    let mut items = Sequence::of(manifest, ITK, &["count"])?;
    let item = items.required("manifestitem")?;
    items.end()?;
    let sender = parts.required("senderAddress")?;
    empty(sender, &["uri", "type"])?;
    let mut handling = Sequence::of(parts.required("handlingSpecification")?, ITK, &[])?;
    parts.end()?;
    let mut interactions = Vec::new();
    while let Some(spec) = handling.optional("spec") {
        empty(spec, &["key", "value"])?;
        if attribute(spec, "key")? == profile.payload.interaction_key {
            interactions.push(spec.attribute("value").unwrap_or_default());
        }
    }
    handling.end()?;

    let mut one = Sequence::of(payloads, ITK, &["count"])?;
    let wrapper = one.required("payload")?;
    one.end()?;
    let counted = manifest.attribute("count") == Some("1") && payloads.attribute("count") == Some("1");
    Sequence::of(item, ITK, &["id", "mimetype", "profileid", "compressed", "base64", "encrypted", "metadata"])?
        .end()?;
    attributes_are(wrapper, &["id", "filename"])?;
    let payload_id = attribute(wrapper, "id")?;
    if !counted || attribute(item, "id")? != payload_id {
        return Err(Fault::Invalid("manifest and payloads do not match"));
    }
    let bare = payload_id.strip_prefix("uuid_").ok_or(Fault::Invalid("payload id is not uuid_ and a UUID"))?;
    uuid(bare.to_owned())?;
    let [payload] = wrapper.children.as_slice() else { return Err(Fault::Invalid("not exactly one payload")) };
    let plain = |name| item.attribute(name).is_none_or(|value| value == "false" || value == "0");
    if attribute(item, "mimetype")? != "text/xml"
        || attribute(item, "profileid")? != profile.profile_id(&payload.name)
        || !["compressed", "base64", "encrypted", "metadata"].into_iter().all(plain)
    {
        return Err(Fault::Invalid("manifest item of another kind"));
    }
    if interactions != [profile.interaction(&payload.name)] {
        return Err(Fault::Invalid("interaction is not the payload's"));
    }
    Ok(Envelope {
        tracking_id,
        payload_id,
        address: attribute(address, "uri")?,
        sender: attribute(sender, "uri")?,
        identities,
        payload,
    })
}

fn organisation(node: &Node) -> Result<String, Fault> {
    empty(node, &["odsCode"])?;
    attribute(node, "odsCode")
}

/// Reads a payload against its schema.
pub(super) fn payload(root: &Node, profile: &WireProfile) -> Result<Request, Fault> {
    let ns = profile.payload.namespace.as_str();
    let is_view = root.is(ns, &profile.payload.view_request);
    if !is_view && !root.is(ns, &profile.payload.locate_request) {
        return Err(Fault::Invalid("payload of an unknown root"));
    }
    let mut parts = Sequence::of(root, ns, &[])?;
    let (header, content) = (parts.required("serviceHeader")?, parts.required("serviceContent")?);
    parts.end()?;

    let mut header = Sequence::of(header, ns, &[])?;
    let request_id = uuid(text(header.required("requestId")?, &[])?)?;
    let created = instant(&text(header.required("created")?, &[])?)?;
    let source = organisation(header.required("sourceOrganisation")?)?;
    let target = match header.optional("targetOrganisation") {
        Some(node) if is_view => Some(organisation(node)?),
        Some(_) => return Err(Fault::Invalid("the message does not fit its schema")),
        None => None,
    };
    let user = header.required("user")?;
    header.end_of_others()?;
    empty(user, &["id", "name", "roleCode", "sdsUserId", "sdsRoleProfileId"])?;

    let mut content = Sequence::of(content, ns, &[])?;
    let nhs_number = digits(text(content.required("nhsNumber")?, &[])?, "", 10)?;
    let birth_date = content.optional("dateOfBirth").map(|node| day(&text(node, &[])?)).transpose()?;
    let wanted = if is_view { Some(wanted(&mut content, ns)?) } else { None };
    content.end_of_others()?;
    Ok(Request {
        request_id,
        created,
        source,
        target,
        user: attribute(user, "id")?,
        name: attribute(user, "name")?,
        role: digits(attribute(user, "roleCode")?, "R", 4)?,
        sds_user: maybe(user, "sdsUserId")?,
        role_profile: maybe(user, "sdsRoleProfileId")?,
        nhs_number,
        birth_date,
        wanted,
    })
}

fn wanted(rest: &mut Sequence<'_>, ns: &str) -> Result<Wanted, Fault> {
    let view = any_text(rest.required("view")?)?;
    let range = match rest.optional("dateRange") {
        Some(node) => {
            empty(node, &["from", "to"])?;
            let end = |name| maybe(node, name)?.map(|value| day(&value)).transpose();
            (end("from")?, end("to")?)
        }
        None => (None, None),
    };
    let consent = rest.required("consent")?;
    let mut reasons = Sequence::of(consent, ns, &["status", "reference", "recordedAt"])?;
    let category = match reasons.optional("overrideReason") {
        Some(node) => {
            at_most(text(node, &["category"])?, 128)?;
            Some(token(node, "category")?)
        }
        None => None,
    };
    reasons.end()?;
    instant(&attribute(consent, "recordedAt")?)?;
    let status = token(consent, "status")?;
    Ok(Wanted { view, range, consent: Consent { status, reference: attribute(consent, "reference")?, category } })
}

/// Requester and addressee agree by bytes in header, envelope, audit identity and payload.
pub(super) fn agree(
    request: &Request,
    envelope: &Envelope<'_>,
    from: Option<&str>,
    profile: &WireProfile,
) -> Result<(), Fault> {
    let differ = |what| Err(Fault::Invalid(what));
    if from.is_some_and(|from| from != envelope.sender) {
        return differ("From is not the sender");
    }
    if envelope.sender != profile.address(&request.source) {
        return differ("the sender is not the source organisation");
    }
    let Some((None, first)) = envelope.identities.first() else {
        return differ("the first audit identity has a type");
    };
    if *first != profile.user_identity(&request.source, &request.user) {
        return differ("the audit identity is not the user");
    }
    for (kind, uri) in envelope.identities.iter().skip(1) {
        let said = match kind.as_deref() {
            Some(kind) if kind == profile.identity.user => request.sds_user.as_ref(),
            Some(kind) if kind == profile.identity.role_profile => request.role_profile.as_ref(),
            Some(kind) if kind == profile.identity.role => None,
            _ => return differ("an audit identity of unknown type"),
        };
        if said.is_some_and(|said| said != uri) {
            return differ("an audit identity differs from the payload");
        }
    }
    match &request.target {
        Some(target) if profile.address(target) != envelope.address => differ("the target is not the address"),
        None if request.wanted.is_none() && envelope.address != profile.address(&profile.addressing.mig_ods) => {
            differ("not addressed to the gateway")
        }
        _ => Ok(()),
    }
}
