//! Programs and documents put together at random give the same both ways, and limits stop both.

use proptest::prelude::*;

use super::{Ran, both, ran};
use crate::limits;
use crate::meter::Limit;
use crate::program::{Program, Stop};
use crate::value::Value;

/// Pieces of mappings, put together without sense.
fn nonsense() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        ".",
        ".a",
        ".a.b",
        ".k[]",
        ".l[]?",
        ".[]?",
        ".a.b[0]",
        ".t.x?",
        ".o.r.s",
        ".k[1:]",
        ".l[].id",
        "1",
        "-1",
        "2.5",
        "\"x\"",
        "\"\\(.t)-\\(.f)\"",
        "null",
        "true",
        "false",
        "empty",
        "error",
        "error(\"e\")",
        "[]",
        "{}",
        "$x",
        "$y",
        "f",
        "g",
        "length",
        "keys",
        "add",
        "tostring",
        "not",
        "type",
        "values",
        "strings",
        "compact",
        "said",
        "short",
        "first",
        "last",
        "unique",
        "to_entries",
        "utc",
        "seconds",
        "ascii_downcase",
        "list",
        "reverse",
        "somebody",
        "{t, f}",
        "{(.t): .n}",
        "{a: .k[]}",
        "id(\"e\"; .t)",
        "split(\"a\")",
        "join(\"-\")",
        "min",
        "flatten",
        "@json",
        "@json \"\\(.)\"",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        let three = (inner.clone(), inner.clone(), inner.clone());
        let operators = prop::sample::select(vec![
            "|", "|", "|", ",", "+", "-", "*", "/", "%", "==", "<", "!=", "//", "//", "and", "or",
        ]);
        prop_oneof![
            (two.clone(), operators).prop_map(|((a, b), operator)| format!("({a} {operator} {b})")),
            inner.clone().prop_map(|a| format!("[{a}]")),
            two.clone().prop_map(|(a, b)| format!("{{a: {a}, b: {b}}}")),
            two.clone().prop_map(|(a, b)| format!("{{({a}): {b}, c: 1}}")),
            two.clone().prop_map(|(a, b)| format!("({a} | .[{b}])")),
            two.clone().prop_map(|(a, b)| format!(".a.b[{a}:{b}]")),
            two.clone().prop_map(|(a, b)| format!("(reduce {a} as $x (.; {b}))")),
            two.clone().prop_map(|(a, b)| format!("(try {a} catch {b})")),
            inner.clone().prop_map(|a| format!("({a})?")),
            three.clone().prop_map(|(a, b, c)| format!("(if {a} then {b} else {c} end)")),
            two.clone().prop_map(|(a, b)| format!("(if {a} then {b} end)")),
            two.clone().prop_map(|(a, b)| format!("({a} as $x | {b})")),
            two.clone().prop_map(|(a, b)| format!("(def f: {a}; {b})")),
            two.clone().prop_map(|(a, b)| format!("(def g(f): {a}; g({b}))")),
            three.clone().prop_map(|(a, b, c)| format!("(def h($y; f): {a}; h({b}; {c}))")),
            two.clone().prop_map(|(a, b)| format!("({a} as [$x, {{a: $y}}] | {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} as {{a: $x, ({b}): $y}} | [$x, $y])")),
            two.clone().prop_map(|(a, b)| format!("\"a\\({a})b\\({b})\"")),
            inner.clone().prop_map(|a| format!("map({a})")),
            inner.clone().prop_map(|a| format!("map_values({a})")),
            inner.clone().prop_map(|a| format!("sort_by({a})")),
            inner.clone().prop_map(|a| format!("group_by({a})")),
            inner.clone().prop_map(|a| format!("first({a})")),
            inner.clone().prop_map(|a| format!("one({a})")),
            inner.clone().prop_map(|a| format!("first_said({a})")),
            inner.clone().prop_map(|a| format!("select({a})")),
            inner.clone().prop_map(|a| format!("any(.[]?; {a})")),
            inner.clone().prop_map(|a| format!("isempty({a})")),
            inner.prop_map(|a| format!("-({a})")),
            two.prop_map(|(a, b)| format!("id({a}; {b})")),
        ]
    })
}

