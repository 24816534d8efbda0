//! The ports: which topics each stage reads and writes, and what stands in their keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use kinfold_capture::{Capture, Captured, RawRecord};
use kinfold_model::privacy::{Report, Ruling};
use kinfold_model::versioned::Versioned;
use kinfold_model::{
    Fault, Halt, Keys, NodeId, Outputs, Partition, Purposes, Refusal, RefusalKind, Returning, Rules,
    Survivorship, Touchpoint, UnifiedProfile,
};
use kinfold_privacy::{Privacy, PrivacyInput, PrivacyOutput, PrivacyTerms};
use kinfold_profile::{Facet, Facets, FacetsInput, Joined, People, PeopleInput, Published};
use kinfold_stitch::op::Seen;
use kinfold_stitch::{Note, Op, Stitch, Stitched};
use kinfold_wire::{Topic, Trace, WireError, decode, decode_inner, keyed};
use serde::de::DeserializeOwned;

use crate::batch::Tally;
use crate::port::{Port, StageName, Topology};
use crate::record::{InRecord, Origin, OutRecord};

/// Under which refused records are counted that name no source.
pub const UNKNOWN_SOURCE: &str = "(unknown)";

/// `raw.*` → `touchpoint` and `identity-op`.
pub struct CapturePort {
    /// Copied for each partition.
    pub stage: Capture,
    /// Of the deployment.
    pub keys: Keys,
    /// To know the namespaces of nodes.
    pub rules: Rules,
    /// By which consents somebody who is erased may be known again.
    pub returning: Arc<Returning>,
    /// The log.
    pub topology: Topology,
}

impl Port for CapturePort {
    type Stage = Capture;
    const NAME: StageName = StageName::Capture;

    fn topology(&self) -> &Topology {
        &self.topology
    }

    fn stage(&self, _: Partition) -> Capture {
        self.stage.clone()
    }

    fn read(&self, record: &InRecord) -> Result<RawRecord, Halt> {
        let source = match &record.origin {
            Origin::Raw(source) => Some(Arc::clone(source)),
            Origin::Topic(_) => None,
        };
        Ok(RawRecord { source, bytes: record.value.clone().unwrap_or_default() })
    }

    fn refusal<'o>(&self, output: &'o Captured) -> Option<&'o Refusal> {
        match output {
            Captured::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    fn account(&self, output: &Captured, origin: Option<&Origin>, tally: &mut Tally) {
        match (output, origin) {
            (Captured::Touchpoint(touchpoint), Some(origin)) => {
                tally.source(origin, &touchpoint.source).touchpoint(&touchpoint.flags);
            }
            (Captured::Mapped(mapped), _) => {
                for (outcome, count) in mapped.outcomes().into_iter().filter(|(_, count)| *count > 0) {
                    *tally.mapped.entry((mapped.source.clone(), outcome)).or_default() += count;
                }
                for (attribute, count) in &mapped.dropped {
                    *tally.dropped.entry((mapped.source.clone(), attribute.clone())).or_default() += count;
                }
            }
            _ => {}
        }
    }

    fn source(&self, record: &InRecord) -> Option<String> {
        if let Origin::Raw(source) = &record.origin
            && self.stage.is_mapped(source)
        {
            return Some(source.to_string());
        }
        let named = record.value.as_deref().and_then(Capture::source);
        Some(named.unwrap_or_else(|| UNKNOWN_SOURCE.to_owned()))
    }

    fn write(&self, captured: Captured, trace: Trace, records: &mut Vec<OutRecord>) -> Result<(), Fault> {
        let Captured::Touchpoint(touchpoint) = captured else { return Ok(()) };
        let key = touchpoint.sighting.to_string();
        records.push(self.topology.public(Topic::Touchpoint, key, Some(&*touchpoint), trace)?);
        let consented = self.returning.consented(&touchpoint);
        let op = Op::observe(&touchpoint, self.seen(&touchpoint), consented, &self.keys);
        records.push(identity_op(&op, &self.topology, trace)?);
        Ok(())
    }
}

