//! Payloads of sources: any bytes become documents or a refusal, the same each time, within the limits; and what the
//! mappings that come with Kinfold make of them is refused, or a touchpoint in order.

use std::cell::OnceCell;
use std::io::Write;

use kinfold_capture::UnknownMembers;
use kinfold_mapping::decode::{Avro, Format, Rows, documents};
use kinfold_mapping::limits::DOCUMENTS_MAX;
use kinfold_mapping::{Source, SourceFiles};

use crate::canonical::Bench;

const ORDER: &str = r#"{"type": "track", "event": "Order Completed", "userId": "c-1", "properties": {"order_id": 7, "total": 19.9}}"#;

macro_rules! sources {
    ($($name:literal $ending:literal $case:literal)*) => {
        [$((
            $name,
            include_str!(concat!("../../../sources/", $name, ".toml")),
            include_str!(concat!("../../../sources/", $name, ".jq")),
            include_bytes!(concat!("../../../sources/", $name, ".cases/", $case, ".", $ending)) as &[u8],
        )),*]
    };
}

/// Name, settings, program and a payload.
const SOURCES: [(&str, &str, &str, &[u8]); 15] = sources!(
    "segment" "json" "identify"
    "snowplow" "tsv" "page_view"
    "salesforce" "json" "contact"
    "hubspot" "json" "webhooks"
    "mailchimp" "form" "subscribe"
    "shopify" "json" "order"
    "stripe" "json" "charge"
    "pos" "jsonl" "receipts"
    "call-centre" "json" "ticket"
    "typeform" "json" "response"
    "surveymonkey" "json" "response"
    "social-care" "json" "mention"
    "sendgrid" "json" "events"
    "consent-mode" "json" "signals"
    "cmp" "json" "save"
);

