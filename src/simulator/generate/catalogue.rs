//! What the generator's synthetic entries say: code, term, SNOMED translation (blank for none), and what a value needs.

/// Code, term, SNOMED id.
pub(super) type Term = (&'static str, &'static str, &'static str);

/// Coded observations: disorders, symptoms, administration, local codes, synonyms.
pub(super) const OBSERVATIONS: &[Term] = &[
    ("H33", "Asthma", "195967001"),
    ("C10F", "Type 2 diabetes mellitus", "44054006"),
    ("G20", "Essential hypertension", "38341003"),
    ("H06z0-1", "Chest infection", "50417007"),
    ("M11", "Atopic dermatitis and related conditions", "43116000"),
    ("E2B", "Depressive disorder NEC", "35489007"),
    ("N05", "Osteoarthritis and allied disorders", "396275006"),
    ("J10y4", "Oesophageal reflux without mention of oesophagitis", "235595009"),
    ("G573", "Atrial fibrillation and flutter", "49436004"),
    ("C04", "Acquired hypothyroidism", "40930008"),
    ("F26", "Migraine", "37796009"),
    ("K190-1", "Urinary tract infection", "68566005"),
    ("F52", "Suppurative and unspecified otitis media", "65363002"),
    ("19C", "Constipation", "14760008"),
    ("1B1G", "Headache", "25064002"),
    ("16C2", "Backache", "161891005"),
    ("137R", "Current smoker", ""),
    ("8CA", "Patient given advice", ""),
    ("9N31", "Telephone encounter", ""),
    ("EMISNQRE59", "Referral for further care", ""),
    ("^ESCTOT12345", "Other local entry", ""),
    ("7264", "Prosthesis of lens", ""),
    ("7700", "Emergency excision of appendix", "80146002"),
    ("7K20", "Total prosthetic replacement of hip joint using cement", "52734007"),
    ("14L1", "H/O: penicillin allergy", "91936005"),
    ("8I2J", "Beta blocker contraindicated", ""),
    ("5352-1", "Standard chest X-ray normal", ""),
    ("32", "Electrocardiography", ""),
    ("8H2", "Emergency hospital admission", "183452005"),
];

/// One value: code, term, unit, lowest and highest tenth of a plausible value, reference range.
pub(super) type Test = (&'static str, &'static str, &'static str, u32, u32, Option<(&'static str, &'static str)>);

/// A battery: code, term, members.
pub(super) type Battery = (&'static str, &'static str, &'static [Test]);

/// Batteries of laboratory tests.
pub(super) const BATTERIES: &[Battery] = &[
    (
        "44JB",
        "Urea and electrolytes",
        &[
            ("44I5", "Serum sodium", "mmol/L", 1330, 1470, Some(("133", "146"))),
            ("44I4", "Serum potassium", "mmol/L", 30, 58, Some(("3.5", "5.3"))),
            ("44J3", "Serum creatinine", "umol/L", 450, 1400, Some(("60", "110"))),
            ("44J9", "Serum urea level", "mmol/L", 20, 110, Some(("2.5", "7.8"))),
        ],
    ),
    (
        "424",
        "Full blood count - FBC",
        &[
            ("423", "Haemoglobin estimation", "g/L", 950, 1700, Some(("115", "165"))),
            ("42P", "Platelet count", "10*9/L", 1200, 4800, Some(("150", "450"))),
            ("42H", "Total white cell count", "10*9/L", 20, 150, Some(("4.0", "11.0"))),
            ("42A", "Mean corpuscular volume (MCV)", "fL", 750, 1020, Some(("80", "100"))),
            ("42L", "Basophil count", "10*9/L", 0, 3, Some(("0", "0.2"))),
        ],
    ),
    (
        "44D6",
        "Liver function test",
        &[
            ("44E", "Serum bilirubin level", "umol/L", 30, 300, Some(("0", "20"))),
            ("44G3", "Alanine aminotransferase level", "iu/L", 80, 900, Some(("0", "40"))),
            ("44F3", "Total alkaline phosphatase", "iu/L", 300, 1800, Some(("30", "130"))),
            ("44M4", "Serum albumin", "g/L", 280, 510, Some(("35", "50"))),
        ],
    ),
    (
        "44O",
        "Blood lipids",
        &[
            ("44P", "Serum cholesterol", "mmol/L", 30, 80, Some(("0", "5.0"))),
            ("44P5", "Serum HDL cholesterol level", "mmol/L", 7, 25, None),
            ("44Q", "Serum triglycerides", "mmol/L", 5, 40, Some(("0", "1.7"))),
        ],
    ),
];

/// Values that stand alone.
pub(super) const VALUES: &[Test] = &[
    ("22A", "O/E - weight", "Kg", 480, 1200, None),
    ("229", "O/E - height", "cm", 1480, 1950, None),
    ("22K", "Body mass index", "", 180, 390, None),
    ("136", "Alcohol consumption", "units/week", 0, 300, None),
    ("42W4", "HbA1c level (DCCT aligned)", "% total Hb", 50, 110, None),
    ("451E", "GFR calculated abbreviated MDRD", "mL/min/1.73sq.m", 300, 900, None),
    ("442A", "Serum TSH level", "mu/L", 2, 90, Some(("0.27", "4.2"))),
    ("8H2", "Emergency hospital admission", "days", 10, 140, None),
];

/// Values without a value: the code is the result.
pub(super) const RESULTS: &[Term] = &[
    ("4672", "Urine protein test negative", ""),
    ("4662", "Urine glucose test negative", ""),
    ("4K22", "Cervical smear: negative", ""),
];

/// A drug: code, term, dm+d id (blank for none), dosage, quantity, unit, on repeat.
pub(super) type Drug = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, bool);

/// Drugs.
pub(super) const DRUGS: &[Drug] = &[
    (
        "AMCA26401",
        "Amoxicillin 500mg capsules",
        "39732311000001104",
        "One To Be Taken Three Times A Day",
        "21",
        "capsule",
        false,
    ),
    (
        "PATA26438",
        "Paracetamol 500mg tablets",
        "322236009",
        "1-2 four times a day when required",
        "100",
        "tablet(s)",
        false,
    ),
    ("ASDT1102", "Aspirin 75mg dispersible tablets", "319773006", "One daily", "28", "tablets", true),
    ("AMTA2201", "Amlodipine 5mg tablets", "319283006", "One To Be Taken Each Day", "28", "tablet", true),
    ("BETA871", "Bendroflumethiazide 2.5mg tablets", "317919004", "One each morning", "28", "Tablet(s)", true),
    ("OMCA773", "Omeprazole 20mg gastro-resistant capsules", "317291008", "One daily", "28", "capsule(s)", true),
    ("METF5501", "Metformin 500mg tablets", "325278007", "One twice a day with food", "56", "tablet", true),
    (
        "SAIN3091",
        "Salbutamol 100micrograms/dose inhaler CFC free",
        "39113611000001102",
        "Two puffs when required",
        "1",
        "single dose units",
        true,
    ),
    ("E45CR22", "E45 cream", "", "Apply as directed", "50", "gram(s)", false),
];

/// Immunisations.
pub(super) const IMMUNISATIONS: &[Term] = &[
    ("65E", "Influenza vaccination", "86198006"),
    ("656", "Tetanus vaccination", "127786006"),
    ("6572", "Pneumococcal vaccination", "12866006"),
    ("9OX5", "Influenza vaccination declined", ""),
];

/// Allergy entries, one of them a skin condition as real ones are.
pub(super) const ALLERGIES: &[Term] = &[
    ("14L1", "H/O: penicillin allergy", "91936005"),
    ("14L", "H/O: drug allergy", "416098002"),
    ("SN53", "Allergy, unspecified", "419199007"),
    ("M110-3", "Flexural eczema", ""),
];

/// Referrals.
pub(super) const REFERRALS: &[Term] = &[
    ("8H46", "Dermatological referral", ""),
    ("8H47", "Neurological referral", ""),
    ("8H44", "Cardiological referral", ""),
];

/// Alerts.
pub(super) const ALERTS: &[Term] = &[("9b0", "Needs a ground floor room", ""), ("918", "Hard of hearing", "")];

/// Family history.
pub(super) const FAMILY: &[Term] = &[("12C1", "FH: Hypertension", ""), ("1252", "FH: Diabetes mellitus", "")];

/// Recalls.
pub(super) const RECALLS: &[Term] =
    &[("246", "O/E - blood pressure reading", "163020007"), ("66A", "Diabetic monitoring", "")];

/// Consultation text without a code: must never leave.
pub(super) const FREE_TEXT: &[&str] = &[
    "Came with daughter, worried about the result, will ring back on Friday",
    "Feels better since the last visit & sleeping < 5 hours",
    "Discussed options; prefers to wait",
];

/// Encounter headings: code (blank as real ones are) and name.
pub(super) const HEADINGS: &[(&str, &str)] = &[
    ("394831002", "Examination"),
    ("394830001", "Additional"),
    ("37331000000100", "Comment"),
    ("394617004", "Result"),
    ("15621000000105", "History"),
    ("", "Problem"),
    ("", "Social"),
];
