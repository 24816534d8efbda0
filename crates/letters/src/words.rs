//! The texts in the payload of a record: whatever could be an identifier. In: bytes, and the format of their source. Out: texts, one
//! after the other, until somebody has seen enough.
//!
//! What can be read as its format says gives every text, number and name in it, and the words of each text. What cannot gives its
//! words, and the pieces between marks that texts stand in. Either is read as it stands, and again without the escapes of JSON in it.
//! Too many texts are better than too few: each is only compared with something.

use std::borrow::Cow;

use kinfold_mapping::Value;
use kinfold_mapping::decode::{Format, documents, unpacked};

/// No identifier is longer, and a longer text is only looked at by its words.
const TEXT_BYTES_MAX: usize = 512;
/// JSON may stand in a text of JSON, and that in another: it is read as it stands, and without one and two layers of escapes.
const READINGS: usize = 3;
/// What may stand at either end of a word and is no part of it.
const PUNCTUATION: [char; 7] = ['.', ',', ';', ':', '!', '?', '-'];

/// Whether `is_it` says so of any text in a payload.
pub(crate) fn any(payload: &[u8], format: &Format, is_it: &mut dyn FnMut(&str) -> bool) -> bool {
    match documents(payload, format) {
        Ok(documents) => {
            let read = documents.iter().flatten().any(|document| in_value(document, is_it));
            // A part that could not be read may still be legible.
            read || (documents.iter().any(Result::is_err) && in_bytes(payload, is_it))
        }
        Err(_) => in_bytes(payload, is_it),
    }
}

fn in_value(value: &Value, is_it: &mut dyn FnMut(&str) -> bool) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::Int(number) => is_it(&number.to_string()),
        Value::Float(number) => is_it(&number.to_string()),
        Value::Text(text) => in_text(text, is_it),
        Value::List(list) => list.items().iter().any(|item| in_value(item, is_it)),
        Value::Object(object) => {
            object.members().iter().any(|(name, value)| in_text(name, is_it) || in_value(value, is_it))
        }
    }
}

/// Bytes that are not of their format: unpacked if they can be, and read as far as they are text.
pub(crate) fn in_bytes(bytes: &[u8], is_it: &mut dyn FnMut(&str) -> bool) -> bool {
    let unpacked = unpacked(bytes);
    let bytes = unpacked.as_deref().unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let is_binary = |c: char| c == '\u{fffd}' || (c.is_control() && !c.is_whitespace());
    let is_text = !text.contains(is_binary);
    if readings(&text)
        .any(|text| in_reading(&text, is_it) || pieces(&text).any(|piece| whole(piece.trim(), is_it)))
    {
        return true;
    }
    // In binary formats the length of a text stands before it, and may look like a letter.
    let found =
        |word: &str| after_first(word).is_some_and(|word| whole(word.trim(), is_it) || in_word(word, is_it));
    !is_text && tokens(&text).chain(pieces(&text)).any(found)
}

/// Without its first letter.
fn after_first(word: &str) -> Option<&str> {
    word.chars().next().and_then(|first| word.get(first.len_utf8()..))
}

/// What stands between quotes or separators, with the blanks in it: `0171 1234567` is one text, and two words.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let ends =
        |c: char| c.is_control() || matches!(c, '"' | '\'' | ',' | ';' | '|' | '<' | '>' | '\\' | '\u{fffd}');
    text.split(ends).filter(|piece| !piece.is_empty())
}

/// The text itself, and its words.
fn in_text(text: &str, is_it: &mut dyn FnMut(&str) -> bool) -> bool {
    readings(text).any(|text| in_reading(&text, is_it))
}

/// A text as it stands, and then without the escapes of JSON in it, as long as there are any.
fn readings(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let less = |text: &Cow<'_, str>| without_escapes(text).map(Cow::Owned);
    std::iter::successors(Some(Cow::Borrowed(text)), less).take(READINGS)
}

fn in_reading(text: &str, is_it: &mut dyn FnMut(&str) -> bool) -> bool {
    let text = text.trim();
    whole(text, is_it) || tokens(text).any(|token| in_word(token, is_it))
}

