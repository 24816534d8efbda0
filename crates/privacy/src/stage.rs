//! The stage: requests and reports in, questions to stitch and receipts out.
//!
//! A request is answered by the partition on which it arrived. What is refused is answered at once and changes nothing; the
//! same request again, of whatever time, gets the last receipt again. Of a request only node ids are stored.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use kinfold_capture::Capture;
use kinfold_model::privacy::{
    Demand, Finding, PrivacyKind, PrivacyReceipt, PrivacyRequest, PrivacyScope, ReceiptStatus, Report,
    RequestIdentifier, Ticket,
};
use kinfold_model::stored::encode;
use kinfold_model::{Context, Fault, Halt, NodeId, Partition, Refusal, RefusalKind, Stage, Timestamp, View};

use crate::case::{Asked, Case, Piece, Pieces, Resolution, Wanted};
use crate::table::Table;
use crate::verify::Verifiers;

/// A request names at most so many identifiers, as many as a touchpoint has.
pub const IDENTIFIERS_MAX: usize = 16;
/// So many bytes the id of a request may have.
pub const REQUEST_ID_BYTES_MAX: usize = 200;
/// In a request this behind a namespace says that the value is the node id of an identifier of that namespace.
const NODE_MARK: char = '#';

/// What the stage reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrivacyInput {
    /// Somebody asks.
    Request(Box<PrivacyRequest>),
    /// A stage tells what it found or did.
    Report(Report),
}

/// What the stage sends.
#[derive(Clone, Debug, PartialEq)]
pub enum PrivacyOutput {
    /// To stitch: a request names this identifier.
    Ask {
        /// What it wants.
        demand: Demand,
        /// Names the identifier.
        ticket: Ticket,
        /// When the request was written to the log.
        time: Timestamp,
        /// The latest time that a touchpoint may have which came before: only a later consent lifts the erasure.
        latest: Timestamp,
    },
    /// How far a request has come.
    Receipt(Box<PrivacyReceipt>),
}

/// What all partitions of the stage share.
#[derive(Clone)]
pub struct PrivacyTerms {
    /// Normalises and hashes identifiers.
    pub capture: Capture,
    /// Whose requests are carried out.
    pub verifiers: Arc<Verifiers>,
    /// So long after an erasure the last copy may live, in milliseconds.
    pub last_copy_after_ms: i64,
}

/// One partition of the stage. Holds the requests of which the current batch heard something.
pub struct Privacy {
    terms: PrivacyTerms,
    partition: Partition,
    /// So many of them confirm each piece of the work.
    people_partitions: u32,
    /// With the time at which something was last heard.
    touched: BTreeMap<String, Timestamp>,
}

impl Privacy {
    /// `partition` is that of `privacy-request`; `people_partitions` is how many `profile-facet` has.
    #[must_use]
    pub fn new(terms: PrivacyTerms, partition: Partition, people_partitions: u32) -> Self {
        Self { terms, partition, people_partitions, touched: BTreeMap::new() }
    }

    fn request(
        &self,
        request: &PrivacyRequest,
        context: &mut Context<'_, PrivacyOutput>,
    ) -> Result<(), Halt> {
        check_id(&request.request_id)?;
        // What was refused is forgotten: whoever has mended it may use the same id.
        let known = case(&request.request_id, context.state)?
            .filter(|known| known.receipt.status != ReceiptStatus::Refused);
        let asked = self.asked(request).and_then(|asked| {
            let repeated = known.as_ref().map_or(Ok(()), |known| known.repeated(&asked));
            repeated.map(|()| asked).map_err(str::to_owned)
        });
        let asked = match (asked, known) {
            (Ok(asked), None) => asked,
            (result, known) => {
                let refused = result.err().map(|reason| refused(request, reason, context.now));
                // The last receipt is the one that holds: nobody who may not ask can make it another one.
                let receipts = refused.into_iter().chain(known.map(|known| known.receipt));
                context.output.extend(receipts.map(Box::new).map(PrivacyOutput::Receipt));
                return Ok(());
            }
        };
        let receipt = receipt(request, ReceiptStatus::Accepted, context.now);
        context.send(PrivacyOutput::Receipt(Box::new(receipt.clone())));
        for identifier in &asked.identifiers {
            let (demand, time, latest) = (asked.demand, context.now, self.terms.capture.latest(context.now));
            let (request_id, desk) = (request.request_id.clone(), self.partition.index);
            let ticket = Ticket { request_id, desk, asked_by: *identifier };
            context.send(PrivacyOutput::Ask { demand, ticket, time, latest });
        }
        let case = Case { asked, resolved: BTreeMap::new(), receipt };
        context.state.put(Table::Case.key(&request.request_id, &[]), encode(&case));
        Ok(())
    }

