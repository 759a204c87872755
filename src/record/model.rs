//! OpenHR's elements that the Detailed Care Record uses, named as in its schema. Ids are lower-cased by the reader.
//!
//! Text that WIRE section 6 drops (associated text, pharmacy text, patient text, referral reason, cancellation text,
//! contact notes, document names and bodies) has no field: what is never read cannot leak.

use super::admin::{LocalMixture, Location, Organisation, Patient, Person, Role, User, UserInRole};
use super::drugs::{Issue, Medication};
use std::collections::BTreeMap;

/// One `openHealthRecord`.
#[derive(Default, Clone)]
pub struct Record {
    /// `author/system/systemType`: EMISWEB, EXT …
    pub system_type: Option<String>,
    /// `author/system/displayName`.
    pub system_name: Option<String>,
    /// `adminDomain/patient`, the first one.
    pub patient: Option<Patient>,
    /// `adminDomain/person` by id.
    pub persons: BTreeMap<String, Person>,
    /// `adminDomain/organisation` by id.
    pub organisations: BTreeMap<String, Organisation>,
    /// `adminDomain/location` by id.
    pub locations: BTreeMap<String, Location>,
    /// `adminDomain/user` by id: the id of the user's person.
    pub users: BTreeMap<String, User>,
    /// `adminDomain/role` by id.
    pub roles: BTreeMap<String, Role>,
    /// `adminDomain/userInRole` by id.
    pub users_in_role: BTreeMap<String, UserInRole>,
    /// `adminDomain/localMixture` by id.
    pub mixtures: BTreeMap<String, LocalMixture>,
    /// `adminDomain/confidentialityPolicy` by id.
    pub policies: BTreeMap<String, Policy>,
    /// `healthDomain/encounter`, document order.
    pub encounters: Vec<Encounter>,
    /// `healthDomain/event`, document order.
    pub events: Vec<Event>,
    /// `healthDomain/problem` by the id it shares with its defining event.
    pub problems: BTreeMap<String, Problem>,
    /// Whether anything names a confidentiality policy that is not present (WIRE section 6: 502).
    pub names_absent_policy: bool,
    /// Events and encounters (`ENC`) without an id, or with the id of an earlier one: id and event type. They are not
    /// read any further; the ledger counts them.
    pub unidentified: Vec<(String, String)>,
    /// What was odd and skipped, by a fixed word; counts only.
    pub oddities: BTreeMap<&'static str, u64>,
}

/// `datepart` and `value` of a `dt.DatePart`. Precision comes from the part alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartialDate {
    /// `Y`
    Year(i32),
    /// `YM`
    Month(i32, u8),
    /// `YMD`
    Day(time::Date),
    /// `YMDT`, local time of Great Britain unless the source gave an offset.
    Time(time::OffsetDateTime),
}

/// `dt.Code` with qualifiers and translations.
#[derive(Default, Clone)]
pub struct Code {
    /// `@code`, trimmed; absent when blank.
    pub code: Option<String>,
    /// `@codeSystem` as given.
    pub system: Option<String>,
    /// `@displayName`, trimmed; absent when blank.
    pub display: Option<String>,
    /// `qualifier`: name and value.
    pub qualifiers: Vec<(Code, Code)>,
    /// `translation`.
    pub translations: Vec<Code>,
}

/// `updateMode=delete`, `auditDeleteDate`, `hidden`, and the policy: the marks that withhold an item.
#[derive(Default, Clone)]
pub struct Marks {
    /// `updateMode="delete"` or an `auditDeleteDate`.
    pub deleted: bool,
    /// `hidden=true`.
    pub hidden: bool,
    /// `confidentialityPolicy`, an id in [`Record::policies`].
    pub policy: Option<String>,
}

/// `confidentialityPolicy`.
#[derive(Default, Clone)]
pub struct Policy {
    /// `restrictToOrganisation=true`, or any `userCategory` (WIRE section 6).
    pub restricts: bool,
}

/// `encounter`.
#[derive(Default, Clone)]
pub struct Encounter {
    /// Its id.
    pub id: String,
    /// `effectiveTime`.
    pub effective: Option<PartialDate>,
    /// `availabilityTimeStamp`.
    pub available: Option<time::OffsetDateTime>,
    /// `authorisingUserInRole`.
    pub authorising: Option<String>,
    /// `enteredByUserInRole`.
    pub entered_by: Option<String>,
    /// `organisation`, the first.
    pub organisation: Option<String>,
    /// `consultationType`.
    pub consultation_type: Option<String>,
    /// `location`.
    pub location: Option<String>,
    /// `locationType`.
    pub location_type: Option<Code>,
    /// `accompanyingHCP`.
    pub accompanying: Vec<String>,
    /// `duration`: unit (D, H, N …) and value.
    pub duration: Option<(String, i64)>,
    /// `component/event`.
    pub components: Vec<String>,
    /// `@complete`, default true.
    pub complete: bool,
    /// The marks on it.
    pub marks: Marks,
}

/// `problem`.
#[derive(Default, Clone)]
pub struct Problem {
    /// `status`: A, I, HP, PP.
    pub status: Option<String>,
    /// `significance`: S, M.
    pub significance: Option<String>,
    /// `expectedDuration`: unit and value.
    pub expected_duration: Option<(String, i64)>,
    /// `endTime`.
    pub end: Option<PartialDate>,
    /// `owner`.
    pub owner: Option<String>,
    /// `parentProblem`: id and relationship (GRP, COMB, REP, EVO).
    pub parents: Vec<(String, Option<String>)>,
    /// `eventLink`: id of the linked event.
    pub links: Vec<String>,
    /// `updateMode=delete` or `auditDeleteDate`: the problem leaves its event.
    pub deleted: bool,
}

