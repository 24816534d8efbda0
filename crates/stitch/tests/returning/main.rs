//! Who was erased and agreed later to be known again: on any number of partitions, in any order, twice erased, and whatever is replayed,
//! people are those of a graph that only ever saw what counts.

mod graph;

use std::collections::BTreeSet;

use fastrand::Rng;
use kinfold_model::privacy::{Demand, PrivacyScope, Ruling};
use kinfold_model::{Mark, NodeId, Timestamp};
use kinfold_stitch::op::Op;

use graph::*;

#[test]
fn people_are_those_of_a_graph_that_only_saw_what_counts() {
    let (mut back, mut twice, mut overtaken, mut bound) = (0, 0, 0, 0);
    for seed in 0..SEEDS {
        let mut rng = Rng::with_seed(seed ^ 0x7265_7475);
        let partitions = *rng.choice(&[1, 2, 3, 7]).expect("not empty");
        let mut graph = Graph::new(seed, partitions);
        let (mut all, mut links): (Vec<Said>, Vec<Linked>) = (Vec::new(), Vec::new());
        let mut came_back = BTreeSet::new();
        for round in 0..3 {
            let first = round * 10_000;
            let (agreed, later) = (rng.usize(0..6), rng.usize(0..10));
            // Nobody can have come back before the first erasure.
            let back = said(&mut rng, first, if round == 0 { 0 } else { agreed }, true);
            let ops_back = ops(&mut rng, &back, &[]);
            graph.run(ops_back);
            let late = said(&mut rng, first + 1000, later + 4, false);
            all.extend(back);
            all.extend(late);
            let count = rng.usize(0..3);
            links.extend(linked(&mut rng, first, count));
            let now = ops(&mut rng, &all, &links);
            graph.run(now);
            // A request may come later than it was written, and all of the round before it.
            let is_overtaken = rng.u8(0..4) == 0;
            let latest = if is_overtaken { first - 1 } else { first + 5000 };
            let before = graph.marks();
            for request in 0..rng.usize(0..3) {
                let scope =
                    *rng.choice(&[PrivacyScope::Person, PrivacyScope::Identifier]).expect("not empty");
                let name = *rng.choice(&NAMES).expect("not empty");
                let request = format!("r{round}-{request}");
                graph.run(vec![demand(name, Demand::Erase(scope), &request, latest)]);
            }
            // What comes again before word of a consent, which comes again too, has to come once more.
            for _ in 0..2 {
                let again = ops(&mut rng, &all, &links);
                graph.run(again);
            }
            let marks = graph.marks();
            for (node, mark) in &marks {
                if !mark.holds() {
                    came_back.insert(*node);
                    overtaken += usize::from(is_overtaken && before.get(node) != Some(mark));
                } else if came_back.contains(node) {
                    twice += 1;
                }
            }
            let broken = graph.at_rest().broken_laws(&rules(), &keys());
            assert!(broken.is_empty(), "seed {seed}, round {round}: {broken:#?}");
            assert!(graph.is_told(), "seed {seed}, round {round}: what was told of a node is not what it is");
            let left = all.iter().filter_map(|one| one.left(&marks)).collect();
            let stand: Vec<&Linked> = links.iter().filter(|link| link.counts(&marks)).collect();
            let is_back =
                |link: &&&Linked| link.names.iter().any(|one| marks.contains_key(&identifier(*one).node));
            bound += stand.iter().filter(is_back).count();
            assert_eq!(
                graph.people(),
                expected(seed, left, stand.iter().map(|link| link.op())).people(),
                "seed {seed}, round {round}: {marks:#?} {all:#?} {links:#?}"
            );
        }
        back += came_back.len();
    }
    assert!(back > 0 && twice > 0, "{back} came back, {twice} were erased again");
    assert!(
        overtaken > 0 && bound > 0,
        "{overtaken} requests were overtaken, {bound} links held of who came back"
    );
}

