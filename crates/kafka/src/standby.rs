//! Which partitions a worker should keep warm: those that it would be handed if others died.

use std::collections::BTreeSet;

/// The partitions that `us` would take over if up to `deaths` of the other members were gone. The assignor `range`
/// hands out each topic's partitions in order, as evenly as can be, to the members in the order of their ids.
pub(crate) fn takeovers(members: &BTreeSet<String>, us: &str, partitions: u32, deaths: u32) -> BTreeSet<u32> {
    let ours = range(members, us, partitions);
    let mut takeovers = BTreeSet::new();
    let others: Vec<&String> = members.iter().filter(|member| *member != us).collect();
    let mut alive: Vec<BTreeSet<String>> = vec![members.clone()];
    for _ in 0..deaths.min(u32::try_from(others.len()).unwrap_or(u32::MAX)) {
        let without = |members: &BTreeSet<String>, dead: &String| -> BTreeSet<String> {
            members.iter().filter(|member| *member != dead).cloned().collect()
        };
        let fewer: BTreeSet<BTreeSet<String>> = alive
            .iter()
            .flat_map(|members| others.iter().map(|dead| without(members, dead)))
            .take(SCENARIOS_MAX)
            .collect();
        alive = fewer.into_iter().collect();
        for members in &alive {
            takeovers
                .extend(range(members, us, partitions).filter(|one| !ours.clone().any(|own| own == *one)));
        }
    }
    takeovers
}

/// More ways to die than this are not looked at.
const SCENARIOS_MAX: usize = 1000;

fn range(members: &BTreeSet<String>, us: &str, partitions: u32) -> std::ops::Range<u32> {
    let count = u32::try_from(members.len()).unwrap_or(u32::MAX);
    let Some(place) = members.iter().position(|member| member == us) else { return 0..0 };
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    let (each, more) = (partitions / count, partitions % count);
    let begin = place * each + place.min(more);
    begin..begin + each + u32::from(place < more)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn of_two_each_keeps_warm_what_the_other_owns() {
        let both = members(&["a", "b"]);
        assert_eq!(takeovers(&both, "a", 4, 1), BTreeSet::from([2, 3]));
        assert_eq!(takeovers(&both, "b", 4, 1), BTreeSet::from([0, 1]));
    }

    #[test]
    fn whoever_dies_each_of_its_partitions_was_warm_where_it_goes() {
        let all = members(&["a", "b", "c", "d", "e"]);
        for partitions in [1, 4, 5, 12, 13] {
            for dead in &all {
                let left: BTreeSet<String> = all.iter().filter(|one| *one != dead).cloned().collect();
                for heir in &left {
                    let own: BTreeSet<u32> = range(&all, heir, partitions).collect();
                    let new: BTreeSet<u32> =
                        range(&left, heir, partitions).filter(|one| !own.contains(one)).collect();
                    assert!(
                        takeovers(&all, heir, partitions, 1).is_superset(&new),
                        "{dead} {heir} {partitions}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_partition_has_one_owner() {
        let all = members(&["a", "b", "c"]);
        let owned: Vec<u32> = all.iter().flat_map(|one| range(&all, one, 7)).collect();
        assert_eq!(owned, (0..7).collect::<Vec<_>>());
    }

    #[test]
    fn nobody_keeps_anything_warm_who_is_alone_or_was_not_asked_to() {
        assert!(takeovers(&members(&["a"]), "a", 4, 3).is_empty());
        assert!(takeovers(&members(&["a", "b"]), "a", 4, 0).is_empty());
        assert!(takeovers(&members(&["b"]), "a", 4, 1).is_empty());
    }
}
