//! The clinical entries of a generated record.

use super::catalogue::{
    ALERTS, ALLERGIES, BATTERIES, Battery, DRUGS, FAMILY, FREE_TEXT, IMMUNISATIONS, OBSERVATIONS, RECALLS, REFERRALS,
    RESULTS, Term, Test, VALUES,
};
use super::writing::{Event, READ, code, day_of, escaped};
use super::{Chance, Mark, Options};
use std::fmt::Write as _;
use time::{Date, Duration};

/// What is written so far.
pub(super) struct Maker<'o> {
    pub chance: Chance,
    pub options: &'o Options,
    pub wanted: usize,
    pub made: usize,
    /// `event` elements.
    pub events: String,
    /// `encounter` elements.
    pub encounters: String,
    /// `problem` elements.
    pub problems: String,
    /// Entries of the encounter that is open.
    pub open: Vec<String>,
    /// Id and type of recent events, for problem links.
    pub recent: Vec<(String, &'static str)>,
    pub planted: Vec<String>,
    pub marked: Vec<String>,
    /// Ids of the frame: patient, practice, location, staff, policies.
    pub ids: Ids,
}

/// Ids that entries refer to.
pub(super) struct Ids {
    pub record: String,
    pub patient: String,
    pub practice: String,
    pub hospital: String,
    pub location: String,
    pub staff: [String; 3],
    pub open_policy: String,
    pub restricted_policy: String,
}

impl<'o> Maker<'o> {
    pub fn new(seed: u64, events: usize, options: &'o Options) -> Self {
        let mut chance = Chance(seed ^ 0x6F70_656E_6872_0001);
        let ids = Ids {
            record: chance.guid(),
            patient: chance.guid(),
            practice: chance.guid(),
            hospital: chance.guid(),
            location: chance.guid(),
            staff: [chance.guid(), chance.guid(), chance.guid()],
            open_policy: chance.guid(),
            restricted_policy: chance.guid(),
        };
        let (planted, marked) = (Vec::new(), Vec::new());
        let (events_text, encounters, problems) = (String::with_capacity(events * 900), String::new(), String::new());
        let (open, recent) = (Vec::new(), Vec::new());
        let wanted = events.saturating_sub(options.planted.len());
        Self {
            chance,
            options,
            wanted,
            made: 0,
            events: events_text,
            encounters,
            problems,
            open,
            recent,
            planted,
            marked,
            ids,
        }
    }

    /// Makes every entry.
    pub fn run(&mut self) {
        let plants = &self.options.planted;
        let every = self.wanted.checked_div(plants.len()).unwrap_or(0).max(1);
        let mut plants = plants.iter();
        while self.made < self.wanted {
            let before = self.made / every;
            self.something();
            if self.made / every > before
                && let Some(plant) = plants.next()
            {
                self.plant(plant);
            }
            let size = 2 + self.chance.below(6);
            if u64::try_from(self.open.len()).unwrap_or(u64::MAX) >= size {
                self.close_encounter();
            }
        }
        for plant in plants {
            self.plant(plant);
        }
        self.close_encounter();
    }

    fn left(&self) -> usize {
        self.wanted.saturating_sub(self.made)
    }

    /// One thing that happened: an event, a battery, a plan with its issues.
    fn something(&mut self) {
        let date = self.date();
        match self.chance.below(1000) {
            0..=349 => {
                let term = self.chance.of(OBSERVATIONS);
                let id = self.coded("OBS", date, term, "<observation/>".to_owned());
                self.may_be_problem(&id, "OBS");
            }
            350..=499 => {
                let text = self.chance.of(FREE_TEXT);
                let event = Event {
                    kind: "OBS",
                    date: Some(("YMD", date)),
                    code: String::new(),
                    term: text,
                    payload: "<observation/>".to_owned(),
                };
                let id = self.event(&event, Mark::None);
                self.open.push(id);
            }
            500..=569 => {
                let battery = self.chance.of(BATTERIES);
                self.battery(date, battery);
            }
            570..=639 => self.blood_pressure(date),
            640..=719 => {
                let test = self.chance.of(VALUES);
                self.value(date, test);
            }
            720..=749 => {
                let term = self.chance.of(RESULTS);
                self.coded("VAL", date, term, "<observation/>".to_owned());
            }
            750..=879 => self.medication(date),
            880..=919 => {
                let payload = "<observation><referenceDocument>00000000-0000-0000-0000-00000000DEAD</referenceDocument></observation>";
                self.coded("ATT", date, ("EMISATTACHMENT", "Attachment", ""), payload.to_owned());
            }
            920..=949 => {
                let term = self.chance.of(IMMUNISATIONS);
                self.coded("IMM", date, term, "<observation/>".to_owned());
            }
            950..=964 => {
                let term = self.chance.of(RECALLS);
                self.coded("DRY", date, term, "<diary/>".to_owned());
            }
            965..=979 => {
                let term = self.chance.of(REFERRALS);
                let payload = format!(
                    "<referral><speciality>Outpatients</speciality><targetOrganisation>{}</targetOrganisation><requestType>OUT</requestType><reason>Seen privately before, please advise</reason><urgency>R</urgency><NHS>true</NHS><direction>OUT</direction><sourceOrganisation>{}</sourceOrganisation><referralMode>W</referralMode></referral>",
                    self.ids.hospital, self.ids.practice
                );
                self.coded("REF", date, term, payload);
            }
            980..=989 => {
                let term = self.chance.of(FAMILY);
                self.coded("FH", date, term, "<observation/>".to_owned());
            }
            990..=992 => {
                let term = self.chance.of(ALERTS);
                let payload = "<alert><triggerBookSlot>true</triggerBookSlot><triggerAriveSwap>false</triggerAriveSwap><showConsultation>true</showConsultation></alert>";
                self.coded("ALT", date, term, payload.to_owned());
            }
            _ => {
                let term = self.chance.of(ALLERGIES);
                let id = self.coded("ALL", date, term, "<observation/>".to_owned());
                self.may_be_problem(&id, "ALL");
            }
        }
    }

