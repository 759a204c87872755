//! `healthDomain`: encounters, events, problems. Documents and tasks are outside the Detailed Care Record.

use super::admin::{is_deleted, named_policy};
use super::cursor::{Cursor, Tag};
use super::values::{code, value};
use super::{Building, ReadError, drugs, scalars};
use crate::record::{Encounter, Event, PartialDate, Problem, Referral, Report, Specimen};
use std::borrow::Cow;

pub(super) fn domain(cursor: &mut Cursor<'_>, building: &mut Building) -> Result<(), ReadError> {
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "event" => event(cursor, &tag, building)?,
            "encounter" => encounter(cursor, &tag, building)?,
            "problem" => problem(cursor, &tag, building)?,
            "document" | "task" | "prescription" => cursor.skip()?,
            _ => cursor.skip_unknown()?,
        }
    }
    Ok(())
}

fn encounter(cursor: &mut Cursor<'_>, tag: &Tag<'_>, building: &mut Building) -> Result<(), ReadError> {
    let mut read = Encounter { complete: true, ..Encounter::default() };
    read.marks.deleted = is_deleted(tag)?;
    if let Some(complete) = tag.attribute("complete")? {
        read.complete = cursor.kept(Some(complete), "boolean", scalars::boolean).unwrap_or(true);
    }
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "id" => read.id = cursor.id()?.unwrap_or_default(),
            "effectiveTime" => read.effective = cursor.partial(&tag)?,
            "availabilityTimeStamp" => read.available = cursor.instant()?,
            "authorisingUserInRole" => read.authorising = cursor.id()?,
            "enteredByUserInRole" => read.entered_by = cursor.id()?,
            "organisation" => first(&mut read.organisation, cursor.id()?),
            "confidentialityPolicy" => named_policy(cursor, &mut read.marks, &mut building.named_policies)?,
            "hidden" => read.marks.hidden |= cursor.guard()?,
            "consultationType" => read.consultation_type = cursor.token()?,
            "location" => read.location = cursor.id()?,
            "locationType" => read.location_type = code(cursor, &tag)?,
            "accompanyingHCP" => read.accompanying.extend(cursor.id()?),
            "externalConsulter" => {
                cursor.odd("dropped-text");
                cursor.skip()?;
            }
            "duration" => read.duration = cursor.duration(&tag)?,
            "component" => {
                while let Some(tag) = cursor.child()? {
                    match tag.name() {
                        "event" => read.components.extend(cursor.id()?),
                        _ => cursor.skip()?,
                    }
                }
            }
            _ => cursor.skip()?,
        }
    }
    if read.id.is_empty() {
        cursor.odd("encounter-without-id");
        building.record.unidentified.push((read.id, "ENC".to_owned()));
    } else {
        building.record.encounters.push(read);
    }
    Ok(())
}

fn problem(cursor: &mut Cursor<'_>, tag: &Tag<'_>, building: &mut Building) -> Result<(), ReadError> {
    let (mut id, mut read) = (None, Problem { deleted: is_deleted(tag)?, ..Problem::default() });
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "id" => id = cursor.id()?,
            "status" => read.status = cursor.token()?,
            "significance" => read.significance = cursor.token()?,
            "expectedDuration" => read.expected_duration = cursor.duration(&tag)?,
            "endTime" => read.end = cursor.partial(&tag)?,
            "owner" => read.owner = cursor.token()?,
            "parentProblem" => {
                let (mut parent, mut relationship) = (tag.attribute("id")?.map(|id| scalars::id(&id)), None);
                while let Some(tag) = cursor.child()? {
                    match tag.name() {
                        "id" => parent = cursor.id()?,
                        "relationshipType" => relationship = cursor.token()?,
                        _ => cursor.skip()?,
                    }
                }
                read.parents.extend(parent.map(|parent| (parent, relationship)));
            }
            "eventLink" => {
                let mut link = tag.attribute("id")?.map(|id| scalars::id(&id));
                while let Some(tag) = cursor.child()? {
                    match tag.name() {
                        "id" => link = cursor.id()?,
                        _ => cursor.skip()?,
                    }
                }
                read.links.extend(link);
            }
            _ => cursor.skip()?,
        }
    }
    match id {
        Some(id) if !building.record.problems.contains_key(&id) => {
            building.record.problems.insert(id, read);
        }
        Some(_) => cursor.odd("duplicate-problem"),
        None => cursor.odd("problem-without-id"),
    }
    Ok(())
}

