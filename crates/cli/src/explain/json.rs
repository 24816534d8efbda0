//! An explanation for programs: one object. `docs/explain.md` lists its members, which are only ever added to.

use kinfold_model::{Command, Rules};
use kinfold_profile::disclosure::Restricted;
use kinfold_stitch::explain::{
    Against, Answer, Dispute, Fate, Hindrance, Meeting, Name, Path, Portrait, Rule, Said, Sighting, Stand,
    Step,
};
use kinfold_stitch::groups::Refused;
use serde_json::{Value, json};

use super::names::Names;
use super::sentences;

/// What identifiers and rules are called.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'t> {
    pub(crate) names: &'t Names<'t>,
    pub(crate) rules: &'t Rules,
}

impl Terms<'_> {
    /// Everything known of one identifier.
    pub(crate) fn portrait(self, portrait: &Portrait, restricted: Restricted) -> Value {
        let meeting = |Meeting { sighting, fate }: &Meeting| {
            let mut value = self.sighting(sighting);
            value["outcome"] = match fate {
                Fate::Joined => "joined".into(),
                Fate::Refused(_) => "refused".into(),
                Fate::Void => "void".into(),
            };
            if let Fate::Refused(dispute) = fate {
                value["refused"] = self.dispute(dispute);
            }
            value
        };
        let since = match restricted {
            Restricted::Since(time) => Some(time.to_string()),
            Restricted::No | Restricted::Unknown => None,
        };
        json!({
            "question": "identifier",
            "identifier": self.name(&portrait.name),
            "person_id": portrait.person,
            "restricted": since,
            "restricted_known": restricted != Restricted::Unknown,
            "first_seen": portrait.first_seen.map(|time| time.to_string()),
            "contested": portrait.contested,
            "standing": self.stand(&portrait.stand),
            "alone": portrait.alone.iter().map(said).collect::<Vec<_>>(),
            "sightings": portrait.meetings.iter().map(meeting).collect::<Vec<_>>(),
            "commands": portrait.commands.iter().map(|one| self.command(one)).collect::<Vec<_>>(),
        })
    }

    /// What two identifiers have to do with each other.
    pub(crate) fn path(self, path: &Path) -> Value {
        let (answer, person_ids) = match &path.answer {
            Answer::SamePerson(id) => ("same_person", vec![Some(*id), Some(*id)]),
            Answer::Apart { from, to } => ("apart", vec![*from, *to]),
            Answer::Unconnected { .. } => ("unconnected", Vec::new()),
            Answer::Nobody => ("nobody", Vec::new()),
            Answer::Unsettled => ("unsettled", Vec::new()),
        };
        let mut value = json!({
            "question": "path",
            "from": self.name(&path.from),
            "to": self.name(&path.to),
            "answer": answer,
            "person_ids": person_ids,
            "steps": path.steps.iter().map(|step| self.step(step)).collect::<Vec<_>>(),
            "commands": path.commands.iter().map(|one| self.command(one)).collect::<Vec<_>>(),
        });
        if let Answer::Unconnected { mutes, gave_up } = &path.answer {
            let mute = |mute: &kinfold_stitch::explain::Mute| json!({ "identifier": self.name(&mute.name), "standing": self.stand(&mute.stand) });
            value["mutes"] = mutes.iter().map(mute).collect();
            value["gave_up"] = (*gave_up).into();
        }
        value
    }

    /// An identifier.
    pub(crate) fn name(self, name: &Name) -> Value {
        let known = self.names.identifier(name.node);
        let namespace = known.map_or(&name.namespace, |identifier| &identifier.namespace);
        json!({
            "namespace": namespace.as_str(),
            "value": known.map(|identifier| &identifier.value),
            "node": name.node,
        })
    }

    fn all(self, names: &[Name]) -> Vec<Value> {
        names.iter().map(|name| self.name(name)).collect()
    }

    fn stand(self, stand: &Stand) -> Value {
        let hindrance = |one: &Hindrance| json!({ "kind": kind(*one), "sentence": sentences::hindrance(*one, stand, self.rules) });
        json!({
            "links": stand.links,
            "released": stand.released,
            "hindrances": stand.hindrances.iter().map(hindrance).collect::<Vec<_>>(),
            "sightings": stand.sightings,
            "neighbours": stand.neighbours,
            "neighbours_max": stand.neighbours_max,
        })
    }

    fn sighting(self, sighting: &Sighting) -> Value {
        json!({
            "node": sighting.node,
            "kind": if sighting.bond { "link" } else { "sighting" },
            "identifiers": self.all(&sighting.identifiers),
            "said": sighting.said.iter().map(said).collect::<Vec<_>>(),
            "counts": sighting.counts,
            "commands": sighting.commands.iter().map(|one| self.command(one)).collect::<Vec<_>>(),
        })
    }

    fn step(self, step: &Step) -> Value {
        let rule = match &step.rule {
            Rule::Steward => json!({ "kind": "steward" }),
            Rule::Priority { namespace, priority } => {
                json!({ "kind": "priority", "namespace": namespace.as_str(), "priority": priority })
            }
            Rule::ContestedNewest { namespace } => {
                json!({ "kind": "contested_newest", "namespace": namespace.as_str() })
            }
        };
        json!({
            "from": self.name(&step.from),
            "to": self.name(&step.to),
            "sighting": self.sighting(&step.sighting),
            "rule": rule,
            "refused": step.refused.iter().map(|dispute| self.dispute(dispute)).collect::<Vec<_>>(),
        })
    }

    fn dispute(self, dispute: &Dispute) -> Value {
        let against = match &dispute.against {
            Against::TooMany { namespace, most, here, there } => json!({
                "namespace": namespace.as_str(), "max_per_person": most,
                "here": self.all(here), "there": self.all(there),
            }),
            Against::BothHave { namespace, here, there } => json!({
                "namespace": namespace.as_str(), "here": self.all(here), "there": self.all(there),
            }),
            Against::BothLarge { least, here, there } => {
                json!({ "identifiers_from": least, "identifiers_here": here, "identifiers_there": there })
            }
            Against::KeptApart { pair, commands } => json!({
                "identifiers": self.all(pair),
                "commands": commands.iter().map(|one| self.command(one)).collect::<Vec<_>>(),
            }),
            Against::Contested { rule, claims } => {
                let claim = |claim: &kinfold_stitch::explain::Claim| json!({ "person_id": claim.person, "through": self.name(&claim.through) });
                json!({ "contested": rule.as_str(), "claims": claims.iter().map(claim).collect::<Vec<_>>() })
            }
        };
        json!({
            "identifier": self.name(&dispute.identifier),
            "sighting": dispute.edge.sighting,
            "kind": refusal(&dispute.why),
            "person_id_here": dispute.person_here,
            "person_id_there": dispute.person_there,
            "against": against,
            "sentence": sentences::dispute(dispute, self.names),
        })
    }

    fn command(self, command: &Command) -> Value {
        let identifier = |one: &kinfold_model::command::CommandIdentifier| {
            self.name(&Name { node: one.node, namespace: one.namespace.clone() })
        };
        json!({
            "command_id": command.command_id,
            "kind": command.kind.as_str(),
            "author": command.author,
            "reason": command.reason,
            "time": command.time.to_string(),
            "withdrawn": command.withdrawn,
            "identifiers": command.identifiers.iter().map(identifier).collect::<Vec<_>>(),
            "source": command.source,
            "touchpoint_id": command.touchpoint_id,
        })
    }
}

fn said(said: &Said) -> Value {
    json!({
        "source": said.source,
        "first_seen": said.evidence.first_seen.to_string(),
        "last_seen": sentences::last(said).to_string(),
        "counts": said.counts,
    })
}

fn kind(hindrance: Hindrance) -> &'static str {
    match hindrance {
        Hindrance::Captured => "captured",
        Hindrance::Listed => "listed",
        Hindrance::Ordered => "ordered",
        Hindrance::Overflowed => "overflowed",
        Hindrance::Crowded => "crowded",
        Hindrance::Shed => "shed",
        Hindrance::Erased => "erased",
    }
}

fn refusal(why: &Refused) -> &'static str {
    match why {
        Refused::TooMany(_) => "too_many",
        Refused::KeptApart(..) => "kept_apart",
        Refused::BothLarge => "both_large",
        Refused::BothHave(_) => "both_have",
        Refused::Contested => "contested",
    }
}
