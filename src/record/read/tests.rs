//! The reader against small documents with the traps of real ones. Long because each trap is its own test.

use super::*;
use crate::record::{PartialDate, Value};
use proptest::prelude::*;
use time::macros::{date, datetime};

const PATIENT: &str = "<patient><id>P1</id><patientIdentifier><value>999 000 0018</value>\
    <identifierType>NHS</identifierType></patientIdentifier><patientPerson>P1</patientPerson></patient>";

fn document(admin: &str, health: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\">\
         <id>R1</id><author><system><systemType>EMISWEB</systemType></system></author>\
         <adminDomain>{PATIENT}{admin}</adminDomain><healthDomain>{health}</healthDomain></openHealthRecord>"
    )
}

fn parsed(admin: &str, health: &str) -> Record {
    match read(document(admin, health).as_bytes(), Limits::default()) {
        Ok(record) => record,
        Err(error) => panic!("{error}"),
    }
}

fn refused(xml: &str) -> ReadError {
    match read(xml.as_bytes(), Limits::default()) {
        Ok(_) => panic!("it was read"),
        Err(error) => error,
    }
}

#[test]
fn a_whole_event_is_read() {
    let record = parsed(
        "",
        "<event><id> E1-Ab </id><eventType>VAL</eventType><effectiveTime datepart='YMD' value='2012-03-04T13:14:15'/>\
         <availabilityTimeStamp>2012-07-04T10:00:00</availabilityTimeStamp><authorisingUserInRole>U1</authorisingUserInRole>\
         <code code='2469' codeSystem='2.16.840.1.113883.2.1.6.2' displayName='Systolic'><qualifier><name code='a' codeSystem='x' \
         displayName='n'/><value code='b' codeSystem='x' displayName='v'/></qualifier><translation code='163030003' \
         codeSystem='2.16.840.1.113883.2.1.3.2.4.15' displayName='SBP'/></code><displayTerm> O/E  systolic </displayTerm>\
         <observation><value><numeric><operator>&lt;</operator><value>120.50</value><units>mm Hg</units><range><numericRange>\
         <low value='0' operator='&gt;='/><high value='140'/></numericRange></range></numeric></value>\
         <abnormal value='true' description=''/></observation></event>",
    );
    let event = &record.events[0];
    assert_eq!(event.id, "e1-ab");
    assert_eq!(event.effective, Some(PartialDate::Day(date!(2012 - 03 - 04))));
    assert_eq!(event.available, Some(datetime!(2012-07-04 10:00 +1)));
    assert_eq!(event.term.as_deref(), Some("O/E systolic"));
    assert_eq!(event.authorising.as_deref(), Some("u1"));
    let code = event.code.as_ref().expect("coded");
    assert_eq!(code.code.as_deref(), Some("2469"));
    assert_eq!(code.translations[0].code.as_deref(), Some("163030003"));
    assert_eq!(code.qualifiers[0].1.display.as_deref(), Some("v"));
    let Some(Value::Numeric { operator, value, range, .. }) = &event.value else { panic!("no value") };
    assert_eq!((operator.as_deref(), value.as_str()), (Some("<"), "120.50"));
    assert_eq!(range.as_ref().and_then(|r| r.low.clone()), Some((Some(">=".to_owned()), "0".to_owned())));
    assert_eq!(event.abnormal, Some((true, None)));
    assert_eq!(record.system_type.as_deref(), Some("EMISWEB"));
    assert_eq!(record.patient.as_ref().and_then(|p| p.nhs_number.as_deref()), Some("9990000018"));
    assert!(record.oddities.is_empty());
}

