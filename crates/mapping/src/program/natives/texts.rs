//! Filters of texts: case, ends, parts, regular expressions, and the encodings that payloads come in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use jaq_core::native::{bome, v};
use jaq_core::{Error, ValR};
use regex::{Regex, RegexBuilder};

use super::{Filter, text, with_one};
use crate::limits;
use crate::meter;
use crate::value::{Value, made, split, stopped};

/// What looking for a pattern takes at least; the same whether it was compiled before or not.
const STEPS_OF_A_PATTERN: u64 = 20;
/// Patterns that a thread keeps compiled.
const PATTERNS_KEPT: usize = 64;

pub(super) fn filters() -> Vec<Filter> {
    vec![
        ("ascii_downcase", v(0), |cv| bome(text(&cv.1).map(|text| Value::text(&text.to_ascii_lowercase())))),
        ("ascii_upcase", v(0), |cv| bome(text(&cv.1).map(|text| Value::text(&text.to_ascii_uppercase())))),
        ("trim", v(0), |cv| bome(text(&cv.1).map(|text| Value::text(text.trim())))),
        ("ltrim", v(0), |cv| bome(text(&cv.1).map(|text| Value::text(text.trim_start())))),
        ("rtrim", v(0), |cv| bome(text(&cv.1).map(|text| Value::text(text.trim_end())))),
        ("startswith", v(1), |cv| {
            with_one(cv, |whole, part| Ok(Value::Bool(text(whole)?.starts_with(text(part)?))))
        }),
        ("endswith", v(1), |cv| {
            with_one(cv, |whole, part| Ok(Value::Bool(text(whole)?.ends_with(text(part)?))))
        }),
        ("ltrimstr", v(1), |cv| {
            with_one(cv, |whole, part| Ok(stripped(whole, part, |text, part| text.strip_prefix(part))))
        }),
        ("rtrimstr", v(1), |cv| {
            with_one(cv, |whole, part| Ok(stripped(whole, part, |text, part| text.strip_suffix(part))))
        }),
        ("split", v(1), |cv| with_one(cv, |whole, separator| split(text(whole)?, text(separator)?))),
        ("join", v(1), |cv| with_one(cv, join)),
        ("test", v(1), |cv| {
            with_one(cv, |whole, pattern| Ok(Value::Bool(compiled(pattern)?.is_match(text(whole)?))))
        }),
        ("capture", v(1), |cv| with_one(cv, capture)),
        ("gsub", v(2), |mut cv| {
            let (replacement, pattern) = (cv.0.pop_var(), cv.0.pop_var());
            bome(gsub(&cv.1, &pattern, &replacement))
        }),
        ("tojson", v(0), |cv| {
            let charged = meter::make(cv.1.weight());
            bome(if charged { Ok(Value::text(&cv.1.to_string())) } else { stopped() })
        }),
        ("fromjson", v(0), |cv| {
            bome(text(&cv.1).and_then(|json| {
                if !meter::make(8 * json.len() as u64) {
                    return stopped();
                }
                Value::parse(json.as_bytes()).map_err(|_| Error::new(Value::text("a text is no JSON")))
            }))
        }),
        ("tonumber", v(0), |cv| bome(to_number(cv.1))),
        ("@uri", v(0), |cv| {
            bome(as_text(&cv.1).map(|text| {
                Value::text(
                    &url::form_urlencoded::byte_serialize(text.as_bytes())
                        .collect::<String>()
                        .replace('+', "%20"),
                )
            }))
        }),
        ("query", v(0), |cv| bome(text(&cv.1).and_then(query))),
    ]
}

/// A text, or another value as JSON.
fn as_text(value: &Value) -> Result<std::borrow::Cow<'_, str>, Error<Value>> {
    match value {
        Value::Text(_) => text(value).map(std::borrow::Cow::Borrowed),
        other if meter::make(other.weight()) => Ok(std::borrow::Cow::Owned(other.to_string())),
        _ => stopped(),
    }
}

/// Without an end, if it has it; anything but text passes as it is.
fn stripped(whole: &Value, part: &Value, strip: impl for<'t> Fn(&'t str, &str) -> Option<&'t str>) -> Value {
    match (whole, part) {
        (Value::Text(text), Value::Text(part)) => {
            strip(text, part).map_or_else(|| whole.clone(), Value::text)
        }
        _ => whole.clone(),
    }
}

