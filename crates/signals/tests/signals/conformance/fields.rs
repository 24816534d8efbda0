//! What was read, under the names of fields that the vectors have.

use kinfold_model::Timestamp;
use kinfold_signals::gpp::us::{Area, Choice, Notice, Notified, OptOut, UsSection};
use kinfold_signals::ids::{FeatureId, PurposeId, Purposes, Vendors};
use kinfold_signals::tcf::TcString;
use kinfold_signals::us_privacy::UsPrivacy;
use serde_json::{Map, Value, json};

pub(super) fn tcf(string: &TcString) -> Value {
    let letters = |two: [u8; 2]| String::from_utf8_lossy(&two).into_owned();
    let vendors =
        |list: Option<&Vendors>| list.map(|list| list.iter().collect::<Vec<_>>()).unwrap_or_default();
    let publisher = string.publisher.clone();
    let custom = publisher.as_ref().map(|own| own.custom_consents.clone()).unwrap_or_default();
    let custom_interests =
        publisher.as_ref().map(|own| own.custom_legitimate_interests.clone()).unwrap_or_default();
    let features: Vec<bool> = (1..=12)
        .map(|id| string.special_features.contains(FeatureId::try_from(id).expect("a feature")))
        .collect();
    json!({
        "version": 2,
        "created": time(string.created),
        "lastupdated": time(string.last_updated),
        "cmpid": string.cmp_id,
        "cmpversion": string.cmp_version,
        "consentscreen": string.consent_screen,
        "consentlanguage": letters(string.consent_language),
        "vendorlistversion": string.vendor_list_version,
        "policyversion": string.policy_version,
        "isservicespecific": string.is_service_specific,
        "usenonstandardstacks": string.use_non_standard_texts,
        "specialfeatureoptins": features,
        "purposeconsents": purposes(Some(string.consents)),
        "purposelegitimateinterests": purposes(Some(string.legitimate_interests)),
        "purposeonetreatment": string.purpose_one_untold,
        "publishercountrycode": letters(string.publisher_country),
        "vendorconsents": vendors(Some(&string.vendor_consents)),
        "vendorlegitimateinterests": vendors(Some(&string.vendor_legitimate_interests)),
        "publisherrestrictions": vec![Value::Null; string.restrictions.len()],
        "publisherconsents": purposes(publisher.as_ref().map(|own| own.consents)),
        "publisherlegitimateinterests": purposes(publisher.as_ref().map(|own| own.legitimate_interests)),
        "numcustompurposes": custom.len(),
        "publishercustomconsents": custom,
        "publishercustomlegitimateinterests": custom_interests,
        "vendorsallowed": vendors(string.allowed_vendors.as_ref()),
        "vendorsdisclosed": vendors(string.disclosed_vendors.as_ref()),
    })
}

fn purposes(set: Option<Purposes>) -> Vec<bool> {
    let contains = |id| set.is_some_and(|set| set.contains(PurposeId::try_from(id).expect("a purpose")));
    (1..=24).map(contains).collect()
}

fn time(time: Timestamp) -> String {
    time.to_string()
}

pub(super) fn us(section: &UsSection) -> Value {
    let mut fields = Map::new();
    for (notice, notified) in &section.notices {
        let name = match notice {
            Notice::Processing => "processingnotice",
            Notice::Sharing => "sharingnotice",
            Notice::SaleOptOut => "saleoptoutnotice",
            Notice::SharingOptOut => "sharingoptoutnotice",
            Notice::TargetedAdvertisingOptOut => "targetedadvertisingoptoutnotice",
            Notice::SensitiveDataOptOut if section.area == Area::Iowa => "sensitivedataoptoutnotice",
            Notice::SensitiveDataOptOut => "sensitivedataprocessingoptoutnotice",
            Notice::SensitiveDataLimit => "sensitivedatalimitusenotice",
        };
        let value = match notified {
            Notified::NotApplicable => 0,
            Notified::Yes => 1,
            Notified::No => 2,
        };
        fields.insert(name.to_owned(), json!(value));
    }
    for (opt_out, chosen) in &section.opt_outs {
        let name = match opt_out {
            OptOut::Sale => "saleoptout",
            OptOut::Sharing => "sharingoptout",
            OptOut::TargetedAdvertising => "targetedadvertisingoptout",
        };
        fields.insert(name.to_owned(), choice(*chosen));
    }
    let list = |choices: &[Choice]| Value::Array(choices.iter().map(|one| choice(*one)).collect());
    fields.insert("version".to_owned(), json!(section.version));
    fields.insert("sensitivedataprocessing".to_owned(), list(&section.sensitive));
    let children = match section.children.as_slice() {
        [one] => choice(*one),
        several => list(several),
    };
    fields.insert("knownchildsensitivedataconsents".to_owned(), children);
    if let Some(beyond) = section.beyond_what_was_said {
        let is_old = matches!(section.area, Area::National | Area::California);
        let name = if is_old { "personaldataconsents" } else { "additionaldataprocessingconsent" };
        fields.insert(name.to_owned(), choice(beyond));
    }
    let modes = ["mspacoveredtransaction", "mspaoptoutoptionmode", "mspaserviceprovidermode"];
    for (name, mode) in modes.into_iter().zip(section.mspa) {
        fields.insert(name.to_owned(), json!(mode.map_or(0, |is| if is { 1 } else { 2 })));
    }
    fields.insert("gpc".to_owned(), json!(section.gpc.unwrap_or_default()));
    fields.insert("gpcsegmentincluded".to_owned(), json!(section.gpc.is_some()));
    Value::Object(fields)
}

fn choice(choice: Choice) -> Value {
    json!(match choice {
        Choice::NotApplicable => 0,
        Choice::No => 1,
        Choice::Yes => 2,
    })
}

pub(super) fn us_privacy(string: UsPrivacy) -> Value {
    let letter = |answer: Option<bool>| answer.map_or("-", |is| if is { "Y" } else { "N" });
    json!({
        "version": 1,
        "notice": letter(string.was_notified),
        "optoutsale": letter(string.opted_out_of_sale),
        "lspacovered": letter(string.is_covered),
    })
}
