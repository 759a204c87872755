//! SOAP faults with the toolkit's error information.

use crate::gateway::WireProfile;
use crate::gateway::xml::{Canonical, ITK, SOAP, WSA};
use crate::gateway::{ERROR_CODES, uuid};

/// Why a message is answered with a fault. The reason goes to the log and the diagnostic text: fixed words only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// 1000
    Invalid(&'static str),
    /// 2100
    Busy,
    /// 2200
    Failed(&'static str),
    /// 3000
    Denied(&'static str),
    /// A header with mustUnderstand that we do not know.
    MustUnderstand,
    /// Another SOAP version.
    Version,
}

impl Fault {
    /// A fault by its ITK code.
    pub(super) fn of(code: &str) -> Self {
        match code {
            "1000" => Self::Invalid("as set"),
            "2100" => Self::Busy,
            "3000" => Self::Denied("as set"),
            "MustUnderstand" => Self::MustUnderstand,
            "VersionMismatch" => Self::Version,
            _ => Self::Failed("as set"),
        }
    }

    /// The ITK code, or the faultcode where there is none.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Invalid(_) => "1000",
            Self::Busy => "2100",
            Self::Failed(_) => "2200",
            Self::Denied(_) => "3000",
            Self::MustUnderstand => "MustUnderstand",
            Self::Version => "VersionMismatch",
        }
    }

    /// Why, in fixed words.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Invalid(reason) | Self::Failed(reason) | Self::Denied(reason) => reason,
            Self::Busy => "busy",
            Self::MustUnderstand => "a header that is not understood",
            Self::Version => "another SOAP version",
        }
    }

    /// The whole answer.
    pub(super) fn write(self, relates_to: Option<&str>, profile: &WireProfile) -> String {
        let (faultcode, text) = match self {
            Self::Invalid(_) | Self::Denied(_) => {
                ("soap:Client", "A client related error has occurred, see detail element for further information")
            }
            Self::Busy | Self::Failed(_) => {
                ("soap:Server", "A server related error has occurred, see detail element for further information")
            }
            Self::MustUnderstand => ("soap:MustUnderstand", "A header was not understood"),
            Self::Version => ("soap:VersionMismatch", "SOAP 1.1 is expected"),
        };
        let coded = !matches!(self, Self::MustUnderstand | Self::Version);
        // Of these two WS-Addressing names the first alone (ITK 1.4).
        let of_addressing = matches!(self, Self::MustUnderstand);
        let names = &profile.addressing;
        let action = if of_addressing { &names.addressing_fault_action } else { &names.fault_action };
        let mut out = Canonical::default();
        out.open(("soap", SOAP, "Envelope"), None, &[]);
        out.open(("soap", SOAP, "Header"), None, &[]);
        out.leaf(("wsa", WSA, "MessageID"), &[], &uuid()).leaf(("wsa", WSA, "Action"), &[], action);
        if let Some(id) = relates_to {
            out.leaf(("wsa", WSA, "RelatesTo"), &[], id);
        }
        out.close().open(("soap", SOAP, "Body"), None, &[]).open(("soap", SOAP, "Fault"), None, &[]);
        let head = out.finish();
        let mut detail = String::new();
        if coded {
            let words = match self {
                Self::Invalid(_) => "The message is not valid",
                Self::Denied(_) => "Access is denied",
                Self::Busy => "The service is busy, try again later",
                _ => "The request could not be processed",
            };
            let mut info = Canonical::default();
            info.open(("itk", ITK, "ToolkitErrorInfo"), None, &[]).leaf(("itk", ITK, "ErrorID"), &[], &uuid());
            info.leaf(("itk", ITK, "ErrorCode"), &[("codeSystem", ERROR_CODES)], self.code());
            info.leaf(("itk", ITK, "ErrorText"), &[], words);
            info.leaf(("itk", ITK, "ErrorDiagnosticText"), &[], self.reason());
            detail = format!("<detail>{}</detail>", info.finish());
        }
        // The children of a SOAP 1.1 Fault are in no namespace, so they are put in where it was opened.
        let inside = format!("<faultcode>{faultcode}</faultcode><faultstring>{text}</faultstring>{detail}");
        head.replacen("</soap:Fault>", &format!("{inside}</soap:Fault>"), 1)
    }
}