#[test]
fn precision_comes_from_the_datepart_alone() {
    let cases = [
        ("datepart='Y' value='1999-01-01T00:00:00'", Some(PartialDate::Year(1999))),
        ("datepart='YM' value='1999-06-17T12:00:00'", Some(PartialDate::Month(1999, 6))),
        ("datepart='YMD' value='1999-06-17T23:59:59Z'", Some(PartialDate::Day(date!(1999 - 06 - 17)))),
        ("datepart='YMDT' value='2026-07-01T09:30:00'", Some(PartialDate::Time(datetime!(2026-07-01 9:30 +1)))),
        ("datepart='YMDT' value='2026-01-01T09:30:00'", Some(PartialDate::Time(datetime!(2026-01-01 9:30 +0)))),
        (
            "datepart='YMDT' value='2026-07-01T09:30:00.25-05:00'",
            Some(PartialDate::Time(datetime!(2026-07-01 9:30:00.25 -5))),
        ),
        ("datepart='U' value='1900-01-01T00:00:00'", None),
        ("datepart='U'", None),
    ];
    for (attributes, expected) in cases {
        let record =
            parsed("", &format!("<event><id>a</id><eventType>OBS</eventType><effectiveTime {attributes}/></event>"));
        assert_eq!(record.events[0].effective, expected, "{attributes}");
        assert!(record.oddities.is_empty(), "{attributes}");
    }
}

#[test]
fn a_bad_date_is_absent_and_counted() {
    for attributes in [
        "datepart='YMD' value='2012-02-30T00:00:00'",
        "datepart='YMD' value='12/03/2012'",
        "datepart='YM' value='2012-13-01'",
        "datepart='Y' value='20123-01-01'",
        "datepart='Y' value='0000-01-01'",
        "datepart='YMD'",
        "datepart='Q' value='2012-02-01'",
        "value='2012-02-01'",
        "datepart='YMD' value='٢٠١٢-02-01'",
    ] {
        let record =
            parsed("", &format!("<event><id>a</id><eventType>OBS</eventType><effectiveTime {attributes}/></event>"));
        assert_eq!(record.events[0].effective, None, "{attributes}");
        assert_eq!(record.oddities.get("date"), Some(&1), "{attributes}");
    }
}

#[test]
fn a_time_that_cannot_be_read_leaves_its_day() {
    for value in
        ["2012-02-01", "2012-02-01T24:00:00", "2012-02-01T25:61:00", "2012-02-01T10:00", "2012-02-01T10:00:00+19:00"]
    {
        let record = parsed(
            "",
            &format!(
                "<event><id>a</id><eventType>OBS</eventType><effectiveTime datepart='YMDT' value='{value}'/></event>"
            ),
        );
        assert_eq!(record.events[0].effective, Some(PartialDate::Day(date!(2012 - 02 - 01))), "{value}");
        assert_eq!(record.oddities.get("date"), Some(&1));
    }
}

#[test]
fn text_around_a_comment_or_in_cdata_is_one_text_and_keeps_its_lines() {
    let record = parsed(
        "",
        "<event><id>a<!-- x -->b</id><eventType>VAL</eventType><observation><value><text><value>\
         one &amp;<!-- no -->\r\n<![CDATA[<two>]]>&#13;&#x41;</value></text></value></observation></event>",
    );
    assert_eq!(record.events[0].id, "ab");
    let Some(Value::Text { value, .. }) = &record.events[0].value else { panic!("no value") };
    assert_eq!(value, "one &\n<two>\rA");
}

