//! The settings in effect. In: a configuration. Out: TOML that, read again, gives the same configuration, except for
//! the secret and passwords, for which `***` stands.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use kinfold_model::rules::{NamespaceRules, NeighbourLimit, Rules};
use kinfold_model::{Ageing, BlockList, Namespace, Output, Outputs, Purpose, Purposes, Survivorship};
use kinfold_privacy::verify::to_hex;
use kinfold_signals::SignalRules;
use kinfold_signals::ids::{FeatureId, PurposeId};
use kinfold_signals::rules::{EmailRule, PurposeRules, TcfRule};
use kinfold_value::LifecycleRules;
use kinfold_value::lifecycle::{RevenueMin, Stage};

use super::{Config, PrivacyConfig, ValueConfig};

/// Prints all settings, those that were not mentioned too.
pub(super) fn describe(config: &Config) -> String {
    let mut page = Page(String::new());
    let Config {
        deployment,
        kafka,
        registry,
        topics,
        http,
        state,
        checkpoints,
        capture,
        sources_dir,
        brake,
        sweep_interval,
        log,
        rules,
        purposes,
        survivorship,
        profile,
        value,
        outputs,
        privacy,
    } = config;

    page.section("deployment");
    page.text("prefix", &deployment.prefix);
    page.text("instance", &deployment.instance);
    let file = deployment.secret_file.as_deref().map(|path| path.display().to_string());
    page.text("secret_file", &file.unwrap_or_default());
    page.line(if deployment.secret.is_some() { "# the secret is \"***\"" } else { "# there is no secret" });

    page.section("kafka");
    page.text("bootstrap", &kafka.bootstrap);
    page.plain("commit_interval_ms", kafka.commit_interval_ms);
    page.plain("workers", kafka.workers);
    page.plain("batch_records", kafka.batch_records);
    page.plain("batch_bytes_max", kafka.batch_bytes_max);
    page.plain("session_timeout_ms", kafka.session_timeout_ms);
    page.plain("transaction_timeout_ms", kafka.transaction_timeout_ms);
    page.plain("queue_bytes_max", kafka.queue_bytes_max);
    page.text("lost_records", kafka.lost_records.as_str());
    page.section("kafka.properties");
    for (name, value) in kafka.properties.masked() {
        page.text(&quoted(name), value);
    }

    page.section("registry");
    page.text("url", &registry.masked_url());

    page.section("topics");
    page.plain("sources", list(&topics.sources));
    page.plain("partitions", topics.partitions);
    page.plain("replication", topics.replication);
    page.plain("raw_retention_ms", topics.raw_retention_ms);
    page.plain("refused_retention_ms", topics.refused_retention_ms);
    page.plain("identity_change_retention_ms", topics.identity_change_retention_ms.unwrap_or_default());
    page.plain("consent_change_retention_ms", topics.consent_change_retention_ms.unwrap_or_default());

    page.section("http");
    page.text("listen", &http.listen.map(|address| address.to_string()).unwrap_or_default());

    page.section("state");
    page.text("dir", &state.dir.display().to_string());
    page.plain("cache_bytes", state.cache_bytes);
    page.plain("standbys", state.standbys);
    page.plain("rewrite_interval_ms", state.rewrite_interval_ms);

    page.section("checkpoints");
    page.text("url", checkpoints.url.as_deref().unwrap_or_default());
    page.plain("interval_ms", checkpoints.interval_ms);

    page.section("capture");
    page.text("unknown_members", capture.unknown_members.as_str());
    page.plain("max_future_ms", capture.max_future_ms);
    page.text("default_region", capture.default_region.as_deref().unwrap_or_default());
    page.plain("stale_after_ms", capture.stale_after_ms);
    page.text("ip", capture.cleaning.ip.as_str());
    page.plain("url_parameters", list(&capture.cleaning.url_parameters));
    page.plain("disposable_domains", list(&capture.cleaning.disposable_domains));
    page.text("sources_dir", &sources_dir.display().to_string());
    page.plain("brake_ratio", format_args!("{:?}", brake.map_or(0.0, |brake| brake.ratio)));
    page.plain("brake_records", brake.map_or(1000, |brake| brake.records));
    page.plain("sweep_interval_ms", sweep_interval.map_or(0, |interval| interval.as_millis()));

    page.section("capture.source_regions");
    for (source, region) in &capture.source_regions {
        page.text(&quoted(source), region);
    }

    page.signals(&capture.signals);

    page.section("log");
    page.text("format", log.format.as_str());
    page.text("level", &log.level);

    page.rules(rules, survivorship);
    page.purposes(purposes);
    page.attributes(survivorship);
    page.profile(profile, survivorship);
    page.value(value);
    page.outputs(outputs);
    page.privacy(privacy);
    page.0
}

struct Page(String);

