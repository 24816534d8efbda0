//! Readers of the data sets: one function each, from the folder that the data set came in.
//!
//! In go the folder and a seed, out comes the shuffled [`DataSet`]. Values stay as they were written, dirt included;
//! only what no normaliser could read (an address without an `@`) is left out.
//!
//! All readers panic, with the path, when a file of the data set is absent or cannot be read.

use std::collections::BTreeMap;
use std::path::Path;

use super::{DataSet, Row, assemble};

/// A row by the names of its columns.
type Columns = BTreeMap<String, String>;

/// `easylink-2020`: people in the registers SSA and W-2, with `national_id` where a record has one.
#[must_use]
pub fn easylink(folder: &Path, seed: u64) -> DataSet {
    let row = |source, columns: &Columns| Row {
        cluster: text(columns, "simulant_id"),
        source,
        identifiers: vec![("national_id", text(columns, "ssn"))],
        attributes: attributes(
            columns,
            &[
                ("given_name", "first_name"),
                ("middle_name", "middle_name"),
                ("family_name", "last_name"),
                ("birth_date", "date_of_birth"),
                ("street", "mailing_address_street_name"),
                ("postal_code", "mailing_address_zipcode"),
                ("employer", "employer_name"),
            ],
        ),
        ..Row::default()
    };
    let mut rows: Vec<Row> =
        table(&folder.join("ssa_2020.csv")).iter().map(|columns| row("ssa", columns)).collect();
    rows.extend(table(&folder.join("w2_2020.csv")).iter().map(|columns| row("w2", columns)));
    assemble(rows, seed)
}

/// `febrl`, data set 4: 5,000 people twice, with `national_id`.
#[must_use]
pub fn febrl4(folder: &Path, seed: u64) -> DataSet {
    let row = |source, columns: &Columns| Row {
        cluster: text(columns, "rec_id").split('-').nth(1).unwrap_or_default().to_owned(),
        source,
        identifiers: vec![("national_id", text(columns, "soc_sec_id"))],
        attributes: attributes(columns, &FEBRL),
        ..Row::default()
    };
    let mut rows: Vec<Row> =
        table(&folder.join("dataset4a.csv")).iter().map(|columns| row("a", columns)).collect();
    rows.extend(table(&folder.join("dataset4b.csv")).iter().map(|columns| row("b", columns)));
    assemble(rows, seed)
}

/// `febrl-dsgen`, data set C: up to ten records a person, with `national_id` and `telephone`.
#[must_use]
pub fn febrl_c(folder: &Path, seed: u64) -> DataSet {
    let row = |columns: &Columns| {
        let rec_id = text(columns, "rec_id");
        Row {
            cluster: rec_id[..rec_id.len().saturating_sub(1)].to_owned(),
            source: "register",
            identifiers: vec![
                ("national_id", text(columns, "soc_sec_id")),
                ("telephone", digits(&text(columns, "phone_number"))),
            ],
            attributes: attributes(columns, &FEBRL),
            ..Row::default()
        }
    };
    assemble(table(&folder.join("dataset_C_10000.csv")).iter().map(row).collect(), seed)
}

/// `splink-fake1000`: people with errors in everything, with `email` where it can be one.
#[must_use]
pub fn fake_1000(folder: &Path, seed: u64) -> DataSet {
    let row = |columns: &Columns| Row {
        cluster: text(columns, "cluster"),
        source: "register",
        identifiers: vec![("email", address(&text(columns, "email")))],
        attributes: attributes(
            columns,
            &[
                ("given_name", "first_name"),
                ("family_name", "surname"),
                ("birth_date", "dob"),
                ("city", "city"),
            ],
        ),
        ..Row::default()
    };
    assemble(table(&folder.join("fake_1000.csv")).iter().map(row).collect(), seed)
}

/// `kanoniv-5source`: the people of five systems and what they did there, with `account_id`, `email` and `telephone`.
/// Nobody knows the truth.
#[must_use]
pub fn kanoniv(folder: &Path, seed: u64) -> DataSet {
    const NAMES: [(&str, &str); 5] = [
        ("given_name", "first_name"),
        ("family_name", "last_name"),
        ("full_name", "account_name"),
        ("company", "company_name"),
        ("employer", "company"),
    ];
    // File, source, the system's name for its customer, the activity's own id, time.
    const FILES: [(&str, &str, &str, &str, &str); 9] = [
        ("crm_contacts", "crm", "crm_contact_id", "", "created_at"),
        ("billing_accounts", "billing", "billing_account_id", "", "created_at"),
        ("support_users", "support", "support_user_id", "", "created_at"),
        ("app_signups", "app", "app_user_id", "", "created_at"),
        ("partner_leads", "partner", "partner_lead_id", "", "submitted_at"),
        ("billing_invoices", "billing", "billing_account_id", "invoice_id", "issued_at"),
        ("support_tickets", "support", "support_user_id", "ticket_id", "created_at"),
        ("app_events", "app", "app_user_id", "event_id", "timestamp"),
        ("partner_referrals", "partner", "partner_lead_id", "referral_id", "created_at"),
    ];
    let mut rows = Vec::new();
    for (file, source, account, activity, time) in FILES {
        let row = |columns: &Columns| Row {
            source,
            time: format!("{}Z", text(columns, time)),
            touchpoint_id: text(columns, activity),
            identifiers: vec![
                ("account_id", text(columns, account)),
                ("email", address(&text(columns, "email"))),
                ("telephone", last_ten(&digits(&text(columns, "phone")))),
            ],
            attributes: attributes(columns, &NAMES),
            order: (file == "billing_invoices").then(|| invoice(columns)),
            ..Row::default()
        };
        rows.extend(table(&folder.join("data").join(format!("{file}.csv"))).iter().map(row));
    }
    assemble(rows, seed)
}