#[test]
fn what_is_not_well_formed_or_reaches_outside_is_refused() {
    let good = document("", "");
    let root = "openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\"";
    let inside = |text: &str| good.replace("<id>R1</id>", text);
    for bad in [
        String::new(),
        "<".to_owned(),
        good[..good.len() - 3].to_owned(),
        good[..good.len() / 2].to_owned(),
        format!("{good}<x/>"),
        format!("{good}text"),
        good.replace("?><open", "?><!DOCTYPE openHealthRecord [<!ENTITY x 'y'>]><open"),
        good.replace("?><open", "?><?php x?><open"),
        inside("<?xml-stylesheet href='x'?>"),
        inside("<id>&x;</id>"),
        inside("<id>&#0;</id>"),
        inside("<id>&#x1;</id>"),
        inside("<id>a & b</id>"),
        inside("<id>a</di>"),
        inside("<id>\u{1}</id>"),
        inside("<p:id>undeclared</p:id>"),
        good.replace("UTF-8", "UTF-16"),
        inside("<author><system><systemType>x</systemType></author>"),
        inside("<id a='1'b='2'>x</id>"),
        inside("<id a='1' a='2'>x</id>"),
        inside("<id a=1>x</id>"),
        inside("<id a>x</id>"),
        inside("<id a='<'>x</id>"),
        inside("<id a='&x;'>x</id>"),
        inside("<id a='&amp'>x</id>"),
        inside("<id a='1>x</id>"),
        inside("<id / >x</id>"),
        inside("< id>x</id>"),
        inside("<1d>x</1d>"),
        inside("<i/d>x</i/d>"),
        inside("<id>x</id x>"),
        inside("<id>x]]></id>"),
        inside("<id>x<!-- a -- b --></id>"),
        inside("<id>x<!-- a --->b</id>"),
        inside("<id>x<![cdata[a]]></id>"),
        inside("<id>x<![CDATA[a</id>"),
        inside("<id>&#xd800;</id>"),
        inside("<id>&#+65;</id>"),
        inside("<id>&#;</id>"),
        inside("<id>\u{fffe}</id>"),
        inside("<a:b:c xmlns:a='urn:a'/>"),
        inside("<:b/>"),
        inside("<a: xmlns:a='urn:a'/>"),
        inside("<a:b xmlns:a=''/>"),
        inside("<b xmlns:xmlns='urn:a'/>"),
        inside("<b xmlns:xml='urn:a'/>"),
        inside("<b xmlns:a='http://www.w3.org/XML/1998/namespace'/>"),
        good.replace("encoding=\"UTF-8\"", "standalone='maybe'"),
        good.replace("version=\"1.0\"", ""),
        good.replace("version=\"1.0\" encoding=\"UTF-8\"", "encoding='utf-8' version='1.0'"),
        good.replace("<?xml", " <?xml"),
    ] {
        assert_eq!(refused(&bad), ReadError::Malformed, "{bad}");
    }
    assert_eq!(refused(&format!("<{root}/>")), ReadError::NotOpenHr);
    assert_eq!(refused("<openHealthRecord/>"), ReadError::NotOpenHr);
    assert_eq!(refused(&good.replace("emisopen", "emisclosed")), ReadError::NotOpenHr);
    assert!(matches!(read(&[0xff, 0xfe, b'<'], Limits::default()), Err(ReadError::Malformed)));
}

#[test]
fn what_is_well_formed_in_an_unusual_way_is_read() {
    let good = document("", "");
    for unusual in [
        format!("\u{feff}{good}"),
        good.replace("UTF-8", "us-ASCII"),
        good.replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<!-- > -->\r\n"),
        good.replace("\"?>", "\" standalone = 'yes' ?>\n<!---->"),
        format!("{good}\n<!-- x -->\t"),
        good.replace("<id>R1</id>", "<id\n>R1</id\t>"),
        good.replace("<id>R1</id>", "<id a = '\"' b=\"'>\" ></id><x.y-z_9/><\u{e9}/>"),
        good.replace("<id>R1</id>", "<id>a]]b]>c</id>"),
        good.replace("<id>R1</id>", "<xml:b xmlns:xml='http://www.w3.org/XML/1998/namespace'/>"),
        good.replace("emisopen\"", "emis&#x6F;pen\""),
        good.replace("<id>R1</id>", "<b xmlns='' xmlns:a='urn:a'><a:c/></b>"),
    ] {
        assert!(read(unusual.as_bytes(), Limits::default()).is_ok(), "{unusual}");
    }
    let record = parsed(
        "",
        "<event><id>a</id><displayTerm>x</displayTerm><code displayName='a\r\nb\tc&#10;d'/><observation><value><text>\
         <value>a\rb\r\nc<![CDATA[\rd\r\n&lt;]]></value></text></value></observation></event>",
    );
    assert_eq!(record.events[0].code.as_ref().and_then(|code| code.display.as_deref()), Some("a b c\nd"));
    let Some(Value::Text { value, .. }) = &record.events[0].value else { panic!("no value") };
    assert_eq!(value, "a\nb\nc\nd\n&lt;");
}

