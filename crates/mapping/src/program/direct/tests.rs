//! The law of the direct way: what it can run gives what jaq gives.

use proptest::prelude::*;

use super::super::{Program, Stop as Stopped};
use crate::limits;
use crate::value::Value;

const DOCUMENT: &str = r#"{"a": {"b": [1, 2, {"c": "x"}], "d": null}, "t": " Ann ", "n": null, "f": 1.5, "e": "", "y": true,
    "k": ["b", "a", "b"], "o": {"p": "q", "r": {"s": 7}}, "l": [{"id": 1, "v": "u"}, {"id": 2}, {}], "m": [[1, 2], [3]]}"#;

fn document() -> Value {
    Value::parse(DOCUMENT.as_bytes()).expect("JSON")
}

/// What comes of a program, and why no more: with its words, but for those of a limit, which both ways may pass elsewhere.
fn outcome(program: &Program) -> Result<Vec<String>, String> {
    let outputs = program.run(document(), &mut limits::RECORD_STEPS_MAX.clone());
    match outputs {
        Ok(outputs) => Ok(outputs.iter().map(ToString::to_string).collect()),
        Err(Stopped::Limit(_)) => Err("limit".to_owned()),
        Err(Stopped::Error(words)) => Err(format!("{words:?}")),
    }
}

fn both(text: &str) -> Option<(Result<Vec<String>, String>, Result<Vec<String>, String>)> {
    let mut program = Program::compile(text).ok()?;
    program.direct.as_ref()?;
    let direct = outcome(&program);
    program.direct = None;
    Some((direct, outcome(&program)))
}

macro_rules! sources {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("../../../../../sources/", $name, ".jq")))),*]
    };
}

