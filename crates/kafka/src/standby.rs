//! Which partitions a worker should keep warm: those that it would be handed if others died.

use std::collections::BTreeSet;

/// The partitions that `us` would take over if up to `deaths` of the other instances were gone, each with all its
/// workers. The assignor `range` hands out each topic's partitions in order, as evenly as can be, to the members in the
/// order of their names.
pub(crate) fn takeovers(members: &BTreeSet<String>, us: &str, partitions: u32, deaths: u32) -> BTreeSet<u32> {
    let instances: BTreeSet<&str> = members.iter().map(|member| instance(member)).collect();
    let ours = members.iter().filter(|member| instance(member) == instance(us));
    let open: BTreeSet<u32> = ours.flat_map(|member| range(members, member, partitions)).collect();
    let mut takeovers = BTreeSet::new();
    let mut scenarios: BTreeSet<BTreeSet<String>> = BTreeSet::from([members.clone()]);
    for _ in 0..deaths {
        let without = |members: &BTreeSet<String>, dead: &str| -> BTreeSet<String> {
            members.iter().filter(|member| instance(member) != dead).cloned().collect()
        };
        let others = || instances.iter().filter(|one| **one != instance(us));
        let fewer = scenarios.iter().flat_map(|alive| others().map(|dead| without(alive, dead)));
        scenarios = fewer.take(SCENARIOS_MAX).collect();
        takeovers.extend(scenarios.iter().flat_map(|alive| range(alive, us, partitions)));
    }
    &takeovers - &open
}

/// A member's name without the number of its worker.
fn instance(member: &str) -> &str {
    member.rsplit_once('-').map_or(member, |(instance, _)| instance)
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
        let both = members(&["a-0", "b-0"]);
        assert_eq!(takeovers(&both, "a-0", 4, 1), BTreeSet::from([2, 3]));
        assert_eq!(takeovers(&both, "b-0", 4, 1), BTreeSet::from([0, 1]));
    }

    #[test]
    fn whichever_instance_dies_each_of_its_partitions_was_warm_where_it_goes() {
        let all = members(&["a-0", "a-1", "b-0", "c-0", "c-1", "c-2", "d-0"]);
        for partitions in [1, 4, 7, 12, 13] {
            for dead in ["a", "b", "c", "d"] {
                let left: BTreeSet<String> =
                    all.iter().filter(|one| instance(one) != dead).cloned().collect();
                for heir in &left {
                    let at = |members: &BTreeSet<String>| -> BTreeSet<u32> {
                        let same = members.iter().filter(|one| instance(one) == instance(heir));
                        same.flat_map(|one| range(members, one, partitions)).collect()
                    };
                    let new: BTreeSet<u32> =
                        range(&left, heir, partitions).filter(|one| !at(&all).contains(one)).collect();
                    let warm = takeovers(&all, heir, partitions, 1);
                    assert!(warm.is_superset(&new), "{dead} {heir} {partitions}");
                    assert!(warm.is_disjoint(&at(&all)), "a store is open once in each process");
                }
            }
        }
    }

    #[test]
    fn every_partition_has_one_owner() {
        let all = members(&["a-0", "a-1", "b-0"]);
        let owned: Vec<u32> = all.iter().flat_map(|one| range(&all, one, 7)).collect();
        assert_eq!(owned, (0..7).collect::<Vec<_>>());
    }

    #[test]
    fn nobody_keeps_anything_warm_who_is_alone_or_was_not_asked_to() {
        assert!(takeovers(&members(&["a-0", "a-1"]), "a-0", 4, 3).is_empty());
        assert!(takeovers(&members(&["a-0", "b-0"]), "a-0", 4, 0).is_empty());
        assert!(takeovers(&members(&["b-0"]), "a-0", 4, 1).is_empty());
    }
}