#[test]
fn an_entity_in_an_attribute_is_refused_and_predefined_ones_are_read() {
    let event = |display: &str| {
        document("", &format!("<event><id>a</id><code code='1' codeSystem='x' displayName=\"{display}\"/></event>"))
    };
    assert_eq!(refused(&event("&xxe;")), ReadError::Malformed);
    assert_eq!(refused(&event("&#0;")), ReadError::Malformed);
    let record = read(event("&lt;a&apos;&#x62;&gt; &amp;").as_bytes(), Limits::default()).expect("read");
    assert_eq!(record.events[0].code.as_ref().and_then(|c| c.display.as_deref()), Some("<a'b> &"));
}

#[test]
fn the_bounds_hold() {
    let deep =
        format!("{}{}", "<translation codeSystem='x' displayName='y'>".repeat(100), "</translation>".repeat(100));
    let event = format!("<event><id>a</id><code codeSystem='x' displayName='y'>{deep}</code></event>");
    assert_eq!(refused(&document("", &event)), ReadError::TooLarge);
    let wide = Limits { depth: usize::MAX, bytes: usize::MAX };
    let deeper = format!("{}{}", "<translation>".repeat(200_000), "</translation>".repeat(200_000));
    let event = format!("<event><id>a</id><code codeSystem='x' displayName='y'>{deeper}</code></event>");
    assert!(matches!(read(document("", &event).as_bytes(), wide), Err(ReadError::TooLarge)));
    let small = Limits { bytes: 100, ..Limits::default() };
    assert!(matches!(read(document("", "").as_bytes(), small), Err(ReadError::TooLarge)));
    let many: String = (0..70).map(|n| format!(" a{n}='1'")).collect::<Vec<_>>().concat();
    assert_eq!(refused(&document("", &format!("<event{many}><id>a</id></event>"))), ReadError::TooLarge);
}

#[test]
fn a_prefix_makes_no_difference_and_a_foreign_element_is_skipped_and_counted() {
    let xml = "<o:openHealthRecord xmlns:o='http://www.e-mis.com/emisopen' xmlns:f='urn:f'><o:adminDomain><o:patient>\
        <o:id>P</o:id><f:id>Q</f:id></o:patient></o:adminDomain><f:extra><o:event/></f:extra><o:surprise/></o:openHealthRecord>";
    let record = read(xml.as_bytes(), Limits::default()).expect("read");
    assert_eq!(record.patient.as_ref().map(|p| p.id.as_str()), Some("p"));
    assert_eq!(record.oddities.get("foreign-element"), Some(&2));
    assert_eq!(record.oddities.get("unknown-element"), Some(&1));
    assert!(record.events.is_empty());
}

#[test]
fn a_missing_event_type_is_inferred_from_the_payload() {
    let cases = [
        ("<observation/>", "OBS"),
        ("<observation><value><numeric><value>1</value></numeric></value></observation>", "VAL"),
        ("<observation><complexObservation><childLink>c</childLink></complexObservation></observation>", "INV"),
        ("<medication><dosage>1</dosage></medication>", "MED"),
        ("<medicationIssue/>", "ISS"),
        ("<referral/>", "REF"),
        ("<report/>", "REP"),
        ("<allergy/>", "ALL"),
        ("<diary/>", "DRY"),
        ("<alert/>", "ALT"),
        ("<orderHeader/>", "OH"),
        ("", "OBS"),
    ];
    for (payload, kind) in cases {
        let record = parsed("", &format!("<event><id>a</id><eventType/>{payload}</event>"));
        assert_eq!(record.events[0].kind, kind, "{payload}");
        assert_eq!(record.oddities.get("event-without-type"), Some(&1));
    }
}

#[test]
fn of_two_events_with_one_id_the_first_is_kept_and_the_other_counted() {
    let record = parsed(
        "",
        "<event><id>A</id><eventType>OBS</eventType><displayTerm>one</displayTerm></event>\
         <event><id>a</id><eventType>VAL</eventType></event><event><eventType>MED</eventType></event>\
         <encounter><id>a</id></encounter><encounter><id>A</id></encounter>",
    );
    assert_eq!(record.events.len(), 1);
    assert_eq!(record.encounters.len(), 1);
    assert_eq!(record.events[0].term.as_deref(), Some("one"));
    let mut unidentified: Vec<_> = record.unidentified.iter().map(|(id, kind)| (id.as_str(), kind.as_str())).collect();
    unidentified.sort_unstable();
    assert_eq!(unidentified, [("", "MED"), ("a", "ENC"), ("a", "VAL")]);
}

