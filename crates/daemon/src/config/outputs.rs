//! Outputs. In: `[outputs.<name>]`, the purposes and the namespaces that there are, and what profiles show. Out: topics of profiles,
//! each of which asks for nothing that one of its purposes does not permit, and for nothing that would be empty for ever.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_capture::limits::NAME_BYTES_MAX;
use kinfold_model::output::{FIELDS_MAX, OUTPUTS_MAX};
use kinfold_model::rules::{Normaliser, Rules};
use kinfold_model::{Field, Form, Namespace, Output, Outputs, Purposes};
use kinfold_wire::check_source;
use unicode_normalization::UnicodeNormalization;

use super::purposes::field;
use super::reader::{Check, Section};

/// What profiles show as far as the configuration says so: what they do not show leaves on no output.
#[derive(Clone, Copy)]
pub(super) struct Shown<'s> {
    /// The attributes that tell of interests; `None`: no interest is shown.
    pub(super) interests: Option<&'s BTreeSet<String>>,
    /// How many touchpoints are.
    pub(super) timeline: usize,
    /// Whether purchases are valued.
    pub(super) has_model: bool,
}

/// What an output is checked against.
struct Terms<'t> {
    purposes: &'t Purposes,
    /// Whether all that is declared of purposes could be read: else what is missing may be just that.
    are_sound: bool,
    rules: &'t Rules,
    shown: Shown<'t>,
}

/// Reads the section.
pub(super) fn read_outputs(
    root: &mut Section<'_>,
    purposes: &Purposes,
    rules: &Rules,
    shown: Shown<'_>,
) -> Outputs {
    let terms = Terms { purposes, are_sound: root.is_sound("purposes"), rules, shown };
    let mut section = root.section("outputs");
    let given = section.given();
    if given.len() > OUTPUTS_MAX {
        let what = format!("declares {} outputs", given.len());
        let remedy = format!("declare at most {OUTPUTS_MAX}: each is looked at whenever somebody changes");
        root.fault("outputs", what, remedy);
    }
    let mut outputs = Vec::new();
    for name in given {
        if check_source(&name).is_err() {
            let remedy = "it is part of a topic: write letters, digits, hyphens and underscores, for example marketing";
            section.fault(&name, "is no name of an output", remedy);
        }
        let declared = output(section.section(&name), &terms);
        outputs.push((name, declared));
    }
    outputs.into_iter().collect()
}

fn output(mut section: Section<'_>, terms: &Terms<'_>) -> Output {
    let purposes = purposes(&mut section, "purposes", terms);
    if purposes.is_empty() && section.is_sound("purposes") {
        section.fault("purposes", "names none", "name what the output is for: purposes = [\"marketing\"]");
    }
    let channel = section.text("channel", "", |text| {
        let is_name = text.len() <= NAME_BYTES_MAX && text.trim() == text;
        let remedy = format!("write at most {NAME_BYTES_MAX} bytes, as consents name it, or \"\" for none");
        if is_name { Ok(()) } else { Err(("is no name of a channel", remedy)) }
    });
    let fields = section.list("fields", &[], part);
    if fields.len() > FIELDS_MAX {
        section.fault(
            "fields",
            format!("names {} fields", fields.len()),
            format!("name at most {FIELDS_MAX}"),
        );
    }
    let fields = fields.iter().filter_map(|text| nfc(text).parse::<Field>().ok());
    let output = Output {
        channel: (!channel.is_empty()).then(|| nfc(&channel)),
        fields: fields.flat_map(Field::parts).collect(),
        identifiers: identifiers(section.section("identifiers"), terms.rules),
        more: more(section.section("more"), terms),
        purposes,
    };
    check(&section, &output, terms);
    section.finish();
    output
}

/// Identifiers are asked for with the form in which they leave.
fn part(text: &str) -> Check {
    field(text)?;
    match text.parse::<Field>() {
        Ok(Field::Identifiers | Field::Identifier(_)) => {
            Err(("is no field", "write it under identifiers, for example { email = \"sha256\" }".to_owned()))
        }
        _ => Ok(()),
    }
}

/// A name as touchpoints have it: theirs are in NFC, and these are to be the same.
pub(super) fn nfc(name: &str) -> String {
    name.nfc().collect()
}

fn purposes(section: &mut Section<'_>, key: &str, terms: &Terms<'_>) -> BTreeSet<String> {
    let names = section.list(key, &[], |name| {
        if !terms.are_sound || terms.purposes.declared(&nfc(name)).is_some() {
            return Ok(());
        }
        Err(("is no purpose that is declared", "correct it, or declare it: [purposes.<name>]".to_owned()))
    });
    names.iter().map(|name| nfc(name)).collect()
}

