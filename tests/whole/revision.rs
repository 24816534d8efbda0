//! What is stored is looked at again after a change of the rules, and at no other time.

use std::collections::BTreeMap;
use std::sync::Arc;

use kinfold_capture::{Capture, Settings};
use kinfold_model::{Keys, Partition, Rules, Secret, Timestamp, View};
use kinfold_pipeline::{Batch, CapturePort, InRecord, Origin, Port, StitchPort, Store, Task, Topology};
use kinfold_wire::Topic;

const WHOLE: Partition = Partition { index: 0, count: 1 };

type Memory = BTreeMap<Vec<u8>, Vec<u8>>;

fn keys() -> Keys {
    Keys::new(&Secret::new(b"a secret that only tests use").expect("long enough"))
}

fn stitch(rules: &Rules) -> StitchPort {
    StitchPort { keys: keys(), rules: rules.clone(), topology: Topology::uniform(1) }
}

fn record(origin: Origin, value: Vec<u8>) -> InRecord {
    let time = Timestamp::from_millis(1_772_323_200_000).expect("in range");
    InRecord {
        origin,
        partition: 0,
        offset: 0,
        time,
        key: None,
        value: Some(value),
        trace: None,
        first: None,
    }
}

/// A batch of one record.
fn handle<P: Port>(port: &P, base: &dyn View, record: &InRecord) -> Batch {
    let mut task = Task::new(port, WHOLE);
    task.step(base, record).expect("no fault");
    task.finish(base).expect("no fault")
}

/// How much of the state a stage that has just begun still has to look at.
fn left(rules: &Rules, state: &Memory) -> Option<f64> {
    let port = stitch(rules);
    Task::new(&port, WHOLE).idle(state, Timestamp::default(), 1).expect("no fault")
}

#[test]
fn a_restart_looks_at_nothing_again_and_new_rules_at_all() {
    let rules = Rules::default();
    let stage = Capture::new(keys(), rules.clone(), Settings::default());
    let capture = CapturePort {
        stage,
        keys: keys(),
        rules: rules.clone(),
        returning: Arc::default(),
        topology: Topology::uniform(1),
    };
    let json = br#"{"time":"2026-03-01T10:15:00Z","source":"crm","identifiers":[
        {"namespace":"email","value":"dora@example.org"},{"namespace":"customer_id","value":"C-1"}]}"#;
    let captured = handle(&capture, &Memory::new(), &record(Origin::Raw("crm".into()), json.to_vec()));
    let op = captured.outputs.into_iter().find(|output| output.topic == Topic::IdentityOp);
    let op = op.and_then(|output| output.value).expect("the touchpoint is evidence");

    let mut state = Memory::new();
    let batch = handle(&stitch(&rules), &state, &record(Origin::Topic(Topic::IdentityOp), op));
    state.commit(batch.writes).expect("memory cannot fail");
    assert_eq!(left(&rules, &state), None, "after a restart");
    let others = Rules { max_component: 7, ..rules };
    assert!(left(&others, &state).is_some(), "under other rules");
}