#[test]
fn every_program_that_comes_with_kinfold_goes_the_direct_way() {
    for (name, text) in sources!(
        "segment" "snowplow" "salesforce" "hubspot" "mailchimp" "shopify" "stripe" "pos" "call-centre" "typeform"
        "surveymonkey" "social-care" "sendgrid" "consent-mode" "cmp"
    ) {
        let program = Program::compile(text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let direct = program.direct.as_ref().unwrap_or_else(|| panic!("{name} goes through jaq"));
        assert!(direct.root.height < super::HEIGHT_MAX / 2, "{name}: {}", direct.root.height);
    }
}

#[test]
fn what_the_tree_has_not_goes_through_jaq() {
    for text in [
        "..",
        "def f: f; f",
        ".a |= 1",
        "label $x | 1, break $x",
        "[limit(2; 1, 2, 3)]",
        "path(.a)",
        "[range(3)]",
    ] {
        let program = Program::compile(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert!(program.direct.is_none(), "{text}");
    }
}

#[test]
fn oddities_of_jaq_are_kept() {
    for text in [
        "[error(\"x\") + empty]",
        "[(1, error(\"x\")) + (empty)]",
        "[.[error(\"x\")][empty]]",
        "try error(\"x\") catch .",
        "[.l[] | .v // \"none\"]",
        "[try (1, error(\"x\"), 2) catch .]",
        "try (try error(\"x\") catch error(\"y\")) catch .",
        "[(1, 2) as $x | try error($x) catch .]",
        "try ((1, 2) | if . == 2 then error(\"below\") else . end) catch \"caught\"",
        "first(1, error(\"x\"))",
        "[first(empty)]",
        "[{a: empty, b: error(\"x\")}]",
        "[{a: error(\"x\"), b: empty}]",
        "[{a: (1, 2), b: (3, 4)}]",
        "[{(\"a\", \"b\"): (1, 2)}]",
        ". as {o: {p: $x}, k: [$y, $z]} | [$x, $y, $z]",
        ". as {$t, (\"a\", \"o\"): $w} | [$t, $w]",
        "def f(g; $x): [g, $x, g]; [f(.t, .f; 1, 2)]",
        "def f($x): def g: $x; . as $x | [g, $x]; f(3)",
        "def f(g): 1 as $x | g; 5 as $x | f($x)",
        "def f: 1; def g: f; def f: 2; [f, g]",
        "def f(f): f; f(3)",
        "def f(x): x; def f: 9; [f(f), f]",
        "[.l[] | select(.id) | .id] | map(. * 10)",
        "[.o | to_entries[] | \"\\(.key)=\\(.value)\"]",
        "{(.t): 1, $__loc__: 2}",
        "[.a.b[1:][], .a.b[:-1][], .t[1:3], .n[2:]]",
        "[.t.x?, .k[\"a\"]?, .[0]?, .k[-1], .k[9]]",
        "reduce .l[] as $x ([]; . + [$x.id])",
        "[reduce (1, 2) as $x (0, 10; . + $x, . * 2)]",
        "[reduce (1, error(\"x\")) as $x (0; empty)]",
        "reduce (1, error(\"x\")) as $x (0; . + $x)",
        "[.l[] | \"a\\(.id, .v)b\\(1, 2)\"]",
        "[(true, false, null, 0) and (true, null)], [(true, false) or (false, 1)]",
        "[if (true, false, empty, null) then 1, 2 else 3 end]",
        "[sort_by(.id, .v)?], [.l | sort_by(.id; .v)?]",
        "[.l | sort_by(-.id)[].id], [.l | group_by(.v)[] | length]",
        "-(1, 2), -.f, (- .t)?",
        "[.m[][]] | add, ([.[] | tostring] | join(\"-\"))",
        "[.k[] | id(\"x\"; .)] | unique",
        "isempty(.l[]), any(.k[]; . == \"a\"), all(.k[]; . == \"a\")",
        "@json \"v: \\(.a.b)\", @uri \"q=\\(.t)\"",
        "def @json: empty; [@json \"\\(1)\"]",
        "[.[] | strings, numbers, booleans, nulls | tostring]",
        "first_said(.n, .e, .t), one(.nothing[]?), [first_said(.n)]",
        "with_entries(select(.value | type == \"string\"))",
        "with_entries(.key |= . + \"x\") | keys",
        "1e1000, 1.5e3",
        "[.k | contains([\"a\"]), inside([\"a\", \"b\"])]",
        "[.l[] | {id, v, (\"x\"): 1}]",
        ".l | map_values(.id // empty), map_values(.id, .v), (.[] |= (tostring, 1))",
        ".o | map_values(.s? // empty), map_values(1, error(\"x\")), (.[] |= empty)",
        "try (.t | map_values(1)) catch \"t\"",
        "{} , [] , {a: 1} + {b: 2} * {a: {c: 1}}",
    ] {
        let Some((direct, jaq)) = both(text) else { continue };
        assert_eq!(direct, jaq, "{text}");
    }
}

#[test]
fn the_deepest_tree_fits_the_smallest_stack_that_threads_have() {
    let mut deepest = 0;
    for turns in [1, 5, 20, 60, 100, 110] {
        for text in [
            ".[]? | ".repeat(turns) + ".",
            format!("{}.{}", "[.[]?, ".repeat(turns), "]".repeat(turns)),
            "(1, 2) as $x | ".repeat(turns) + "empty",
            format!(
                "def f(g): ((1, 2), g) | (g, 3); {}4{}",
                "f(".repeat(turns.min(7)),
                ")".repeat(turns.min(7))
            ),
            format!(
                "{}1{}",
                "if (true, false) then (try ".repeat(turns / 2),
                ") else (2, 3) end".repeat(turns / 2)
            ),
            format!("{}1{}", "reduce (1, 2) as $x (0; 1, ".repeat(turns), ")".repeat(turns)),
            format!("{}1{}", "{a: (1, 2), b: ".repeat(turns), "}".repeat(turns)),
            format!("def f: {}.; {}.", ".[]? | (., .) | ".repeat(60), "f | ".repeat(turns)),
            format!("def f: {}.; {}.", "(., .)[0]? // ".repeat(60), "f | ".repeat(turns)),
            "(1, 2) + ".repeat(turns) + "empty",
        ] {
            let stack = std::thread::Builder::new().stack_size(2 << 20);
            let ran = stack.spawn(move || {
                let program = Program::compile(&text).ok()?;
                let height = program.direct.as_ref()?.root.height;
                drop(outcome(&program));
                Some(height)
            });
            deepest = deepest.max(ran.expect("starts").join().expect("fits").unwrap_or_default());
        }
    }
    assert!(deepest > super::HEIGHT_MAX / 2, "only {deepest} nodes are entered at once");
}

#[test]
fn what_a_program_repeats_is_counted() {
    let pairs = vec!["(1, 1)"; 60];
    for text in [
        format!("[{}] | length", pairs.join(" | ")),
        format!("[{}] | length", pairs.join(" + ")),
        format!("[{}] | length", pairs.join(" as $x | ")),
        format!("first({} | empty)", pairs.join(" | ")),
        "[.. | 1]".replace("..", &vec!["(.[]?, .)"; 40].join(" | ")),
        format!("reduce ({}) as $x (\"xxxxxxxx\"; . + .)", vec!["(1, 2)"; 12].join(" | ")),
        format!("reduce ({}) as $x (1; [., .])", vec!["1"; 100].join(", ")),
        format!("[reduce ({}) as $x (1; ., .)]", vec!["1"; 100].join(", ")),
    ] {
        let program = Program::compile(&text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert!(program.direct.is_some(), "{text} goes through jaq");
        assert_eq!(outcome(&program), Err("limit".to_owned()), "{text}");
    }
}

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

#[expect(clippy::disallowed_methods, reason = "a test may be told by its caller how much to try")]
fn cases() -> u32 {
    std::env::var("KINFOLD_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(3000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn both_ways_give_the_same(body in nonsense()) {
        let text = format!(". as $x | .k as $y | def f: .t; def g: .f; {body}");
        if let Some((direct, jaq)) = both(&text) {
            let limit = Err("limit".to_owned());
            prop_assume!(direct != limit && jaq != limit);
            prop_assert_eq!(direct, jaq, "{}", text);
        }
    }
}
