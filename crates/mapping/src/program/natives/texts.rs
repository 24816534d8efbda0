//! Filters of texts: case, ends, parts, regular expressions, and the encodings that payloads come in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use jaq_core::{Error, ValR};
use regex::{Regex, RegexBuilder};

use super::{Filter, one, text};
use crate::limits;
use crate::meter;
use crate::value::{Value, made, split, stopped};

/// What looking for a pattern takes at least; the same whether it was compiled before or not.
const STEPS_OF_A_PATTERN: u64 = 20;
/// Patterns that a thread keeps compiled.
const PATTERNS_KEPT: usize = 64;

pub(super) fn filters() -> Vec<Filter> {
    vec![
        one!("ascii_downcase" / 0, |value, _| text(&value)
            .map(|text| Value::text(&text.to_ascii_lowercase()))),
        one!("ascii_upcase" / 0, |value, _| text(&value).map(|text| Value::text(&text.to_ascii_uppercase()))),
        one!("trim" / 0, |value, _| text(&value).map(|text| Value::text(text.trim()))),
        one!("ltrim" / 0, |value, _| text(&value).map(|text| Value::text(text.trim_start()))),
        one!("rtrim" / 0, |value, _| text(&value).map(|text| Value::text(text.trim_end()))),
        one!("startswith" / 1, |whole, [part, _]| Ok(Value::Bool(text(&whole)?.starts_with(text(part)?)))),
        one!("endswith" / 1, |whole, [part, _]| Ok(Value::Bool(text(&whole)?.ends_with(text(part)?)))),
        one!("ltrimstr" / 1, |whole, [part, _]| {
            Ok(stripped(&whole, part, |text, part| text.strip_prefix(part)))
        }),
        one!("rtrimstr" / 1, |whole, [part, _]| {
            Ok(stripped(&whole, part, |text, part| text.strip_suffix(part)))
        }),
        one!("split" / 1, |whole, [separator, _]| split(text(&whole)?, text(separator)?)),
        one!("join" / 1, |value, [separator, _]| join(&value, separator)),
        one!("test" / 1, |whole, [pattern, _]| {
            Ok(Value::Bool(compiled(pattern)?.is_match(text(&whole)?)))
        }),
        one!("capture" / 1, |whole, [pattern, _]| capture(&whole, pattern)),
        one!("gsub" / 2, |whole, [pattern, replacement]| gsub(&whole, pattern, replacement)),
        one!("tojson" / 0, |value, _| {
            if meter::make(value.weight()) { Ok(Value::text(&value.to_string())) } else { stopped() }
        }),
        one!("fromjson" / 0, |value, _| {
            let json = text(&value)?;
            if !meter::make(8 * json.len() as u64) {
                return stopped();
            }
            Value::parse(json.as_bytes()).map_err(|_| Error::new(Value::text("a text is no JSON")))
        }),
        one!("tonumber" / 0, |value, _| to_number(value)),
        one!("@uri" / 0, |value, _| {
            let text = as_text(&value)?;
            let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            Ok(Value::text(&encoded.replace('+', "%20")))
        }),
        one!("query" / 0, |value, _| text(&value).and_then(query)),
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