    /// Some day of the last twenty years, later ones likelier.
    pub fn date(&mut self) -> Date {
        let far = self.chance.below(7300);
        let near = self.chance.below(far + 1);
        self.options.today.checked_sub(Duration::days(i64::try_from(near).unwrap_or(0))).unwrap_or(self.options.today)
    }

    fn coded(&mut self, kind: &'static str, date: Date, term: Term, payload: String) -> String {
        let part = match self.chance.below(100) {
            0 => Some(("YM", date)),
            1 => Some(("Y", date)),
            2 => Some(("U", date)),
            3 => None,
            _ => Some(("YMD", date)),
        };
        let event = Event { kind, date: part, code: code(READ, term), term: term.1, payload };
        let id = self.event(&event, Mark::None);
        if !matches!(kind, "REF" | "ATT" | "DRY" | "ALT" | "REP") {
            self.open.push(id.clone());
        }
        id
    }

    fn value(&mut self, date: Date, test: Test) -> String {
        let payload = self.measured(test);
        self.coded("VAL", date, (test.0, test.1, ""), payload)
    }

    /// The payload of a value, with its range, and flagged exactly when outside it.
    fn measured(&mut self, (_, _, unit, low, high, range): Test) -> String {
        let tenths = u64::from(low) + self.chance.below(u64::from(high.saturating_sub(low)) + 1);
        let operator = if self.chance.once_in(60) { self.chance.of(&["<", ">", "<=", "=", "~"]) } else { "" };
        let mut out = String::from("<observation><value><numeric>");
        if !operator.is_empty() {
            let _ = write!(out, "<operator>{}</operator>", escaped(operator));
        }
        let _ = write!(out, "<value>{}.{}</value>", tenths / 10, tenths % 10);
        if !unit.is_empty() {
            let _ = write!(out, "<units>{unit}</units>");
        }
        let mut outside = false;
        if let Some((from, to)) = range {
            let bound = |text: &str| text.parse::<f64>().map_or(0.0, |value| value * 10.0);
            let value = f64::from(u32::try_from(tenths).unwrap_or(u32::MAX));
            outside = value < bound(from) || value > bound(to);
            let _ = write!(
                out,
                "<range qualifier=\"U\"><numericRange><low value=\"{from}\"/><high value=\"{to}\"/></numericRange></range>"
            );
        }
        out.push_str("</numeric></value>");
        if outside {
            out.push_str("<abnormal value=\"true\" description=\"\"/>");
        }
        out.push_str("</observation>");
        out
    }

    fn battery(&mut self, date: Date, (read, name, tests): Battery) {
        let members: Vec<String> =
            tests.iter().take(self.left().saturating_sub(1)).map(|test| self.value(date, *test)).collect();
        let battery = self.group(date, (read, name, ""), &members);
        // Two batteries in three come in a laboratory's report.
        if !date.day().is_multiple_of(3) && self.left() > 0 {
            self.report(date, &battery);
        }
    }

    fn report(&mut self, date: Date, battery: &str) {
        let (day, hospital) = (day_of("YMD", date), &self.ids.hospital);
        let payload = format!(
            "<report><issueDate>{day}T16:00:00</issueDate><dataType>PATH</dataType><serviceOrganisation>{hospital}</serviceOrganisation><reportSummary>Please repeat in a month</reportSummary><component><specimen><labSpecimenReference>S{day}</labSpecimenReference><specimenType>Venous blood</specimenType><sampleDateTime>{day}T09:10:00</sampleDateTime><comment>Slightly haemolysed</comment><battery>{battery}</battery></specimen></component></report>"
        );
        self.coded("REP", date, ("41D0", "Blood sample taken", ""), payload);
    }