fn event(cursor: &mut Cursor<'_>, tag: &Tag<'_>, building: &mut Building) -> Result<(), ReadError> {
    let mut read = Event::default();
    let mut inferred = None;
    read.marks.deleted = is_deleted(tag)?;
    if let Some(unfiled) = tag.attribute("unFiled")? {
        read.unfiled = cursor.kept(Some(unfiled), "boolean", scalars::boolean).unwrap_or(false);
    }
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "id" => read.id = cursor.id()?.unwrap_or_default(),
            "eventType" => read.kind = cursor.token()?.unwrap_or_default(),
            "effectiveTime" => read.effective = cursor.partial(&tag)?,
            "availabilityTimeStamp" => read.available = cursor.instant()?,
            "authorisingUserInRole" => read.authorising = cursor.id()?,
            "enteredByUserInRole" => read.entered_by = cursor.id()?,
            "code" => {
                let next = code(cursor, &tag)?;
                match (&mut read.code, next) {
                    // The schema allows one; a second is kept where it will be looked at.
                    (Some(first), Some(second)) => {
                        cursor.odd("second-code");
                        first.translations.push(second);
                    }
                    (slot, next) => *slot = slot.take().or(next),
                }
            }
            "displayTerm" => read.term = cursor.token()?,
            "organisation" => first(&mut read.organisation, cursor.id()?),
            "confidentialityPolicy" => named_policy(cursor, &mut read.marks, &mut building.named_policies)?,
            "hidden" => read.marks.hidden |= cursor.guard()?,
            "associatedText" if building.associated_text_of.contains(&read.kind) => associated_text(cursor, &mut read)?,
            name => {
                let payload = match name {
                    "observation" => "OBS",
                    "medication" => "MED",
                    "medicationIssue" => "ISS",
                    "referral" => "REF",
                    "report" => "REP",
                    "allergy" => "ALL",
                    "diary" => "DRY",
                    "alert" => "ALT",
                    "orderHeader" => "OH",
                    "id" | "patient" | "template" | "annotations" => "",
                    "associatedText" => {
                        cursor.odd("dropped-text");
                        ""
                    }
                    _ => {
                        cursor.odd("unknown-element");
                        ""
                    }
                };
                match payload {
                    "OBS" => observation(cursor, &tag, &mut read)?,
                    "MED" => read.medication = Some(Box::new(drugs::medication(cursor)?)),
                    "ISS" => read.issue = Some(Box::new(drugs::issue(cursor)?)),
                    "REF" => read.referral = Some(Box::new(referral(cursor)?)),
                    "REP" => report(cursor, &mut read)?,
                    "ALL" => allergy(cursor, &tag, &mut read)?,
                    _ => cursor.skip()?,
                }
                if !payload.is_empty() {
                    inferred = Some(payload);
                }
            }
        }
    }
    if read.kind.is_empty() {
        cursor.odd("event-without-type");
        inferred_kind(inferred, &read).clone_into(&mut read.kind);
    }
    // Without an id it is nothing that anything could name; of two with one id, the end decides.
    if read.id.is_empty() {
        cursor.odd("event-without-id");
        building.record.unidentified.push((read.id, read.kind));
    } else {
        building.record.events.push(read);
    }
    Ok(())
}