/// `snowplow-web`: 160 web events, some of them twice, with `customer_id` (the login), `cookie` and `anonymous_id`.
/// The login stands for the truth. Its events share ids where the sender repeated them.
#[must_use]
pub fn snowplow(folder: &Path, seed: u64) -> DataSet {
    let row = |columns: &Columns| Row {
        cluster: text(columns, "user_id"),
        source: "web",
        time: format!("{}Z", text(columns, "collector_tstamp")),
        touchpoint_id: text(columns, "event_id"),
        identifiers: vec![
            ("customer_id", text(columns, "user_id")),
            ("cookie", text(columns, "domain_userid")),
            ("anonymous_id", text(columns, "network_userid")),
        ],
        ..Row::default()
    };
    assemble(table(&folder.join("snowplow_web_events.csv")).iter().map(row).collect(), seed)
}

/// What dbt-snowplow-web makes of a page view.
pub struct StitchedView {
    /// Who was logged in.
    pub login: String,
    /// The browser's cookie; empty where the event had none.
    pub cookie: String,
    /// To whom that program gives it; empty where it gives it to nobody.
    pub stitched: String,
}

/// `snowplow-web`: the page views with the user that dbt-snowplow-web expects for each.
#[must_use]
pub fn snowplow_stitched(folder: &Path) -> Vec<StitchedView> {
    let file = folder.join("expected").join("snowplow_web_page_views_expected.csv");
    let view = |columns: &Columns| StitchedView {
        login: text(columns, "user_id"),
        cookie: text(columns, "domain_userid"),
        stitched: text(columns, "stitched_user_id"),
    };
    table(&file).iter().map(view).collect()
}

/// Two contacts that a CRM made one.
pub struct Merge {
    /// The number that remains.
    pub kept: String,
    /// The number that went.
    pub merged: String,
}

/// `fivetran-seeds`: the merges that HubSpot's audit reports.
#[must_use]
pub fn hubspot_merges(folder: &Path) -> Vec<Merge> {
    let file = folder.join("hubspot").join("contact_merge_audit_data.csv");
    let merge = |columns: &Columns| Merge {
        kept: text(columns, "canonical_vid"),
        merged: text(columns, "vid_to_merge"),
    };
    table(&file).iter().map(merge).collect()
}

const FEBRL: [(&str, &str); 7] = [
    ("given_name", "given_name"),
    ("family_name", "surname"),
    ("birth_date", "date_of_birth"),
    ("street", "address_1"),
    ("street_number", "street_number"),
    ("city", "suburb"),
    ("postal_code", "postcode"),
];

fn table(path: &Path) -> Vec<Columns> {
    let read = || -> Result<Vec<Columns>, csv::Error> {
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path)?.deserialize().collect()
    };
    read().unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
}

/// A column that is absent states nothing.
fn text(columns: &Columns, name: &str) -> String {
    columns.get(name).cloned().unwrap_or_default()
}

fn attributes(columns: &Columns, names: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    names.iter().map(|(name, column)| (*name, text(columns, column))).collect()
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// A North American number without its country code, which only some of the sources write.
fn last_ten(digits: &str) -> String {
    digits[digits.len().saturating_sub(10)..].to_owned()
}

fn invoice(columns: &Columns) -> (String, String, String) {
    let cents: i64 = text(columns, "amount_cents").parse().unwrap_or_default();
    let value = format!("{}.{:02}", cents / 100, cents % 100);
    (text(columns, "invoice_id"), value, text(columns, "currency").to_uppercase())
}

/// The text if every normaliser of e-mail addresses would accept it, else nothing.
fn address(text: &str) -> String {
    let Some((local, domain)) = text.split_once('@') else { return String::new() };
    let plain = |part: &str, others: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
    };
    let labels: Vec<&str> = domain.split('.').collect();
    let top = labels.last().copied().unwrap_or_default();
    let accepted = local.split('.').all(|part| plain(part, "_+-"))
        && labels.len() > 1
        && labels.iter().all(|label| plain(label, "-") && !label.starts_with('-') && !label.ends_with('-'))
        && top.len() > 1
        && top.chars().all(|c| c.is_ascii_alphabetic());
    if accepted { text.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests;
