//! What an explanation is made of: plain data for whoever prints or draws it.

use kinfold_model::{Command, Contested, Namespace, NodeId, PersonId, Timestamp};

use crate::component::Edge;
use crate::groups::Refused;
use crate::witness::Evidence;

/// An identifier without its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Its node.
    pub node: NodeId,
    /// The namespace of that node.
    pub namespace: Namespace,
}

/// What one source said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// `None` for all sources beyond those that are told apart.
    pub source: Option<String>,
    /// When; the last time is cut to the evidence granularity.
    pub evidence: Evidence,
    /// Whether it still does: a steward may have taken it back.
    pub counts: bool,
}

/// Identifiers that were seen together, or that a steward linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Its node.
    pub node: NodeId,
    /// Whether a steward made it.
    pub bond: bool,
    /// All of them, sorted by node.
    pub identifiers: Vec<Name>,
    /// By source; empty for a steward's link.
    pub said: Vec<Said>,
    /// Whether it says anything: not all was taken back, and not all identifiers are blocked.
    pub counts: bool,
    /// Stewards' commands about exactly this, withdrawn ones too.
    pub commands: Vec<Command>,
}

/// Why an identifier links nothing, or would not if it had not been released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hindrance {
    /// Capture found its value on the block list, or matching a pattern of it.
    Captured,
    /// It is the node of a value on the block list.
    Listed,
    /// A steward blocked it.
    Ordered,
    /// It was part of more sightings than are kept, so that none is.
    Overflowed,
    /// It was seen with more distinct others than its namespace allows.
    Crowded,
    /// It was taken out of a component that had grown too large.
    Shed,
    /// It is erased.
    Erased,
}

/// Whether an identifier links, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stand {
    /// Whether it does.
    pub links: bool,
    /// What speaks against it.
    pub hindrances: Vec<Hindrance>,
    /// Whether a steward released it from quarantine.
    pub released: bool,
    /// How many sightings it was ever part of, as far as they were counted.
    pub sightings: u32,
    /// With how many distinct others it was seen; 0 when its sightings are not kept.
    pub neighbours: usize,
    /// How many its namespace allows; `None` when the rules no longer name the namespace.
    pub neighbours_max: Option<u32>,
    /// The limits on others of one namespace: which, how many there are, how many may be.
    pub neighbours_of: Vec<(Namespace, usize, u32)>,
}

/// Everything known of one identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portrait {
    /// Which.
    pub name: Name,
    /// `None` while it belongs to nobody.
    pub person: Option<PersonId>,
    /// `None` when nothing says when.
    pub first_seen: Option<Timestamp>,
    /// Whether it links.
    pub stand: Stand,
    /// Whether several people share it on stronger grounds.
    pub contested: bool,
    /// What touchpoints said that had this identifier alone.
    pub alone: Vec<Said>,
    /// Its sightings and stewards' links, the newest first; none when they are not kept.
    pub meetings: Vec<Meeting>,
    /// Stewards' commands about it, withdrawn ones too, by time.
    pub commands: Vec<Command>,
}

/// A sighting, and what became of the edge that leads there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// The sighting.
    pub sighting: Sighting,
    /// What became of the edge.
    pub fate: Fate,
}

/// What became of an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Both ends are one person.
    Joined,
    /// A rule or a steward forbade it.
    Refused(Box<Dispute>),
    /// One of the ends links nothing.
    Void,
}

/// A join that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Which.
    pub edge: Edge,
    /// The identifier of the edge.
    pub identifier: Name,
    /// The person of the identifier.
    pub person_here: Option<PersonId>,
    /// The person of the sighting.
    pub person_there: Option<PersonId>,
    /// Why.
    pub why: Refused,
    /// The evidence against it.
    pub against: Against,
}

