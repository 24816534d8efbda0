//! What customers are worth. In: `[value]`. Out: where the model lies, and how often values are made anew. The file is not read here:
//! `kinfold clv fit` makes it, under the same configuration.

use std::path::PathBuf;

use kinfold_value::Refresh;
use kinfold_value::limits::PERIOD_DAYS_MAX;

use super::ValueConfig;
use super::reader::Section;

/// Reads the section.
pub(super) fn read_value(mut section: Section<'_>) -> ValueConfig {
    let model = section.text("model", "", |_| Ok(()));
    let days = Refresh::default().days();
    let days = section.number("refresh_days", days, 1..=i64::from(PERIOD_DAYS_MAX));
    section.finish();
    ValueConfig {
        model: (!model.is_empty()).then(|| PathBuf::from(model)),
        refresh: Refresh::new(days).unwrap_or_default(),
    }
}