fn in_word(word: &str, is_it: &mut dyn FnMut(&str) -> bool) -> bool {
    let parts = word.split([':', '=', '&', '?', '/', '#']).filter(|part| part.len() < word.len());
    let trimmed = |part: &'_ str| part.trim_matches(PUNCTUATION).to_owned();
    if whole(word, is_it)
        || whole(&trimmed(word), is_it)
        || parts.clone().any(|part| whole(part, is_it) || whole(&trimmed(part), is_it))
    {
        return true;
    }
    let mut decoded = std::iter::once(word).chain(parts).filter_map(without_percents);
    decoded.any(|part| whole(&part, is_it))
}

fn whole(text: &str, is_it: &mut dyn FnMut(&str) -> bool) -> bool {
    !text.is_empty() && text.len() <= TEXT_BYTES_MAX && is_it(text)
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(
                c,
                '"' | '\''
                    | '<'
                    | '>'
                    | '('
                    | ')'
                    | '['
                    | ']'
                    | '{'
                    | '}'
                    | ','
                    | ';'
                    | '|'
                    | '\\'
                    | '\u{fffd}'
            )
    };
    text.split(ends).filter(|token| !token.is_empty())
}

/// `ann%40example.org` as `ann@example.org`; `None` for what has nothing of the kind.
fn without_percents(text: &str) -> Option<String> {
    if !text.contains('%') {
        return None;
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| *byte == b'%') {
            Some(meant) => {
                decoded.push(meant);
                at += 3;
            }
            None => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

/// `\u002B49` as `+49`, `A\nB` in two lines; `None` for what has nothing of the kind.
fn without_escapes(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let (mut rest, mut is_less) = (text, false);
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let escape = escape(after);
        is_less |= escape.is_some();
        let (meant, left) = escape.unwrap_or(('\\', after));
        plain.push(meant);
        rest = left;
    }
    plain.push_str(rest);
    is_less.then_some(plain)
}

/// What stands after a backslash: the character that is meant, and the rest.
fn escape(after: &str) -> Option<(char, &str)> {
    let mut rest = after.chars();
    let meant = match rest.next()? {
        mark @ ('"' | '\\' | '/') => mark,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return utf16(rest.as_str()),
        _ => return None,
    };
    Some((meant, rest.as_str()))
}

/// A character by its number of four hex digits, or by a pair of them, and the rest.
fn utf16(digits: &str) -> Option<(char, &str)> {
    let (unit, rest) = code_unit(digits)?;
    if let Some(meant) = char::from_u32(unit.into()) {
        return Some((meant, rest));
    }
    let (second, rest) = code_unit(rest.strip_prefix("\\u")?)?;
    let meant = char::decode_utf16([unit, second]).next()?.ok()?;
    Some((meant, rest))
}

fn code_unit(digits: &str) -> Option<(u16, &str)> {
    let (unit, rest) = digits.split_at_checked(4)?;
    let is_hex = unit.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(unit, 16).ok().filter(|_| is_hex).map(|unit| (unit, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(payload: &[u8], format: &Format, wanted: &str) -> bool {
        any(payload, format, &mut |text| text == wanted)
    }

    #[test]
    fn every_text_number_and_name_of_what_can_be_read_is_seen() {
        let payload = br#"{"a": {"mail": "Ann <ann@example.org>, 2nd"}, "list": [4711, true, "+49 171 1234567"], "bea@example.org": null}"#;
        for wanted in ["ann@example.org", "4711", "+49 171 1234567", "bea@example.org", "mail"] {
            assert!(has(payload, &Format::Json, wanted), "{wanted}");
        }
        assert!(!has(payload, &Format::Json, "cea@example.org"));
    }

    #[test]
    fn lines_and_forms_are_read_by_their_format() {
        assert!(has(b"{\"a\": \"x\"}\n{\"a\": \"ann@example.org\"}\n", &Format::Jsonl, "ann@example.org"));
        assert!(has(b"data[email]=ann%40example.org&a=1", &Format::Form, "ann@example.org"));
    }

    #[test]
    fn what_cannot_be_read_is_still_legible() {
        for (payload, wanted) in [
            (&b"{\"mail\": \"ann@example.org\", "[..], "ann@example.org"),
            (b"<mail to='ann@example.org'>", "ann@example.org"),
            (b"see mailto:ann@example.org.", "ann@example.org"),
            (b"https://example.org/?u=ann%40example.org&x", "ann@example.org"),
            (b"\xff\x00\x1eann@example.org\x02", "ann@example.org"),
            (b"\xff\x000ann@example.org\x02", "ann@example.org"),
            (b"{\"a\": 1}\n{\"a\": ann@example.org}", "ann@example.org"),
            (b"{\"tel\": \"0171 1234567\", ", "0171 1234567"),
            (b"name;tel\nAnn;0171 1234567\n", "0171 1234567"),
            (b"Ann\t0171 1234567\r\n", "0171 1234567"),
            (b"\x00\x00\x00\x00\x05\x180171 1234567\x02", "0171 1234567"),
            (b"\x00\x00\x00\x00\x05\x1e0ann@example.org\x02", "ann@example.org"),
        ] {
            assert!(has(payload, &Format::Json, wanted), "{}", String::from_utf8_lossy(payload));
        }
        let mixed = b"{\"a\": 1}\n{\"a\": \"ann@example.org\"";
        assert!(has(mixed, &Format::Jsonl, "ann@example.org"), "one line is read, and the other is legible");
    }

    #[test]
    fn escapes_of_json_hide_nothing_in_what_cannot_be_read() {
        for (payload, wanted) in [
            (&br#"{"tel":"\u002B491711234567","#[..], "+491711234567"),
            (br#"{"tel":"\u002b49 171 1234567","#, "+49 171 1234567"),
            (br#"{"mail":"ann\u0040example.org"#, "ann@example.org"),
            (br#"{"name":"J\u00f6rg M\u00fcller","#, "Jörg Müller"),
            (br#"{"handle":"\ud83d\ude00ann","#, "😀ann"),
            (br#"{"text":"write to\nann@example.org\r\n","#, "ann@example.org"),
            (br#"{"page":"example.org\/ann","#, "example.org/ann"),
            (br#"{"body":"{\"tel\":\"\\u002B491711234567\"}","#, "+491711234567"),
            (b"\xff{\"tel\":\"\\u002B491711234567\"", "+491711234567"),
        ] {
            assert!(has(payload, &Format::Json, wanted), "{}", String::from_utf8_lossy(payload));
        }
        let within = br#"{"body": "{\"tel\": \"\\u002B491711234567\"}"}"#;
        assert!(has(within, &Format::Json, "+491711234567"), "JSON in a text of what can be read");
        assert!(has(br#"{"path":"C:\Users\ann","#, &Format::Json, "ann"), "what is no escape stays");
    }

    #[test]
    fn what_is_half_an_escape_stays_as_it_is() {
        for (text, plain) in [
            ("ann", None),
            (r"\", None),
            (r"\u", None),
            (r"\u00e", None),
            (r"\u+0e9", None),
            (r"\u00é9", None),
            (r"\ud83d", None),
            (r"\ud83d\u00e", None),
            (r"\ude00 \u0041", Some(r"\ude00 A")),
        ] {
            assert_eq!(without_escapes(text).as_deref(), plain, "{text}");
        }
    }

    #[test]
    fn what_is_packed_and_cannot_be_read_is_unpacked_first() {
        use std::io::Write;
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(b"not JSON: ann@example.org").expect("packs");
        assert!(has(&packer.finish().expect("packs"), &Format::Json, "ann@example.org"));
    }

    #[test]
    fn no_bytes_bring_it_down() {
        for payload in
            [&b""[..], b"%", b"%4", b"%zz%", b"\xff\xfe%\x00", "é%é".as_bytes(), b"\x1f\x8b\x08", b"[[[[[["]
        {
            for format in [Format::Json, Format::Jsonl, Format::Form] {
                assert!(!has(payload, &format, "ann@example.org"));
            }
        }
    }
}
