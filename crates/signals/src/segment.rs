//! Segment's consent object, `context.consent` of its events: categories that the customer made up, each allowed or not.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fault::{Fault, FaultKind};
use crate::limits;

const PART: &str = "segment consent";

/// What a consent object says.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SegmentConsent {
    /// Whether each category is allowed; at most [`limits::CATEGORIES_MAX`]. What is absent was not asked.
    pub categories: BTreeMap<String, bool>,
}

impl std::fmt::Debug for SegmentConsent {
    /// How many categories, and not which: a source made them up.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "consent to {} categories of Segment", self.categories.len())
    }
}

impl SegmentConsent {
    /// Reads an object such as `{"categoryPreferences": {"Advertising": false}}`. Without that member it says nothing.
    ///
    /// # Errors
    /// It is no object, a preference is neither true nor false, or there are too many or too long ones.
    pub fn read(consent: &Value) -> Result<Self, Fault> {
        let fault = |field, kind| Fault::new(PART, field, kind);
        let preferences = match consent.as_object().map(|members| members.get("categoryPreferences")) {
            None => return Err(fault("the value", FaultKind::Form { expected: "an object" })),
            Some(None | Some(Value::Null)) => return Ok(Self::default()),
            Some(Some(preferences)) => preferences,
        };
        let categories = preferences
            .as_object()
            .ok_or_else(|| fault("category_preferences", FaultKind::Form { expected: "an object" }))?;
        if categories.len() > limits::CATEGORIES_MAX {
            let kind = FaultKind::TooMany { max: limits::CATEGORIES_MAX };
            return Err(fault("category_preferences", kind));
        }
        let read = |(name, value): (&String, &Value)| {
            if name.len() > limits::NAME_BYTES_MAX {
                let kind = FaultKind::TooLong { bytes_max: limits::NAME_BYTES_MAX };
                return Err(fault("the name of a category", kind));
            }
            let expected = FaultKind::Form { expected: "true or false" };
            let is_allowed = value.as_bool().ok_or_else(|| fault("a category", expected))?;
            Ok((name.clone(), is_allowed))
        };
        categories.into_iter().map(read).collect::<Result<_, _>>().map(|categories| Self { categories })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn categories_are_read_by_name() {
        let read =
            SegmentConsent::read(&json!({"categoryPreferences": {"Advertising": false, "Analytics": true}}));
        let categories = BTreeMap::from([("Advertising".to_owned(), false), ("Analytics".to_owned(), true)]);
        assert_eq!(read, Ok(SegmentConsent { categories }));
        for nothing in [json!({}), json!({"categoryPreferences": null}), json!({"categoryPreferences": {}})] {
            assert_eq!(SegmentConsent::read(&nothing), Ok(SegmentConsent::default()), "{nothing}");
        }
    }

    #[test]
    fn what_a_source_wrote_is_not_printed() {
        let categories = BTreeMap::from([("Extraordinary".to_owned(), false)]);
        let segment = SegmentConsent { categories };
        let raw = crate::gpp::Content::Raw("Extraordinary".to_owned());
        let printed = format!("{segment:?} {segment:#?} {raw:?} {raw:#?}");
        assert!(!printed.contains("Extraordinary"), "{printed}");
    }

    #[test]
    fn what_is_no_preference_is_a_fault() {
        let many: serde_json::Map<String, Value> =
            (0..=limits::CATEGORIES_MAX).map(|index| (format!("c{index}"), json!(true))).collect();
        for consent in [
            json!(null),
            json!([]),
            json!({"categoryPreferences": []}),
            json!({"categoryPreferences": {"Advertising": "true"}}),
            json!({"categoryPreferences": {"Advertising": null}}),
            json!({"categoryPreferences": {"n".repeat(limits::NAME_BYTES_MAX + 1): true}}),
            json!({ "categoryPreferences": many }),
        ] {
            assert!(SegmentConsent::read(&consent).is_err(), "{consent}");
        }
    }
}