/// The evidence against a join. `here` is the person of the identifier, `there` that of the sighting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Against {
    /// Together they would have too many values of a namespace.
    TooMany {
        /// Which.
        namespace: Namespace,
        /// How many one person may have.
        most: u32,
        /// The values on this side.
        here: Vec<Name>,
        /// The values on the other side.
        there: Vec<Name>,
    },
    /// A steward keeps two identifiers apart.
    KeptApart {
        /// Which.
        pair: [Name; 2],
        /// The commands that say so.
        commands: Vec<Command>,
    },
    /// Both have so many identifiers that a steward has to decide.
    BothLarge {
        /// From how many on.
        least: u32,
        /// On this side.
        here: usize,
        /// On the other side.
        there: usize,
    },
    /// Both have a value of a guarded namespace, so that a steward has to decide.
    BothHave {
        /// Which.
        namespace: Namespace,
        /// The values on this side.
        here: Vec<Name>,
        /// The values on the other side.
        there: Vec<Name>,
    },
    /// Several people share the identifier on stronger grounds.
    Contested {
        /// What the rules do about it.
        rule: Contested,
        /// Who they are.
        claims: Vec<Claim>,
    },
}

/// A person to whom a contested identifier leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// Who.
    pub person: Option<PersonId>,
    /// The stronger identifier that the contested one was seen with.
    pub through: Name,
}

/// What two identifiers have to do with each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The first.
    pub from: Name,
    /// The second.
    pub to: Name,
    /// In short.
    pub answer: Answer,
    /// From the first to the second; empty when nothing connects them, or when they are the same.
    pub steps: Vec<Step>,
    /// Stewards' commands about either of them, withdrawn ones too, by time.
    pub commands: Vec<Command>,
}

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// They are one person, and the steps are the strongest chain of evidence.
    SamePerson(PersonId),
    /// Evidence connects them, but the join of at least one step was refused.
    Apart {
        /// The person of the first; `None` for nobody.
        from: Option<PersonId>,
        /// The person of the second.
        to: Option<PersonId>,
    },
    /// Nothing that counts connects them. The steps, if there are any, lead through what does not link.
    Unconnected {
        /// The identifiers on the way that link nothing.
        mutes: Vec<Mute>,
        /// Whether the search ended because there was too much to look at.
        gave_up: bool,
    },
    /// They belong together, but nothing that counts says that either was ever seen: they are nobody.
    Nobody,
    /// Messages are on their way to the first one's component; a moment later there is an answer.
    Unsettled,
}

/// An identifier that links nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mute {
    /// Which.
    pub name: Name,
    /// Why.
    pub stand: Stand,
}

/// Two identifiers that were seen together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where the step begins.
    pub from: Name,
    /// What both are part of.
    pub sighting: Sighting,
    /// Where it ends.
    pub to: Name,
    /// What decided.
    pub rule: Rule,
    /// Which of its two edges were refused, and why; none when it joins.
    pub refused: Vec<Dispute>,
}

/// What decided about a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A steward's link, which comes before all else.
    Steward,
    /// The priority of the weaker identifier; 1 is strongest.
    Priority {
        /// Its namespace.
        namespace: Namespace,
        /// Of that namespace.
        priority: u8,
    },
    /// One of the identifiers is contested, so that its edges came last, the newest first.
    ContestedNewest {
        /// Its namespace.
        namespace: Namespace,
    },
}

/// A person as a drawing: nearest to the identifier first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Identifiers, in the order in which they were reached.
    pub identifiers: Vec<Name>,
    /// Sightings and stewards' links, in the order in which they were reached.
    pub sightings: Vec<Sighting>,
    /// Between them.
    pub lines: Vec<Line>,
    /// How many of the person's identifiers and sightings there was no room for.
    pub left_out: usize,
}

/// A line of a drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its ends.
    pub edge: Edge,
    /// What it means.
    pub kind: LineKind,
}

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Both ends are one person.
    Joined,
    /// The join was refused.
    Refused(Refused),
    /// One of the ends links nothing.
    Void,
}