/// A text that the wire profile keeps for this type.
fn associated_text(cursor: &mut Cursor<'_>, event: &mut Event) -> Result<(), ReadError> {
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "value" => event.associated_texts.extend(cursor.text()?.map(Cow::into_owned)),
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

fn inferred_kind(payload: Option<&'static str>, read: &Event) -> &'static str {
    match payload {
        Some("OBS") | None if read.value.is_some() => "VAL",
        Some("OBS") | None if !read.children.is_empty() => "INV",
        Some(kind) => kind,
        None => "OBS",
    }
}

fn observation(cursor: &mut Cursor<'_>, tag: &Tag<'_>, event: &mut Event) -> Result<(), ReadError> {
    event.result_status = tag.attribute("resultStatus")?;
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "value" => event.value = value(cursor)?,
            "abnormal" => {
                let flag = tag.attribute("value")?;
                let flag = cursor.kept(flag, "boolean", scalars::boolean);
                let description = tag.attribute("description")?;
                event.abnormal = flag.map(|flag| (flag, description));
                cursor.skip()?;
            }
            "complexObservation" => {
                while let Some(tag) = cursor.child()? {
                    match tag.name() {
                        "childLink" => event.children.extend(cursor.id()?),
                        _ => cursor.skip()?,
                    }
                }
            }
            "episodicity" => event.episodicity = cursor.token()?,
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

fn allergy(cursor: &mut Cursor<'_>, tag: &Tag<'_>, event: &mut Event) -> Result<(), ReadError> {
    event.result_status = tag.attribute("resultStatus")?;
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "targetDrug" => event.target_drug = code(cursor, &tag)?.map(Box::new),
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

fn referral(cursor: &mut Cursor<'_>) -> Result<Referral, ReadError> {
    let mut read = Referral::default();
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "speciality" => {
                let display = tag.token("displayName")?;
                read.speciality = cursor.token()?.or(display);
            }
            "targetUserInRole" => read.target_user = cursor.id()?,
            "targetOrganisation" => read.target_organisation = cursor.id()?,
            "urgency" => read.urgency = cursor.token()?,
            "requestType" => read.request_type = cursor.token()?,
            "direction" => read.direction = cursor.token()?,
            "UBRN" => read.ubrn = cursor.token()?,
            "sourceOrganisation" => read.source_organisation = cursor.id()?,
            "datedReferral" => read.dated = cursor.partial(&tag)?,
            "referralMode" => read.mode = cursor.token()?,
            "NHS" => read.nhs = cursor.boolean()?,
            "community" => read.community = cursor.boolean()?,
            "rejectedReason" => {
                read.rejected = cursor.text()?.is_some();
                if read.rejected {
                    cursor.odd("dropped-text");
                }
            }
            "reason" => {
                cursor.odd("dropped-text");
                cursor.skip()?;
            }
            _ => cursor.skip()?,
        }
    }
    Ok(read)
}

fn report(cursor: &mut Cursor<'_>, event: &mut Event) -> Result<(), ReadError> {
    let mut read = Report::default();
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "issueDate" => read.issued = moment(cursor, &tag)?,
            "dataType" => read.data_type = cursor.token()?,
            "serviceOrganisation" => read.service_organisation = cursor.id()?,
            "component" => members(cursor, &mut event.children, &mut read.specimens)?,
            "reportSummary" => {
                cursor.odd("dropped-text");
                cursor.skip()?;
            }
            _ => cursor.skip()?,
        }
    }
    event.report = Some(read);
    Ok(())
}

/// Batteries and tests of a report's component, those of its specimen included.
fn members(
    cursor: &mut Cursor<'_>,
    children: &mut Vec<String>,
    specimens: &mut Vec<Specimen>,
) -> Result<(), ReadError> {
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "battery" | "test" => children.extend(cursor.id()?),
            "specimen" => {
                let specimen = specimen(cursor)?;
                children.extend(specimen.members.iter().cloned());
                specimens.push(specimen);
            }
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

fn specimen(cursor: &mut Cursor<'_>) -> Result<Specimen, ReadError> {
    let mut read = Specimen::default();
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "battery" | "test" => read.members.extend(cursor.id()?),
            "specimenType" => {
                let display = tag.token("displayName")?;
                read.kind = cursor.token()?.or(display);
            }
            "sampleDateTime" => read.sampled = moment(cursor, &tag)?,
            "collectionStartDate" => read.collection_start = moment(cursor, &tag)?,
            "collectionEndDate" => read.collection_end = moment(cursor, &tag)?,
            "dateTimeReceivedByLab" => read.received = moment(cursor, &tag)?,
            "volume" => read.volume = cursor.decimal()?,
            "volumeUnits" => read.volume_units = cursor.token()?,
            "comment" => {
                cursor.odd("dropped-text");
                cursor.skip()?;
            }
            _ => cursor.skip()?,
        }
    }
    Ok(read)
}

/// A day with its time, where the source writes one: midnight is what systems write for none.
fn moment(cursor: &mut Cursor<'_>, tag: &Tag<'_>) -> Result<Option<PartialDate>, ReadError> {
    if tag.attribute("datepart")?.is_some() {
        return cursor.partial(tag);
    }
    let text = cursor.text()?;
    Ok(cursor.kept(text, "date", |text| {
        let day = PartialDate::Day(scalars::date(text)?);
        Some(scalars::instant(text).filter(|_| !text.contains("T00:00:00")).map_or(day, PartialDate::Time))
    }))
}

fn first(slot: &mut Option<String>, value: Option<String>) {
    if slot.is_none() {
        *slot = value;
    }
}