impl Page {
    fn signals(&mut self, rules: &SignalRules) {
        self.section("signals");
        for (purpose, rules) in &rules.purposes {
            self.section(&format!("signals.{}", name(purpose)));
            self.purpose(rules);
        }
    }

    fn purpose(&mut self, rules: &PurposeRules) {
        self.text("regime", rules.regime.as_str());
        self.text("jurisdiction", rules.jurisdiction.as_deref().unwrap_or_default());
        if let Some(rule) = &rules.tcf {
            self.plain("tcf", tcf(rule));
        }
        self.plain("opt_outs", list(rules.opt_outs.iter().map(|one| one.as_str())));
        self.plain("gpc", rules.gpc);
        self.plain("consent_mode", list(rules.consent_mode.iter().map(|one| one.as_str())));
        self.plain("segment", list(&rules.segment));
        if let Some(rule) = rules.email {
            self.plain("email", email(rule));
        }
    }

    fn rules(&mut self, rules: &Rules, survivorship: &Survivorship) {
        self.section("identity");
        self.plain("evidence_granularity_ms", rules.evidence_granularity_ms);
        self.plain("max_component", rules.max_component);
        self.block_list(&rules.block);
        self.section("identity.guard");
        self.plain("identifiers", rules.guard.identifiers);
        self.plain("namespaces", list(rules.guard.namespaces.iter().map(Namespace::as_str)));
        for (name, rules) in &rules.namespaces {
            self.section(&format!("namespaces.{name}"));
            self.namespace(rules);
            self.ageing(survivorship.ageing_of(name));
        }
    }

    fn namespace(&mut self, rules: &NamespaceRules) {
        self.plain("priority", rules.priority);
        self.plain("unique", rules.max_per_person == Some(1));
        self.plain("max_per_person", rules.max_per_person.unwrap_or(0));
        self.plain("max_neighbours", neighbours(&rules.max_neighbours));
        self.text("contested", rules.contested.as_str());
        self.text("normalise", rules.normalise.as_str());
        self.block_list(&rules.block);
    }

    fn purposes(&mut self, purposes: &Purposes) {
        self.section("purposes");
        for (purpose_name, purpose) in purposes.iter() {
            self.section(&format!("purposes.{}", name(purpose_name)));
            self.declared(purpose);
        }
    }

    fn declared(&mut self, purpose: &Purpose) {
        self.text("merge", purpose.merge.as_str());
        if let Some(valid_for_ms) = purpose.valid_for_ms {
            self.plain("valid_for_ms", valid_for_ms);
        }
        self.plain("double_opt_in", purpose.double_opt_in);
        self.text("basis", purpose.basis.as_str());
        if let Some(fields) = &purpose.fields {
            self.plain("fields", list(fields.iter().map(ToString::to_string)));
        }
        if let Some(retention_ms) = purpose.retention_ms {
            self.plain("retention_ms", retention_ms);
        }
        if let Some(silence) = purpose.default {
            self.text("default", silence.as_str());
        }
        let defaults = purpose.defaults.iter().map(|(place, silence)| pair(place, &quoted(silence.as_str())));
        self.plain("defaults", table(defaults));
    }

    fn attributes(&mut self, survivorship: &Survivorship) {
        self.section("attributes");
        self.text("default_rule", survivorship.default_rule().as_str());
        for (attribute_name, rule) in survivorship.iter() {
            self.section(&format!("attributes.{}", name(attribute_name)));
            self.text("rule", rule.rule.as_str());
            self.plain("sources", list(&rule.sources));
            self.ageing(rule.ageing);
        }
    }

    fn ageing(&mut self, ageing: Ageing) {
        let Ageing { stale_after_ms, verify_again_after_ms } = ageing;
        for (name, after_ms) in
            [("stale_after_ms", stale_after_ms), ("verify_again_after_ms", verify_again_after_ms)]
        {
            if let Some(after_ms) = after_ms {
                self.plain(name, after_ms);
            }
        }
    }

    fn profile(&mut self, settings: &kinfold_profile::Settings, survivorship: &Survivorship) {
        // The namespaces of people follow from their rules, and the model is in a file.
        let kinfold_profile::Settings {
            order_sources,
            utc_offset_minutes,
            timeline,
            lifecycle,
            valuation: _,
            personal: _,
        } = settings;
        self.section("profile");
        self.plain("utc_offset_minutes", utc_offset_minutes);
        self.plain("timeline", timeline);
        self.plain("interests", list(&survivorship.interests));
        self.plain("interests_max", survivorship.interests_max);
        self.section("orders");
        self.plain("sources", list(order_sources));
        self.lifecycle(lifecycle);
    }

    fn lifecycle(&mut self, rules: &LifecycleRules) {
        self.section("lifecycle");
        for stage in rules.stages() {
            self.section("[lifecycle.stages]");
            self.stage(stage);
        }
    }

