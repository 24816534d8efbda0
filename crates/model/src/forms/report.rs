//! A report as it was at first: facets did not say how many decisions against a purpose it forgot.

use serde::{Deserialize, Serialize};

use crate::first_forms;
use crate::node::{NodeId, PersonId};
use crate::privacy::{Confirmation, Finding, Report};
use crate::versioned::{Renew, Versioned};

/// The first form of [`Report`].
#[derive(Serialize, Deserialize)]
pub struct ReportAtFirst {
    request_id: String,
    desk: u32,
    finding: FindingAtFirst,
}

#[derive(Serialize, Deserialize)]
enum FindingAtFirst {
    Resolved { identifier: NodeId, person: Option<PersonId>, asked: Vec<NodeId>, was_erased: bool },
    Unknown { identifier: NodeId },
    Shared { identifier: NodeId },
    Confirmed { asked_by: NodeId, node: NodeId, by: ConfirmationAtFirst },
}

#[derive(Serialize, Deserialize)]
enum ConfirmationAtFirst {
    Stitch { asked: u32, is_new: bool },
    Facets { touchpoints: u64 },
    Overruled,
    People { partition: u32 },
}

first_forms! {
    ReportAtFirst: "privacy-report",
}

impl Versioned for Report {
    const NAME: &'static str = "privacy-report";
    type Older = ReportAtFirst;
}

impl Renew<Report> for ReportAtFirst {
    fn renew(self) -> Report {
        let Self { request_id, desk, finding } = self;
        let finding = match finding {
            FindingAtFirst::Resolved { identifier, person, asked, was_erased } => {
                Finding::Resolved { identifier, person, asked, was_erased }
            }
            FindingAtFirst::Unknown { identifier } => Finding::Unknown { identifier },
            FindingAtFirst::Shared { identifier } => Finding::Shared { identifier },
            FindingAtFirst::Confirmed { asked_by, node, by } => {
                Finding::Confirmed { asked_by, node, by: by.renew() }
            }
        };
        Report { request_id, desk, finding }
    }
}

impl ConfirmationAtFirst {
    fn renew(self) -> Confirmation {
        match self {
            Self::Stitch { asked, is_new } => Confirmation::Stitch { asked, is_new },
            Self::Facets { touchpoints } => Confirmation::Facets { touchpoints, denials: 0 },
            Self::Overruled => Confirmation::Overruled,
            Self::People { partition } => Confirmation::People { partition },
        }
    }
}
