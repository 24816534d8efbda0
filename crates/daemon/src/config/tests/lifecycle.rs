//! The laws of stages and of values.

use kinfold_value::{LifecycleRules, Refresh};

use super::{faults, load, only_fault};

#[test]
fn without_a_word_the_usual_stages_apply_and_there_is_no_model() {
    let config = load("", &[]).expect("valid");
    assert_eq!(config.profile.lifecycle, LifecycleRules::default());
    assert_eq!((config.value.model, config.value.refresh), (None, Refresh::default()));
    assert_eq!(load("[lifecycle]", &[]).expect("valid").profile.lifecycle, LifecycleRules::default());
}

#[test]
fn stages_and_the_model_are_read_as_they_are_described() {
    let text = "[value]\nmodel = \"model.toml\"\nrefresh_days = 1\n[[lifecycle.stages]]\nname = \"any\"\n\
        [[lifecycle.stages]]\nname = \"good\"\nidentified = true\norders_min = 2\norders_max = 9\ndays_since_order_max = 30\n\
        days_since_seen_min = 1\nage_days_min = 5\nrevenue_min = { currency = \"EUR\", amount = \"500\" }";
    let config = load(text, &[("KINFOLD_VALUE__REFRESH_DAYS", "2")]).expect("valid");
    let stages = config.profile.lifecycle.stages();
    assert_eq!((stages.len(), stages[1].orders_max, stages[1].identified), (2, Some(9), Some(true)));
    assert_eq!(stages[1].revenue_min.as_ref().map(|least| least.amount.to_string()), Some("500.00".into()));
    assert_eq!((config.value.model.is_some(), config.value.refresh.days()), (true, 2));
    let again = load(&config.describe(), &[]).expect("accepted");
    assert_eq!(again.profile, config.profile);
    assert_eq!((again.value.model, again.value.refresh), (config.value.model, config.value.refresh));
}

#[test]
fn namespaces_of_devices_are_not_those_of_people() {
    let config = load("[namespaces.phone]\ncontested = \"apart\"", &[]).expect("valid");
    let names: Vec<&str> = config.profile.personal.iter().map(|name| name.as_str()).collect();
    assert!(names.contains(&"customer_id") && !names.contains(&"cookie") && !names.contains(&"phone"));
}

#[test]
fn stages_that_cannot_be_meant_are_faults_with_their_lines() {
    let stage = |more: &str| {
        format!("[[lifecycle.stages]]\nname = \"any\"\n\n[[lifecycle.stages]]\nname = \"more\"\n{more}")
    };
    for (more, said) in [
        ("", "lifecycle.stages has the stage \"more\", which has no condition"),
        ("orders_min = 3\norders_max = 2", "asks for orders_min = 3 and orders_max = 2"),
        ("order_min = 3", "lifecycle.stages.order_min is no setting; did you mean lifecycle.stages.order"),
        ("days_since_order_min = 99999", "write a number from 0 to 36525"),
        ("revenue_min = { currency = \"euros\", amount = \"5\" }", "revenue_min.currency is no currency"),
        ("revenue_min = { currency = \"EUR\" }", "revenue_min is not whole"),
    ] {
        let fault = only_fault(&stage(more), &[]);
        assert!(fault.contains(said), "{fault}");
    }
    assert_eq!(faults(&stage(""), &[])[0].0, 4, "the line where the stage begins");
    let fault = only_fault("[lifecycle]\nstages = []", &[]);
    assert!(fault.contains("lifecycle.stages are none; name at least one"), "{fault}");
    let fault = only_fault("", &[("KINFOLD_LIFECYCLE__STAGES", "any")]);
    assert!(fault.contains("write a section for each in the file: [[lifecycle.stages]]"), "{fault}");
    let fault = only_fault("[value]\nrefresh_days = 0", &[]);
    assert!(fault.contains("value.refresh_days is 0; write a number from 1 to 366"), "{fault}");
}
