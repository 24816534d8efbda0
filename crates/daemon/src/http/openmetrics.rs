//! Metrics as OpenMetrics 1.0 text. In: families as the registry gathers them. Out: the text, which ends in `# EOF`.
//! A counter's family goes without `_total`, which its samples carry; no sample has a time of its own.

use std::fmt::Write as _;

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

/// The content type of the text.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Writes all families.
pub(crate) fn encode(families: &[MetricFamily]) -> String {
    let mut page = Page(String::new());
    for family in families {
        page.family(family);
    }
    page.0.push_str("# EOF\n");
    page.0
}

/// Whether somebody who sends this `Accept` header would rather have OpenMetrics than the older text.
pub(crate) fn is_preferred(accept: &str) -> bool {
    let quality_of = |kind: &str| {
        let fits =
            accept.split(',').filter(|range| range.split(';').next().is_some_and(|name| name.trim() == kind));
        fits.map(quality).fold(0.0_f32, f32::max)
    };
    let openmetrics = quality_of("application/openmetrics-text");
    openmetrics > 0.0 && openmetrics >= quality_of("text/plain")
}

/// The `q` of one entry of an `Accept` header; 1 when it has none, 0 when it makes no sense.
fn quality(range: &str) -> f32 {
    let given = range.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix("q="));
    given.map_or(1.0, |text| text.trim().parse().unwrap_or(0.0))
}

struct Page(String);

impl Page {
    fn family(&mut self, family: &MetricFamily) {
        let kind = family.get_field_type();
        let name = match kind {
            MetricType::COUNTER => family.name().strip_suffix("_total").unwrap_or(family.name()),
            _ => family.name(),
        };
        let kind_name = match kind {
            MetricType::COUNTER => "counter",
            MetricType::GAUGE => "gauge",
            MetricType::HISTOGRAM => "histogram",
            MetricType::SUMMARY => "summary",
            MetricType::UNTYPED => "unknown",
        };
        self.write(format_args!("# TYPE {name} {kind_name}\n"));
        if !family.help().is_empty() {
            self.write(format_args!("# HELP {name} {}\n", escaped(family.help())));
        }
        for metric in family.get_metric() {
            self.metric(name, kind, metric);
        }
    }

    fn metric(&mut self, name: &str, kind: MetricType, metric: &Metric) {
        let labels = metric.get_label();
        match kind {
            MetricType::COUNTER => {
                self.sample((name, "_total"), labels, None, metric.get_counter().get_value());
            }
            MetricType::GAUGE => self.sample((name, ""), labels, None, metric.get_gauge().get_value()),
            MetricType::HISTOGRAM => self.histogram(name, metric),
            MetricType::SUMMARY => self.summary(name, metric),
            // The registry has no metric of this kind.
            MetricType::UNTYPED => {}
        }
    }

    fn histogram(&mut self, name: &str, metric: &Metric) {
        let (labels, histogram) = (metric.get_label(), metric.get_histogram());
        let finite = histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
        for bucket in finite {
            let bound = Some(("le", bucket.upper_bound()));
            self.sample((name, "_bucket"), labels, bound, as_number(bucket.cumulative_count()));
        }
        let count = as_number(histogram.get_sample_count());
        self.sample((name, "_bucket"), labels, Some(("le", f64::INFINITY)), count);
        self.sample((name, "_count"), labels, None, count);
        self.sample((name, "_sum"), labels, None, histogram.get_sample_sum());
    }

    fn summary(&mut self, name: &str, metric: &Metric) {
        let (labels, summary) = (metric.get_label(), metric.get_summary());
        for quantile in summary.get_quantile() {
            self.sample((name, ""), labels, Some(("quantile", quantile.quantile())), quantile.value());
        }
        self.sample((name, "_count"), labels, None, as_number(summary.sample_count()));
        self.sample((name, "_sum"), labels, None, summary.sample_sum());
    }

    fn sample(&mut self, name: (&str, &str), labels: &[LabelPair], bound: Option<(&str, f64)>, value: f64) {
        self.write(format_args!("{}{}", name.0, name.1));
        let mut texts: Vec<String> =
            labels.iter().map(|label| format!("{}=\"{}\"", label.name(), escaped(label.value()))).collect();
        texts.extend(bound.map(|(label, bound)| format!("{label}=\"{}\"", number(bound))));
        if !texts.is_empty() {
            self.write(format_args!("{{{}}}", texts.join(",")));
        }
        self.write(format_args!(" {}\n", number(value)));
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a String takes whatever is written to it");
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

/// Always with a fraction or an exponent, as the format wants bounds to be written.
fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        format!("{value:?}")
    }
}

#[expect(clippy::cast_precision_loss, reason = "both formats count in 64-bit floats")]
fn as_number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

    use super::*;

    #[test]
    fn each_kind_is_written_as_the_standard_has_it() {
        let registry = Registry::new();
        let records = Opts::new("kinfold_records_total", "Records \"in\"");
        let records = IntCounterVec::new(records, &["stage"]).expect("valid");
        let lag = IntGauge::new("kinfold_lag_records", "Lag").expect("valid");
        let seconds = HistogramOpts::new("kinfold_commit_seconds", "Commit").buckets(vec![0.1, 1.0]);
        let seconds = HistogramVec::new(seconds, &["stage"]).expect("valid");
        registry.register(Box::new(records.clone())).expect("new");
        registry.register(Box::new(lag.clone())).expect("new");
        registry.register(Box::new(seconds.clone())).expect("new");
        records.with_label_values(&["a\"\\\nb"]).inc_by(3);
        lag.set(-2);
        seconds.with_label_values(&["s"]).observe(0.5);

        let expected = r#"# TYPE kinfold_commit_seconds histogram
# HELP kinfold_commit_seconds Commit
kinfold_commit_seconds_bucket{stage="s",le="0.1"} 0.0
kinfold_commit_seconds_bucket{stage="s",le="1.0"} 1.0
kinfold_commit_seconds_bucket{stage="s",le="+Inf"} 1.0
kinfold_commit_seconds_count{stage="s"} 1.0
kinfold_commit_seconds_sum{stage="s"} 0.5
# TYPE kinfold_lag_records gauge
# HELP kinfold_lag_records Lag
kinfold_lag_records -2.0
# TYPE kinfold_records counter
# HELP kinfold_records Records \"in\"
kinfold_records_total{stage="a\"\\\nb"} 3.0
# EOF
"#;
        assert_eq!(encode(&registry.gather()), expected);
    }

    #[test]
    fn it_is_sent_to_those_who_ask_for_it() {
        for (accept, expected) in [
            ("", false),
            ("*/*", false),
            ("text/plain", false),
            ("application/openmetrics-text", true),
            (
                "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                true,
            ),
            ("application/openmetrics-text;q=0.2, text/plain;q=0.8", false),
            ("application/openmetrics-text;q=0", false),
            ("application/openmetrics-text;q=nonsense", false),
        ] {
            assert_eq!(is_preferred(accept), expected, "{accept}");
        }
    }
}
