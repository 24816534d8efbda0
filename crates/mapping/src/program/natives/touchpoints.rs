//! Filters for what every mapping does: name an identifier, read a time, tell what is said from what is not.

use std::rc::Rc;

use jaq_core::box_iter::box_once;
use jaq_core::{Cv, Error, Exn, ValR, ValT, ValXs};

use super::super::Kind;
use super::lists::compact;
use super::{Filter, maybe, one, text};
use crate::meter;
use crate::value::{Value, made};

pub(super) fn filters() -> Vec<Filter> {
    vec![
        maybe!("id" / 2, |_, [namespace, value]| identifier(namespace, value)),
        maybe!("phone" / 2, |_, [value, country]| phone(value, country)),
        one!("consent" / 2, |_, [purpose, yes]| {
            let decision = if matches!(yes, Value::Null | Value::Bool(false)) { "denied" } else { "granted" };
            let members = [("purpose", purpose.clone()), ("decision", Value::text(decision))];
            made(Value::object(members.into_iter().map(|(name, value)| (Rc::from(name), value)).collect()))
        }),
        // Who is recognised by nothing is nobody: then nothing comes out.
        maybe!("somebody" / 0, |value, _| match value.get("identifiers") {
            Some(Value::List(list)) if !list.items().is_empty() => compact(value).map(Some),
            _ => Ok(None),
        }),
        one!("said" / 0, |value, _| Ok(said(value))),
        one!("text" / 0, |value, _| {
            Ok(match value {
                value @ (Value::Null | Value::Text(_)) => value,
                other if meter::make(other.weight()) => Value::text(&other.to_string()),
                _ => Value::Null,
            })
        }),
        one!("short" / 0, |value, _| Ok(short(value))),
        one!("seconds" / 0, |value, _| milliseconds(&value)),
        one!("utc" / 0, |value, _| utc(&value)),
        one!("minor_units" / 1, |amount, [currency, _]| minor_units(&amount, currency)),
    ]
}