/// A document as a mapping may meet it: the one of the examples, or one of its shape with anything in it.
fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|yes| yes.to_string()),
        (-3_i64..4).prop_map(|number| number.to_string()),
        prop::sample::select(vec!["9223372036854775807", "-9223372036854775808", "0.5", "-0.0", "1e308"])
            .prop_map(str::to_owned),
        prop::sample::select(vec![
            "",
            " ",
            "a",
            "Ann",
            "b-a",
            "2026-03-01T10:15:00Z",
            "\u{e9}\u{1f600}",
            "12"
        ])
        .prop_map(|text| format!("\"{text}\"")),
    ];
    let any = leaf.prop_recursive(3, 20, 4, |inner| {
        let name =
            prop::sample::select(vec!["a", "b", "d", "f", "id", "k", "l", "o", "p", "r", "s", "t", "v"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::btree_map(name, inner, 0..5).prop_map(object),
        ]
    });
    let shaped = prop::collection::vec(any.clone(), 8)
        .prop_map(|values| object(["a", "k", "l", "o", "t", "f", "n", "m"].into_iter().zip(values)));
    prop_oneof![2 => Just(super::DOCUMENT.to_owned()), 2 => shaped, 1 => any]
}

fn object(members: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let members: Vec<String> =
        members.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// A program with that body; one of two catches what the body ends in, so that what an error says is compared as well.
fn program() -> impl Strategy<Value = String> {
    (nonsense(), any::<bool>()).prop_map(|(body, catches)| {
        let body = if catches { format!("try ({body}) catch {{caught: .}}") } else { body };
        format!(". as $x | (.k? // 2) as $y | def f: .t; def g: .f; {body}")
    })
}

/// How many times more steps one way may take than the other before it is stopped and the other is not.
const STEPS_APART: u64 = 20;

/// Both gave the same, or one was stopped by a limit that counts steps, bytes or calls, and the other was stopped as well or
/// not far from it.
fn agree(direct: &Ran, jaq: &Ran) -> bool {
    let is_near = |other: &Ran| other.steps > limits::STEPS_MAX / STEPS_APART;
    match (&direct.ended, &jaq.ended) {
        (Err(Stop::Limit(_)), Err(Stop::Limit(_))) => true,
        // A tree has no calls, and jaq counts the text around them too.
        (_, Err(Stop::Limit(Limit::Calls))) => true,
        (Err(Stop::Limit(Limit::Steps | Limit::Bytes)), _) => is_near(jaq),
        (_, Err(Stop::Limit(Limit::Steps | Limit::Bytes))) => is_near(direct),
        (one, other) => one == other,
    }
}

#[expect(clippy::disallowed_methods, reason = "a test may be told by its caller how much to try")]
fn cases() -> u32 {
    std::env::var("KINFOLD_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(3000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn both_ways_give_the_same(text in program(), document in document()) {
        if let Some((direct, jaq)) = both(&text, &document) {
            prop_assert!(agree(&direct, &jaq), "{}\n{}\n{:?}\n{:?}", text, document, direct, jaq);
        }
    }

    #[test]
    fn what_a_run_took_is_what_it_needs(text in program(), document in document()) {
        let Ok(mut program) = Program::compile(&text) else { return Ok(()) };
        let document = Value::parse(document.as_bytes()).expect("JSON");
        for direct in [program.direct.take(), None] {
            program.direct = direct;
            let whole = ran(&program, &document, limits::STEPS_MAX);
            if matches!(whole.ended, Err(Stop::Limit(_))) {
                continue;
            }
            prop_assert_eq!(&ran(&program, &document, whole.steps).ended, &whole.ended, "{}", text);
            if let Some(fewer) = whole.steps.checked_sub(1) {
                let stopped = Err(Stop::Limit(Limit::Steps));
                prop_assert_eq!(ran(&program, &document, fewer).ended, stopped, "{}", text);
            }
        }
    }
}
