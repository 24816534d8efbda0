//! Values from what serde reads (JSON, Avro), and as what serde writes.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{PLACE, Value};
use crate::limits;

/// A text is no JSON that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not JSON; the fault is at this line and column.
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// Nested too deep or too large.
    TooLarge,
}

impl Value {
    /// Reads one JSON value that fills the text.
    ///
    /// # Errors
    /// [`Unreadable`]
    pub fn parse(json: &[u8]) -> Result<Self, Unreadable> {
        let fault = |error: serde_json::Error| {
            if error.is_data() {
                Unreadable::TooLarge
            } else {
                Unreadable::Syntax { line: error.line(), column: error.column() }
            }
        };
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let value = Self::deserialize(&mut deserializer).map_err(fault)?;
        deserializer.end().map_err(fault)?;
        Ok(value)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Reader { levels: limits::DEPTH_MAX, left: &Cell::new(limits::WEIGHT_MAX) }.deserialize(deserializer)
    }
}

/// Reads a value that may have so many levels, and weigh so much. Avro can say in a few bytes that a list has a million
/// nulls, so what is read is counted while it is read.
#[derive(Clone, Copy)]
struct Reader<'l> {
    levels: u8,
    left: &'l Cell<u64>,
}

impl Reader<'_> {
    fn descend<E: de::Error>(&self) -> Result<Self, E> {
        match self.levels.checked_sub(1) {
            Some(levels) => Ok(Self { levels, left: self.left }),
            None => Err(E::custom("nested too deep")),
        }
    }

    fn weigh<E: de::Error>(&self, weight: usize) -> Result<(), E> {
        let left = self.left.get().checked_sub(PLACE + weight as u64);
        left.map(|left| self.left.set(left)).ok_or_else(|| E::custom("too large"))
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: de::Error>(self, yes: bool) -> Result<Value, E> {
        Ok(Value::Bool(yes))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    /// A number that is too large for 64 bits with a sign keeps its digits as text: it is an id, and a float would change it.
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or_else(|_| Value::Text(number.to_string().into()), Value::Int))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.weigh(text.len())?;
        Ok(Value::Text(text.into()))
    }

    /// Bytes of Avro: text if they are, else what they are in hexadecimal digits.
    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Value, E> {
        self.weigh(2 * bytes.len())?;
        Ok(match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.into()),
            Err(_) => Value::Text(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self.descend()?)? {
            self.weigh(0)?;
            items.push(item);
        }
        Value::list(items).map_err(|_| de::Error::custom("too large"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some(name) = object.next_key_seed(Name)? {
            self.weigh(name.len() + 32)?;
            members.insert(name, object.next_value_seed(self.descend()?)?);
        }
        Value::object(members).map_err(|_| de::Error::custom("too large"))
    }
}

/// Reads the name of a member.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Rc<str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Rc<str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Rc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Rc<str>, E> {
        Ok(name.into())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(yes) => serializer.serialize_bool(*yes),
            Self::Int(number) => serializer.serialize_i64(*number),
            // JSON has no other numbers.
            Self::Float(number) if !number.is_finite() => serializer.serialize_unit(),
            Self::Float(number) => match whole(*number) {
                Some(number) => serializer.serialize_i64(number),
                None => serializer.serialize_f64(*number),
            },
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => {
                let mut sequence = serializer.serialize_seq(Some(list.items.len()))?;
                list.items.iter().try_for_each(|item| sequence.serialize_element(item))?;
                sequence.end()
            }
            Self::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.members.len()))?;
                object.members.iter().try_for_each(|(name, value)| map.serialize_entry(&**name, value))?;
                map.end()
            }
        }
    }
}

impl fmt::Display for Value {
    /// JSON without blanks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// A float without a fraction, as a whole number: `4.0` and `4` are one number to whoever reads JSON.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

/// A value is read by whatever reads JSON, and lends it its texts.
impl<'de> Deserializer<'de> for &'de Value {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Value::Null => visitor.visit_unit(),
            Value::Bool(yes) => visitor.visit_bool(*yes),
            Value::Int(number) => visitor.visit_i64(*number),
            Value::Float(number) if !number.is_finite() => visitor.visit_unit(),
            Value::Float(number) => match whole(*number) {
                Some(number) => visitor.visit_i64(number),
                None => visitor.visit_f64(*number),
            },
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(list) => visitor.visit_seq(de::value::SeqDeserializer::new(list.items.iter())),
            Value::Object(object) => {
                let members = object.members.iter().map(|(name, value)| (Borrowed(name), value));
                visitor.visit_map(de::value::MapDeserializer::new(members))
            }
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, de::value::Error> for &'de Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The name of a member, lent.
struct Borrowed<'v>(&'v str);

impl<'v> IntoDeserializer<'v, de::value::Error> for Borrowed<'v> {
    type Deserializer = de::value::BorrowedStrDeserializer<'v, de::value::Error>;

    fn into_deserializer(self) -> Self::Deserializer {
        de::value::BorrowedStrDeserializer::new(self.0)
    }
}