impl CapturePort {
    /// The identifiers of a touchpoint as stitch knows them: an e-mail and its hash are one, and blocked if either is.
    fn seen(&self, touchpoint: &Touchpoint) -> Vec<Seen> {
        let mut nodes: BTreeMap<NodeId, Seen> = BTreeMap::new();
        for identifier in &touchpoint.identifiers {
            let namespace = self.rules.node_namespace(&identifier.namespace);
            let new = Seen { node: identifier.node, namespace, blocked: false };
            let seen = nodes.entry(identifier.node).or_insert(new);
            seen.blocked |= self.stage.is_blocked(identifier);
        }
        nodes.into_values().collect()
    }
}

fn identity_op(op: &Op, topology: &Topology, trace: Trace) -> Result<OutRecord, Fault> {
    let partition = op.to.partition(topology.count(Topic::IdentityOp));
    Topology::inner(Topic::IdentityOp, partition, op.to.as_bytes().to_vec(), op, trace)
}

/// `identity-op` and `identity-command` → `identity-op`, `identity-assignment`, `identity-change`, `erasure` and `privacy-report`.
pub struct StitchPort {
    /// Of the deployment.
    pub keys: Keys,
    /// Of identity.
    pub rules: Rules,
    /// The log.
    pub topology: Topology,
}

impl Port for StitchPort {
    type Stage = Stitch;
    const NAME: StageName = StageName::Stitch;

    fn topology(&self) -> &Topology {
        &self.topology
    }

    fn stage(&self, partition: Partition) -> Stitch {
        Stitch::new(self.keys.clone(), self.rules.clone(), partition)
    }

    fn read(&self, record: &InRecord) -> Result<Op, Halt> {
        match record.origin {
            Origin::Topic(Topic::IdentityCommand) => {
                Ok(Op::command(public(&self.topology, Topic::IdentityCommand, record)?, &self.keys)?)
            }
            _ => inner(record),
        }
    }

    fn note(&self, output: &Stitched) -> Option<&'static str> {
        match output {
            Stitched::Noted(_, note) => Some(note.as_str()),
            _ => None,
        }
    }

    fn write(&self, output: Stitched, trace: Trace, records: &mut Vec<OutRecord>) -> Result<(), Fault> {
        records.push(match output {
            Stitched::Noted(node, note) => {
                if note == Note::Shed {
                    tracing::warn!(%node, "an identifier was taken out of a component that exceeds max_component");
                }
                return Ok(());
            }
            Stitched::Unassigned(node) => {
                let nothing = None::<&kinfold_model::Assignment>;
                self.topology.public(Topic::IdentityAssignment, node.to_string(), nothing, trace)?
            }
            Stitched::Op(op) => identity_op(&op, &self.topology, trace)?,
            Stitched::Assigned(assignment) => {
                let key = assignment.node.to_string();
                self.topology.public(Topic::IdentityAssignment, key, Some(&assignment), trace)?
            }
            Stitched::Ruled(ruling) => {
                // Cut as `touchpoint` and `identity-assignment` are, which facets reads beside it.
                let key = ruling.node().to_string().into_bytes();
                let partition = keyed(&key, self.topology.count(Topic::Erasure));
                Topology::inner(Topic::Erasure, partition, key, &ruling, trace)?
            }
            Stitched::Reported(report) => privacy_report(&report, trace)?,
            Stitched::Changed(change) => {
                let person = change.person_ids_after.first().or(change.person_ids_before.first());
                let key = person.map(ToString::to_string).unwrap_or_default();
                self.topology.public(Topic::IdentityChange, key, Some(&change), trace)?
            }
        });
        Ok(())
    }
}

/// The note of a touchpoint that was sent again.
pub(crate) const REPEATED: &str = "repeated";
/// The note of a touchpoint that was not taken in because somebody whom it names is erased.
pub(crate) const SUPPRESSED: &str = "suppressed";
/// A facet was sent that has no room for more names of some kind.
pub(crate) const FACET_FULL: &str = "facet_full";

/// A profile was published, or sent to an output, of which something is left out because it is too large.
pub(crate) const PROFILE_TRUNCATED: &str = "profile_truncated";

/// `touchpoint`, `identity-assignment` and `erasure` → `profile-facet` and `privacy-report`.
pub struct FacetsPort {
    /// As of [`CapturePort`]: both must see the same consents.
    pub returning: Arc<Returning>,
    /// The log.
    pub topology: Topology,
}