    /// What a request asks for, if it may and makes sense; else why not, without values.
    fn asked(&self, request: &PrivacyRequest) -> Result<Asked, String> {
        self.terms.verifiers.check(request)?;
        let PrivacyRequest { identifiers, time, .. } = request;
        let demand = demand(request)?;
        if identifiers.is_empty() || identifiers.len() > IDENTIFIERS_MAX {
            return Err(format!(
                "identifiers must be 1 to {IDENTIFIERS_MAX}; of more people send several requests"
            ));
        }
        let nodes = identifiers.iter().enumerate().map(|(index, identifier)| self.node(identifier, index));
        let nodes: BTreeSet<NodeId> = nodes.collect::<Result<_, _>>()?;
        Ok(Asked { demand, requested: *time, identifiers: nodes.into_iter().collect() })
    }

    fn node(&self, identifier: &RequestIdentifier, index: usize) -> Result<NodeId, String> {
        let RequestIdentifier { namespace, value } = identifier;
        let Some(_) = namespace.as_str().strip_suffix(NODE_MARK) else {
            let node = self.terms.capture.node(namespace.as_str(), value, index);
            return node.map_err(|refusal| refusal.sentence);
        };
        let node = value.parse::<NodeId>().ok().filter(|node| !node.is_sighting());
        node.ok_or_else(|| {
            format!("identifiers[{index}].value is no node id of an identifier; it has 32 hex digits, as `identity-assignment` has them")
        })
    }

    fn report(&mut self, report: Report, context: &mut Context<'_, PrivacyOutput>) -> Result<(), Fault> {
        let Report { request_id, finding, .. } = report;
        // Of a request that is done nothing is missing, and what comes again says nothing new.
        let Some(mut case) =
            case(&request_id, context.state)?.filter(|case| case.receipt.completed.is_none())
        else {
            return Ok(());
        };
        let (identifier, resolution) = match finding {
            Finding::Confirmed { asked_by, node, by } => {
                let key = Table::Piece.key(&request_id, &[asked_by, node]);
                let known = context.state.get(&key)?;
                let mut piece: Piece =
                    known.map(|bytes| Table::Piece.decode(&bytes)).transpose()?.unwrap_or_default();
                piece.confirm(by);
                context.state.put(key, encode(&piece));
                self.touched.insert(request_id, context.now);
                return Ok(());
            }
            Finding::Resolved { identifier, person, asked, was_erased } => {
                let (people, asked) = (person.into_iter().collect(), asked.into_iter().collect());
                (identifier, Resolution::Found { people, asked, was_erased })
            }
            Finding::Unknown { identifier } => (identifier, Resolution::Unknown),
            Finding::Shared { identifier } => (identifier, Resolution::Shared),
        };
        let both = match case.resolved.remove(&identifier) {
            Some(known) => known.and(resolution),
            None => resolution,
        };
        case.resolved.insert(identifier, both);
        context.state.put(Table::Case.key(&request_id, &[]), encode(&case));
        self.touched.insert(request_id, context.now);
        Ok(())
    }
}

impl Stage for Privacy {
    type Input = PrivacyInput;
    type Output = PrivacyOutput;

    fn handle(&mut self, input: PrivacyInput, context: &mut Context<'_, PrivacyOutput>) -> Result<(), Halt> {
        match input {
            PrivacyInput::Request(request) => self.request(&request, context),
            PrivacyInput::Report(report) => Ok(self.report(report, context)?),
        }
    }

