//! Laws of reading records.

use std::io::Write;

use proptest::prelude::*;

use super::*;

fn read(record: &[u8], format: &Format) -> Vec<String> {
    let documents = documents(record, format).unwrap_or_else(|refusal| panic!("{refusal}"));
    documents
        .into_iter()
        .map(|document| document.map_or_else(|refusal| refusal.sentence, |document| document.to_string()))
        .collect()
}

fn refused(record: &[u8], format: &Format) -> RefusalKind {
    documents(record, format).expect_err("is refused").kind
}

fn rows(delimiter: u8, columns: &[&str]) -> Format {
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    Format::Csv(Rows { delimiter, columns, quoting: true })
}

#[test]
fn a_list_is_a_batch_and_so_are_lines() {
    assert_eq!(read(b"{\"a\":1}", &Format::Json), ["{\"a\":1}"]);
    assert_eq!(read(b"[1,[2]]", &Format::Json), ["1", "[2]"]);
    assert_eq!(read(b"[]", &Format::Json), [""; 0]);
    assert_eq!(read(b"1\r\n\n{}\n", &Format::Jsonl), ["1", "{}"]);
    let broken = read(b"1\n{\n2", &Format::Jsonl);
    assert_eq!((broken.len(), broken[0].as_str(), broken[2].as_str()), (3, "1", "2"));
    assert!(broken[1].contains("is not JSON"), "{}", broken[1]);
}

#[test]
fn packed_records_are_what_was_packed() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"{\"a\":1}").expect("packs");
    let gzip = gzip.finish().expect("packs");
    let zstd = zstd::encode_all(&b"{\"a\":1}"[..], 1).expect("packs");
    for packed in [&gzip, &zstd] {
        assert_eq!(read(packed, &Format::Json), ["{\"a\":1}"]);
        assert_eq!(refused(&packed[..packed.len() - 3], &Format::Json), RefusalKind::Undecodable);
    }
    let bomb = zstd::encode_all(&vec![b' '; 100 << 20][..], 1).expect("packs");
    assert!(bomb.len() < 1 << 20);
    assert_eq!(refused(&bomb, &Format::Json), RefusalKind::RecordTooLarge);
}

#[test]
fn rows_are_named_by_their_columns() {
    let csv = "\u{feff}name, mail\nAnn,\"a,\"\"b\"\nBob\nCem,\n";
    let read_rows = read(csv.as_bytes(), &rows(b',', &[]));
    assert_eq!(read_rows[0], r#"{"mail":"a,\"b","name":"Ann"}"#);
    assert!(read_rows[1].contains("has 1 cells, and there are 2 columns"), "{}", read_rows[1]);
    assert_eq!(read_rows[2], r#"{"name":"Cem"}"#);
    assert_eq!(read(b"1\t2", &rows(b'\t', &["a", "b"])), [r#"{"a":"1","b":"2"}"#]);
}

#[test]
fn forms_are_nested_by_brackets() {
    let form = b"type=subscribe&data[email]=ann%40example.com&data[merges][FNAME]=Ann+Lee&l[]=1&l[]=2&x=1&x=2&[=3&a[b=4";
    assert_eq!(
        read(form, &Format::Form),
        [
            r#"{"[":"3","a[b":"4","data":{"email":"ann@example.com","merges":{"FNAME":"Ann Lee"}},"l":["1","2"],"type":"subscribe","x":["1","2"]}"#
        ]
    );
}

#[test]
fn avro_is_read_in_its_three_framings() {
    let text = r#"{"type":"record","name":"R","fields":[{"name":"a","type":["null","string"]},{"name":"n","type":"long"}]}"#;
    let schema: serde_avro_fast::Schema = text.parse().expect("a schema");
    let value: serde_json::Value = serde_json::json!({"a": "x", "n": 7});
    let mut config = serde_avro_fast::ser::SerializerConfig::new(&schema);
    let datum = serde_avro_fast::to_datum_vec(&Record { a: Some("x"), n: 7 }, &mut config).expect("encodes");
    let single =
        serde_avro_fast::to_single_object_vec(&Record { a: Some("x"), n: 7 }, &mut config).expect("encodes");
    let format = Format::Avro(Avro { schema: Some(text.parse().expect("a schema")), registry_ids: vec![9] });
    let registry = [&[0, 0, 0, 0, 9], datum.as_slice()].concat();
    for record in [&single, &registry] {
        assert_eq!(read(record, &format), [value.to_string()]);
    }
    let other = [&[0, 0, 0, 0, 8], datum.as_slice()].concat();
    assert_eq!(refused(&other, &format), RefusalKind::Undecodable);
    assert_eq!(refused(&single[..12], &format), RefusalKind::Undecodable);
    assert_eq!(refused(b"\x00\x00", &format), RefusalKind::Undecodable);
    let none = Format::Avro(Avro { schema: None, registry_ids: Vec::new() });
    assert_eq!(refused(&single, &none), RefusalKind::Undecodable);
}

#[derive(serde::Serialize)]
struct Record {
    a: Option<&'static str>,
    n: i64,
}

#[test]
fn what_is_too_deep_or_too_large_is_refused() {
    let deep = "[".repeat(40) + &"]".repeat(40);
    assert_eq!(refused(deep.as_bytes(), &Format::Json), RefusalKind::TooDeep);
    let form = format!("a{}=1", "[b]".repeat(40));
    assert_eq!(refused(form.as_bytes(), &Format::Form), RefusalKind::TooDeep);
    let lines = "1\n".repeat(limits::DOCUMENTS_MAX + 1);
    assert_eq!(refused(lines.as_bytes(), &Format::Jsonl), RefusalKind::TooManyElements);
    assert_eq!(refused(b"", &Format::Json), RefusalKind::EmptyRecord);
    assert_eq!(refused(b"\xff", &Format::Json), RefusalKind::InvalidUtf8);
}

proptest! {
    #[test]
    fn no_bytes_bring_a_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..200), magic in 0..6usize) {
        let magic: &[u8] =
            [&b""[..], b"Obj\x01", b"\xc3\x01", b"\x00\x00\x00\x00\x09", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"][magic];
        let record = [magic, &bytes].concat();
        let schema = r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":["null","string",
            {"type":"map","values":"bytes"}]}},{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}"#;
        let avro = Avro { schema: Some(schema.parse().expect("a schema")), registry_ids: vec![9] };
        for format in [Format::Json, Format::Jsonl, Format::Avro(avro), rows(b',', &[]), Format::Form] {
            if let Ok(documents) = documents(&record, &format) {
                for document in documents.into_iter().flatten() {
                    drop(document.to_string());
                }
            }
        }
    }
}
