//! The order of checks (WIRE section 3), proven in pairs: a message with two defects is answered for the earlier one.

use super::{Bench, NUMBERS, PRACTICE, date, record, swap, told, told_why};
use crate::gateway::profile::DEFAULT_PROFILE;
use crate::gateway::testing::Told;
use crate::gateway::xml::SOAP;
use crate::kinds::View;
use crate::simulator::holdings::{Holding, Holdings};
use std::sync::Arc;

/// The id of a message that was answered before.
const USED: &str = "00000000-0000-4000-8000-00000000AAAA";

/// What is asked, and what its holding is set to.
#[derive(Clone)]
struct Draft {
    told: Told,
    outcome: Option<&'static str>,
    opted_out: bool,
}

/// One defect, in the order of the checks: what it is answered with, and how it is made.
struct Defect {
    wanted: &'static str,
    asked: fn(&mut Draft),
    /// Before the message is signed again, and after.
    before: fn(&str) -> String,
    after: fn(&str) -> String,
}

const NONE: Defect = Defect { wanted: "MIG-0000", asked: |_| {}, before: str::to_owned, after: str::to_owned };

const ORDER: [Defect; 20] = [
    Defect {
        wanted: "1000: over the size limit",
        after: |m| format!("{m}{}", " ".repeat(1_048_577 - m.len())),
        ..NONE
    },
    Defect { wanted: "1000: not well-formed XML", after: |m| swap(m, "</soap:Header>", "</soap:Header><q>"), ..NONE },
    Defect {
        wanted: "soap:VersionMismatch",
        after: |m| m.replace(SOAP, "http://www.w3.org/2003/05/soap-envelope"),
        ..NONE
    },
    Defect {
        wanted: "3000: not exactly one Body",
        after: |m| swap(m, "</soap:Envelope>", "<soap:Body></soap:Body></soap:Envelope>"),
        ..NONE
    },
    Defect {
        wanted: "soap:MustUnderstand",
        after: |m| swap(m, "</soap:Header>", "<x:A xmlns:x=\"urn:x\" soap:mustUnderstand=\"1\"></x:A></soap:Header>"),
        ..NONE
    },
    Defect {
        wanted: "3000: timestamp expired",
        before: |m| m.replace("T10:00:00Z", "T09:50:00Z").replace("T10:05:00Z", "T09:55:00Z"),
        ..NONE
    },
    Defect {
        wanted: "3000: a required part is not signed",
        before: |m| swap(m, "wsu:Id=\"id-from\"", "wsu:Is=\"id-from\""),
        ..NONE
    },
    Defect { wanted: "3000: seen before", before: |m| with_id(m, USED), ..NONE },
    Defect {
        wanted: "1000: To is not this endpoint",
        before: |m| swap(m, "https://localhost", "https://elsewhere"),
        ..NONE
    },
    Defect {
        wanted: "1000: service is not the action",
        before: |m| swap(m, "sendRecvDistEnvelope\" trackingid", "other\" trackingid"),
        ..NONE
    },
    Defect {
        wanted: "1000: the message does not fit its schema",
        before: |m| swap(m, "<dcr:view>", "<dcr:mood></dcr:mood><dcr:view>"),
        ..NONE
    },
    Defect { wanted: "MIG-0001", before: |m| swap(m, "<dcr:view>Summary", "<dcr:view>Everything"), ..NONE },
    Defect { wanted: "MIG-0003", before: |m| swap(m, "Explicit Consent", "Explicit Dissent"), ..NONE },
    Defect { wanted: "MIG-0006", asked: |draft| draft.told.organisation = "V2", ..NONE },
    Defect { wanted: "MIG-0005", asked: |draft| draft.outcome = Some("MIG-0005"), ..NONE },
    Defect { wanted: "MIG-0002", asked: |draft| draft.told.view = Some((View::Summary, "A81002")), ..NONE },
    Defect { wanted: "MIG-0007", asked: |draft| draft.told.birth_date = Some(date!(1970 - 01 - 03)), ..NONE },
    Defect { wanted: "MIG-0004", asked: |draft| draft.opted_out = true, ..NONE },
    Defect { wanted: "MIG-0008", asked: |draft| draft.outcome = Some("MIG-0008"), ..NONE },
    Defect { wanted: "MIG-0009", asked: |draft| draft.outcome = Some("MIG-0009"), ..NONE },
];

fn with_id(message: &str, id: &str) -> String {
    let (head, tail) = message.split_once("</wsa:MessageID>").expect("an id");
    format!("{}{id}</wsa:MessageID>{tail}", &head[..head.len() - 36])
}

