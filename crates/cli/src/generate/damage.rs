//! Records as they should not be. In: a sound record. Out: the same with one fault, of a kind that capture refuses.

use fastrand::Rng;

use super::Generated;

/// Text in a sound record, and what takes its place. Where it does not occur, the record is cut short instead.
const FAULTS: [(&str, &str); 6] = [
    (r#""time":""#, r#""time":"yesterday, "#),
    (r#""time":"2"#, r#""time":"9"#),
    (r#""time":"#, r#""moment":"#),
    (r#""identifiers":["#, r#""identifiers":[{"namespace":"shoe_size","value":"44"},"#),
    (r#""namespace":"email","value":""#, r#""namespace":"email","value":"not at all "#),
    (r#","value":""#, r#","value":"","was":""#),
];

/// Puts one fault into a record.
pub(super) fn damage(generated: &mut Generated, rng: &mut Rng) {
    generated.sound = false;
    let text = String::from_utf8_lossy(&generated.record);
    let fault = FAULTS.get(rng.usize(0..=FAULTS.len()));
    let changed =
        fault.map(|(sound, faulty)| text.replacen(sound, faulty, 1)).filter(|changed| *changed != text);
    generated.record = match changed {
        Some(changed) => changed.into_bytes(),
        None => generated.record[..generated.record.len() / 2].to_vec(),
    };
}