#[test]
fn a_blank_code_is_no_code_and_a_term_without_code_is_one() {
    let code = |attributes: &str| {
        parsed("", &format!("<event><id>a</id><eventType>OBS</eventType><code {attributes}/></event>"))
            .events
            .remove(0)
            .code
    };
    assert!(code("code='' codeSystem='x' displayName=' '").is_none());
    assert!(code("codeSystem='x' displayName='Cough'").is_some_and(|c| c.code.is_none() && c.display.is_some()));
}

#[test]
fn booleans_are_literal_and_a_guard_that_cannot_be_read_holds() {
    let hidden = |text: &str| {
        let record = parsed("", &format!("<event><id>a</id><eventType>OBS</eventType><hidden>{text}</hidden></event>"));
        (record.events[0].marks.hidden, record.oddities.get("boolean").copied().unwrap_or(0))
    };
    assert_eq!(hidden("false"), (false, 0));
    assert_eq!(hidden("0"), (false, 0));
    assert_eq!(hidden(" true "), (true, 0));
    assert_eq!(hidden("1"), (true, 0));
    assert_eq!(hidden("yes"), (true, 1));
    assert_eq!(hidden(""), (true, 1));
}

#[test]
fn a_policy_restricts_by_organisation_or_by_category() {
    let record = parsed(
        "<confidentialityPolicy><id>OPEN</id><restrictToOrganisation>false</restrictToOrganisation></confidentialityPolicy>\
         <confidentialityPolicy><id>org</id><restrictToOrganisation>true</restrictToOrganisation></confidentialityPolicy>\
         <confidentialityPolicy><id>cat</id><restrictToOrganisation>false</restrictToOrganisation><userCategory/></confidentialityPolicy>\
         <confidentialityPolicy><id>odd</id><restrictToOrganisation>perhaps</restrictToOrganisation></confidentialityPolicy>",
        "<event><id>a</id><eventType>OBS</eventType><confidentialityPolicy>open</confidentialityPolicy></event>",
    );
    let restricts: Vec<_> = record.policies.iter().map(|(id, p)| (id.as_str(), p.restricts)).collect();
    assert_eq!(restricts, [("cat", true), ("odd", true), ("open", false), ("org", true)]);
    assert!(!record.names_absent_policy);
}

#[test]
fn a_named_policy_that_is_absent_is_noted_wherever_it_is_named() {
    let policy = "<confidentialityPolicy>gone</confidentialityPolicy>";
    let event = format!("<event><id>a</id><eventType>OBS</eventType>{policy}</event>");
    assert!(parsed("", &event).names_absent_policy);
    assert!(parsed("", &format!("<encounter><id>a</id>{policy}</encounter>")).names_absent_policy);
    assert!(parsed("", "<event><id>a</id><confidentialityPolicy/></event>").names_absent_policy);
    // Also by an entry that is not kept.
    assert!(parsed("", &format!("<event>{policy}</event>")).names_absent_policy);
    let patient = document("", "").replace("<patientPerson>", &format!("{policy}<patientPerson>"));
    assert!(read(patient.as_bytes(), Limits::default()).expect("read").names_absent_policy);
    assert!(!parsed("", "<event><id>a</id></event>").names_absent_policy);
}

#[test]
fn marks_of_deletion_are_read_from_attributes() {
    let record = parsed(
        "",
        "<event updateMode='delete'><id>a</id></event><event auditDeleteDate='2020-01-01T00:00:00'><id>b</id></event>\
         <event updateMode='add'><id>c</id></event><encounter updateMode='delete' complete='false'><id>e</id></encounter>\
         <problem updateMode='delete'><id>a</id></problem>",
    );
    assert_eq!(record.events.iter().map(|e| e.marks.deleted).collect::<Vec<_>>(), [true, true, false]);
    assert!(record.encounters[0].marks.deleted && !record.encounters[0].complete);
    assert!(record.problems["a"].deleted);
}

