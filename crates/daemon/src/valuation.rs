//! How people are folded, with the model of their value. In: a configuration. Out: settings of profiles, for which the file that
//! `value.model` names was read.

use std::fs;
use std::path::{Path, PathBuf};

use kinfold_profile::{Settings, Valuation};
use kinfold_value::limits::MODEL_BYTES_MAX;
use kinfold_value::{Model, ModelError};

use crate::config::Config;

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum ModelFault {
    /// There is no such file, or none that may be read.
    #[error(
        "the model {0} cannot be read ({why}); make it with `kinfold clv fit --out {0}`, or take value.model out",
        path.display()
    )]
    Unreadable {
        /// As the configuration has it.
        path: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
    /// It is none.
    #[error("{}: {why}", path.display())]
    Wrong {
        /// As the configuration has it.
        path: PathBuf,
        /// What is wrong, and the remedy.
        why: ModelError,
    },
}

/// What `[profile]`, `[orders]`, `[lifecycle]` and `[value]` say, and the model.
///
/// # Errors
/// [`ModelFault`] when a model is named and there is none.
pub fn settings(config: &Config) -> Result<Settings, ModelFault> {
    let valuation = config.value.model.as_deref().map(read).transpose()?;
    let valuation = valuation.map(|model| Valuation { model, refresh: config.value.refresh });
    Ok(Settings { valuation, ..config.profile.clone() })
}

fn read(path: &Path) -> Result<Model, ModelFault> {
    let unreadable = |why| ModelFault::Unreadable { path: path.to_owned(), why };
    let wrong = |why| ModelFault::Wrong { path: path.to_owned(), why };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if usize::try_from(size).is_ok_and(|size| size <= MODEL_BYTES_MAX) {
        let text = fs::read_to_string(path).map_err(unreadable)?;
        return Model::from_toml(&text).map_err(wrong);
    }
    Err(wrong(ModelError::Malformed(format!("it has more than {MODEL_BYTES_MAX} bytes"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(model: &Path) -> Config {
        let mut config = Config::load(None, std::iter::empty()).expect("the defaults are right");
        config.value.model = Some(model.to_owned());
        config
    }

    #[test]
    fn without_a_model_profiles_tell_no_value() {
        let config = Config::load(None, std::iter::empty()).expect("the defaults are right");
        assert_eq!(settings(&config).expect("nothing is to be read"), config.profile);
    }

    #[test]
    fn a_model_that_is_none_is_named_with_the_remedy() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.toml");
        let fault = || settings(&with(&path)).expect_err("there is no model").to_string();
        assert!(fault().contains("model.toml cannot be read") && fault().contains("kinfold clv fit --out"));
        fs::write(&path, "version = 2").expect("writes");
        assert!(fault().contains("model.toml: the model has version 2"), "{}", fault());
        fs::write(&path, "#".repeat(MODEL_BYTES_MAX + 1)).expect("writes");
        assert!(fault().contains("it has more than"), "{}", fault());
    }
}