fn join(value: &Value, separator: &Value) -> ValR<Value> {
    let Value::List(list) = value else { return Err(Error::typ(value.clone(), "array")) };
    let separator = text(separator)?;
    let mut joined = String::new();
    for (index, item) in list.items().iter().enumerate() {
        if !meter::make(separator.len() as u64 + item.weight()) {
            return stopped();
        }
        if index > 0 {
            joined.push_str(separator);
        }
        match item {
            Value::Null => {}
            Value::Text(text) => joined.push_str(text),
            Value::List(_) | Value::Object(_) => return Err(Error::typ(item.clone(), "string")),
            other => joined.push_str(&other.to_string()),
        }
    }
    Ok(Value::text(&joined))
}

fn to_number(value: Value) -> ValR<Value> {
    let Value::Text(_) = &value else {
        return match value {
            Value::Int(_) | Value::Float(_) => Ok(value),
            other => Err(Error::typ(other, "number")),
        };
    };
    let digits = text(&value)?.trim();
    if let Ok(number) = digits.parse::<i64>() {
        return Ok(Value::Int(number));
    }
    let number = digits.parse::<f64>().ok().filter(|number| number.is_finite());
    number.map(Value::Float).ok_or_else(|| Error::new(Value::text("a text is no number")))
}

thread_local! {
    static PATTERNS: RefCell<BTreeMap<Rc<str>, Regex>> = const { RefCell::new(BTreeMap::new()) };
}

fn compiled(pattern: &Value) -> Result<Regex, Error<Value>> {
    let Value::Text(pattern) = pattern else { return Err(Error::typ(pattern.clone(), "string")) };
    if !meter::step(STEPS_OF_A_PATTERN + pattern.len() as u64) {
        return stopped();
    }
    PATTERNS.with_borrow_mut(|patterns| {
        if let Some(regex) = patterns.get(pattern) {
            return Ok(regex.clone());
        }
        let built = RegexBuilder::new(pattern).size_limit(limits::REGEX_BYTES_MAX).build();
        let regex = built.map_err(|_| Error::new(Value::text("a pattern is no regular expression")))?;
        if patterns.len() >= PATTERNS_KEPT {
            patterns.clear();
        }
        patterns.insert(Rc::clone(pattern), regex.clone());
        Ok(regex)
    })
}

/// The named groups of the first match; null where there is none.
fn capture(value: &Value, pattern: &Value) -> ValR<Value> {
    let regex = compiled(pattern)?;
    let Some(found) = regex.captures(text(value)?) else { return Ok(Value::Null) };
    let groups = regex.capture_names().flatten().map(|name| {
        let group = found.name(name).map_or(Value::Null, |group| Value::text(group.as_str()));
        (Rc::from(name), group)
    });
    made(Value::object(groups.collect()))
}

/// Every match replaced by a text, in which `$name` and `$1` stand for groups.
fn gsub(value: &Value, pattern: &Value, replacement: &Value) -> ValR<Value> {
    let (regex, whole, replacement) = (compiled(pattern)?, text(value)?, text(replacement)?);
    let matches = regex.find_iter(whole).count() as u64;
    // A replacement can name the whole text once for each `$`.
    let most = matches.saturating_mul((replacement.len() as u64).saturating_mul(1 + whole.len() as u64 / 2));
    if !meter::make((whole.len() as u64).saturating_add(if replacement.contains('$') {
        most
    } else {
        matches.saturating_mul(replacement.len() as u64)
    })) {
        return stopped();
    }
    Ok(Value::text(&regex.replace_all(whole, replacement)))
}

/// The parts of a query or a form, `a=1&b=2`, as an object; of two with one name the last one counts.
fn query(text: &str) -> ValR<Value> {
    let mut members = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(text.trim_start_matches('?').as_bytes()) {
        if !meter::make(48 + name.len() as u64) {
            return stopped();
        }
        members.insert(Rc::from(&*name), Value::text(&value));
    }
    made(Value::object(members))
}