    fn finish(&mut self, context: &mut Context<'_, PrivacyOutput>) -> Result<(), Fault> {
        for (request_id, now) in mem::take(&mut self.touched) {
            let Some(mut case) = case(&request_id, context.state)? else { continue };
            let pieces = pieces(&request_id, context.state)?;
            let wanted =
                Wanted { people: self.people_partitions, last_copy_after_ms: self.terms.last_copy_after_ms };
            let receipt = case.receipt(&pieces, now, &wanted);
            if receipt == case.receipt {
                continue;
            }
            if receipt.completed.is_some() {
                case.resolved.clear();
                for (asked_by, node) in pieces.0.into_keys() {
                    context.state.delete(Table::Piece.key(&request_id, &[asked_by, node]));
                }
            }
            case.receipt = receipt;
            context.state.put(Table::Case.key(&request_id, &[]), encode(&case));
            context.send(PrivacyOutput::Receipt(Box::new(case.receipt)));
        }
        Ok(())
    }
}

/// What a request wants of each identifier that it names.
fn demand(request: &PrivacyRequest) -> Result<Demand, String> {
    match (request.kind, request.scope) {
        (PrivacyKind::Erase, scope) => Ok(Demand::Erase(scope)),
        (PrivacyKind::Restrict, PrivacyScope::Person) => Ok(Demand::Restrict),
        (PrivacyKind::Lift, PrivacyScope::Person) => Ok(Demand::Lift),
        (PrivacyKind::Restrict | PrivacyKind::Lift, PrivacyScope::Identifier) => {
            Err("a restriction is about a person, whose data is used as a whole; its scope must be person"
                .to_owned())
        }
    }
}

fn case(request_id: &str, state: &dyn View) -> Result<Option<Case>, Fault> {
    let stored = state.get(&Table::Case.key(request_id, &[]))?;
    stored.map(|bytes| Table::Case.decode(&bytes)).transpose()
}

fn pieces(request_id: &str, state: &dyn View) -> Result<Pieces, Fault> {
    let prefix = Table::Piece.key(request_id, &[]);
    let mut pieces = Pieces::default();
    for (key, bytes) in state.scan(&prefix)? {
        let nodes = key.strip_prefix(prefix.as_slice()).and_then(|nodes| <[u8; 32]>::try_from(nodes).ok());
        let [asked_by, node] = nodes.map(halves).ok_or_else(|| Fault::Corrupt {
            what: "piece of a request",
            why: "its key is not that of a request and two nodes".to_owned(),
        })?;
        pieces.0.insert((asked_by, node), Table::Piece.decode(&bytes)?);
    }
    Ok(pieces)
}

fn halves(bytes: [u8; 32]) -> [NodeId; 2] {
    let half = |begin: usize| {
        let mut id = [0; 16];
        id.copy_from_slice(&bytes[begin..begin + 16]);
        NodeId::from_bytes(id)
    };
    [half(0), half(16)]
}

/// A request that cannot be named cannot be answered.
fn check_id(request_id: &str) -> Result<(), Refusal> {
    let is_visible = |character: char| !character.is_control() && !character.is_whitespace();
    if (1..=REQUEST_ID_BYTES_MAX).contains(&request_id.len()) && request_id.chars().all(is_visible) {
        return Ok(());
    }
    let complaint =
        format!("must have 1 to {REQUEST_ID_BYTES_MAX} bytes, without blanks and control characters");
    Err(Refusal::new(RefusalKind::BadRequest, "request_id", complaint))
}

fn refused(request: &PrivacyRequest, reason: String, now: Timestamp) -> PrivacyReceipt {
    let receipt = receipt(request, ReceiptStatus::Refused, now);
    PrivacyReceipt { reasons: vec![reason], completed: Some(now), ..receipt }
}

fn receipt(request: &PrivacyRequest, status: ReceiptStatus, now: Timestamp) -> PrivacyReceipt {
    PrivacyReceipt {
        request_id: request.request_id.clone(),
        kind: request.kind,
        scope: request.scope,
        status,
        reasons: Vec::new(),
        person_ids: Vec::new(),
        identifiers: 0,
        sightings: 0,
        touchpoints: 0,
        stages: Vec::new(),
        requested: request.time,
        received: now,
        completed: None,
        last_copy_gone: None,
    }
}
