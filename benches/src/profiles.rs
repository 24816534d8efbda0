//! Facets and people: customers who come back, while more and more others are known.
//!
//! Each customer has three facets: of a browser, of the browser where they logged in, and of the address that mail goes to.
//! The store is filled with so many facets, and then customers who were chosen at random come back: for visits of ten
//! touchpoints, and for one touchpoint each. Where a touchpoint's cost does not depend on who else is known, the rows agree.

use std::path::Path;
use std::time::Instant;
use std::{fs, io};

use kinfold_cli::commands::Failure;
use kinfold_model::{Assignment, NodeId, Partition, PersonId, Touchpoint};
use kinfold_pipeline::{
    CapturePort, FacetsPort, InRecord, OutRecord, PeoplePort, Port, Store, Task, Topology,
};
use kinfold_store::{Memory, RocksStore};
use kinfold_wire::{SchemaIds, Topic, Trace, decode};
use serde_json::{Value, json};

use crate::harness::{Bench, RUNS, worked};
use crate::material::{self, BATCH};

const FACETS_EACH: usize = 3;
/// Of a visit.
const TOUCHPOINTS_EACH: usize = 10;
/// In each run.
const TOUCHPOINTS: usize = 60_000;
/// What the configuration gives a process unless it says otherwise.
const CACHE_BYTES: usize = 256 << 20;
const DAY_MS: i64 = 86_400_000;

/// 10⁵ and 10⁶ facets.
pub(crate) fn usual(bench: &mut Bench) -> Result<(), Failure> {
    course(bench, &[100_000, 1_000_000])
}

/// 10⁵ and 5 × 10⁶ facets.
pub(crate) fn many(bench: &mut Bench) -> Result<(), Failure> {
    course(bench, &[100_000, 5_000_000])
}

fn course(bench: &mut Bench, sizes: &[usize]) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(Failure::file(&std::env::temp_dir()))?;
    let memory = Memory::new(CACHE_BYTES);
    let open = |name: &str| RocksStore::open(&folder.path().join(name), &memory).map_err(Failure::fault);
    let (capture, facets, people) = (material::capture()?, material::facets(), material::people()?);
    let mut company = Company {
        capture: Task::new(&capture, Partition::ONLY),
        facets: Station { task: Task::new(&facets, Partition::ONLY), store: open("facets")? },
        people: Station { task: Task::new(&people, Partition::ONLY), store: open("people")? },
        customers: 0,
        choice: 1,
    };
    bench.ready();
    for size in sizes {
        company.grow(size / FACETS_EACH)?;
        let (facets, people) = company.bytes_each()?;
        let on_disk = on_disk(folder.path()).map_err(Failure::file(folder.path()))? / *size as u64;
        let bytes = format!("{facets} + {people} bytes a facet for facets and people, {on_disk} on disk");
        // What was written anew is not in the cache, and neither are the filters that every look needs.
        company.visits(TOUCHPOINTS, 1)?;
        let mut note = String::new();
        for (what, visit) in [("visits of ten", TOUCHPOINTS_EACH), ("one touchpoint each", 1)] {
            let mut runs = [Spent::default(); RUNS];
            for run in &mut runs {
                *run = company.visits(TOUCHPOINTS / visit, visit)?;
            }
            let mut worked = runs.map(|run| run.worked);
            worked.sort_by(f64::total_cmp);
            let each = worked[RUNS / 2] * 1e6 / TOUCHPOINTS as f64;
            note = format!("{each:.2} µs each on a processor");
            bench.row(&format!("{what}, {size} facets"), TOUCHPOINTS, runs.map(|run| run.passed), &note);
        }
        bench.note(format!("{note}; {bytes}"));
    }
    Ok(())
}

/// Seconds.
#[derive(Clone, Copy, Default)]
struct Spent {
    passed: f64,
    /// On a processor: what other work on the machine takes away is not in it, nor is RocksDB's own in the background.
    worked: f64,
}

/// A stage and its state.
struct Station<'p, P: Port> {
    task: Task<'p, P>,
    store: RocksStore,
}