impl Port for FacetsPort {
    type Stage = Facets;
    const NAME: StageName = StageName::Facets;

    fn topology(&self) -> &Topology {
        &self.topology
    }

    fn stage(&self, _: Partition) -> Facets {
        Facets::new(Arc::clone(&self.returning))
    }

    fn read(&self, record: &InRecord) -> Result<FacetsInput, Halt> {
        match record.origin {
            Origin::Topic(Topic::IdentityAssignment) if record.value.is_none() => {
                Ok(FacetsInput::Unassigned(key_node(record)?))
            }
            Origin::Topic(Topic::IdentityAssignment) => {
                Ok(FacetsInput::Assignment(public(&self.topology, Topic::IdentityAssignment, record)?))
            }
            Origin::Topic(Topic::Erasure) => inner::<Ruling>(record).map(FacetsInput::from),
            _ => Ok(FacetsInput::Touchpoint(Box::new(public(&self.topology, Topic::Touchpoint, record)?))),
        }
    }

    fn note(&self, output: &Joined) -> Option<&'static str> {
        match output {
            Joined::Repeated { .. } => Some(REPEATED),
            Joined::Suppressed => Some(SUPPRESSED),
            Joined::Report(_) | Joined::Barrier(_) => None,
            Joined::Facet(message) => {
                let facet = message.member.as_ref().and_then(|member| member.facet.as_ref());
                facet.is_some_and(Facet::is_full).then_some(FACET_FULL)
            }
        }
    }

    fn account(&self, output: &Joined, origin: Option<&Origin>, tally: &mut Tally) {
        if let (Joined::Repeated { source }, Some(origin)) = (output, origin) {
            tally.source(origin, source).duplicates += 1;
        }
    }

    fn write(&self, output: Joined, trace: Trace, records: &mut Vec<OutRecord>) -> Result<(), Fault> {
        records.push(match output {
            Joined::Facet(message) => {
                let person = message.person.to_string().into_bytes();
                let partition = keyed(&person, self.topology.count(Topic::ProfileFacet));
                let message = PeopleInput::Facet(message);
                Topology::inner(Topic::ProfileFacet, partition, person, &message, trace)?
            }
            Joined::Barrier(barrier) => {
                let key = barrier.node.to_string().into_bytes();
                let barrier = PeopleInput::Barrier(barrier);
                for partition in 0..self.topology.count(Topic::ProfileFacet) {
                    let topic = Topic::ProfileFacet;
                    records.push(Topology::inner(topic, partition, key.clone(), &barrier, trace)?);
                }
                return Ok(());
            }
            Joined::Report(report) => privacy_report(&report, trace)?,
            Joined::Repeated { .. } | Joined::Suppressed => return Ok(()),
        });
        Ok(())
    }
}

/// `profile-facet` → `unified-profile`, the topics of outputs, `consent-change` and `privacy-report`.
pub struct PeoplePort {
    /// Of the deployment.
    pub keys: Keys,
    /// By which decisions are weighed.
    pub purposes: Arc<Purposes>,
    /// To which profiles leave, and what of them.
    pub outputs: Arc<Outputs>,
    /// By which values of attributes survive.
    pub survivorship: Arc<Survivorship>,
    /// How the members of a person are folded.
    pub settings: Arc<kinfold_profile::Settings>,
    /// The log.
    pub topology: Topology,
}

impl Port for PeoplePort {
    type Stage = People;
    const NAME: StageName = StageName::People;

    fn topology(&self) -> &Topology {
        &self.topology
    }

    fn stage(&self, partition: Partition) -> People {
        People::new(self.keys.clone(), Arc::clone(&self.purposes))
            .with_outputs(Arc::clone(&self.outputs))
            .with_survivorship(Arc::clone(&self.survivorship))
            .with_settings(Arc::clone(&self.settings))
            .at(partition.index)
    }

    fn read(&self, record: &InRecord) -> Result<PeopleInput, Halt> {
        inner(record)
    }

