//! The law of the direct way: what it can run gives what jaq gives.

use super::super::{Program, Stop as Stopped};
use crate::limits;
use crate::meter::Limit;
use crate::value::Value;

mod generated;

const DOCUMENT: &str = r#"{"a": {"b": [1, 2, {"c": "x"}], "d": null}, "t": " Ann ", "n": null, "f": 1.5, "e": "", "y": true,
    "k": ["b", "a", "b"], "o": {"p": "q", "r": {"s": 7}}, "l": [{"id": 1, "v": "u"}, {"id": 2}, {}], "m": [[1, 2], [3]]}"#;

/// How a program ended, and how many steps it took.
#[derive(Debug)]
struct Ran {
    ended: Result<Vec<String>, Stopped>,
    steps: u64,
}

fn ran(program: &Program, document: &Value, steps: u64) -> Ran {
    let mut left = steps;
    let ended = program.run(document.clone(), &mut left);
    Ran { ended: ended.map(|outputs| outputs.iter().map(ToString::to_string).collect()), steps: steps - left }
}

/// A program as a tree and through jaq, if it can go both ways.
fn both(text: &str, document: &str) -> Option<(Ran, Ran)> {
    let mut program = Program::compile(text).ok()?;
    program.direct.as_ref()?;
    let document = Value::parse(document.as_bytes()).expect("JSON");
    let direct = ran(&program, &document, limits::STEPS_MAX);
    program.direct = None;
    Some((direct, ran(&program, &document, limits::STEPS_MAX)))
}

fn ended(program: &Program) -> Result<Vec<String>, Stopped> {
    ran(program, &Value::parse(DOCUMENT.as_bytes()).expect("JSON"), limits::STEPS_MAX).ended
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
        "with_entries(.key |= . + \"x\") | keys",
        "1e1000",
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
    let mut one_way = Vec::new();
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
        "{(.t): 1, b: 2}",
        "[.a.b[1:][], .a.b[:-1][], .t[1:3], .n[2:]]",
        "[.t.x?, .k[\"a\"]?, .[0]?, .k[-1], .k[9]]",
        "reduce .l[] as $x ([]; . + [$x.id])",
        "[reduce (1, 2) as $x (0, 10; . + $x, . * 2)]",
        "[reduce (1, error(\"x\")) as $x (0; empty)]",
        "reduce (1, error(\"x\")) as $x (0; . + $x)",
        "[.l[] | \"a\\(.id, .v)b\\(1, 2)\"]",
        "[(true, false, null, 0) and (true, null)], [(true, false) or (false, 1)]",
        "[if (true, false, empty, null) then 1, 2 else 3 end]",
        "[sort_by(.id, .v)?], [.l | sort_by(.id, .v)]",
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
        "1.5e3, 1e-400",
        ". as {t: $x} | {$x}, {($x): 1}, {($x): $x, c: 1}",
        "[.k | contains([\"a\"]), inside([\"a\", \"b\"])]",
        "[.l[] | {id, v, (\"x\"): 1}]",
        ".l | map_values(.id // empty), map_values(.id, .v), (.[] |= (tostring, 1))",
        ".o | map_values(.s? // empty), map_values(1, error(\"x\")), (.[] |= empty)",
        "try (.t | map_values(1)) catch \"t\"",
        "{} , [] , {a: 1} + {b: 2} * {a: {c: 1}}",
    ] {
        match both(text, DOCUMENT) {
            Some((direct, jaq)) => assert_eq!(direct.ended, jaq.ended, "{text}"),
            None => one_way.push(text),
        }
    }
    assert!(one_way.is_empty(), "these do not go both ways: {one_way:#?}");
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
                drop(ended(&program));
                Some(height)
            });
            deepest = deepest.max(ran.expect("starts").join().expect("fits").unwrap_or_default());
        }
    }
    assert!(deepest > super::HEIGHT_MAX / 2, "only {deepest} nodes are entered at once");
}

#[test]
fn what_a_program_repeats_is_counted() {
    let pairs = ["(1, 1)"; 60];
    for text in [
        format!("[{}] | length", pairs.join(" | ")),
        format!("[{}] | length", pairs.join(" + ")),
        format!("[{}] | length", pairs.join(" as $x | ")),
        format!("first({} | empty)", pairs.join(" | ")),
        "[.. | 1]".replace("..", &["(.[]?, .)"; 40].join(" | ")),
        format!("reduce ({}) as $x (\"xxxxxxxx\"; . + .)", ["(1, 2)"; 12].join(" | ")),
        format!("reduce ({}) as $x (1; [., .])", ["1"; 100].join(", ")),
        format!("[reduce ({}) as $x (1; ., .)]", ["1"; 100].join(", ")),
    ] {
        let program = Program::compile(&text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert!(program.direct.is_some(), "{text} goes through jaq");
        let ended = ended(&program);
        let is_stopped = matches!(ended, Err(Stopped::Limit(Limit::Steps | Limit::Bytes | Limit::Weight)));
        assert!(is_stopped, "{text}: {ended:?}");
    }
}
