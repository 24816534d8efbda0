//! Forms: `type=subscribe&data[email]=ann%40example.com&data[lists][]=1` becomes
//! `{"type": "subscribe", "data": {"email": "ann@example.com", "lists": ["1"]}}`, as PHP reads it.

use std::collections::BTreeMap;
use std::rc::Rc;

use kinfold_model::{Refusal, RefusalKind};

use crate::limits;
use crate::value::Value;

/// Members of one form; each may be an object of its own.
const MEMBERS_MAX: usize = 10_000;

/// What a form says.
pub(super) fn document(text: &str) -> Result<Value, Refusal> {
    let mut root = Node::Members(BTreeMap::new());
    for (count, (name, value)) in url::form_urlencoded::parse(text.trim().as_bytes()).enumerate() {
        if count >= MEMBERS_MAX {
            let complaint = format!("is a form of more than {MEMBERS_MAX} members");
            return Err(Refusal::new(RefusalKind::TooManyElements, "", complaint));
        }
        let path = path(&name);
        if path.len() >= usize::from(limits::DEPTH_MAX) {
            let complaint = format!("has a member nested more than {} levels deep", limits::DEPTH_MAX);
            return Err(Refusal::new(RefusalKind::TooDeep, "", complaint));
        }
        root.put(&path, &value);
    }
    root.value().ok_or_else(|| Refusal::new(RefusalKind::RecordTooLarge, "", "is too large a form"))
}

enum Node {
    Text(String),
    /// Under `[]`, or under a name that is given twice.
    List(Vec<Node>),
    Members(BTreeMap<String, Node>),
}

/// `data[merges][EMAIL]` → `data`, `merges`, `EMAIL`. A name whose brackets do not match is taken as it is.
fn path(name: &str) -> Vec<&str> {
    let Some((first, rest)) = name.split_once('[') else { return vec![name] };
    let Some(inner) = rest.strip_suffix(']').filter(|_| !first.is_empty()) else { return vec![name] };
    let mut path = vec![first];
    path.extend(inner.split("]["));
    path
}

impl Node {
    fn put(&mut self, path: &[&str], text: &str) {
        let Some((first, rest)) = path.split_first() else {
            return self.also(Self::Text(text.to_owned()));
        };
        match self {
            Self::List(items) if first.is_empty() => {
                let mut item = Self::Members(BTreeMap::new());
                item.put_or_be(rest, text);
                items.push(item);
            }
            Self::Members(members) if first.is_empty() && members.is_empty() => {
                *self = Self::List(Vec::new());
                self.put(path, text);
            }
            Self::Members(members) => match members.get_mut(*first) {
                Some(known) => known.put(rest, text),
                None => {
                    let mut member = Self::Members(BTreeMap::new());
                    member.put_or_be(rest, text);
                    members.insert((*first).to_owned(), member);
                }
            },
            // `a=1&a[b]=2`: what came first stays.
            Self::Text(_) | Self::List(_) => {}
        }
    }

    fn put_or_be(&mut self, path: &[&str], text: &str) {
        if path.is_empty() { *self = Self::Text(text.to_owned()) } else { self.put(path, text) }
    }

    /// A second value of one name makes a list.
    fn also(&mut self, new: Self) {
        match self {
            Self::List(items) => items.push(new),
            Self::Text(_) => {
                let old = std::mem::replace(self, Self::List(Vec::new()));
                if let Self::List(items) = self {
                    items.extend([old, new]);
                }
            }
            Self::Members(_) => {}
        }
    }

    fn value(self) -> Option<Value> {
        match self {
            Self::Text(text) => Some(Value::Text(text.into())),
            Self::List(items) => Value::list(items.into_iter().map(Self::value).collect::<Option<_>>()?).ok(),
            Self::Members(members) => {
                let members = members.into_iter().map(|(name, node)| Some((Rc::from(name), node.value()?)));
                Value::object(members.collect::<Option<_>>()?).ok()
            }
        }
    }
}
