//! Laws of programs: what they can say, and that none of them gets out of hand.

use proptest::prelude::*;

use super::*;

fn parse(json: &str) -> Value {
    Value::parse(json.as_bytes()).expect("JSON")
}

fn run(program: &str, document: &str) -> Result<Vec<String>, Stop> {
    let mut compiled = Program::compile(program).unwrap_or_else(|fault| panic!("{program}: {fault}"));
    let ran = ran(&compiled, document);
    if compiled.direct.take().is_some() {
        // What both ways can go gives the same on both; they count steps differently.
        let through_jaq = alike(&ran, &self::ran(&compiled, document));
        assert!(through_jaq, "{program}: jaq gives something else than {ran:?}");
    }
    ran
}

fn ran(program: &Program, document: &str) -> Result<Vec<String>, Stop> {
    let outputs = program.run(parse(document), &mut limits::RECORD_STEPS_MAX.clone())?;
    Ok(outputs.iter().map(ToString::to_string).collect())
}

/// Whether two ways gave the same, or were stopped by a limit, which they may meet at different places.
fn alike<T: PartialEq>(one: &Result<T, Stop>, other: &Result<T, Stop>) -> bool {
    match (one, other) {
        (Err(Stop::Limit(_)), Err(Stop::Limit(_))) => true,
        (one, other) => one == other,
    }
}

fn only(program: &str, document: &str) -> String {
    let outputs = run(program, document).unwrap_or_else(|stop| panic!("{program}: {stop:?}"));
    assert_eq!(outputs.len(), 1, "{program}: {outputs:?}");
    outputs.into_iter().next().expect("one")
}

fn limit(program: &str, document: &str) -> Limit {
    match run(program, document) {
        Err(Stop::Limit(limit)) => limit,
        other => panic!("{program}: {other:?}"),
    }
}

fn fault(program: &str) -> String {
    Program::compile(program).err().unwrap_or_else(|| panic!("{program}: compiles")).to_string()
}