    fn group(&mut self, date: Date, term: Term, members: &[String]) -> String {
        let mut payload = String::from("<observation>");
        if !members.is_empty() {
            payload.push_str("<complexObservation>");
            for member in members {
                // References may be spelt in another case than the id.
                let member = if self.chance.once_in(5) { member.to_ascii_lowercase() } else { member.clone() };
                let _ = write!(payload, "<childLink>{member}</childLink>");
            }
            payload.push_str("</complexObservation>");
        }
        payload.push_str("</observation>");
        let event = Event { kind: "INV", date: Some(("YMD", date)), code: code(READ, term), term: term.1, payload };
        let id = self.event(&event, Mark::None);
        self.open.push(id.clone());
        id
    }

    fn blood_pressure(&mut self, date: Date) {
        let systolic: Test = ("2469", "O/E - Systolic BP reading", "mm Hg", 950, 1900, None);
        let diastolic: Test = ("246A", "O/E - Diastolic BP reading", "mm Hg", 500, 1100, None);
        let parts: &[(Test, &str)] = match self.chance.below(40) {
            0 => &[(systolic, "163030003")],
            1 => &[(systolic, "163030003"), (diastolic, "163031004"), (diastolic, "163031004")],
            2 => {
                self.coded(
                    "VAL",
                    date,
                    ("246", "O/E - blood pressure reading", "163020007"),
                    "<observation/>".to_owned(),
                );
                return;
            }
            _ => &[(systolic, "163030003"), (diastolic, "163031004")],
        };
        let parts: Vec<(Test, &str)> = parts.iter().take(self.left().saturating_sub(1)).copied().collect();
        let mut members = Vec::new();
        for (test, snomed) in parts {
            let payload = self.measured(test);
            let code = code(READ, (test.0, test.1, snomed));
            members.push(
                self.event(&Event { kind: "VAL", date: Some(("YMD", date)), code, term: test.1, payload }, Mark::None),
            );
        }
        self.open.extend(members.iter().cloned());
        self.group(date, ("246", "O/E - blood pressure reading", "163020007"), &members);
    }

    fn medication(&mut self, date: Date) {
        let (preparation, name, dmd, dosage, quantity, unit, repeat) = self.chance.of(DRUGS);
        let issues = usize::try_from(if repeat { 3 + self.chance.below(9) } else { 1 })
            .unwrap_or(1)
            .min(self.left().saturating_sub(1));
        let (kind, status) = match (repeat, self.chance.once_in(2)) {
            (true, true) => ("R", "A"),
            (true, false) => ("R", "C"),
            (false, _) => ("A", "C"),
        };
        let private = self.chance.once_in(30);
        let code = code("EMISPREPARATION", (preparation, name, dmd));
        let count = if repeat { issues } else { 0 };
        let plan = Event {
            kind: "MED",
            date: Some(("YMD", date)),
            code: code.clone(),
            term: name,
            payload: format!(
                "<medication><dosage>{dosage}</dosage><quantity>{quantity}</quantity><quantityUnit>{unit}</quantityUnit><durationOfIssue>28</durationOfIssue><prescriptionType>{kind}</prescriptionType><drugStatus>{status}</drugStatus><private>{private}</private><firstIssueDate>{}</firstIssueDate><numberOfIssues>{count}</numberOfIssues></medication>",
                day_of("YMD", date)
            ),
        };
        let plan = self.event(&plan, Mark::None);
        for nth in 0..issues {
            let on = date
                .checked_add(Duration::days(28 * i64::try_from(nth).unwrap_or(0)))
                .unwrap_or(date)
                .min(self.options.today);
            let method = self.chance.of(&["P", "P", "P", "Q", "E"]);
            let payload = format!(
                "<medicationIssue><medication>{plan}</medication><dosage>{dosage}</dosage><quantity>{quantity}</quantity><quantityUnit>{unit}</quantityUnit><durationOfIssue>28</durationOfIssue><prescriptionType>{kind}</prescriptionType><estimatedNHSCost>1.25</estimatedNHSCost><issueMethod>{method}</issueMethod><private>{private}</private><cancelled>false</cancelled></medicationIssue>"
            );
            self.event(
                &Event { kind: "ISS", date: Some(("YMD", on)), code: code.clone(), term: name, payload },
                Mark::None,
            );
        }
    }

    fn may_be_problem(&mut self, id: &str, kind: &'static str) {
        if self.chance.once_in(if kind == "OBS" { 9 } else { 4 }) {
            self.problem(id);
        }
    }
}
