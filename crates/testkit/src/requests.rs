//! Random requests of people who want to be forgotten, or restricted, or no longer so: about identifiers of a world, some of them
//! asked twice. And what comes after: those who agree to be known again, and others.

use fastrand::Rng;
use kinfold_model::privacy::{PrivacyKind, PrivacyRequest, PrivacyScope, RequestIdentifier};
use kinfold_model::{Consent, Decision, Identifier, Timestamp, Touchpoint};

use crate::simulation::RETURN;
use crate::world::{AFTER_MS, World, pick};

/// How many of them are sent again.
const REPEATED: f64 = 0.2;
/// How many name an identifier that nobody has.
const UNKNOWN: f64 = 0.1;
/// So long after all else those come who agree to be known again: longer than a touchpoint may lie in the future.
const RETURN_AFTER_MS: i64 = 3 * 86_400_000;
/// When all of them, and those after them, have come.
pub const RETURNED_MS: i64 = AFTER_MS + 2 * RETURN_AFTER_MS;

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

    /// Touchpoints after all requests, at identifiers of the world: at most so many that agree to be known again, and some that
    /// only come then.
    #[must_use]
    pub fn later(&self, rng: &mut Rng, most: usize) -> (Vec<Touchpoint>, Vec<Touchpoint>) {
        let mut index = 0;
        let mut one = |rng: &mut Rng, agrees: bool| {
            let mut touchpoint = pick(rng, &self.touchpoints).clone();
            index += 1;
            touchpoint.touchpoint_id = format!("t-later-{index}");
            let time = Timestamp::from_millis(AFTER_MS + RETURN_AFTER_MS + rng.i64(0..RETURN_AFTER_MS));
            touchpoint.time = time.unwrap_or_default();
            touchpoint.consents = agrees.then(|| agreement(touchpoint.time)).into_iter().collect();
            touchpoint.consent_signals = None;
            touchpoint
        };
        let (returning, after) = (rng.usize(0..=most), rng.usize(0..=most));
        let returning = (0..returning).map(|_| one(rng, true)).collect();
        (returning, (0..after).map(|_| one(rng, false)).collect())
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

fn agreement(time: Timestamp) -> Consent {
    Consent {
        purpose: RETURN.to_owned(),
        decision: Decision::Granted,
        basis: None,
        jurisdiction: None,
        time,
        wording: None,
        channel: None,
        expires: None,
        signal: None,
        confirmed: false,
    }
}