#[test]
fn whatever_meets_on_its_way_people_are_those_of_what_counts() {
    let (mut back, mut taken_back) = (0, 0);
    for seed in 0..2 * SEEDS {
        let mut rng = Rng::with_seed(seed ^ 0x006d_6978);
        let partitions = *rng.choice(&[1, 2, 3, 7]).expect("not empty");
        let mut graph = Graph::new(seed, partitions);
        let (mut all, mut links): (Vec<Said>, Vec<Linked>) = (Vec::new(), Vec::new());
        let mut forgotten: BTreeSet<usize> = BTreeSet::new();
        for round in 0..3 {
            let first = round * 10_000;
            let (count, agreed) = (rng.usize(2..8), rng.usize(1..6));
            all.extend(said(&mut rng, first, count, false));
            // Of some of the same identifiers, so that who agrees often was known by them before.
            let mut later = said(&mut rng, first + 6000, agreed, true);
            for one in &mut later {
                if rng.bool() {
                    one.names.clone_from(&rng.choice(&all).expect("not empty").names);
                }
            }
            all.extend(later);
            let count = rng.usize(0..3);
            links.extend(linked(&mut rng, first, count));
            forgotten.extend((0..rng.usize(0..4)).map(|_| rng.usize(0..all.len())));
            let mut now = ops(&mut rng, &all, &links);
            now.extend(forgotten.iter().map(|index| forget(&all[*index])));
            for request in 0..rng.usize(1..4) {
                let scope =
                    *rng.choice(&[PrivacyScope::Person, PrivacyScope::Identifier]).expect("not empty");
                let name = *rng.choice(&NAMES).expect("not empty");
                now.push(demand(name, Demand::Erase(scope), &format!("r{round}-{request}"), first + 5000));
            }
            rng.shuffle(&mut now);
            graph.run(now);
            let broken = graph.at_rest().broken_laws(&rules(), &keys());
            assert!(broken.is_empty(), "seed {seed}, round {round}: {broken:#?}");
            assert!(graph.is_told(), "seed {seed}, round {round}: what was told of a node is not what it is");
            // What came before word of a consent comes again, and a steward's word of who was gone.
            for _ in 0..2 {
                let mut again = ops(&mut rng, &all, &links);
                again.extend(forgotten.iter().map(|index| forget(&all[*index])));
                rng.shuffle(&mut again);
                graph.run(again);
            }
            let broken = graph.at_rest().broken_laws(&rules(), &keys());
            assert!(broken.is_empty(), "seed {seed}, round {round}, again: {broken:#?}");
            assert!(graph.is_told(), "seed {seed}, round {round}, again: a node is not what was told of it");
            let marks = graph.marks();
            back += marks.values().filter(|mark| !mark.holds()).count();
            taken_back += forgotten.len();
            let stands = |(index, _): &(usize, &Said)| !forgotten.contains(index);
            let left = all.iter().enumerate().filter(stands).filter_map(|(_, one)| one.left(&marks));
            let stand = links.iter().filter(|link| link.counts(&marks));
            assert_eq!(
                graph.people(),
                expected(seed, left.collect(), stand.map(Linked::op)).people(),
                "seed {seed}, round {round}: {marks:#?} {all:#?} {links:#?} {forgotten:?}"
            );
        }
    }
    assert!(back > 0 && taken_back > 0, "{back} came back, {taken_back} touchpoints were taken back");
}

const ANN: (&str, &str) = ("email", "ann@example.org");
const PHONE: (&str, &str) = ("phone", "+491711");
const BEA: (&str, &str) = ("email", "bea@example.org");

/// Ann's touchpoint at a time.
fn ann(time: i64, agreed: bool) -> Said {
    Said { id: format!("t{time}"), time, names: vec![ANN, PHONE], agreed }
}

fn forget_ann(request: &str, latest: i64) -> Op {
    demand(ANN, Demand::Erase(PrivacyScope::Person), request, latest)
}

#[test]
fn a_consent_that_overtakes_the_request_that_erases_lifts_it_all_the_same() {
    for (partitions, seed) in
        [1, 3].into_iter().flat_map(|partitions| (0..20).map(move |seed| (partitions, seed)))
    {
        let mut graph = Graph::new(seed, partitions);
        graph.run(vec![ann(1, false).op()]);
        graph.run(vec![ann(200, true).op()]);
        graph.run(vec![forget_ann("erase", 100)]);
        let marks = graph.marks();
        assert_eq!(marks.len(), 2);
        assert!(marks.values().all(|mark| mark.back() == Some(at(200))), "{partitions} {seed}: {marks:?}");
        assert!(graph.are_one(&[ANN, PHONE]), "{partitions} {seed}");
        assert!(
            graph.is_told(),
            "{partitions} {seed}: it was told that she is gone, and not that she is back"
        );
        let nodes = graph.at_rest().nodes;
        let seen = nodes.values().filter_map(|node| node.witness.evidence().map(|seen| seen.first_seen));
        assert_eq!(seen.collect::<Vec<_>>(), [at(200)], "{partitions} {seed}: something of before is left");
    }
}