struct Company<'p> {
    capture: Task<'p, CapturePort>,
    facets: Station<'p, FacetsPort>,
    people: Station<'p, PeoplePort>,
    customers: usize,
    /// Of the customer who comes next.
    choice: u64,
}

impl<P: Port> Station<'_, P> {
    /// One batch, to what it sends.
    fn take(&mut self, records: &[InRecord]) -> Result<Vec<OutRecord>, Failure> {
        for record in records {
            self.task.step(&self.store, record).map_err(Failure::fault)?;
        }
        let batch = self.task.finish(&self.store).map_err(Failure::fault)?;
        material::all_passed(batch.tally.passed, records.len())?;
        self.store.commit(batch.writes).map_err(Failure::fault)?;
        Ok(batch.outputs)
    }

    /// Of keys and values.
    fn bytes(&self) -> Result<usize, Failure> {
        let mut bytes = 0;
        let see = &mut |key: &[u8], value: &[u8]| bytes += key.len() + value.len();
        self.store.visit(b"", see).map_err(Failure::fault)?;
        Ok(bytes)
    }
}

impl Company<'_> {
    /// Until so many customers are known, each with a touchpoint at each of their facets.
    fn grow(&mut self, customers: usize) -> Result<(), Failure> {
        let at_once = BATCH / (FACETS_EACH * 3);
        while self.customers < customers {
            let next = customers.min(self.customers + at_once);
            let new =
                (self.customers..next).flat_map(|who| (0..FACETS_EACH).map(move |place| (who, place, 0)));
            let said = self.captured(new)?;
            let mut records = assignments(&said)?;
            records.extend(said);
            self.work(&records)?;
            self.customers = next;
        }
        // What RocksDB has put off while it was filled faster than anybody writes: else it would be timed with those who come back.
        self.facets.store.rewrite();
        self.people.store.rewrite();
        Ok(())
    }

    /// Some customers come back; tells how long facets and people worked.
    fn visits(&mut self, visits: usize, touchpoints: usize) -> Result<Spent, Failure> {
        let mut spent = Spent::default();
        let mut left = visits;
        while left > 0 {
            let now = left.min(BATCH / touchpoints);
            left -= now;
            let chosen: Vec<(usize, usize)> = (0..now).map(|_| self.choose()).collect();
            let visit = |(who, place): (usize, usize)| (0..touchpoints).map(move |_| (who, place, 1));
            let said = self.captured(chosen.into_iter().flat_map(visit))?;
            let batch = self.work(&said)?;
            spent.passed += batch.passed;
            spent.worked += batch.worked;
        }
        Ok(spent)
    }

    /// A customer and one of their facets. Multiplier and increment are Knuth's, of MMIX.
    fn choose(&mut self) -> (usize, usize) {
        self.choice =
            self.choice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chosen = (self.choice >> 33) as usize;
        (chosen % self.customers, chosen / self.customers % FACETS_EACH)
    }

    /// Of customers, their facets and seasons: what capture makes of a touchpoint there.
    fn captured(
        &mut self,
        visits: impl Iterator<Item = (usize, usize, i64)>,
    ) -> Result<Vec<InRecord>, Failure> {
        let mut number = self.choice;
        let records = visits.map(|(who, place, season)| {
            number = number.wrapping_add(1);
            touchpoint(who, place, season, number).to_string().into_bytes()
        });
        let raw = material::raw(records)?;
        self.choice = number;
        let nothing = std::collections::BTreeMap::new();
        let mut said = Vec::with_capacity(raw.len());
        for record in &raw {
            self.capture.step(&nothing, record).map_err(Failure::fault)?;
        }
        let written = self.capture.finish(&nothing).map_err(Failure::fault)?.outputs;
        said.extend(material::read(written, Topic::Touchpoint, material::read_at()?));
        material::all_passed(said.len() as u64, raw.len())?;
        Ok(said)
    }

    /// One batch of facets, and one of people; tells how long they took.
    fn work(&mut self, records: &[InRecord]) -> Result<Spent, Failure> {
        let (began, had) = (Instant::now(), worked());
        let sent = self.facets.take(records)?;
        let now = material::read_at()?;
        let facets: Vec<InRecord> = material::read(sent, Topic::ProfileFacet, now).collect();
        self.people.take(&facets)?;
        let has = worked();
        Ok(Spent { passed: began.elapsed().as_secs_f64(), worked: has - had })
    }

    /// Of the states of facets and of people, for each facet.
    fn bytes_each(&self) -> Result<(usize, usize), Failure> {
        let facets = self.customers * FACETS_EACH;
        Ok((self.facets.bytes()? / facets, self.people.bytes()? / facets))
    }
}

