use super::*;
use crate::ids::RoleCode;
use crate::store::StoreConfig;
use crate::telemetry::{LogFormat, LogLevel};
use serde_json::json;
use std::time::Duration;

/// Settings with every file in its place.
fn sound(dir: &Path) -> String {
    let secret: Vec<u8> = (0..64).collect();
    std::fs::write(dir.join("ids.key"), &secret).unwrap();
    std::fs::write(dir.join("audit.key"), "one AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "facade.example");
    let certificate = params.self_signed(&key).unwrap().pem();
    for (name, pem) in [("ca.pem", &certificate), ("client.pem", &certificate), ("client.key", &key.serialize_pem())] {
        std::fs::write(dir.join(name), pem).unwrap();
    }
    let key = json!({ "kty": "EC", "crv": "P-256", "kid": "one",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
    std::fs::write(dir.join("jwks.json"), json!({ "keys": [key] }).to_string()).unwrap();
    let dir = dir.display();
    format!(
        r#"
        [server]
        listen = "127.0.0.1:8080"
        [[identity.issuers]]
        issuer = "https://issuer.example"
        audience = "facade"
        jwks_file = "{dir}/jwks.json"
        [store]
        path = "{dir}/store.sqlite"
        [audit]
        key_file = "{dir}/audit.key"
        anchor_file = "{dir}/anchor"
        [gateway]
        endpoint = "https://127.0.0.1:1/mig"
        ca = "{dir}/ca.pem"
        client_certificate = "{dir}/client.pem"
        client_key = "{dir}/client.key"
        [ids]
        key_file = "{dir}/ids.key"
        "#
    )
}

fn with(overrides: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let overrides = overrides.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(&sound(dir.path()), overrides)
}

#[test]
fn a_short_file_is_enough_and_the_rest_has_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, sound(dir.path())).unwrap();
    let config = Config::load(&path).unwrap();
    assert_eq!(config.server.base_url(), "http://127.0.0.1:8080/FHIR/R4");
    assert_eq!(config.server.search_deadline(), Duration::from_secs(3));
    assert_eq!(config.server.everything_deadline(), Duration::from_secs(10));
    assert_eq!(config.cache.ttl_seconds, 60);
    assert_eq!(config.policy.settings().assurance, 3);
    assert_eq!(config.log.format, LogFormat::Json);
    assert!(config.problems().is_empty());
    std::fs::remove_file(dir.path().join("ids.key")).unwrap();
    assert_eq!(config.problems().len(), 1);
}

#[test]
fn the_environment_overrides_the_file_in_the_type_of_the_setting() {
    let config = with(&[
        ("MIG_FHIR__SERVER__LISTEN", "127.0.0.1:9090"),
        ("MIG_FHIR__CACHE__TTL_SECONDS", "30"),
        ("MIG_FHIR__LOG__LEVEL", "debug"),
        ("MIG_FHIR__LOG__FORMAT", "\"text\""),
        ("MIG_FHIR__POLICY__CLINICIAN_ROLES", "[\"R8000\", \"R8003\"]"),
    ])
    .unwrap();
    assert_eq!(config.server.listen.port(), 9090);
    assert_eq!(config.cache.ttl_seconds, 30);
    assert_eq!((config.log.level, config.log.format), (LogLevel::Debug, LogFormat::Text));
    assert_eq!(config.policy.settings().clinician_roles.last(), RoleCode::parse("R8003").as_ref());
}

#[test]
fn text_that_reads_as_a_number_stays_text_where_text_is_wanted() {
    let config = with(&[("MIG_FHIR__STORE__PATH", "2026")]).unwrap();
    assert!(matches!(config.store, StoreConfig::Sqlite { path } if path == Path::new("2026")));
}

#[test]
fn all_problems_are_listed_at_once() {
    let text = r#"
        surplus = 1
        [server]
        listen = "nowhere"
        max_in_flight = 0
        colour = "blue"
        [identity]
        leeway_seconds = 5
        [store]
        path = "/no/such/folder/store.sqlite"
        [audit]
        [cache]
        ttl_seconds = 301
        [ids]
        key_file = "/no/such/key"
        version = 26
        [exclusions]
        files = ["/no/such/list.csv"]
        [register]
        import = "/no/such/agreements.toml"
        [policy]
        clinician_roles = ["doctor"]
        assurance = 4
        [typo]
        "#;
    let overrides = [
        ("MIG_FHIR__GARAGE__DOOR".to_owned(), "1".to_owned()),
        ("MIG_FHIR__X".to_owned(), "1".to_owned()),
        ("MIG_FHIR__LOG__LEVEL".to_owned(), "loud".to_owned()),
    ];
    let problems = Config::read(text, overrides).unwrap_err();
    for expected in [
        "surplus: unknown section",
        "typo: unknown section",
        "garage: unknown section",
        "MIG_FHIR__X: is not of the form",
        "server.listen: ",
        "server.colour: unknown field",
        "identity.issuers: ",
        "store.path: ",
        "audit.key_file: is missing",
        "audit.anchor_file: is missing",
        "gateway.endpoint",
        "gateway.client_key",
        "cache.ttl_seconds: 301",
        "ids.key_file: /no/such/key",
        "ids.version: 26",
        "exclusions.files[0]: /no/such/list.csv cannot be read",
        "register.import: ",
        "policy.clinician_roles: ",
        "policy.assurance: 4",
        "log.level: ",
    ] {
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{expected} in {problems:#?}");
    }
}

#[test]
fn a_key_of_ids_is_64_bytes_and_no_pattern() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    let ids = IdsConfig { key_file: file.clone(), version: 0 };
    for (bytes, problem) in [(vec![1u8; 63], "fewer"), (vec![1; 65], "more"), (vec![1; 64], "repeated")] {
        std::fs::write(&file, bytes).unwrap();
        assert!(ids.secret().unwrap_err().contains(problem));
    }
    std::fs::write(&file, (0..64).collect::<Vec<u8>>()).unwrap();
    assert_eq!(ids.secret().unwrap()[63], 63);
}

#[test]
fn a_file_that_is_not_there_or_not_toml_is_said_so() {
    assert_eq!(Config::load(Path::new("/no/such/config.toml")).unwrap_err().len(), 1);
    let problems = Config::read("[server", []).unwrap_err();
    assert!(problems.iter().any(|problem| problem.starts_with("the settings are not TOML")), "{problems:?}");
}

#[test]
fn an_address_open_to_all_needs_the_name_that_clients_use() {
    let problems = with(&[("MIG_FHIR__SERVER__LISTEN", "0.0.0.0:8080")]).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    let named = [
        ("MIG_FHIR__SERVER__LISTEN", "0.0.0.0:8080"),
        ("MIG_FHIR__SERVER__PUBLIC_BASE_URL", "https://facade.example/FHIR/R4/"),
    ];
    assert_eq!(with(&named).unwrap().server.base_url(), "https://facade.example/FHIR/R4");
}

#[test]
fn what_is_decided_about_the_exclusions_is_read_and_what_contradicts_itself_is_refused() {
    let config = with(&[
        ("MIG_FHIR__EXCLUSIONS__SUPPLEMENT", "true"),
        ("MIG_FHIR__EXCLUSIONS__EXEMPT_SUPPLIERS", "[\"SystmOne\"]"),
        ("MIG_FHIR__EXCLUSIONS__WITHHOLD_UNKNOWN_CODES", "[\"Investigations\"]"),
        ("MIG_FHIR__EXCLUSIONS__SHADOW", "{ supplement = false }"),
    ])
    .unwrap();
    let lists = config.exclusions.load().unwrap();
    let list = lists.on(time::macros::date!(2026 - 12 - 01));
    assert!(!list.applies_to(crate::policy::Supplier::SystmOne) && lists.shadow().is_some());
    assert!(list.for_view(crate::kinds::View::Investigations).withholds_unknown());
    let read = Some("http://read.info/readv2");
    assert!(list.excludes_coding(read, "43C3."));
    assert!(!lists.shadow().unwrap().on(time::macros::date!(2026 - 12 - 01)).excludes_coding(read, "43C3."));
    let problems = with(&[
        ("MIG_FHIR__EXCLUSIONS__EXEMPT_SUPPLIERS", "[\"TPP\", \"Other\"]"),
        ("MIG_FHIR__EXCLUSIONS__WITHHOLD_UNKNOWN_CODES", "[\"Everything\"]"),
        ("MIG_FHIR__EXCLUSIONS__REVEALING_MEDICINES", "true"),
        ("MIG_FHIR__EXCLUSIONS__SHADOW", "{ files = [\"/no/such/list.csv\"] }"),
    ])
    .unwrap_err();
    for expected in [
        "exclusions.exempt_suppliers: \"TPP\" is not a supplier",
        "exclusions.withhold_unknown_codes: \"Everything\" is not a view",
        "exclusions.exempt_suppliers: a supplier that is not known cannot be exempt from the list",
        "exclusions.revealing_medicines_approved_by: revealing medicines",
        "exclusions.shadow.files[0]: /no/such/list.csv cannot be read",
    ] {
        let said = problems.iter().filter(|problem| problem.starts_with(expected)).count();
        assert_eq!(said, 1, "{expected} in {problems:#?}");
    }
}

#[test]
fn each_file_of_the_exclusions_that_is_missing_or_unsound_is_told_after_the_key_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let torn = dir.path().join("torn.csv");
    std::fs::write(&torn, "a list\n").unwrap();
    let torn = torn.display().to_string();
    let problems = with(&[
        ("MIG_FHIR__EXCLUSIONS__FILES", &format!("[\"/no/such/list.csv\", \"{torn}\"]")),
        ("MIG_FHIR__EXCLUSIONS__REFSET_FILES", &format!("[\"{torn}\", \"/no/such/refset.txt\"]")),
        ("MIG_FHIR__EXCLUSIONS__SNOMED_RELATIONSHIPS", "/no/such/relationships.txt"),
        ("MIG_FHIR__EXCLUSIONS__CTV3_HIERARCHY", &torn),
        ("MIG_FHIR__EXCLUSIONS__SHADOW", "{ base = \"/no/such/base.csv\", ctv3_hierarchy = \"/no/such/ctv3.txt\" }"),
    ])
    .unwrap_err();
    for expected in [
        "exclusions.files[0]: /no/such/list.csv cannot be read: ",
        &format!("exclusions.files[1]: {torn}: "),
        &format!("exclusions.refset_files[0]: {torn}: its heading"),
        "exclusions.refset_files[1]: /no/such/refset.txt cannot be read: ",
        "exclusions.snomed_relationships: /no/such/relationships.txt cannot be read: ",
        &format!("exclusions.ctv3_hierarchy: {torn}: line 1: "),
        "exclusions.shadow.base: /no/such/base.csv cannot be read: ",
        "exclusions.shadow.ctv3_hierarchy: /no/such/ctv3.txt cannot be read: ",
    ] {
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{expected} in {problems:#?}");
    }
    assert!(problems.iter().all(|problem| problem.starts_with("exclusions.")), "{problems:#?}");
}

#[test]
fn what_leaves_the_service_is_set_key_by_key_and_nothing_doubtful_is_taken() {
    let config =
        with(&[("MIG_FHIR__REVIEWS__SAMPLE_PERCENT", "2.5"), ("MIG_FHIR__REVIEWS__WITHIN_DAYS", "7")]).unwrap();
    assert!(config.alerts.webhook.is_none() && config.reviews.within() == time::Duration::days(7));
    assert!((config.reviews.share() - 0.025).abs() < f64::EPSILON);
    let found = with(&[
        ("MIG_FHIR__ALERTS__WEBHOOK", "http://alerts.example/"),
        ("MIG_FHIR__ALERTS__NOTICES", "{ G82001 = \"https://practice.example/\" }"),
        ("MIG_FHIR__REVIEWS__SAMPLE_PERCENT", "101"),
    ])
    .unwrap_err();
    assert_eq!(
        found,
        [
            "alerts.webhook: is not an https address",
            "alerts.key_file: is needed where anything is sent",
            "reviews.sample_percent: is not within 0 to 100",
        ]
    );
    let found = with(&[("MIG_FHIR__ALERTS__WEBHOOKS", "x"), ("MIG_FHIR__REVIEWS__DAYS", "3")]).unwrap_err();
    assert!(found.iter().any(|one| one.starts_with("alerts.webhooks")), "{found:?}");
    assert!(found.iter().any(|one| one.starts_with("reviews.days")), "{found:?}");
}
