//! The frame of a generated record: who it is about, who wrote it, and the root around it all.

use super::entries::Maker;
use super::{Generated, Options, nhs_number};
use std::fmt::Write as _;

const SURNAMES: [&str; 8] =
    ["Testwell", "Samplewood", "Mockridge", "Fakenham", "Dummerston", "Trialby", "Specimen", "Fixturely"];
const FORENAMES: [&str; 6] = ["Alpha", "Bravo", "Juliet", "Oscar", "Romeo", "Victor"];
const STAFF: [(&str, &str, &str); 3] =
    [("Dr", "Ines", "Prescot"), ("Sister", "Maud", "Bandage"), ("Mr", "Colin", "Counter")];
const JOBS: [&str; 3] = ["General Medical Practitioner", "Practice Nurse", "Clerical Worker"];

/// Puts the record together.
pub(super) fn finish(seed: u64, mut maker: Maker<'_>, options: &Options) -> Generated {
    let number = nhs_number(seed);
    let surname = maker.chance.of(&SURNAMES);
    let forename = maker.chance.of(&FORENAMES);
    let born = format!(
        "{}-{:02}-{:02}",
        1930 + maker.chance.below(70),
        1 + maker.chance.below(12),
        1 + maker.chance.below(28)
    );
    let sex = maker.chance.of(&["F", "M", "F", "M", "U", "I"]);
    let ids = &maker.ids;
    let today = options.today;
    let mut out = String::with_capacity(maker.events.len() + maker.encounters.len() + maker.problems.len() + 8192);
    out.push_str(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\">",
    );
    let _ = write!(
        out,
        "<id>{}</id><creationTime>{today}T09:00:00+00:00</creationTime><author><system><systemType>EMISWEB</systemType><version>9.9</version></system><organisation>{}</organisation><nationalCode>{}</nationalCode></author><contentSpecification><specification>37241000000102</specification></contentSpecification><adminDomain>",
        ids.record, ids.practice, options.practice
    );
    let _ = write!(
        out,
        "<person><id>{}</id><birthDate>{born}</birthDate><sex>{sex}</sex><forenames>{forename}</forenames><surname>{surname}</surname><title>Mx</title><address><id>{}</id><addressType>H</addressType><postCode>ZZ99 9ZZ</postCode><houseNameFlat>1</houseNameFlat><street>Sample Street</street><village/><town>Testham</town><county/></address></person>",
        ids.patient, ids.record
    );
    for (id, (title, forename, surname)) in ids.staff.iter().zip(STAFF) {
        let _ = write!(
            out,
            "<person><id>{}</id><forenames>{forename}</forenames><surname>{surname}</surname><title>{title}</title></person>",
            of(id, 'a')
        );
    }
    let _ = write!(
        out,
        "<patient><id>{patient}</id><patientIdentifier><identifierType>NHS</identifierType><value>{number}</value></patientIdentifier><patientIdentifier><identifierType>HOSP</identifierType><value>H{seed}</value></patientIdentifier><patientPerson>{patient}</patientPerson><registeredGPUserInRole>{gp}</registeredGPUserInRole><usualGPUserInRole>{gp}</usualGPUserInRole><confidentialityPolicy>{policy}</confidentialityPolicy><caseloadPatient><organisation>{practice}</organisation><dateRecorded>2001-04-02</dateRecorded><patientStatus><status>8</status><caseloadStatus>REG</caseloadStatus></patientStatus><patientType>REG</patientType></caseloadPatient></patient>",
        patient = ids.patient,
        gp = ids.staff.first().map_or("", String::as_str),
        policy = ids.open_policy,
        practice = ids.practice
    );
    let _ = write!(
        out,
        "<organisation><id>{}</id><name>The Generated Surgery</name><nationalPracticeCode>{}</nationalPracticeCode><mainLocation>{}</mainLocation></organisation><organisation><id>{}</id><name>Testham General Hospital</name></organisation>",
        ids.practice, options.practice, ids.location, ids.hospital
    );
    let _ = write!(
        out,
        "<location><id>{}</id><name>The Generated Surgery</name><locationType codeSystem=\"UNKNOWN\" code=\"\" displayName=\"Main Surgery\"/></location>",
        ids.location
    );
    for id in &ids.staff {
        let _ = write!(out, "<user><id>{id}</id><userPerson>{}</userPerson></user>", of(id, 'a'));
    }
    for (id, job) in ids.staff.iter().zip(JOBS) {
        let role = of(id, 'b');
        let text = format!(
            "<role><id>{role}</id><name>{job}</name><userCategory codeSystem=\"UNKNOWN\" code=\"\" displayName=\"{job}\"/><organisation>{}</organisation></role>",
            ids.practice
        );
        // Twice, as real ones are.
        out.push_str(&text);
        if job == JOBS[0] {
            out.push_str(&text);
        }
    }
    for id in &ids.staff {
        let _ = write!(
            out,
            "<userInRole><id>{id}</id><user>{id}</user><role>{}</role><contractualRelationship codeSystem=\"UNKNOWN\" code=\"\" displayName=\"Employed\"/><contractStart>2000-01-01</contractStart></userInRole>",
            of(id, 'b')
        );
    }
    for (id, name, restricts) in
        [(&ids.open_policy, "Unrestricted", false), (&ids.restricted_policy, "Practice only", true)]
    {
        let _ = write!(
            out,
            "<confidentialityPolicy><id>{id}</id><name>{name}</name><notificationType>NO</notificationType><showHiddenRecordIndicator>false</showHiddenRecordIndicator><organisation>{}</organisation><restrictToOrganisation>{restricts}</restrictToOrganisation></confidentialityPolicy>",
            ids.practice
        );
    }
    out.push_str("</adminDomain><healthDomain>");
    out.push_str(&maker.encounters);
    out.push_str(&maker.events);
    out.push_str(&maker.problems);
    out.push_str("</healthDomain></openHealthRecord>\n");
    Generated { nhs_number: number, xml: out, planted: maker.planted, marked: maker.marked }
}

/// A second id made of the first.
fn of(id: &str, with: char) -> String {
    let mut text: String = id.chars().take(35).collect();
    text.push(with);
    text
}