    fn stage(&mut self, stage: &Stage) {
        let Stage {
            name,
            identified,
            orders_min,
            orders_max,
            days_since_order_min,
            days_since_order_max,
            days_since_seen_min,
            days_since_seen_max,
            age_days_min,
            revenue_min,
        } = stage;
        self.text("name", name);
        if let Some(identified) = identified {
            self.plain("identified", identified);
        }
        for (key, number) in [
            ("orders_min", orders_min),
            ("orders_max", orders_max),
            ("days_since_order_min", days_since_order_min),
            ("days_since_order_max", days_since_order_max),
            ("days_since_seen_min", days_since_seen_min),
            ("days_since_seen_max", days_since_seen_max),
            ("age_days_min", age_days_min),
        ] {
            if let Some(number) = number {
                self.plain(key, number);
            }
        }
        if let Some(RevenueMin { currency, amount }) = revenue_min {
            let both = [("currency", currency.to_string()), ("amount", amount.to_string())];
            self.plain("revenue_min", table(both.iter().map(|(key, text)| pair(key, &quoted(text)))));
        }
    }

    fn value(&mut self, value: &ValueConfig) {
        let ValueConfig { model, refresh } = value;
        self.section("value");
        let model = model.as_deref().map(|path| path.display().to_string());
        self.text("model", &model.unwrap_or_default());
        self.plain("refresh_days", refresh.days());
    }

    fn outputs(&mut self, outputs: &Outputs) {
        self.section("outputs");
        for (output_name, output) in outputs.iter() {
            self.section(&format!("outputs.{}", name(output_name)));
            self.output(output);
        }
    }

    fn output(&mut self, output: &Output) {
        self.plain("purposes", list(&output.purposes));
        self.text("channel", output.channel.as_deref().unwrap_or_default());
        self.plain("fields", list(output.fields.iter().map(ToString::to_string)));
        let forms = output.identifiers.iter();
        self.plain(
            "identifiers",
            table(forms.map(|(name, form)| pair(name.as_str(), &quoted(form.as_str())))),
        );
        let more = output.more.iter();
        self.plain("more", table(more.map(|(field, purposes)| pair(&field.to_string(), &list(purposes)))));
    }

    fn privacy(&mut self, privacy: &PrivacyConfig) {
        self.section("privacy");
        self.plain("return_by", list(privacy.returning.purposes()));
        self.section("privacy.verifiers");
        for (verifier, public_key) in privacy.verifiers.named() {
            self.section(&format!("privacy.verifiers.{}", quoted(verifier)));
            self.text("public_key", &to_hex(&public_key));
        }
    }

    fn block_list(&mut self, block: &BlockList) {
        self.plain("block", list(block.values()));
        self.plain("block_patterns", list(block.patterns()));
    }

    fn section(&mut self, name: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        self.line(&format!("{gap}[{name}]"));
    }

    fn text(&mut self, key: &str, value: &str) {
        self.plain(key, quoted(value));
    }

    fn plain(&mut self, key: &str, value: impl Display) {
        self.line(&format!("{key} = {value}"));
    }

    fn line(&mut self, line: &str) {
        writeln!(self.0, "{line}").expect("a String takes whatever is written to it");
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    format!("[{}]", items.into_iter().map(|item| quoted(item.as_ref())).collect::<Vec<_>>().join(", "))
}

/// A table on one line.
fn table(pairs: impl Iterator<Item = String>) -> String {
    let pairs: Vec<String> = pairs.collect();
    if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
}

fn pair(key: &str, value: &str) -> String {
    format!("{} = {value}", name(key))
}

/// As a key, which may stand on no more than one line.
fn name(text: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !text.is_empty() && text.bytes().all(is_bare) {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

fn tcf(rule: &TcfRule) -> String {
    let TcfRule { purposes, special_features, basis, vendor, publisher } = rule;
    let purposes: Vec<u8> = purposes.iter().copied().map(PurposeId::get).collect();
    let features: Vec<u8> = special_features.iter().copied().map(FeatureId::get).collect();
    let basis = quoted(basis.as_str());
    let vendor = vendor.map(|vendor| format!("vendor = {}, ", vendor.get())).unwrap_or_default();
    format!(
        "{{ purposes = {purposes:?}, special_features = {features:?}, basis = {basis}, {vendor}publisher = {publisher} }}"
    )
}

fn email(rule: EmailRule) -> String {
    let EmailRule { double_opt_in, hard_bounce_denies } = rule;
    format!("{{ double_opt_in = {double_opt_in}, hard_bounce_denies = {hard_bounce_denies} }}")
}

fn neighbours(limit: &NeighbourLimit) -> String {
    if limit.of.is_empty() {
        return limit.total.to_string();
    }
    let of: BTreeMap<&str, u32> = limit.of.iter().map(|(name, limit)| (name.as_str(), *limit)).collect();
    let of: Vec<String> = of.into_iter().map(|(name, limit)| format!("{name} = {limit}")).collect();
    format!("{{ total = {}, {} }}", limit.total, of.join(", "))
}