fn identifiers(mut section: Section<'_>, rules: &Rules) -> BTreeMap<Namespace, Form> {
    let given = section.given();
    if given.len() > FIELDS_MAX {
        let what = format!("names {} namespaces", given.len());
        section.fault_here(what, format!("name at most {FIELDS_MAX}"));
    }
    let mut forms = BTreeMap::new();
    for name in given {
        let namespace = Namespace::new(&name);
        let Some(form) = section.given_choice(&name, &Form::ALL, Form::as_str) else { continue };
        match (rules.normaliser(&namespace), form) {
            (None, _) => {
                let names: Vec<&str> = rules.namespaces.keys().map(Namespace::as_str).collect();
                let remedy = format!("the namespaces are {}", names.join(", "));
                section.fault(&name, "is no namespace", remedy);
            }
            (Some(Normaliser::EmailSha256), Form::Sha256 | Form::Sha256Digits) => {
                let remedy = "write \"clear\": the hashes leave as they are";
                section.fault(&name, "would be the hash of a hash", remedy);
            }
            (Some(normaliser), Form::Sha256Digits) if normaliser != Normaliser::Phone => {
                let remedy = "write \"sha256\": only telephone numbers have a plus";
                section.fault(&name, "has no telephone numbers", remedy);
            }
            _ => {}
        }
        forms.insert(namespace, form);
    }
    forms
}

fn more(mut section: Section<'_>, terms: &Terms<'_>) -> BTreeMap<Field, BTreeSet<String>> {
    let mut more: BTreeMap<Field, BTreeSet<String>> = BTreeMap::new();
    for name in section.given() {
        let needed = purposes(&mut section, &name, terms);
        match nfc(&name).parse::<Field>() {
            // One that stands here twice, with its letters composed in two ways, needs both.
            Ok(field) => more.entry(field).or_default().extend(needed),
            Err(error) => section.fault(&name, "is no part of a profile", error.to_string()),
        }
    }
    more
}

/// Nothing is asked for that a purpose of it does not permit, and nothing needs more that is not asked for.
fn check(section: &Section<'_>, output: &Output, terms: &Terms<'_>) {
    let parts: Vec<Field> = output.parts().collect();
    for part in &parts {
        let key = if matches!(part, Field::Identifier(_)) { "identifiers" } else { "fields" };
        let declared = output.needs(part).filter_map(|name| Some((name, terms.purposes.declared(name)?)));
        for (name, _) in declared.filter(|(_, purpose)| !purpose.permits(part)) {
            let remedy = format!("take it out, or add it to the fields of purposes.{name}");
            section.fault(key, format!("asks for {part}, which the purpose {name} does not permit"), remedy);
        }
    }
    for part in &parts {
        if let Some((why, remedy)) = never(part, output, terms) {
            section.fault("fields", format!("asks for {part}, {why}"), format!("{remedy}, or take it out"));
        }
    }
    for field in output.more.keys().filter(|field| !parts.iter().any(|part| field.covers(part))) {
        let remedy = "ask for it, or take it out here";
        section.fault("more", format!("speaks of {field}, which is not asked for"), remedy);
    }
}

/// Why a part that is permitted would be empty for everybody and ever, and the remedy.
fn never(part: &Field, output: &Output, terms: &Terms<'_>) -> Option<(&'static str, String)> {
    let Shown { interests, timeline, has_model } = terms.shown;
    match part {
        Field::Value if !has_model => Some((
            "and nobody is valued without a model",
            "write model = \"model.toml\" under [value]".to_owned(),
        )),
        Field::Timeline if timeline == 0 => {
            Some(("of which profiles show nothing", "write timeline = 10 under [profile]".to_owned()))
        }
        Field::Interests => {
            let Some(first) = interests.and_then(|names| names.first()) else {
                let remedy = "name attributes in [profile] interests, and an interests_max above 0";
                return Some(("of which profiles show none", remedy.to_owned()));
            };
            let is_possible = interests.is_some_and(|names| output.permits_any(names, terms.purposes));
            if is_possible || !terms.are_sound {
                return None;
            }
            let has_list =
                |name: &&str| terms.purposes.declared(name).is_some_and(|purpose| purpose.fields.is_some());
            let lists = output.named().into_iter().filter(has_list);
            let lists: Vec<String> = lists.map(|name| format!("purposes.{name}")).collect();
            let remedy = format!(
                "add one that [profile] interests names, such as {first}, to the fields of {}",
                lists.join(" and ")
            );
            Some(("and its purposes permit none of the attributes that tell of them", remedy))
        }
        _ => None,
    }
}
