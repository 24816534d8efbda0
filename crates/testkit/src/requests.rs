//! Random requests of people who want to be forgotten, or restricted, or no longer so: about identifiers of a world, some of them
//! asked twice.

use fastrand::Rng;
use kinfold_model::privacy::{PrivacyKind, PrivacyRequest, PrivacyScope, RequestIdentifier};
use kinfold_model::{Identifier, Timestamp};

use crate::world::{AFTER_MS, World, pick};

/// How many of them are sent again.
const REPEATED: f64 = 0.2;
/// How many name an identifier that nobody has.
const UNKNOWN: f64 = 0.1;

impl World {
    /// One to `most` requests, in the order in which they come.
    #[must_use]
    pub fn requests(&self, rng: &mut Rng, most: usize) -> Vec<PrivacyRequest> {
        let mut requests = Vec::new();
        for index in 0..rng.usize(1..=most) {
            let request = self.request(rng, format!("request-{index}"));
            if rng.f64() < REPEATED {
                requests.push(request.clone());
            }
            requests.push(request);
        }
        rng.shuffle(&mut requests);
        requests
    }

    fn request(&self, rng: &mut Rng, request_id: String) -> PrivacyRequest {
        let named = pick(rng, &self.touchpoints);
        let one = pick(rng, &named.identifiers);
        let value = if rng.f64() < UNKNOWN {
            Identifier::new("customer_id", "C-nobody")
        } else {
            Identifier { namespace: one.namespace.clone(), value: one.value.clone() }
        };
        let mut identifiers = vec![RequestIdentifier::from(value)];
        if rng.f64() < 0.2 {
            let named = pick(rng, &self.touchpoints);
            let other = pick(rng, &named.identifiers).clone();
            identifiers.push(RequestIdentifier { namespace: other.namespace, value: other.value });
        }
        use PrivacyKind::{Erase, Lift, Restrict};
        let kind = *pick(rng, &[Erase, Erase, Erase, Restrict, Restrict, Lift]);
        let scopes = [PrivacyScope::Person, PrivacyScope::Person, PrivacyScope::Identifier];
        let scope = if kind == Erase { *pick(rng, &scopes) } else { PrivacyScope::Person };
        let time = Timestamp::from_millis(AFTER_MS).unwrap_or_default();
        PrivacyRequest { request_id, kind, scope, identifiers, time, verifier: None, signature: None }
    }
}