#[test]
fn programs_say_what_they_say_in_jq() {
    let document =
        r#"{"a":{"b":[1,2,{"c":"x"}]},"t":" Ann@Example.com ","n":null,"f":1.5,"e":"","k":["b","a","b"]}"#;
    for (program, expected) in [
        (".a.b[0]", "1"),
        (".a.b[-1].c", "\"x\""),
        (".a.b[1:] | length", "2"),
        (".nothing.at.all", "null"),
        (".n // \"none\"", "\"none\""),
        ("[.a.b[] | numbers | . * 2]", "[2,4]"),
        ("{x: .f, (.k[0]): 1}", r#"{"b":1,"x":1.5}"#),
        (".t | trim | ascii_downcase", "\"ann@example.com\""),
        (".t | said | split(\"@\") | .[1]", "\"Example.com\""),
        ("[.k | unique[]] | join(\"-\")", "\"a-b\""),
        ("{a: .e, b: .n, c: [], d: 0, e: false} | compact", r#"{"d":0,"e":false}"#),
        (
            "[id(\"email\"; .t), id(\"x\"; .e), id(\"y\"; .n), id(\"z\"; 7)] | map(.value)",
            r#"["Ann@Example.com","7"]"#,
        ),
        ("to_entries? // . | map(.key) | .[0]", "\"a\""),
        ("with_entries(select(.value | type == \"string\")) | keys", r#"["e","t"]"#),
        (".a.b |= map(select(type == \"number\")) | .a.b | add", "3"),
        ("reduce .a.b[0:2][] as $x (0; . + $x)", "3"),
        ("[foreach (1, 2, 3) as $x (0; . + $x; [$x, .])]", "[[1,1],[2,3],[3,6]]"),
        ("[range(3)], [range(1; 7; 3)] | length", ""),
        ("try error(\"x\") catch .", "\"x\""),
        (".a as {b: [$x, $y]} | $x + $y", "3"),
        ("\"a\\(.f)b\\(.n)\"", "\"a1.5bnull\""),
        ("[limit(3; repeat(1))]", "[1,1,1]"),
        ("[1 | until(. > 100; . * 2)]", "[128]"),
        ("[.. | numbers] | length", "3"),
        ("def f: if . > 3 then . else . + 1 | f end; 0 | f", "4"),
        ("def twice(g): g | g; 3 | twice(. * .)", "81"),
        ("\"2009-03-26 21:35:57\" | utc", "\"2009-03-26T21:35:57Z\""),
        ("\"2014-01-22T21:03:57.000+0000\" | utc", "\"2014-01-22T21:03:57.000+00:00\""),
        ("\"2019-05-06\" | utc", "\"2019-05-06T00:00:00Z\""),
        ("\"1326853478\" | seconds", "1326853478000"),
        ("1326853478.25 | seconds", "1326853478250"),
        ("12990 | minor_units(\"eur\")", "\"129.90\""),
        ("500 | minor_units(\"JPY\")", "\"500\""),
        ("-5 | minor_units(\"usd\")", "\"-0.05\""),
        (".t | test(\"[a-z]@\")", "true"),
        (".t | capture(\"(?<user>[^@ ]+)@\") | .user", "\"Ann\""),
        (".t | gsub(\"[a-z ]\"; \"\")", "\"A@E.\""),
        ("\"a=1&b=%C3%A9+c\" | query", r#"{"a":"1","b":"é c"}"#),
        ("\"[1,{}]\" | fromjson", "[1,{}]"),
        ("[.k | group_by(.)[] | length]", "[1,2]"),
        (
            "[phone(\"+1 202\"; null), phone(\"0202\"; null), phone(\"0202\"; \"US\"), phone(null; \"US\")] | length",
            "2",
        ),
        ("consent(\"ads\"; false)", r#"{"decision":"denied","purpose":"ads"}"#),
        ("[{identifiers: []}, {identifiers: [1], x: null} | somebody]", r#"[{"identifiers":[1]}]"#),
        ("12 | text, short", ""),
        ("first_said(.n, .e, .t, .f)", "\"Ann@Example.com\""),
        ("[.k | list], [.f | list], [.n | list] | length", ""),
        ("[{a: (1, 2), b: (3, 4)}] | map(\"\\(.a)\\(.b)\") | join(\" \")", "\"13 14 23 24\""),
        ("{n, k: .k[0], \"x y\": 1, z: .a.b[0]} | keys | length", "4"),
        ("[{a: empty, b: error}] | length", "0"),
        (".a.b | map(numbers) | length", "2"),
        (".k[0] |= (strings | ascii_upcase) | .k[0]", "\"B\""),
        ("[paths(strings)] | length", "6"),
        ("one(.nothing[]?), one(1, 2) | tostring", ""),
        ("del(.a, .t) | keys", r#"["e","f","k","n"]"#),
        ("[paths] | length", "14"),
    ] {
        if expected.is_empty() {
            run(program, document).expect("runs");
            continue;
        }
        assert_eq!(only(program, document), expected, "{program}");
    }
}

#[test]
fn every_definition_of_the_prelude_can_be_called() {
    let names: Vec<(&str, usize)> =
        natives::definitions().map(|definition| (definition.name, definition.args.len())).collect();
    assert!(names.contains(&("add", 1)) && names.contains(&("toboolean", 0)), "prelude.jq is read");
    for (name, arity) in names {
        let arguments = if arity == 0 { String::new() } else { format!("({})", vec!["1"; arity].join("; ")) };
        Program::compile(&format!("{name}{arguments}")).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    }
}

#[test]
fn whoever_loops_without_output_is_stopped() {
    for program in [
        "def f: f; f",
        "repeat(empty)",
        "last(repeat(1))",
        "reduce repeat(1) as $x (0; .)",
        "until(false; .)",
        "[recurse(.)] | length",
        "range(0; 1; 0)",
        "last(range(1e18))",
        "label $out | repeat(if false then break $out else 1 end) | empty",
        "[limit(1e12; repeat(1))] | length",
        "isempty(repeat(empty))",
        "first(repeat(empty))",
        "while(true; .) | empty",
    ] {
        let limit = limit(program, "1");
        assert!(matches!(limit, Limit::Steps | Limit::Calls | Limit::Outputs), "{program}: {limit:?}");
    }
}

#[test]
fn no_try_goes_on_after_a_limit() {
    for program in [
        "repeat(try last(repeat(1)) catch .)",
        "try (def f: f; f) catch 1",
        "def f: try f catch f; f",
        "[range(1000)] | map(try last(range(1e18)) catch 0)",
        "(try (\"x\" * 1e9 | tostring) catch 1), (try (\"x\" * 1000000000) catch 2)",
        "def f: (f // f)?; f",
        "reduce range(1e9) as $x (0; try error catch 1)",
        "label $f | (def g: g; g), break $f",
    ] {
        limit(program, "1");
    }
}

#[test]
fn whoever_fills_the_memory_is_stopped() {
    for (program, expected) in [
        ("[range(1e9)]", &[Limit::Steps, Limit::Bytes][..]),
        ("\"x\" * 1000000000", &[Limit::Bytes]),
        ("reduce range(100) as $i (\"xxxxxxxx\"; . + .)", &[Limit::Bytes, Limit::Weight]),
        ("reduce range(100) as $i ([1]; . + .)", &[Limit::Bytes, Limit::Weight]),
        ("reduce range(30) as $i (1; [., .])", &[Limit::Weight]),
        ("reduce range(30) as $i ({}; {a: ., b: .})", &[Limit::Weight]),
        ("reduce range(1000000) as $i (1; [.])", &[Limit::Depth]),
        ("reduce range(1000000) as $i ({}; {a: .})", &[Limit::Depth]),
        ("reduce range(100) as $i (.; [.[]?, .[]?, 1])", &[Limit::Steps, Limit::Bytes]),
        ("[range(5000)] | map(tostring * 10000) | add | length", &[Limit::Bytes]),
        ("[range(1000)] | [.[] as $a | .[] as $b | .[] as $c | 1] | length", &[Limit::Steps]),
        ("[range(300)] | [.[] + .[] + .[]] | length", &[Limit::Steps, Limit::Bytes]),
        ("[range(300)] | {a: .[], b: .[], c: .[]}", &[Limit::Steps, Limit::Bytes, Limit::Outputs]),
        (
            "[range(20000)] | map([.]) | . as $a | reduce .[] as $x (0; if $a == $a then . + 1 else . end)",
            &[Limit::Steps],
        ),
        ("[range(2000)] | gsub_all", &[]),
    ] {
        if expected.is_empty() {
            fault(program);
            continue;
        }
        let limit = limit(program, "[1]");
        assert!(expected.contains(&limit), "{program}: {limit:?}");
    }
}

#[test]
fn comma_upon_comma_is_counted() {
    let pairs = vec!["(1, 1)"; 60];
    assert_eq!(limit(&format!("[{}] | length", pairs.join(" | ")), "1"), Limit::Steps);
    assert_eq!(limit(&format!("[{}] | length", pairs.join(" + ")), "1"), Limit::Steps);
    assert_eq!(limit(&format!("[{}] | length", pairs.join(" as $x | ")), "1"), Limit::Steps);
    let doubled: String = (1..40).map(|n| format!("def f{n}: f{0} | f{0};", n - 1)).collect();
    limit(&format!("def f0: .; {doubled} f39"), "1");
    let folded = "reduce (1,2,3,4,5,6,7,8) as $x ((1,2,3,4,5,6,7,8); ".repeat(8);
    limit(&format!("[{folded}.{}] | length", ")".repeat(8)), "1");
}

#[test]
fn whoever_recurses_too_deep_is_stopped_and_the_stack_stands() {
    let nested: String = (1..60).map(|n| format!("def f{n}(g): f{0}(f{0}(g));", n - 1)).collect();
    for program in [
        "def f: 1 + f; f",
        "def f: [f]; f",
        "def f: {a: f}; f",
        "def f: (f | .); f",
        "def f: if (f | not) then 1 else 2 end; f",
        "def f(g): if g > 1000000 then 1 else f([g][0] + 1) end; f(0)",
        "def f($n; g): if $n == 0 then g else f($n - 1; [g]) end; f(50000; 1)",
        "def f: f as $x | $x; f",
        "def f: try (1 + f) catch 2; f",
        "def f: reduce f as $x (0; 1); f",
        "def f: .a |= f; f",
        "recurse(.) |= 1",
        "(reduce range(100000) as $x (.; .)) |= 1",
        "getpath([range(50000)]) |= 1",
        "path(def f: .a | f; f)",
        "[limit(100000; path(recurse(.a?)))] | length",
        "[path(last(limit(60000; recurse(.a?))))] | length",
        "def f: [1] | sort_by(f); f",
        "def f: [f]; .[f]",
        "def f: [f]; .[f:f]?",
        "def f: {a: f}; .a[1 | f][f] |= 1",
        &format!("def f0(g): [g]; {nested} f59(1)"),
    ] {
        limit(program, "null");
    }
}

#[test]
fn deep_text_is_refused_or_runs_on_the_smallest_stack_that_threads_have() {
    let within = limits::TEXT_DEPTH_MAX as usize - 10;
    for program in [
        format!("{}1{}", "[".repeat(within), "]".repeat(within)),
        format!("{}1{}", "(".repeat(30_000), ")".repeat(30_000)),
        format!("{}1{}", "[".repeat(30_000), "]".repeat(30_000)),
        format!("{}1{}", "{a:".repeat(10_000), "}".repeat(10_000)),
        "-".repeat(60_000) + "1",
        "try ".repeat(16_000) + "1",
        format!("{}1{}", "if 1 then ".repeat(4000), " end".repeat(4000)),
        ".".to_owned() + &"|.".repeat(30_000),
        "1".to_owned() + &",1".repeat(30_000),
        "1".to_owned() + &"+1".repeat(30_000),
        "def f: ".repeat(8000),
        format!("{}.{}", "\"\\(".repeat(10_000), ")\"".repeat(10_000)),
        ". as [".to_owned() + &"[".repeat(20_000),
        "1".to_owned() + &" as $x | 1".repeat(6000),
    ] {
        let stack = std::thread::Builder::new().stack_size(2 << 20);
        let ran = stack.spawn(move || match Program::compile(&program) {
            Ok(program) => drop(program.run(Value::Null, &mut limits::STEPS_MAX.clone())),
            Err(fault) => drop(fault.to_string()),
        });
        ran.expect("starts").join().expect("does not panic");
    }
}

#[test]
fn the_deepest_calls_that_are_allowed_fit_the_smallest_stack_that_threads_have() {
    let pipes = ". | ".repeat(60);
    let objects = "{a: ".repeat(25) + "f" + &"}".repeat(25);
    let arrays = "[".repeat(100) + "f" + &"]".repeat(100);
    for program in [
        format!("def f: {pipes} (f | .); f"),
        format!("def f: {objects}; f"),
        format!("def f: {arrays}; f"),
        "def f: ((((((((((f + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1); f".to_owned(),
        "def f: .a |= (.a |= (.a |= (.a |= (.a |= f)))); f".to_owned(),
        "def f: reduce (reduce (reduce f as $x (0; 1)) as $x (0; 1)) as $x (0; 1); f".to_owned(),
        "def f: [[[.]]] | map(map(map(f))); f".to_owned(),
        "def f: try (try (try (try (f, 1) catch .) catch .) catch .) catch .; f".to_owned(),
        "def f: if f then (if f then f else f end) else f end; f".to_owned(),
        "def f: [limit(1; first(last(limit(1; f))))]; f".to_owned(),
    ] {
        let stack = std::thread::Builder::new().stack_size(2 << 20);
        let ran = stack.spawn(move || limit(&program, "{}"));
        assert!(ran.expect("starts").join().is_ok());
    }
}

#[test]
fn what_depends_on_time_or_place_is_refused_by_name() {
    for name in ["now", "env", "$ENV", "input", "inputs", "halt", "localtime", "input_filename", "debug"] {
        let said = fault(&format!(".a\n| {name}"));
        assert!(said.contains(&format!("line 2 uses `{name}`")), "{said}");
        assert!(said.contains("elsewhere or later"), "{said}");
    }
}

#[test]
fn a_fault_names_its_line() {
    assert!(
        fault("{\n a: .b,\n c: nonsense(1)\n}")
            .starts_with("line 3 uses the filter `nonsense` with 1 arguments")
    );
    assert!(fault(".a |\n| .b").starts_with("line 2 has `|`"), "{}", fault(".a |\n| .b"));
    fault("import \"a\" as a; .");
    fault("include \"a\"; .");
    fault("{");
    fault("");
    fault("\"");
    fault("$x");
    fault("break $x");
}

#[test]
fn an_error_is_told_in_the_programs_own_words_or_in_none() {
    let error = |program: &str| match run(program, r#"{"a":"ann@example.com"}"#) {
        Err(Stop::Error(words)) => words,
        other => panic!("{program}: {other:?}"),
    };
    assert_eq!(error("error(\"no customer\")"), Some("no customer".to_owned()));
    assert_eq!(error("error(.a)"), None);
    assert_eq!(error("error(\"no \\(.a)\")"), None);
    assert_eq!(error(".a.b"), None);
}

#[test]
fn the_same_document_takes_the_same_steps_each_time() {
    let program =
        Program::compile("[.[] | tostring | test(\"1\")] | map(select(.)) | length").expect("compiles");
    let document = format!("[{}]", vec!["12"; 500].join(","));
    let steps: Vec<u64> = (0..3)
        .map(|_| {
            let mut steps = limits::RECORD_STEPS_MAX;
            program.run(parse(&document), &mut steps).expect("runs");
            limits::RECORD_STEPS_MAX - steps
        })
        .collect();
    assert!(steps[0] > 500 && steps.iter().all(|other| *other == steps[0]), "{steps:?}");
}

#[test]
fn a_record_has_no_more_steps_than_are_left() {
    let program = Program::compile("last(range(1000))").expect("compiles");
    let mut steps = 500;
    assert_eq!(program.run(Value::Null, &mut steps), Err(Stop::Limit(Limit::Steps)));
    assert_eq!(steps, 0);
}

#[expect(clippy::disallowed_methods, reason = "a test may be told by its caller how much to try")]
fn cases() -> u32 {
    std::env::var("KINFOLD_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2000)
}

/// Pieces of programs, put together without sense.
fn nonsense() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        ".",
        "..",
        ".a",
        ".[]",
        ".[]?",
        ".[0]",
        ".[1:]",
        "1",
        "-1",
        "1e9",
        "\"x\"",
        "null",
        "[]",
        "{}",
        "$x",
        "f",
        "g",
        "range(5)",
        "length",
        "keys",
        "add",
        "tostring",
        "tojson",
        "empty",
        "error",
        "first",
        "last",
        "sort",
        "reverse",
        "flatten",
        "paths",
        "to_entries",
        "compact",
        "not",
        "repeat(1)",
        "recurse",
        "min",
        "unique",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        let operators = prop::sample::select(vec![
            "|", ",", "+", "-", "*", "/", "%", "==", "<", "//", "and", "or", "|=", "+=", "=", "//=",
        ]);
        prop_oneof![
            (two.clone(), operators).prop_map(|((a, b), operator)| format!("({a} {operator} {b})")),
            inner.clone().prop_map(|a| format!("[{a}]")),
            two.clone().prop_map(|(a, b)| format!("{{a: {a}, (\"b\", \"c\"): {b}}}")),
            two.clone().prop_map(|(a, b)| format!("(reduce {a} as $x (.; {b}))")),
            two.clone().prop_map(|(a, b)| format!("(foreach {a} as $x (.; {b}; .))")),
            two.clone().prop_map(|(a, b)| format!("(try {a} catch {b})")),
            (two.clone(), inner.clone()).prop_map(|((a, b), c)| format!("(if {a} then {b} else {c} end)")),
            two.clone().prop_map(|(a, b)| format!("(def f: {a}; {b})")),
            two.clone().prop_map(|(a, b)| format!("(def g(f): {a}; g({b}))")),
            inner.clone().prop_map(|a| format!("path({a})")),
            inner.clone().prop_map(|a| format!("map({a})")),
            inner.clone().prop_map(|a| format!("sort_by({a})")),
            inner.clone().prop_map(|a| format!("[limit(3; {a})]")),
            inner.clone().prop_map(|a| format!("first({a})")),
            inner.clone().prop_map(|a| format!("walk({a})")),
            inner.clone().prop_map(|a| format!("(label $l | {a}, break $l)")),
            two.prop_map(|(a, b)| format!("({a} as [$x, {{a: $y}}] | {b})")),
            inner.prop_map(|a| format!("(. as $x | def f: {a}; def g: f; g)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        cases()
    ))]

    #[test]
    fn no_program_panics_or_fails_to_end(body in nonsense()) {
        let text = format!(". as $x | def f: 1; def g: 2; {body}");
        if let Ok(program) = Program::compile(&text) {
            let document = parse(r#"{"a":[1,2,{"a":"x","b":null}],"b":"y","c":[[[3]]]}"#);
            let once = program.run(document.clone(), &mut limits::STEPS_MAX.clone());
            let again = program.run(document, &mut limits::STEPS_MAX.clone());
            prop_assert_eq!(once, again);
        }
    }

    #[test]
    fn no_text_brings_the_compiler_down(text in "[-.|,;:()\\[\\]{}$@\"\\\\?a-c01 +*/=<>]{0,40}") {
        drop(Program::compile(&text));
    }
}
