//! The list of targets.

mod canonical;
mod normalised;
mod payloads;
mod topics;

/// What is tried.
pub struct Target {
    /// Its name, and that of the folder with its regressions.
    pub name: &'static str,
    /// Bytes of its kind, to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// The law that some bytes break, if they break one.
    pub check: fn(&[u8]) -> Result<(), String>,
}

/// All of them.
pub const TARGETS: [Target; 20] = [
    Target { name: "json", seeds: canonical::seeds, check: canonical::check },
    Target { name: "avro", seeds: topics::seeds, check: topics::check },
    Target { name: "payload-json", seeds: payloads::json, check: payloads::check_json },
    Target { name: "payload-jsonl", seeds: payloads::jsonl, check: payloads::check_jsonl },
    Target { name: "payload-csv", seeds: payloads::csv, check: payloads::check_csv },
    Target { name: "payload-form", seeds: payloads::form, check: payloads::check_form },
    Target { name: "payload-avro", seeds: payloads::avro, check: payloads::check_avro },
    Target { name: "payload-packed", seeds: payloads::packed, check: payloads::check_json },
    Target { name: "jq-output", seeds: canonical::seeds, check: canonical::check_mapped },
    Target { name: "sources", seeds: payloads::of_sources, check: payloads::check_sources },
    Target { name: "phone", seeds: normalised::phones, check: normalised::check_phone },
    Target { name: "email", seeds: normalised::emails, check: normalised::check_email },
    Target { name: "social", seeds: normalised::handles, check: normalised::check_social },
    Target { name: "date", seeds: normalised::dates, check: normalised::check_date },
    Target { name: "url", seeds: normalised::urls, check: normalised::check_url },
    Target { name: "ip", seeds: normalised::addresses, check: normalised::check_ip },
    Target { name: "name", seeds: normalised::names, check: normalised::check_name },
    Target { name: "postal-code", seeds: normalised::codes, check: normalised::check_code },
    Target { name: "tcf", seeds: normalised::signals, check: normalised::check_tcf },
    Target { name: "gpp", seeds: normalised::signals, check: normalised::check_gpp },
];
