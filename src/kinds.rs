//! The FHIR types served, the ten views of the Detailed Care Record, and the purposes for which they are asked.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* #[doc = concat!("`", $text, "`")] $variant),+ }

        impl $name {
            /// Every value, in the order of the definition.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Parses the word on the wire, case-sensitively.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// A FHIR R4 type that this service builds out of the legacy record.
    Kind {
        Patient = "Patient",
        Condition = "Condition",
        MedicationStatement = "MedicationStatement",
        MedicationRequest = "MedicationRequest",
        AllergyIntolerance = "AllergyIntolerance",
        Flag = "Flag",
        Observation = "Observation",
        DiagnosticReport = "DiagnosticReport",
        Procedure = "Procedure",
        Immunization = "Immunization",
        Encounter = "Encounter",
        ServiceRequest = "ServiceRequest",
        Practitioner = "Practitioner",
        PractitionerRole = "PractitionerRole",
        Organization = "Organization",
        Location = "Location",
        Specimen = "Specimen",
    }
}

impl Kind {
    /// Types that exist only while a released entry refers to them: read and `_include` only (CONTRACT section 2).
    #[must_use]
    pub const fn is_referred_to(self) -> bool {
        matches!(
            self,
            Self::Practitioner | Self::PractitionerRole | Self::Organization | Self::Location | Self::Specimen
        )
    }
}

words! {
    /// A view of the Detailed Care Record: the words of the legacy wire (WIRE section 5) and of our view CodeSystem.
    View {
        PatientDetails = "PatientDetails",
        Summary = "Summary",
        Problems = "Problems",
        Diagnosis = "Diagnosis",
        Medication = "Medication",
        RisksAndWarnings = "RisksAndWarnings",
        Procedures = "Procedures",
        Investigations = "Investigations",
        Examination = "Examination",
        Events = "Events",
    }
}

words! {
    /// Why the record is asked for (v3-ActReason): direct care, or an override of missing consent.
    Purpose {
        Treatment = "TREAT",
        BreakGlass = "BTG",
    }
}