/// `list`: the elements of a list, nothing for null, and anything else as it is.
pub(super) fn listed(cv: Cv<'_, Kind>) -> ValXs<'_, Value> {
    match cv.1 {
        Value::Null => Box::new(std::iter::empty()),
        list @ Value::List(_) => Box::new(list.values().map(|item| item.map_err(Exn::from))),
        other => box_once(Ok(other)),
    }
}

/// A telephone number that can be read: with a country code, or where the country (ISO 3166) is known.
fn phone(value: &Value, country: &Value) -> Result<Option<Value>, Error<Value>> {
    let number = value.as_text().map(str::trim).unwrap_or_default();
    let known = country.as_text().is_some_and(|country| country.trim().len() == 2);
    if number.is_empty() || !(number.starts_with('+') || known) {
        return Ok(None);
    }
    identifier(&Value::text("phone"), value)
}

thread_local! {
    /// The names of the members of every identifier.
    static NAMES: (Rc<str>, Rc<str>) = (Rc::from("namespace"), Rc::from("value"));
}

/// `{"namespace", "value"}` of a text with content or a number; nothing of anything else.
fn identifier(namespace: &Value, value: &Value) -> Result<Option<Value>, Error<Value>> {
    let value = match value {
        Value::Text(text) => match text.trim() {
            "" => return Ok(None),
            trimmed if trimmed.len() == text.len() => value.clone(),
            trimmed => Value::text(trimmed),
        },
        Value::Int(number) => Value::text(&number.to_string()),
        _ => return Ok(None),
    };
    if !meter::make(160) {
        return Ok(None);
    }
    let names = NAMES.with(|(namespace, value)| [Rc::clone(namespace), Rc::clone(value)]);
    let members = names.into_iter().zip([namespace.clone(), value]).collect();
    made(Value::object(members)).map(Some)
}

/// A text without blanks at its ends, or null when nothing is left; anything else as it is.
pub(in crate::program) fn said(value: Value) -> Value {
    match &value {
        Value::Text(text) => match text.trim() {
            "" => Value::Null,
            trimmed if trimmed.len() == text.len() => value,
            trimmed => Value::text(trimmed),
        },
        _ => value,
    }
}

/// A name for a type, a channel or an action, which may have 64 bytes: the first 32 characters, or what fits.
fn short(value: Value) -> Value {
    let value = match said(value) {
        Value::Text(text) => text,
        Value::Null => return Value::Null,
        other => other.to_string().into(),
    };
    match value.char_indices().nth(32) {
        Some((end, _)) => Value::text(value.get(..end).unwrap_or_default().trim_end()),
        None => Value::Text(value),
    }
}

/// Seconds since 1970, as a number or digits with or without a fraction, as milliseconds; null stays null.
fn milliseconds(value: &Value) -> ValR<Value> {
    let seconds = match value {
        Value::Null => return Ok(Value::Null),
        Value::Int(seconds) => return Value::Int(*seconds) * Value::Int(1000),
        Value::Float(seconds) => *seconds,
        Value::Text(_) => {
            let digits = text(value)?.trim();
            match (digits.parse::<i64>(), digits.parse::<f64>()) {
                (Ok(seconds), _) => return Value::Int(seconds) * Value::Int(1000),
                (_, Ok(seconds)) => seconds,
                _ => return Err(Error::new(Value::text("a time is no number of seconds"))),
            }
        }
        other => return Err(Error::typ(other.clone(), "number")),
    };
    let milliseconds = (seconds * 1000.0).round();
    if milliseconds.abs() < 9_007_199_254_740_992.0 {
        Ok(Value::Int(milliseconds as i64))
    } else {
        Err(Error::new(Value::text("a time is out of range")))
    }
}

/// A time as vendors write it, as RFC 3339: a blank instead of `T`, no zone (then it is UTC), `+0100`, or a date alone.
/// Numbers and null pass as they are.
fn utc(value: &Value) -> ValR<Value> {
    let Value::Text(_) = value else { return Ok(value.clone()) };
    let trimmed = text(value)?.trim().trim_end_matches(" UTC");
    if trimmed.is_empty() {
        return Ok(Value::Null);
    }
    let (Some(date), rest) = (trimmed.get(..10), trimmed.get(10..).unwrap_or_default()) else {
        return Ok(value.clone());
    };
    if rest.is_empty() {
        return Ok(Value::text(&format!("{date}T00:00:00Z")));
    }
    let time = rest.trim_start_matches(['T', 't', ' ']);
    let zone_at = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone_at);
    let clock = clock.trim_end();
    let zone = match zone.as_bytes() {
        [] => "Z".to_owned(),
        [b'+' | b'-', digits @ ..] if digits.len() == 4 && digits.is_ascii() => {
            format!("{}:{}", &zone[..3], &zone[3..])
        }
        [b'+' | b'-', digits @ ..] if digits.len() == 2 && digits.is_ascii() => format!("{zone}:00"),
        _ => zone.to_owned(),
    };
    let seconds = if clock.len() == 5 { ":00" } else { "" };
    Ok(Value::text(&format!("{date}T{clock}{seconds}{zone}")))
}

/// An amount in the smallest unit of a currency, such as cents, as decimal text: `12990 | minor_units("eur")` is "129.90".
fn minor_units(amount: &Value, currency: &Value) -> ValR<Value> {
    // ISO 4217: the currencies that are not divided into a hundred.
    const WHOLE: [&str; 16] = [
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
        "XOF", "XPF",
    ];
    const THOUSAND: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
    let Value::Int(amount) = amount else { return Err(Error::typ(amount.clone(), "whole number")) };
    let currency = text(currency)?.to_ascii_uppercase();
    let digits = match currency.as_str() {
        code if WHOLE.contains(&code) => 0,
        code if THOUSAND.contains(&code) => 3,
        _ => 2,
    };
    let sign = if *amount < 0 { "-" } else { "" };
    let amount = amount.unsigned_abs();
    let unit = 10_u64.pow(digits);
    Ok(Value::text(&match digits {
        0 => format!("{sign}{amount}"),
        digits => format!("{sign}{}.{:0width$}", amount / unit, amount % unit, width = digits as usize),
    }))
}