#[test]
fn a_report_has_its_batteries_and_tests_as_children_those_of_specimens_too() {
    let record = parsed(
        "",
        "<event><id>r</id><eventType>REP</eventType><report><issueDate>2020-01-01T09:00:00</issueDate><dataType>PATH</dataType>\
         <component><battery>B1</battery></component><component><specimen><specimenType>blood</specimenType><test>T1</test>\
         <battery>B2</battery></specimen></component><component><test>T2</test></component></report></event>",
    );
    assert_eq!(record.events[0].children, ["b1", "t1", "b2", "t2"]);
    assert_eq!(record.events[0].report.as_ref().and_then(|r| r.data_type.as_deref()), Some("PATH"));
}

#[test]
fn a_plan_and_its_issue_are_read() {
    let record = parsed(
        "",
        "<event><id>m</id><eventType>MED</eventType><medication><reviewDate datepart='YMD' value='2024-01-01T10:00:00'/>\
         <dosage>One  daily</dosage><quantity>28.0</quantity><quantityUnit>tablet(s)</quantityUnit><durationOfIssue>28</durationOfIssue>\
         <prescriptionType>R</prescriptionType><pharmacyText>secret</pharmacyText><drugStatus>A</drugStatus><private>true</private>\
         <authorisedIssues><authorisedIssues>6</authorisedIssues></authorisedIssues><authorisedIssues><authorisedIssues>4</authorisedIssues>\
         </authorisedIssues><cancellation><cancellationDateTime>2024-02-01T00:00:00</cancellationDateTime><cancellationText>t</cancellationText>\
         </cancellation></medication></event><event><id>i</id><eventType>ISS</eventType><medicationIssue><medication>M</medication>\
         <quantity>1,000</quantity><cancelled>false</cancelled></medicationIssue></event>",
    );
    let plan = record.events[0].medication.as_ref().expect("plan");
    assert_eq!(plan.supply.dosage.as_deref(), Some("One daily"));
    assert_eq!(plan.supply.quantity.as_deref(), Some("28.0"));
    assert_eq!((plan.authorised_issues, plan.has_cancellation), (Some(10), true));
    assert_eq!(plan.review, Some(PartialDate::Day(date!(2024 - 01 - 01))));
    assert!(plan.supply.private_prescription && !record.events[0].marks.hidden);
    let issue = record.events[1].issue.as_ref().expect("issue");
    assert_eq!(issue.plan.as_deref(), Some("m"));
    assert_eq!(issue.supply.quantity, None);
    assert_eq!(record.oddities.get("decimal"), Some(&1));
    assert_eq!(record.oddities.get("dropped-text"), Some(&2));
}

#[test]
fn people_and_places_are_read_and_doubled_roles_are_one() {
    let record = parsed(
        "<person><id>P1</id><birthDate>1980-02-03</birthDate><sex>F</sex><surname>Testing</surname><address updateMode='delete'>\
         <postCode>AA1 1AA</postCode><houseNameFlat/><street>1 High St</street><village>Ham</village><town>T</town></address></person>\
         <role><id>r</id><name>GP</name><userCategory code='' displayName='Doctor' codeSystem='x'/></role><role><id>R</id><name>Other</name></role>\
         <userInRole><id>u</id><user>U</user><role>R</role><userIdentifier><identifierType>GP</identifierType><value>G1</value>\
         </userIdentifier></userInRole><organisation><id>o</id><nationalPracticeCode>A99999</nationalPracticeCode>\
         <organisationType displayName='GP Practice' codeSystem='x'/></organisation>",
        "<encounter><id>e</id><duration unit='N' value='10'/><component><event>A</event><heading codeSystem='x' code='' displayName='Problem'/>\
         </component></encounter><problem><id>a</id><status>A</status><parentProblem><id>B</id><relationshipType>GRP</relationshipType>\
         </parentProblem><eventLink><id>C</id><eventType>OBS</eventType></eventLink></problem>",
    );
    let person = &record.persons["p1"];
    assert_eq!(person.birth_date, Some(date!(1980 - 02 - 03)));
    assert_eq!(person.addresses[0].lines, ["1 High St", "Ham"]);
    assert!(person.addresses[0].deleted);
    assert_eq!(record.roles["r"].name.as_deref(), Some("GP"));
    assert_eq!(record.roles["r"].category.as_deref(), Some("Doctor"));
    assert_eq!(record.oddities.get("admin-duplicate"), Some(&1));
    assert_eq!(record.users_in_role["u"].identifiers, [("GP".to_owned(), "G1".to_owned())]);
    assert_eq!(record.organisations["o"].kind.as_deref(), Some("GP Practice"));
    assert_eq!(record.encounters[0].duration, Some(("N".to_owned(), 10)));
    assert_eq!(record.encounters[0].components, ["a"]);
    assert_eq!(record.problems["a"].links, ["c"]);
    assert_eq!(record.problems["a"].parents, [("b".to_owned(), Some("GRP".to_owned()))]);
}

