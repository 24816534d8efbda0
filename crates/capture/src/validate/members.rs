//! The members of one JSON object, taken one by one with the type that is expected; what is left over is unknown.

use std::borrow::Cow;

use kinfold_model::time::TimeError;
use kinfold_model::{Refusal, RefusalKind, Timestamp};

use crate::json::Json;
use crate::limits;
use crate::path::Path;
use crate::settings::UnknownMembers;
use crate::text;

/// The members that have not been taken yet.
pub(crate) struct Members<'a, 'p> {
    left: Vec<(Cow<'a, str>, Json<'a>)>,
    path: &'p Path<'p>,
}

impl<'a, 'p> Members<'a, 'p> {
    /// # Errors
    /// `wrong_type` when the value at `path` is no object.
    pub(crate) fn of(json: Json<'a>, path: &'p Path<'p>) -> Result<Self, Refusal> {
        match json {
            Json::Object(left) => Ok(Self { left, path }),
            other => Err(wrong_type("an object", &other, path)),
        }
    }

    /// Takes a member; `None` when it is absent or null.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json<'a>> {
        let index = self.left.iter().position(|(known, _)| known == name)?;
        match self.left.swap_remove(index).1 {
            Json::Null => None,
            json => Some(json),
        }
    }

    /// Takes a text, cleaned.
    ///
    /// # Errors
    /// `wrong_type`, `empty_value`, `value_too_long`.
    pub(crate) fn text(&mut self, name: &str, bytes_max: usize) -> Result<Option<Cow<'a, str>>, Refusal> {
        let Some(json) = self.take(name) else { return Ok(None) };
        let path = self.path.member(name);
        match json {
            Json::Text(text) => text::clean(text, bytes_max, &path).map(Some),
            other => Err(wrong_type("text", &other, &path)),
        }
    }

    /// Takes a text that must be there.
    ///
    /// # Errors
    /// As [`Members::text`], and `missing_member`.
    pub(crate) fn require_text(&mut self, name: &str, bytes_max: usize) -> Result<Cow<'a, str>, Refusal> {
        self.require(name, |members, name| members.text(name, bytes_max))
    }

    /// Takes a member by one of the other methods and insists on it.
    ///
    /// # Errors
    /// As that method, and `missing_member`.
    pub(crate) fn require<T>(
        &mut self,
        name: &str,
        take: impl FnOnce(&mut Self, &str) -> Result<Option<T>, Refusal>,
    ) -> Result<T, Refusal> {
        take(self, name)?.ok_or_else(|| {
            Refusal::new(
                RefusalKind::MissingMember,
                self.path.member(name).to_string(),
                "is missing; it is required",
            )
        })
    }

    /// Takes true or false.
    ///
    /// # Errors
    /// `wrong_type`.
    pub(crate) fn boolean(&mut self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(wrong_type("true or false", &other, &self.path.member(name))),
        }
    }

    /// Takes a number from `min` to `max`.
    ///
    /// # Errors
    /// `wrong_type`, `out_of_range`.
    pub(crate) fn number(&mut self, name: &str, min: f64, max: f64) -> Result<Option<f64>, Refusal> {
        let value = match self.take(name) {
            None => return Ok(None),
            Some(Json::Number(value)) => value,
            // Rounding cannot bring a whole number into a range that it is not in.
            Some(Json::Integer(value)) => value as f64,
            Some(other) => return Err(wrong_type("a number", &other, &self.path.member(name))),
        };
        if (min..=max).contains(&value) {
            return Ok(Some(value));
        }
        Err(out_of_range(&min, &max, &self.path.member(name)))
    }

    /// Takes a whole number from `min` to `max`.
    ///
    /// # Errors
    /// `wrong_type`, `out_of_range`.
    pub(crate) fn integer(&mut self, name: &str, min: i64, max: i64) -> Result<Option<i64>, Refusal> {
        let value = match self.take(name) {
            None => return Ok(None),
            Some(Json::Integer(value)) => value,
            Some(other) => return Err(wrong_type("a whole number", &other, &self.path.member(name))),
        };
        match i64::try_from(value) {
            Ok(value) if (min..=max).contains(&value) => Ok(Some(value)),
            _ => Err(out_of_range(&min, &max, &self.path.member(name))),
        }
    }

    /// Takes a point in time: RFC 3339 text, or milliseconds since 1970.
    ///
    /// # Errors
    /// `wrong_type`, `empty_value`, `value_too_long`, `bad_time`.
    pub(crate) fn time(&mut self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        let Some(json) = self.take(name) else { return Ok(None) };
        let path = self.path.member(name);
        let time = match json {
            Json::Text(text) => text::clean(text, limits::TIME_BYTES_MAX, &path)?.parse(),
            Json::Integer(ms) => {
                i64::try_from(ms).map_err(|_| TimeError::Range).and_then(Timestamp::from_millis)
            }
            Json::Number(_) => Err(TimeError::Format),
            other => return Err(wrong_type("RFC 3339 text or milliseconds since 1970", &other, &path)),
        };
        time.map(Some).map_err(|error| Refusal::new(RefusalKind::BadTime, path.to_string(), error))
    }

    /// What has not been taken.
    pub(crate) fn rest(self) -> Vec<(Cow<'a, str>, Json<'a>)> {
        self.left
    }

    /// Ends the object.
    ///
    /// # Errors
    /// `unknown_member` when something is left and such members are refused.
    pub(crate) fn close(self, unknown: UnknownMembers) -> Result<(), Refusal> {
        match self.left.first() {
            Some((name, _)) if unknown == UnknownMembers::Refuse => {
                let complaint =
                    "is no member of a touchpoint; move it to `attributes` or set `unknown_members`";
                Err(Refusal::new(RefusalKind::UnknownMember, self.path.member(name).to_string(), complaint))
            }
            _ => Ok(()),
        }
    }
}

/// Reads every element of a list; an absent list is empty.
///
/// # Errors
/// `wrong_type` when the value is no list, and the first error of an element.
pub(crate) fn each<'a, T>(
    list: Option<Json<'a>>,
    path: &Path<'_>,
    mut read: impl FnMut(Json<'a>, &Path<'_>) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    match list {
        None => Ok(Vec::new()),
        Some(Json::List(elements)) => {
            elements.into_iter().enumerate().map(|(index, json)| read(json, &path.element(index))).collect()
        }
        Some(other) => Err(wrong_type("a list", &other, path)),
    }
}

/// The refusal of a value whose JSON type is another one than `expected`.
pub(crate) fn wrong_type(expected: &str, found: &Json<'_>, path: &Path<'_>) -> Refusal {
    let complaint = format!("must be {expected}, not {}", found.kind());
    Refusal::new(RefusalKind::WrongType, path.to_string(), complaint)
}

fn out_of_range(min: &dyn std::fmt::Display, max: &dyn std::fmt::Display, path: &Path<'_>) -> Refusal {
    Refusal::new(RefusalKind::OutOfRange, path.to_string(), format!("must lie between {min} and {max}"))
}
