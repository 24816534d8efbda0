//! Birth dates: `29.2.1984`, `19840229` and `February 29, 1984` become `1984-02-29`.
//!
//! `3/4/1984` is one day in Boston and another in London, so it is read only where both orders mean the same or one of
//! them is no date. Years of two digits are not read: whoever was born in `24` is two years old or a hundred and two.

use jiff::civil::Date;
use kinfold_model::Timestamp;

use super::attributes::Reading;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A date of birth, as somebody stated it at a time.
pub(super) fn birth(text: &str, time: Timestamp) -> Reading {
    let Some(date) = read(text) else { return Reading::Malformed };
    let iso = date.to_string();
    let is_plausible = iso.parse::<kinfold_model::Date>().is_ok_and(|day| day.is_plausible_birth(time));
    if is_plausible { Reading::Read(iso) } else { Reading::Implausible(iso) }
}

fn read(text: &str) -> Option<Date> {
    let date = date_part(text);
    let parts: Vec<&str> =
        date.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [whole] if whole.len() == 8 && is_number(whole) => of(&whole[..4], &whole[4..6], &whole[6..]),
        [year, month, day] if year.len() == 4 && is_number(year) => of(year, month, day),
        [first, second, year] if year.len() == 4 => match (month_of(first), month_of(second)) {
            (Some(month), None) => of(year, month, ordinal(second)),
            (None, Some(month)) => of(year, month, ordinal(first)),
            (None, None) if date.contains('.') => of(year, second, first),
            (None, None) => unambiguous(of(year, second, first), of(year, first, second)),
            (Some(_), Some(_)) => None,
        },
        _ => None,
    }
}

/// The date of a date and time, whose zone is nobody's: a birthday is a day of the calendar.
fn date_part(text: &str) -> &str {
    let is_iso = |part: &str| part.len() >= 8 && part.starts_with(|c: char| c.is_ascii_digit());
    match text.split_once(['T', ' ']) {
        Some((date, time)) if is_iso(date) && time.starts_with(|c: char| c.is_ascii_digit()) => date,
        _ => text,
    }
}

fn unambiguous(day_first: Option<Date>, month_first: Option<Date>) -> Option<Date> {
    match (day_first, month_first) {
        (Some(one), Some(other)) => (one == other).then_some(one),
        (one, other) => one.or(other),
    }
}

/// The number of a month that was written as a word, in English.
fn month_of(word: &str) -> Option<&'static str> {
    const NUMBERS: [&str; 12] = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"];
    let word = word.to_ascii_lowercase();
    let is_full = |month: &str| word.len() <= 9 && word.starts_with(month);
    MONTHS.iter().position(|month| is_full(month)).and_then(|index| NUMBERS.get(index).copied())
}

/// `29th` is 29.
fn ordinal(day: &str) -> &str {
    ["st", "nd", "rd", "th"].into_iter().find_map(|ending| day.strip_suffix(ending)).unwrap_or(day)
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn of(year: &str, month: &str, day: &str) -> Option<Date> {
    if ![year, month, day].into_iter().all(is_number) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_date_has_one_spelling() {
        let now = at("2026-03-01T10:00:00Z");
        for (text, expected) in [
            ("1984-02-29", Some("1984-02-29")),
            ("1984-2-9", Some("1984-02-09")),
            ("19840229", Some("1984-02-29")),
            ("1984/02/29", Some("1984-02-29")),
            ("1984-02-29T00:00:00Z", Some("1984-02-29")),
            ("1984-02-29 23:30:00", Some("1984-02-29")),
            ("29.02.1984", Some("1984-02-29")),
            ("3.4.1984", Some("1984-04-03")),
            ("29/2/1984", Some("1984-02-29")),
            ("2/29/1984", Some("1984-02-29")),
            ("5/5/1984", Some("1984-05-05")),
            ("3/4/1984", None),
            ("29 February 1984", Some("1984-02-29")),
            ("Feb 29, 1984", Some("1984-02-29")),
            ("29th Feb 1984", Some("1984-02-29")),
            ("1983-02-29", None),
            ("29.02.84", None),
            ("1984", None),
            ("unknown", None),
            ("١٩٨٤-٠٢-٢٩", None),
            ("", None),
        ] {
            let expected = expected.map_or(Reading::Malformed, |date| Reading::Read(date.to_owned()));
            assert_eq!(birth(text, now), expected, "{text}");
        }
    }

    #[test]
    fn a_birth_in_the_future_of_a_touchpoint_or_beyond_any_life_is_implausible() {
        let told = |text: &str, time: &str| matches!(birth(text, at(time)), Reading::Implausible(_));
        assert!(told("2026-03-03", "2026-03-01T10:00:00Z"));
        assert!(
            !told("2026-03-02", "2026-03-01T10:00:00Z"),
            "it is tomorrow already where the child was born"
        );
        assert!(!told("2026-03-03", "2026-04-01T10:00:00Z"), "the touchpoint's time counts");
        assert!(told("1890-03-03", "2026-03-01T10:00:00Z"));
        assert!(told("1900-01-01", "1950-03-01T10:00:00Z"), "a placeholder");
    }
}