pub(super) fn json() -> Vec<Vec<u8>> {
    [
        ORDER,
        "[1, null, {\"a\": [true]}, \"\\u00e9\\ud83d\\ude00\"]",
        "{\"a\": {\"a\": {\"a\": [[[[]]]]}}}",
        "-1.5e-3",
        "[{}, {}]",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

pub(super) fn jsonl() -> Vec<Vec<u8>> {
    vec![format!("{ORDER}\n\n{ORDER}\r\n").into_bytes(), b"1\n{\n[]".to_vec()]
}

pub(super) fn csv() -> Vec<Vec<u8>> {
    [
        "\u{feff}id,email,name\n1,ann@example.org,\"Lee, \"\"Ann\"\"\"\n2,,\n",
        "id\temail\n1\tx\n",
        "a,a\r\n1,2\r\n3\r\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

pub(super) fn form() -> Vec<Vec<u8>> {
    [
        "type=subscribe&data[email]=ann%40example.org&data[lists][]=1&data[lists][]=2",
        "a=1&a=2&a[b]=3&=4&b[[c]]=5&c[",
        "x",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// Single objects and a registry's framing of a schema of every kind, and a container.
pub(super) fn avro() -> Vec<Vec<u8>> {
    let datum = [&[2][..], b"\x06abc", &[0, 2, 4, 0, 2, 4, 2, b'k', 0, 0, 1, 2, 3, 4], &[0; 24]].concat();
    let mut seeds =
        vec![[&[0, 0, 0, 0, 7][..], &datum].concat(), b"Obj\x01\x04\x14avro.codec\x08null".to_vec()];
    let schema = br#"{"type":"array","items":"null"}"#;
    let mut container = b"Obj\x01\x02\x16avro.schema".to_vec();
    container.push(2 * schema.len() as u8);
    container.extend(schema);
    container.extend([0]);
    container.extend([9; 16]);
    container.extend([2, 4, 6, 0]);
    container.extend([9; 16]);
    seeds.push(container);
    seeds.push([&[0xc3, 0x01][..], &[0; 8], &datum].concat());
    seeds
}

pub(super) fn packed() -> Vec<Vec<u8>> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let zipped = gzip.write_all(ORDER.as_bytes()).and_then(|()| gzip.finish()).unwrap_or_default();
    let zeros = zstd::bulk::compress(&vec![b' '; 1 << 16], 1).unwrap_or_default();
    vec![zipped, zstd::bulk::compress(ORDER.as_bytes(), 3).unwrap_or_default(), zeros]
}

/// The first byte says which source.
pub(super) fn of_sources() -> Vec<Vec<u8>> {
    (0..).zip(SOURCES).map(|(place, (_, _, _, payload))| [&[place], payload].concat()).collect()
}

pub(super) fn check_json(bytes: &[u8]) -> Result<(), String> {
    read(bytes, &Format::Json)
}

pub(super) fn check_jsonl(bytes: &[u8]) -> Result<(), String> {
    read(bytes, &Format::Jsonl)
}

pub(super) fn check_csv(bytes: &[u8]) -> Result<(), String> {
    read(bytes, &Format::Csv(Rows { delimiter: b',', columns: Vec::new(), quoting: true }))?;
    let columns = vec!["a".to_owned(), "b".to_owned()];
    read(bytes, &Format::Csv(Rows { delimiter: b'\t', columns, quoting: false }))
}

pub(super) fn check_form(bytes: &[u8]) -> Result<(), String> {
    read(bytes, &Format::Form)
}

pub(super) fn check_avro(bytes: &[u8]) -> Result<(), String> {
    thread_local! {
        static SETTINGS: OnceCell<Option<Source>> = const { OnceCell::new() };
    }
    let files = || SourceFiles {
        name: "avro".to_owned(),
        toml: "format = \"avro\"\n[avro]\nregistry_ids = [7]".to_owned(),
        program: ".".to_owned(),
        schema: Some(include_str!("every_kind.avsc").to_owned()),
        ..SourceFiles::default()
    };
    SETTINGS.with(|source| {
        let source = source.get_or_init(|| Source::compile(&files()).ok());
        let source = source.as_ref().ok_or("the source with every kind of Avro compiles")?;
        read(bytes, &source.settings().format)?;
        // Without a schema, containers alone can be read.
        read(bytes, &Format::Avro(Avro { schema: None, registry_ids: Vec::new() }))
    })
}

fn read(bytes: &[u8], format: &Format) -> Result<(), String> {
    let written = |bytes| {
        documents(bytes, format).map(|documents| {
            let written =
                |document: Result<kinfold_mapping::Value, _>| document.map(|value| value.to_string());
            documents.into_iter().map(written).collect::<Vec<_>>()
        })
    };
    let (once, again) = (written(bytes), written(bytes));
    if once != again {
        return Err("the same bytes are the same documents".to_owned());
    }
    if once.is_ok_and(|documents| documents.len() > DOCUMENTS_MAX) {
        return Err("a record has no more documents than allowed".to_owned());
    }
    Ok(())
}

pub(super) fn check_sources(bytes: &[u8]) -> Result<(), String> {
    thread_local! {
        static COMPILED: OnceCell<Vec<Source>> = const { OnceCell::new() };
    }
    let Some((first, payload)) = bytes.split_first() else { return Ok(()) };
    COMPILED.with(|compiled| {
        let compile = |(name, toml, program, _): (&str, &str, &str, _)| {
            let (name, toml, program) = (name.to_owned(), toml.to_owned(), program.to_owned());
            Source::compile(&SourceFiles { name, toml, program, ..SourceFiles::default() }).ok()
        };
        let compiled = compiled.get_or_init(|| SOURCES.into_iter().filter_map(compile).collect());
        if compiled.len() != SOURCES.len() {
            return Err("the sources that come with Kinfold compile".to_owned());
        }
        let Some(source) = compiled.get(usize::from(*first) % compiled.len()) else { return Ok(()) };
        let Ok(mapped) = source.map(payload) else { return Ok(()) };
        let bench = Bench::new(UnknownMembers::Refuse)?;
        for part in mapped.parts {
            if let Ok(value) = part.made {
                bench.mapped(&value)?;
            }
        }
        Ok(())
    })
}