#[test]
fn dropped_text_has_nowhere_to_be() {
    let record = parsed(
        "",
        "<event><id>a</id><eventType>REF</eventType><associatedText associatedTextType='POST'><value>secret</value></associatedText>\
         <referral><reason>secret</reason><UBRN>1</UBRN></referral></event>",
    );
    assert_eq!(record.events[0].referral.as_ref().and_then(|r| r.ubrn.as_deref()), Some("1"));
    assert_eq!(record.oddities.get("dropped-text"), Some(&2));
}

#[test]
fn a_word_is_the_same_as_an_element_and_as_an_attribute() {
    let range = |inside: &str| {
        let record = parsed(
            "",
            &format!(
                "<event><id>a</id><observation><value><text><value>x</value><range><textRange>{inside}</textRange></range>\
                 </text></value></observation></event>"
            ),
        );
        let Some(Value::Text { range, .. }) = &record.events[0].value else { panic!("no value") };
        range.as_ref().and_then(|range| range.text.clone())
    };
    assert_eq!(range("<low value='a  b'/>"), range("<low>a  b</low>"));
    let speciality = |inside: &str| {
        let record = parsed("", &format!("<event><id>a</id><referral>{inside}</referral></event>"));
        record.events[0].referral.as_ref().and_then(|referral| referral.speciality.clone())
    };
    assert_eq!(speciality("<speciality displayName='a  b'/>"), speciality("<speciality>a  b</speciality>"));
}

#[test]
fn reading_is_linear_in_hostile_shapes() {
    // Each of these is quadratic if text is joined piece by piece into new strings, or ids compared one by one.
    let pieces = "a<!-- -->&amp;".repeat(60_000);
    let links: String = (0..60_000).map(|n| format!("<childLink>{n}</childLink>")).collect::<Vec<_>>().concat();
    let events: String = (0..20_000).map(|n| format!("<event><id>{n}</id></event>")).collect::<Vec<_>>().concat();
    let started = std::time::Instant::now();
    let record = parsed(
        "",
        &format!(
            "<event><id>x</id><displayTerm>{pieces}</displayTerm><observation><complexObservation>{links}\
             </complexObservation></observation></event>{events}"
        ),
    );
    assert_eq!(record.events.len(), 20_001);
    assert!(started.elapsed() < std::time::Duration::from_secs(20));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes, Limits::default());
    }

    #[test]
    fn a_damaged_document_is_read_or_refused(
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec![
            "<", ">", "&", "</event>", "<code ", "'", "]]>", "<![CDATA[", "<!--", "\0", "\u{e9}", "<!DOCTYPE x>", "&#xD800;", "xmlns='' ", "",
        ]), 0usize..12), 1..6)
    ) {
        let mut bytes = document(
            "<confidentialityPolicy><id>p</id></confidentialityPolicy>",
            "<event><id>a</id><effectiveTime datepart='YMDT' value='9999-12-31T23:59:59.999+14:00'/><code code='1' codeSystem='x' \
             displayName='y'><translation codeSystem='z' displayName='z'/></code><observation><value><numeric><value>1.0</value></numeric>\
             </value></observation></event><problem><id>a</id><endTime datepart='YMDT' value='0001-01-01T00:00:00+14:00'/></problem>",
        ).into_bytes();
        for (at, insert, cut) in edits {
            let at = at.index(bytes.len() + 1);
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, insert.bytes());
        }
        let _ = read(&bytes, Limits::default());
    }
}
