//! When which person has to be looked at again although nobody says anything: a yes of theirs ends, their value is to be made anew, they
//! come to another stage of the lifecycle, or something of them becomes too old for an output.
//!
//! Entries of the state, in the order of times, at most one for each person. So a timer is set, moved and taken away in the
//! transaction that publishes what it is about, and it fires once.

use kinfold_model::{Fault, PersonId, State, Timestamp, View};

use crate::table::Table;

/// So many timers are read at once, because those that are not due yet may be as many as there are people.
const PAGE: usize = 1000;

/// Moves the timer of a person; `None` is no timer.
pub(crate) fn set(
    state: &mut dyn State,
    person: PersonId,
    before: Option<Timestamp>,
    after: Option<Timestamp>,
) {
    if before == after {
        return;
    }
    if let Some(time) = before {
        state.delete(key(time, person));
    }
    if let Some(time) = after {
        state.put(key(time, person), Vec::new());
    }
}

/// When the timer with this key is due; `None` where the entry is no timer.
#[must_use]
pub fn timer_of(key: &[u8]) -> Option<Timestamp> {
    let rest = key.strip_prefix(Table::Timer.key(&[]).as_slice())?;
    read(rest).ok().map(|(time, _)| time)
}

/// The time of the first timer.
pub(crate) fn first(state: &dyn View) -> Result<Option<Timestamp>, Fault> {
    Ok(page(state, &Table::Timer.key(&[]), 1)?.first().map(|(time, _)| *time))
}

/// Those whose timers are due, the first `most` of them.
pub(crate) fn due(state: &dyn View, now: Timestamp, most: usize) -> Result<Vec<PersonId>, Fault> {
    let (mut due, mut after) = (Vec::new(), Table::Timer.key(&[]));
    while due.len() < most {
        let page = page(state, &after, PAGE.min(most - due.len()))?;
        let Some((time, person)) = page.last().copied() else { break };
        after = key(time, person);
        due.extend(page.into_iter().take_while(|(time, _)| *time <= now).map(|(_, person)| person));
        if time > now {
            break;
        }
    }
    Ok(due)
}

fn page(state: &dyn View, after: &[u8], most: usize) -> Result<Vec<(Timestamp, PersonId)>, Fault> {
    let prefix = Table::Timer.key(&[]);
    let entries = state.page(&prefix, after, most)?;
    entries.into_iter().map(|(key, _)| read(&key[prefix.len()..])).collect()
}

fn key(time: Timestamp, person: PersonId) -> Vec<u8> {
    Table::Timer.key(&[&ordered(time), person.as_bytes()])
}

/// Bytes in the order of times, also of those before 1970.
fn ordered(time: Timestamp) -> [u8; 8] {
    (time.millis() ^ i64::MIN).to_be_bytes()
}

fn read(rest: &[u8]) -> Result<(Timestamp, PersonId), Fault> {
    let corrupt = || Table::Timer.corrupt("its key is not that of a time and a person");
    let (time, person) = rest.split_first_chunk::<8>().ok_or_else(corrupt)?;
    let time = Timestamp::from_millis(i64::from_be_bytes(*time) ^ i64::MIN).map_err(|_| corrupt())?;
    let person = <[u8; 16]>::try_from(person).map_err(|_| corrupt())?;
    Ok((time, PersonId::from_bytes(person)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_times_and_are_read_as_they_were_written() {
        let at = |ms| Timestamp::from_millis(ms).expect("in range");
        let person = PersonId::new([7; 16]);
        let times = [Timestamp::MIN, at(-1), at(0), at(1), at(256), Timestamp::MAX];
        assert!(times.map(|time| key(time, person)).is_sorted());
        for time in times {
            assert_eq!(read(&key(time, person)[1..]), Ok((time, person)));
        }
    }
}
