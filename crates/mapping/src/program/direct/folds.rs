//! Variables, and `reduce`.

use std::rc::Rc;

use jaq_core::{Error, ValT};

use super::walk::step;
use super::{Flow, Node, Pattern, Scope, Stop, Taker, Variable};
use crate::meter;
use crate::value::Value;

impl<'s> Scope<'s> {
    /// A text of the program.
    pub(super) fn text(&self, place: usize) -> &'s Value {
        const NOTHING: &Value = &Value::Null;
        self.texts.get(place).unwrap_or(NOTHING)
    }

    /// A text of the program, as text.
    pub(super) fn name_of(&self, place: usize) -> &'s str {
        self.text(place).as_text().unwrap_or_default()
    }

    /// A text of the program, as the name of a member.
    pub(super) fn name(&self, place: usize) -> Rc<str> {
        match self.text(place) {
            Value::Text(name) => Rc::clone(name),
            _ => Rc::from(""),
        }
    }

    /// The level of the next variable.
    pub(super) fn level(&self) -> u32 {
        self.newest.map_or(0, |variable| variable.level + 1)
    }

    /// The value of a variable.
    pub(super) fn variable(&self, level: u32) -> Option<&'s Value> {
        let mut variable = self.newest?;
        while variable.level > level {
            variable = variable.older?;
        }
        Some(&variable.value)
    }
}

impl Pattern {
    /// Binds the variables to a value, or in turn to each that the pattern finds in it. What looks into the value is asked
    /// with the variables of `outer`.
    pub(super) fn bind(
        &self,
        scope: Scope<'_>,
        value: &Value,
        outer: Scope<'_>,
        then: &mut dyn FnMut(Scope<'_>) -> Flow,
    ) -> Flow {
        match self {
            Self::Variable => {
                let variable = Variable { level: scope.level(), value: value.clone(), older: scope.newest };
                then(Scope { newest: Some(&variable), ..scope })
            }
            Self::Parts(parts) => bind_all(parts, scope, value, outer, then),
        }
    }

    /// How many nodes and patterns are entered at once in it.
    pub(super) fn height(&self) -> u32 {
        match self {
            Self::Variable => 1,
            Self::Parts(parts) => {
                parts.iter().map(|(index, pattern)| 1 + index.height + pattern.height()).sum()
            }
        }
    }
}

fn bind_all(
    parts: &[(Node, Pattern)],
    scope: Scope<'_>,
    value: &Value,
    outer: Scope<'_>,
    then: &mut dyn FnMut(Scope<'_>) -> Flow,
) -> Flow {
    let Some(((index, pattern), rest)) = parts.split_first() else { return then(scope) };
    index.each(outer, value, &mut |index| {
        let part = value.clone().index(&index)?;
        pattern.bind(scope, &part, outer, &mut |scope| bind_all(rest, scope, value, outer, then))
    })
}

/// `reduce of as $x (begin; turn)`. Where a turn gives several values, each goes its own way to the end, as in jaq.
pub(super) fn reduce(
    of: &Node,
    (begin, turn): (&Node, &Node),
    scope: Scope<'_>,
    input: &Value,
    take: Taker<'_>,
) -> Flow {
    let mut items = Vec::new();
    let ended = of.each(scope, input, &mut |value| {
        if !meter::make(16) {
            return Err(Stop::Limit);
        }
        items.push(value);
        Ok(())
    });
    let failed = match ended {
        Ok(()) => None,
        Err(Stop::Error(error)) => Some(error),
        Err(stop) => return Err(stop),
    };
    begin.each(scope, input, &mut |value| turns(&items, &failed, turn, scope, value, take))
}

/// The ways that are left to go, the next one last: after how many items, with what, or with which error.
type Ways = Vec<(usize, Result<Value, Error<Value>>)>;

fn turns(
    items: &[Value],
    failed: &Option<Error<Value>>,
    turn: &Node,
    scope: Scope<'_>,
    begin: Value,
    take: Taker<'_>,
) -> Flow {
    let mut ways: Ways = vec![(0, Ok(begin))];
    while let Some((after, value)) = ways.pop() {
        step()?;
        let value = value?;
        let Some(item) = items.get(after) else {
            match failed {
                Some(error) => return Err(error.clone().into()),
                None => take(value)?,
            }
            continue;
        };
        let variable = Variable { level: scope.level(), value: item.clone(), older: scope.newest };
        let within = Scope { newest: Some(&variable), ..scope };
        if turn.is_one {
            // What is summed up is owned by nobody else, and can grow in place.
            ways.push((after + 1, turn.one(within, &value).map_or_else(error_of, |value| Ok(Ok(value)))?));
            continue;
        }
        let first = ways.len();
        let ended = turn.each(within, &value, &mut |value| {
            if !meter::make(32) {
                return Err(Stop::Limit);
            }
            ways.push((after + 1, Ok(value)));
            Ok(())
        });
        if let Err(stop) = ended {
            ways.push((after + 1, error_of(stop)?));
        }
        ways[first..].reverse();
    }
    Ok(())
}

/// An error that waits for its turn, or a stop that does not.
fn error_of(stop: Stop) -> Result<Result<Value, Error<Value>>, Stop> {
    match stop {
        Stop::Error(error) => Ok(Err(error)),
        other => Err(other),
    }
}