    fn note(&self, output: &Published) -> Option<&'static str> {
        let (Published::Profile(profile) | Published::Shared { profile, .. }) = output else { return None };
        (!profile.truncated.is_empty()).then_some(PROFILE_TRUNCATED)
    }

    fn write(&self, output: Published, trace: Trace, records: &mut Vec<OutRecord>) -> Result<(), Fault> {
        records.push(match output {
            Published::Profile(profile) => {
                let key = profile.person_id.to_string();
                self.topology.public(Topic::UnifiedProfile, key, Some(&*profile), trace)?
            }
            Published::Retired(person) => {
                let nothing = None::<&UnifiedProfile>;
                self.topology.public(Topic::UnifiedProfile, person.to_string(), nothing, trace)?
            }
            Published::Shared { output, profile } => {
                self.topology.output(output, profile.person_id.to_string(), Some(&*profile), trace)?
            }
            Published::Unshared { output, person } => {
                self.topology.output(output, person.to_string(), None::<&UnifiedProfile>, trace)?
            }
            Published::Consent(change) => {
                let key = change.person_id.to_string();
                self.topology.public(Topic::ConsentChange, key, Some(&*change), trace)?
            }
            Published::Report(report) => privacy_report(&report, trace)?,
        });
        Ok(())
    }
}

/// `privacy-request` and `privacy-report` → `identity-op` and `privacy-receipt`.
pub struct PrivacyPort {
    /// What all partitions share.
    pub terms: PrivacyTerms,
    /// The log.
    pub topology: Topology,
}

impl Port for PrivacyPort {
    type Stage = Privacy;
    const NAME: StageName = StageName::Privacy;

    fn topology(&self) -> &Topology {
        &self.topology
    }

    fn stage(&self, partition: Partition) -> Privacy {
        Privacy::new(self.terms.clone(), partition, self.topology.count(Topic::ProfileFacet))
    }

    fn read(&self, record: &InRecord) -> Result<PrivacyInput, Halt> {
        match record.origin {
            Origin::Topic(Topic::PrivacyReport) => inner(record).map(PrivacyInput::Report),
            _ => {
                let request = public(&self.topology, Topic::PrivacyRequest, record)?;
                Ok(PrivacyInput::Request(Box::new(request)))
            }
        }
    }

    fn note(&self, output: &PrivacyOutput) -> Option<&'static str> {
        match output {
            PrivacyOutput::Receipt(receipt) => Some(receipt.status.as_str()),
            PrivacyOutput::Ask { .. } => None,
        }
    }

    fn write(&self, output: PrivacyOutput, trace: Trace, records: &mut Vec<OutRecord>) -> Result<(), Fault> {
        records.push(match output {
            PrivacyOutput::Ask { demand, ticket, time, latest } => {
                identity_op(&Op::demand(demand, ticket, time, latest), &self.topology, trace)?
            }
            PrivacyOutput::Receipt(receipt) => {
                let key = receipt.request_id.clone();
                self.topology.public(Topic::PrivacyReceipt, key, Some(&*receipt), trace)?
            }
        });
        Ok(())
    }
}

/// To the partition that answers for the request.
fn privacy_report(report: &Report, trace: Trace) -> Result<OutRecord, Fault> {
    let key = report.request_id.clone().into_bytes();
    Topology::inner(Topic::PrivacyReport, report.desk, key, report, trace)
}

/// What a newer version of the program wrote waits for one that reads it: refused, it would be missing from then on.
fn inner<T: Versioned>(record: &InRecord) -> Result<T, Halt> {
    decode_inner(value(record)?).map_err(|error| match error {
        WireError::NewerInner(newer) => Halt::Fault(Fault::Newer(newer)),
        error => Halt::Refused(Refusal::from(error)),
    })
}

fn public<T: DeserializeOwned>(topology: &Topology, topic: Topic, record: &InRecord) -> Result<T, Refusal> {
    Ok(decode(topic, &topology.schema_ids, value(record)?)?)
}

/// The node that a tombstone is about.
fn key_node(record: &InRecord) -> Result<NodeId, Refusal> {
    let text = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
    let node = text.and_then(|text| text.parse().ok());
    node.ok_or_else(|| {
        Refusal::new(RefusalKind::Undecodable, "key", "is no node id; a node id is 32 hex digits")
    })
}

fn value(record: &InRecord) -> Result<&[u8], Refusal> {
    let complaint = "has no value; this topic takes no tombstones from others";
    record.value.as_deref().ok_or_else(|| Refusal::new(RefusalKind::EmptyRecord, "", complaint))
}
