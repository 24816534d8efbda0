//! Normalisers: what one accepts, it leaves as it is when it comes again.

use kinfold_capture::UnknownMembers;
use serde_json::json;

use crate::canonical::Bench;

pub(super) fn texts<const COUNT: usize>(texts: [&str; COUNT]) -> Vec<Vec<u8>> {
    texts.map(|text| text.as_bytes().to_vec()).into()
}

pub(super) fn phones() -> Vec<Vec<u8>> {
    texts([
        "+49 351 1234567",
        "0351/1234567",
        "0044 20 7946 0958",
        "(0) 30 123456 ext. 5",
        "+1-202-555-0143",
        "00 1 202 555 0143;ext=7",
        "tel:+7 495 123-45-67",
        "\u{ff0b}\u{ff14}\u{ff19}\u{ff13}\u{ff15}\u{ff11}",
    ])
}

pub(super) fn emails() -> Vec<Vec<u8>> {
    texts([
        "Ann.Lee+news@Example.ORG",
        "\"ann lee\"@example.org",
        "ann@[192.0.2.1]",
        " postmaster@b\u{fc}cher.example ",
        "\u{3b1}\u{3a3}@\u{3b5}\u{3bb}.example",
        "mailto:ann@example.org",
        "ann@xn--bcher-kva.example",
        "a(comment)@example.org",
    ])
}

pub(super) fn handles() -> Vec<Vec<u8>> {
    texts(["mastodon:@Ann", "x: @@ann_lee", "instagram:ann.lee", "LinkedIn:\u{130}an", "https://x.com/ann"])
}

pub(super) fn dates() -> Vec<Vec<u8>> {
    texts([
        "1984-02-29",
        "29.02.1984",
        "02/29/1984",
        "1984-02-29T00:00:00Z",
        "19840229",
        "29 Feb 1984",
        "\u{661}\u{669}84-02-29",
        "0001-01-01",
    ])
}

pub(super) fn urls() -> Vec<Vec<u8>> {
    texts([
        "https://example.org/a?email=ann%40example.org&x=1#top",
        "//u:p@EXAMPLE.org:443/%7Eann/../b?q=a@b.c",
        "http://b\u{fc}cher.example/?utm_source=x&gclid=1;phone=+49",
        "https://example.org/ann@example.org/?=&&=1",
        "mailto:ann@example.org?cc=b@example.org",
    ])
}

pub(super) fn addresses() -> Vec<Vec<u8>> {
    texts([
        "192.0.2.17",
        "192.0.2.17:80",
        "2001:db8::17",
        "[2001:db8::17]:443",
        "::ffff:192.0.2.17",
        "fe80::1%eth0",
    ])
}

pub(super) fn names() -> Vec<Vec<u8>> {
    texts([
        "Dr. Ann VAN DER LEE, MD",
        "o'neill-m\u{e4}rz jr.",
        "\u{149}\u{1c5}e\u{301}",
        "\u{3a3}\u{3c9}\u{3ba}\u{3c1}\u{3ac}\u{3c4}\u{3b7}\u{3a3}",
        "\u{643}\u{631}\u{64a}\u{645}",
        "\u{5c71}\u{7530}\u{592a}\u{90ce}",
        "lee, ann",
        "Prof. Dr. h. c. Ann",
    ])
}

pub(super) fn codes() -> Vec<Vec<u8>> {
    texts(["01067", "D-01067", "SW1A 1AA", "sw1a1aa", "K1A0B1", "12345-6789", "1234 AB", "100-0001"])
}

fn identifier(namespace: &str, text: &[u8]) -> Result<(), String> {
    captured(
        json!({"time": 0, "source": "crm", "identifiers": [{"namespace": namespace, "value": text_of(text)}]}),
    )
}

/// The first byte says of which country the record is.
fn attribute(name: &str, text: &[u8]) -> Result<(), String> {
    const COUNTRIES: [&str; 8] = ["DE", "GB", "US", "NL", "JP", "CA", "Germany", "nowhere"];
    let country = COUNTRIES[usize::from(text.first().copied().unwrap_or_default()) % COUNTRIES.len()];
    let mut attributes = serde_json::Map::from_iter([("country".to_owned(), country.into())]);
    attributes.insert(name.to_owned(), text_of(text).into());
    captured(
        json!({"time": 0, "source": "crm", "identifiers": [{"namespace": "cookie", "value": "c"}], "attributes": attributes}),
    )
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn captured(record: serde_json::Value) -> Result<(), String> {
    Bench::new(UnknownMembers::Refuse)?.touchpoint(record.to_string().as_bytes()).map(drop)
}

pub(super) fn check_phone(text: &[u8]) -> Result<(), String> {
    identifier("phone", text)
}

pub(super) fn check_email(text: &[u8]) -> Result<(), String> {
    identifier("email", text)
}

pub(super) fn check_social(text: &[u8]) -> Result<(), String> {
    identifier("social", text)
}

pub(super) fn check_date(text: &[u8]) -> Result<(), String> {
    attribute("birth_date", text)
}

pub(super) fn check_url(text: &[u8]) -> Result<(), String> {
    attribute("url", text)
}

pub(super) fn check_ip(text: &[u8]) -> Result<(), String> {
    attribute("ip", text)
}

pub(super) fn check_name(text: &[u8]) -> Result<(), String> {
    for name in ["given_name", "family_name", "full_name"] {
        attribute(name, text)?;
    }
    Ok(())
}

pub(super) fn check_code(text: &[u8]) -> Result<(), String> {
    attribute("postal_code", text)
}
