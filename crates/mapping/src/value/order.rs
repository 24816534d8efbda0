//! Which value is less: null, then booleans, numbers, texts, lists, objects, as in jq. Charged by the lighter of the two.

use std::cmp::Ordering;

use super::Value;
use crate::meter;

/// Bytes that are compared in one step.
const BYTES_A_STEP: u64 = 64;

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        if !meter::step(1 + self.weight().min(other.weight()) / BYTES_A_STEP) {
            return Ordering::Equal;
        }
        compare(self, other)
    }
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Int(a), Value::Float(b)) => (*a as f64).total_cmp(&positive_zero(*b)),
        (Value::Float(a), Value::Int(b)) => positive_zero(*a).total_cmp(&(*b as f64)),
        (Value::Float(a), Value::Float(b)) => positive_zero(*a).total_cmp(&positive_zero(*b)),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::List(a), Value::List(b)) => compare_all(a.items.iter(), b.items.iter()),
        (Value::Object(a), Value::Object(b)) => {
            let names = a.members.keys().cmp(b.members.keys());
            names.then_with(|| compare_all(a.members.values(), b.members.values()))
        }
        _ => rank(one).cmp(&rank(other)),
    }
}

fn compare_all<'v>(
    mut a: impl Iterator<Item = &'v Value>,
    mut b: impl Iterator<Item = &'v Value>,
) -> Ordering {
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match compare(a, b) {
                Ordering::Equal => {}
                unequal => return unequal,
            },
        }
    }
}

/// The two zeros are one number.
fn positive_zero(number: f64) -> f64 {
    number + 0.0
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Int(_) | Value::Float(_) => 2,
        Value::Text(_) => 3,
        Value::List(_) => 4,
        Value::Object(_) => 5,
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}