/// Bytes of all files in a folder and in those within.
fn on_disk(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // RocksDB may just have removed it.
        let Ok(about) = entry.metadata() else { continue };
        bytes += if about.is_dir() { on_disk(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}

/// One record of a customer, as a shop would send it.
fn touchpoint(who: usize, place: usize, season: i64, number: u64) -> Value {
    let (cookie, customer, email) = (format!("c-{who}"), format!("C-{who}"), format!("p{who}@example.org"));
    let identifiers = match place {
        0 => json!([{ "namespace": "cookie", "value": cookie }]),
        1 => {
            json!([{ "namespace": "cookie", "value": cookie }, { "namespace": "customer_id", "value": customer }])
        }
        _ => {
            json!([{ "namespace": "customer_id", "value": customer }, { "namespace": "email", "value": email }])
        }
    };
    let minutes = (who as i64 * 7 + number as i64 % 600) % 1440;
    let mut record = json!({
        "touchpoint_id": format!("t-{number:016x}"),
        "time": material::START_MS + season * 90 * DAY_MS + who as i64 % 90 * DAY_MS + minutes * 60_000,
        "source": "webshop",
        "channel": if place == 2 { "email" } else { "web" },
        "type": "page_view",
        "identifiers": identifiers,
    });
    match number % 10 {
        0 => {
            record["type"] = json!("order");
            record["order"] = json!({
                "order_id": format!("O-{number}"), "value": format!("{}.90", 10 + number % 90), "currency": "EUR", "items": 2,
            });
        }
        1 | 2 => record["attributes"] = json!({ "category": format!("category {}", number / 10 % 5) }),
        3 if place == 2 => record["engagement"] = json!({ "campaign": "spring", "action": "open" }),
        _ => {}
    }
    if season == 0 && place > 0 {
        record["attributes"] = json!({
            "given_name": "Ann", "family_name": format!("Lee {}", who % 1000), "country": "DE", "city": "Dresden", "language": "de",
        });
    }
    record
}

/// To each node of some touchpoints the person of its customer.
fn assignments(said: &[InRecord]) -> Result<Vec<InRecord>, Failure> {
    let (keys, topology) = (material::keys()?, Topology::uniform(1));
    let trace = Trace::of_source("benchmark", 0, 0);
    let mut records = Vec::new();
    for of_one in said.chunks(FACETS_EACH) {
        let mut nodes: Vec<(NodeId, Option<_>)> = Vec::new();
        for record in of_one {
            let value = record.value.as_deref().unwrap_or_default();
            let said: Touchpoint =
                decode(Topic::Touchpoint, &SchemaIds::default(), value).map_err(Failure::fault)?;
            nodes.push((said.sighting, None));
            nodes.extend(said.identifiers.into_iter().map(|one| (one.node, Some(one.namespace))));
        }
        nodes.sort_unstable();
        nodes.dedup();
        let anchor = nodes.iter().find(|(_, namespace)| namespace.is_some()).map(|(node, _)| *node);
        let person_id: PersonId =
            keys.person(anchor.ok_or_else(|| Failure::Fault("nobody is named".to_owned()))?);
        for (node, namespace) in nodes {
            let assignment = Assignment { node, namespace, person_id, erased: false };
            let written = topology
                .public(Topic::IdentityAssignment, node.to_string(), Some(&assignment), trace)
                .map_err(Failure::fault)?;
            records.extend(material::read(vec![written], Topic::IdentityAssignment, material::read_at()?));
        }
    }
    Ok(records)
}
