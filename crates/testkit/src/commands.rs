//! Random commands of stewards: about the identifiers and touchpoints of a world, some of them taken back again.

use std::collections::BTreeMap;

use fastrand::Rng;
use kinfold_model::command::CommandIdentifier;
use kinfold_model::{Command, CommandKind, NodeId, Rules, Timestamp, Touchpoint};

use crate::world::{World, pick};

/// How many of the commands are withdrawn.
const WITHDRAWN: f64 = 0.4;

impl World {
    /// Up to this many commands, in an order in which a withdrawal may come before what it withdraws.
    #[must_use]
    pub fn commands(&self, rng: &mut Rng, most: usize) -> Vec<Command> {
        let mut commands = Vec::new();
        for index in 0..rng.usize(0..=most) {
            let command = self.command(rng, format!("command-{index}"));
            if rng.f64() < WITHDRAWN {
                commands.push(Command { withdrawn: true, ..command.clone() });
            }
            commands.push(command);
        }
        rng.shuffle(&mut commands);
        commands
    }

    fn command(&self, rng: &mut Rng, command_id: String) -> Command {
        let touchpoint = pick(rng, &self.touchpoints).clone();
        let one = self.identifier(rng);
        let kind = *pick(rng, &CommandKind::ALL);
        let mut identifiers = BTreeMap::from([(one.node, one)]);
        let (mut source, mut touchpoint_id) = (None, None);
        match kind {
            CommandKind::Link | CommandKind::Unlink => {
                while identifiers.len() < 2 {
                    let other = self.identifier(rng);
                    identifiers.insert(other.node, other);
                }
            }
            CommandKind::Forget => {
                source = Some(touchpoint.source.clone());
                if rng.bool() {
                    touchpoint_id = Some(touchpoint.touchpoint_id.clone());
                    identifiers = named(&touchpoint);
                }
            }
            CommandKind::Block | CommandKind::Release => {}
        }
        Command {
            command_id,
            kind,
            author: "a steward".to_owned(),
            reason: "a test".to_owned(),
            time: Timestamp::from_millis(touchpoint.time.millis() + rng.i64(0..3)).unwrap_or(touchpoint.time),
            withdrawn: false,
            identifiers: identifiers.into_values().collect(),
            source,
            touchpoint_id,
        }
    }

    fn identifier(&self, rng: &mut Rng) -> CommandIdentifier {
        let identifiers: Vec<CommandIdentifier> = named(pick(rng, &self.touchpoints)).into_values().collect();
        pick(rng, &identifiers).clone()
    }
}

fn named(touchpoint: &Touchpoint) -> BTreeMap<NodeId, CommandIdentifier> {
    let rules = Rules::default();
    let identifiers = touchpoint.identifiers.iter().map(|identifier| CommandIdentifier {
        node: identifier.node,
        namespace: rules.node_namespace(&identifier.namespace),
    });
    identifiers.map(|identifier| (identifier.node, identifier)).collect()
}