const OUTCOMES: [Option<&str>; 4] = [None, Some("MIG-0005"), Some("MIG-0008"), Some("MIG-0009")];

/// One patient for each setting that the defects ask for.
fn number_of(draft: &Draft) -> &'static str {
    let place = OUTCOMES.iter().position(|outcome| *outcome == draft.outcome).expect("a setting");
    NUMBERS[2 * place + usize::from(draft.opted_out)]
}

fn holdings() -> Holdings {
    let mut holdings = Holdings::default();
    for outcome in OUTCOMES {
        for opted_out in [false, true] {
            let draft = Draft { told: told(""), outcome, opted_out };
            let Ok(mut holding) = Holding::read(record(number_of(&draft))) else { panic!("a record") };
            holding.practice = Some(PRACTICE.to_owned());
            holding.registration = "registered".to_owned();
            holding.birth_date = Some(date!(1970 - 01 - 02));
            holding.outcome = outcome.map(str::to_owned);
            holding.opted_out = opted_out;
            holdings.add(holding);
        }
    }
    holdings
}

async fn bench() -> Bench {
    Bench::tweaked(DEFAULT_PROFILE, None, |config| config.holdings = Arc::new(holdings())).await
}

async fn answer(client: &crate::gateway::testing::Client, defects: &[&Defect]) -> String {
    let view = Some((View::Summary, PRACTICE));
    let mut draft = Draft { told: Told { view, ..told("") }, outcome: None, opted_out: false };
    for defect in defects {
        (defect.asked)(&mut draft);
    }
    draft.told.nhs_number = number_of(&draft);
    let message = defects.iter().fold(client.write(&draft.told), |message, defect| (defect.before)(&message));
    let signed = client.sign_again(&message);
    // The outermost last, or there would be nothing left for the inner ones to change.
    let sent = defects.iter().rev().fold(signed, |message, defect| (defect.after)(&message));
    client.post(sent).await.map_or_else(|error| error, |bytes| told_why(&bytes))
}

#[tokio::test]
async fn of_two_defects_the_earlier_check_answers() {
    let bench = bench().await;
    let client = bench.client();
    let first = with_id(&client.write(&Told { view: Some((View::Summary, PRACTICE)), ..told(NUMBERS[0]) }), USED);
    let answered = client.post(client.sign_again(&first)).await.expect("an answer");
    assert_eq!(told_why(&answered), "MIG-0000");
    assert_eq!(answer(&client, &[&NONE]).await, "MIG-0000");

    let (mut wrong, mut pairs, mut impossible) = (Vec::new(), 0, 0);
    for (place, earlier) in ORDER.iter().enumerate() {
        let alone = answer(&client, &[earlier]).await;
        if alone != earlier.wanted {
            wrong.push(format!("{} alone: {alone}", earlier.wanted));
        }
        for later in &ORDER[place + 1..] {
            // Of the outcomes that only a holding can be set to, it can be set to one.
            if [earlier, later].iter().all(|defect| OUTCOMES.contains(&Some(defect.wanted))) {
                impossible += 1;
                continue;
            }
            pairs += 1;
            let got = answer(&client, &[earlier, later]).await;
            if got != earlier.wanted {
                wrong.push(format!("{} and {}: {got}", earlier.wanted, later.wanted));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!((pairs, impossible), (187, 3));
    println!("order: {} checks, {pairs} pairs", ORDER.len());
}

#[tokio::test]
async fn a_message_is_remembered_once_its_signed_parts_pass_and_not_before() {
    let bench = bench().await;
    let client = bench.client();
    let good = |id: &str| {
        let written = client.write(&Told { view: Some((View::Summary, PRACTICE)), ..told(NUMBERS[0]) });
        client.sign_again(&with_id(&written, id))
    };
    let post = async |message: String| told_why(&client.post(message).await.expect("an answer"));
    // Up to the schema: the rest are answers to a message that passed every check.
    for (place, defect) in ORDER.iter().enumerate().take(11).filter(|(_, defect)| defect.wanted != "3000: seen before")
    {
        let id = format!("00000000-0000-4000-8000-0000000000{place:02}");
        let broken = client.sign_again(&(defect.before)(&good(&id)));
        let broken = (defect.after)(&broken);
        post(broken).await;
        let wanted = if place < 8 { "MIG-0000" } else { "3000: seen before" };
        assert_eq!(post(good(&id)).await, wanted, "after {}", defect.wanted);
    }
}