/// `event`: the universal entry. Dispatch on [`Event::kind`], not on the payload element. What most events have not is
/// boxed: a record of many small events stays a small multiple of its text.
#[derive(Default, Clone)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// `eventType` as given, or inferred from the payload element: OBS, MED, ISS, VAL, INV, …
    pub kind: String,
    /// `effectiveTime`.
    pub effective: Option<PartialDate>,
    /// `availabilityTimeStamp`.
    pub available: Option<time::OffsetDateTime>,
    /// `authorisingUserInRole`.
    pub authorising: Option<String>,
    /// `enteredByUserInRole`.
    pub entered_by: Option<String>,
    /// `code`, when it has a code or a display name; a blank one is absent (WIRE section 6, "uncoded").
    pub code: Option<Code>,
    /// `displayTerm`.
    pub term: Option<String>,
    /// `associatedText`, of the types that the wire profile lists; of no type by default.
    pub associated_texts: Vec<String>,
    /// `organisation`, the first.
    pub organisation: Option<String>,
    /// The marks on it.
    pub marks: Marks,
    /// `observation/value`.
    pub value: Option<Value>,
    /// `observation/abnormal`: value and description.
    pub abnormal: Option<(bool, Option<String>)>,
    /// `observation/complexObservation/childLink`, and a report's batteries and tests.
    pub children: Vec<String>,
    /// `observation/episodicity`.
    pub episodicity: Option<String>,
    /// `@resultStatus`: PR, IN, NA.
    pub result_status: Option<String>,
    /// `medication`: the plan.
    pub medication: Option<Box<Medication>>,
    /// `medicationIssue`.
    pub issue: Option<Box<Issue>>,
    /// `allergy/targetDrug`.
    pub target_drug: Option<Box<Code>>,
    /// `referral`.
    pub referral: Option<Box<Referral>>,
    /// `report`.
    pub report: Option<Report>,
    /// `@unFiled=true`.
    pub unfiled: bool,
}

/// `observation/value`.
#[derive(Clone)]
pub enum Value {
    /// `numeric`: the decimal as written.
    Numeric {
        /// `operator` as given.
        operator: Option<String>,
        /// The decimal's text, digits as written.
        value: String,
        /// `units`.
        units: Option<String>,
        /// `ucumUnits`.
        ucum: Option<String>,
        /// `range`.
        range: Option<Box<Range>>,
    },
    /// `text`, line breaks kept.
    Text {
        /// The text.
        value: String,
        /// `range`.
        range: Option<Box<Range>>,
    },
}

/// `Range`.
#[derive(Default, Clone)]
pub struct Range {
    /// `description`, or `textRange` low and high joined.
    pub text: Option<String>,
    /// `numericRange/low`: operator and decimal as written.
    pub low: Option<(Option<String>, String)>,
    /// `numericRange/high`.
    pub high: Option<(Option<String>, String)>,
    /// `units`.
    pub units: Option<String>,
    /// `@qualifier`: U, T, X, R.
    pub qualifier: Option<String>,
    /// `sex`.
    pub sex: Option<String>,
    /// `ageRange/low`: unit (Y, M, W, D) and value.
    pub age_low: Option<(String, i64)>,
    /// `ageRange/high`.
    pub age_high: Option<(String, i64)>,
}

/// `referral`, without its reason.
#[derive(Default, Clone)]
pub struct Referral {
    /// `speciality` text.
    pub speciality: Option<String>,
    /// `targetUserInRole`.
    pub target_user: Option<String>,
    /// `targetOrganisation`.
    pub target_organisation: Option<String>,
    /// `urgency`.
    pub urgency: Option<String>,
    /// `requestType`.
    pub request_type: Option<String>,
    /// `direction`.
    pub direction: Option<String>,
    /// `UBRN`.
    pub ubrn: Option<String>,
    /// `sourceOrganisation`.
    pub source_organisation: Option<String>,
    /// `datedReferral`.
    pub dated: Option<PartialDate>,
    /// `referralMode`.
    pub mode: Option<String>,
    /// `NHS`.
    pub nhs: Option<bool>,
    /// `community`.
    pub community: Option<bool>,
    /// Whether a `rejectedReason` is present; its text is not carried.
    pub rejected: bool,
}

/// `report`.
#[derive(Default, Clone)]
pub struct Report {
    /// `issueDate`, by the schema a day; with its time where the source writes one.
    pub issued: Option<PartialDate>,
    /// `dataType`: PATH, RAD …
    pub data_type: Option<String>,
    /// `serviceOrganisation`.
    pub service_organisation: Option<String>,
    /// `component/specimen`, in their order.
    pub specimens: Vec<Specimen>,
}

/// `report/component/specimen`, without its comments.
#[derive(Default, Clone)]
pub struct Specimen {
    /// `specimenType`.
    pub kind: Option<String>,
    /// `sampleDateTime`.
    pub sampled: Option<PartialDate>,
    /// `collectionStartDate`.
    pub collection_start: Option<PartialDate>,
    /// `collectionEndDate`.
    pub collection_end: Option<PartialDate>,
    /// `dateTimeReceivedByLab`.
    pub received: Option<PartialDate>,
    /// `volume`, decimal as written.
    pub volume: Option<String>,
    /// `volumeUnits`.
    pub volume_units: Option<String>,
    /// Its batteries and tests, which are the report's too.
    pub members: Vec<String>,
}

impl Record {
    /// The patient's own person.
    #[must_use]
    pub fn patient_person(&self) -> Option<&Person> {
        self.persons.get(self.patient.as_ref()?.person.as_deref()?)
    }
}