#[test]
fn a_return_that_is_taken_back_parts_nobody_but_who_returned() {
    for (partitions, seed) in
        [1, 3].into_iter().flat_map(|partitions| (0..20).map(move |seed| (partitions, seed)))
    {
        let mut graph = Graph::new(seed, partitions);
        let seen = |time, agreed| Said { names: vec![ANN, PHONE, BEA], ..ann(time, agreed) };
        graph.run(vec![seen(1, false).op()]);
        graph.run(vec![demand(ANN, Demand::Erase(PrivacyScope::Identifier), "erase", 100)]);
        graph.run(vec![seen(200, true).op()]);
        assert!(graph.are_one(&[ANN, PHONE, BEA]), "{partitions} {seed}: she is not back");
        graph.run(vec![forget(&seen(200, true))]);
        let broken = graph.at_rest().broken_laws(&rules(), &keys());
        assert!(broken.is_empty(), "{partitions} {seed}: {broken:#?}");
        let two = BTreeSet::from([PHONE, BEA].map(|name| identifier(name).node));
        let people: Vec<BTreeSet<NodeId>> =
            graph.people().into_iter().map(|one| one.into_iter().collect()).collect();
        assert_eq!(people, [two], "{partitions} {seed}");
        assert!(graph.is_told(), "{partitions} {seed}");
    }
}

#[test]
fn of_very_many_consents_after_word_of_the_erasure_the_least_counts_in_any_order() {
    for (is_reversed, partitions) in [(false, 1), (true, 1), (false, 3), (true, 3)] {
        let mut graph = Graph::new(1, partitions);
        graph.run(vec![ann(1, false).op()]);
        graph.run(vec![forget_ann("erase", 100)]);
        let mut times: Vec<i64> = (0..20).map(|step| 200 + 10 * step).collect();
        if is_reversed {
            times.reverse();
        }
        graph.run(times.into_iter().map(|time| ann(time, true).op()).collect());
        let back: Vec<_> = graph.marks().values().map(Mark::back).collect();
        assert_eq!(back, [Some(at(200)); 2], "the latest first: {is_reversed}");
    }
}

#[test]
fn a_link_of_before_the_return_never_counts_again_and_one_of_after_it_does_whenever_it_comes() {
    let bea = Said { id: "b".to_owned(), time: 2, names: vec![BEA], agreed: false };
    let link = |time| Linked { time, names: [ANN, BEA] };
    for (partitions, seed) in
        [1, 3].into_iter().flat_map(|partitions| (0..10).map(move |seed| (partitions, seed)))
    {
        let mut graph = Graph::new(seed, partitions);
        graph.run(vec![ann(1, false).op(), bea.op(), link(50).op()]);
        assert!(graph.are_one(&[ANN, PHONE, BEA]));
        // Whose Bea is the steward has said: they are erased apart, so that only the link is looked at.
        graph.run(vec![demand(ANN, Demand::Erase(PrivacyScope::Identifier), "erase", 100)]);
        graph.run(vec![link(150).op()]);
        assert!(!graph.are_one(&[ANN]), "she is erased");
        if seed % 2 == 0 {
            graph.run(vec![link(250).op(), ann(200, true).op()]);
        } else {
            graph.run(vec![ann(200, true).op()]);
            graph.run(vec![link(50).op(), link(150).op()]);
            assert!(graph.are_one(&[ANN, PHONE]) && !graph.are_one(&[ANN, BEA]), "{partitions} {seed}");
            graph.run(vec![link(250).op()]);
        }
        assert!(graph.are_one(&[ANN, PHONE, BEA]), "{partitions} {seed}: what was said since does not hold");
        graph.run(vec![link(250).told(true)]);
        assert!(graph.are_one(&[ANN, PHONE]) && !graph.are_one(&[ANN, BEA]), "{partitions} {seed}");
        graph.run(vec![link(260).op()]);
        assert!(graph.are_one(&[ANN, BEA]), "{partitions} {seed}");
        graph.run(vec![demand(ANN, Demand::Erase(PrivacyScope::Identifier), "again", 300)]);
        graph.run(vec![ann(400, true).op(), link(260).op()]);
        assert!(graph.are_one(&[ANN, PHONE]) && !graph.are_one(&[ANN, BEA]), "{partitions} {seed}");
        graph.run(vec![link(450).op()]);
        assert!(graph.are_one(&[ANN, BEA]) && graph.is_told(), "{partitions} {seed}");
        let broken = graph.at_rest().broken_laws(&rules(), &keys());
        assert!(broken.is_empty(), "{partitions} {seed}: {broken:#?}");
    }
}

#[test]
fn what_is_kept_of_who_is_erased_and_comes_again_is_bounded_however_often_and_who_is_not_told_comes_by_themselves()
 {
    let mut rules = rules();
    let of_phones = rules.namespaces.get_mut(&identifier(PHONE).namespace).expect("there is one");
    of_phones.max_neighbours.total = 4;
    of_phones.max_neighbours.of.clear();
    let most = of_phones.max_sightings() as usize;
    // In ever new combinations with the same four others, which are new ones in each cycle.
    let others: Vec<(&str, String)> = (0..24).map(|n| ("cookie", format!("ck-{n}"))).collect();
    let said = |cycle: usize, choice: usize, time: i64, agreed: bool| {
        let of_cycle = &others[4 * cycle..4 * cycle + 4];
        let chosen = of_cycle.iter().enumerate().filter(|(index, _)| choice & (1 << index) != 0);
        let names = chosen.map(|(_, (namespace, value))| (*namespace, value.as_str())).chain([PHONE]);
        op_of(&format!("t{time}-{choice}"), time, &names.collect::<Vec<_>>(), agreed)
    };
    let mut graph = Graph::under(&rules, 3, 3);
    let kept = |graph: &Graph| -> BTreeSet<NodeId> {
        let nodes = graph.at_rest().nodes;
        let erased = nodes[&identifier(PHONE).node].standing().and_then(|one| one.erased.clone());
        erased.map(|erased| erased.sightings).unwrap_or_default()
    };
    let mut first = BTreeSet::new();
    for cycle in 0..6 {
        let now = 1000 * i64::try_from(cycle).expect("few");
        graph.run((1..16).map(|choice| said(cycle, choice, now + 10, false)).collect());
        let current: BTreeSet<NodeId> = graph
            .at_rest()
            .links
            .into_keys()
            .filter_map(|(node, sighting)| (node == identifier(PHONE).node).then_some(sighting))
            .collect();
        assert_eq!(current.len(), 15, "cycle {cycle}: they are new");
        let request = format!("r{cycle}");
        graph.run(vec![demand(PHONE, Demand::Erase(PrivacyScope::Identifier), &request, now + 100)]);
        let kept = kept(&graph);
        assert!(kept.len() <= most && kept.is_superset(&current), "cycle {cycle}: {} are kept", kept.len());
        if cycle == 0 {
            first = current;
        }
        graph.run(vec![op_of(&format!("back{cycle}"), now + 200, &[PHONE], true)]);
    }
    let kept = kept(&graph);
    assert_eq!(kept.len(), most);
    let unheard = (1..16).map(|choice| said(0, choice, 9000, false));
    let unheard: Vec<Op> = unheard.filter(|op| first.contains(&op.to) && !kept.contains(&op.to)).collect();
    assert!(!unheard.is_empty(), "all of them are kept");
    let together = |graph: &Graph, op: &Op| {
        let links = graph.at_rest().links;
        links.get(&(identifier(PHONE).node, op.to)).is_some_and(|link| link.stands)
    };
    for op in &unheard {
        graph.run(vec![op.clone()]);
        assert!(!together(&graph, op), "it was not told that the telephone is back");
    }
    graph.run((1..16).map(|choice| said(0, choice, 9100, true)).collect());
    assert!(unheard.iter().all(|op| together(&graph, op)), "a consent of their own tells them");
    let broken = graph.at_rest().broken_laws(&rules, &keys());
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn who_is_erased_cannot_be_restricted_and_who_came_again_can() {
    for partitions in [1, 3] {
        let mut graph = Graph::new(7, partitions);
        graph.run(vec![ann(1, false).op()]);
        graph.run(vec![forget_ann("erase", 100)]);
        let restricts = |graph: &mut Graph, request: &str, time: i64| -> BTreeSet<(NodeId, Timestamp)> {
            graph.rulings.clear();
            graph.run(vec![demand(ANN, Demand::Restrict, request, time)]);
            let restricted = graph.rulings.iter().filter_map(|ruling| match ruling {
                Ruling::Restricted(one) => Some((one.node, one.latest)),
                Ruling::Erased(_) => None,
            });
            restricted.collect()
        };
        assert_eq!(restricts(&mut graph, "too-early", 150), BTreeSet::new());
        graph.run(vec![ann(200, true).op()]);
        let both = [ANN, PHONE].map(|name| (identifier(name).node, at(300)));
        assert_eq!(restricts(&mut graph, "again", 300), BTreeSet::from(both));
    }
}
