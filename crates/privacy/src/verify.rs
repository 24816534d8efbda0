//! Whose requests are carried out. In: a request, and the public keys of those who verify people. Out: yes, or a sentence
//! that says why not and holds no value of the request.
//!
//! How somebody is found to be who they say is the verifier's business. Their signature (Ed25519, RFC 8032) says that it was
//! done, for exactly this request: it covers every member, so that nobody can make another request of one that was signed.

use std::collections::BTreeMap;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use kinfold_model::{PrivacyRequest, Timestamp};

/// The first line of the text that is signed for a request. Another form of the text has another first line.
const REQUEST: &str = "kinfold privacy request 1";
/// The first line of the text that is signed for an export.
const EXPORT: &str = "kinfold privacy export 2";
/// So long an order to hand out what is held on somebody is good, by the time that was signed: the month in which they are answered
/// (GDPR, Art. 12), and a day for clocks that differ.
pub const EXPORT_DAYS: i64 = 31;
const DAY_MS: i64 = 86_400_000;

/// Those who may verify requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifiers(Who);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    /// Whoever can ask at all decides.
    Anybody,
    /// By name.
    Named(BTreeMap<String, VerifyingKey>),
}

/// These 32 bytes are no public key with which anything can be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no public key of Ed25519")]
pub struct PublicKeyError;

impl Default for Verifiers {
    /// Nobody: every request is refused.
    fn default() -> Self {
        Self(Who::Named(BTreeMap::new()))
    }
}

impl Verifiers {
    /// Requests need no signature: for a state folder, where whoever has the folder decides.
    #[must_use]
    pub fn none_needed() -> Self {
        Self(Who::Anybody)
    }

    /// Adds a verifier, whose earlier key no longer counts.
    ///
    /// # Errors
    /// [`PublicKeyError`] for bytes that are no point of the curve, or one under which many messages have one signature.
    pub fn add(&mut self, name: &str, public_key: &[u8; 32]) -> Result<(), PublicKeyError> {
        let key = VerifyingKey::from_bytes(public_key).map_err(|_| PublicKeyError)?;
        if key.is_weak() {
            return Err(PublicKeyError);
        }
        match &mut self.0 {
            Who::Named(keys) => {
                keys.insert(name.to_owned(), key);
            }
            Who::Anybody => self.0 = Who::Named(BTreeMap::from([(name.to_owned(), key)])),
        }
        Ok(())
    }

    /// Names and public keys, in the order of names; none where none is needed.
    pub fn named(&self) -> impl Iterator<Item = (&str, [u8; 32])> {
        let named = match &self.0 {
            Who::Named(keys) => Some(keys),
            Who::Anybody => None,
        };
        named.into_iter().flatten().map(|(name, key)| (name.as_str(), key.to_bytes()))
    }

    /// Whether a request may be carried out.
    ///
    /// # Errors
    /// A sentence that says why not, without a value of the request.
    pub fn check(&self, request: &PrivacyRequest) -> Result<(), String> {
        plain(request)?;
        let signed =
            Signed { verifier: request.verifier.as_deref(), signature: request.signature.as_deref() };
        self.check_text(signed, || signed_text(request))
    }

    /// Whether all that is held on the person behind an identifier may be handed out now. Nobody notes which orders were carried out,
    /// and so each is good for [`EXPORT_DAYS`] only, and from a day before its time on.
    ///
    /// # Errors
    /// As [`Verifiers::check`].
    pub fn check_export(
        &self,
        order: &ExportOrder<'_>,
        signature: Option<&str>,
        now: Timestamp,
    ) -> Result<(), String> {
        let verifier = order.verifier.unwrap_or_default();
        if [order.request_id, order.identifier, verifier].iter().any(|text| text.contains(char::is_control)) {
            return Err(
                "the order has control characters, which cannot be signed; write it without".to_owned()
            );
        }
        self.check_text(Signed { verifier: order.verifier, signature }, || export_text(order))?;
        if matches!(self.0, Who::Anybody) {
            return Ok(());
        }
        if order.time.plus_millis(EXPORT_DAYS * DAY_MS) < now {
            return Err(format!(
                "its time is more than {EXPORT_DAYS} days ago; the verifier has to sign a new one"
            ));
        }
        if order.time > now.plus_millis(DAY_MS) {
            return Err("its time is more than a day ahead; is it in milliseconds since 1970, and are the clocks right?"
                .to_owned());
        }
        Ok(())
    }

    fn check_text(&self, signed: Signed<'_>, text: impl FnOnce() -> String) -> Result<(), String> {
        let Who::Named(keys) = &self.0 else { return Ok(()) };
        if keys.is_empty() {
            return Err(
                "no verifier is configured; add one under [privacy.verifiers.<name>] and start kinfold-profile anew"
                    .to_owned(),
            );
        }
        let (Some(verifier), Some(signature)) = (signed.verifier, signed.signature) else {
            return Err(
                "it is not signed; a request needs the name of a verifier and their signature".to_owned()
            );
        };
        let key = keys.get(verifier).ok_or(
            "its verifier is none of the configuration; name one of [privacy.verifiers] as it is written there",
        )?;
        let signature = from_hex::<64>(signature).ok_or("its signature is not 128 hex digits")?;
        // Strict: of one text by one key there is one signature, whoever looks at it.
        key.verify_strict(text().as_bytes(), &Signature::from_bytes(&signature)).map_err(|_| {
            "its signature does not fit; it was made with another key, or the request was changed afterwards".to_owned()
        })
    }
}

/// Who has signed, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Signed<'s> {
    /// As the configuration names them.
    verifier: Option<&'s str>,
    /// 128 hex digits.
    signature: Option<&'s str>,
}

/// That all that is held on a person be handed out. It is personal data, and has no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ExportOrder<'o> {
    /// Names it, so that whoever signed it can find it again.
    pub request_id: &'o str,
    /// When the person asked.
    pub time: Timestamp,
    /// Who has verified that the person is who they say, as the configuration names them.
    pub verifier: Option<&'o str>,
    /// Of the person, `namespace:value`.
    pub identifier: &'o str,
}

/// The text that a verifier signs: a first line that says what it is, then a line for each member, each with a line feed.
/// Identifiers are sorted, so that their order in the request does not matter.
#[must_use]
pub fn signed_text(request: &PrivacyRequest) -> String {
    let mut identifiers: Vec<String> =
        request.identifiers.iter().map(|one| format!("{}:{}", one.namespace, one.value)).collect();
    identifiers.sort();
    let mut text = format!(
        "{REQUEST}\nrequest_id: {}\nkind: {}\nscope: {}\ntime: {}\nverifier: {}\n",
        request.request_id,
        request.kind.as_str(),
        request.scope.as_str(),
        request.time.millis(),
        request.verifier.as_deref().unwrap_or_default(),
    );
    for identifier in identifiers {
        text.push_str("identifier: ");
        text.push_str(&identifier);
        text.push('\n');
    }
    text
}

/// The text that a verifier signs for an export.
#[must_use]
pub fn export_text(order: &ExportOrder<'_>) -> String {
    format!(
        "{EXPORT}\nrequest_id: {}\ntime: {}\nverifier: {}\nidentifier: {}\n",
        order.request_id,
        order.time.millis(),
        order.verifier.unwrap_or_default(),
        order.identifier,
    )
}

/// The signature of a request, whose `verifier` must be there already: 128 hex digits.
#[must_use]
pub fn sign(request: &PrivacyRequest, secret_key: &[u8; 32]) -> String {
    sign_text(&signed_text(request), secret_key)
}

/// The signature of a text: 128 hex digits.
#[must_use]
pub fn sign_text(text: &str, secret_key: &[u8; 32]) -> String {
    to_hex(&SigningKey::from_bytes(secret_key).sign(text.as_bytes()).to_bytes())
}

/// The public key of a secret one.
#[must_use]
pub fn public_key(secret_key: &[u8; 32]) -> [u8; 32] {
    SigningKey::from_bytes(secret_key).verifying_key().to_bytes()
}

/// Bytes of exactly this number, from as many pairs of hex digits in either case.
#[must_use]
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = [pair.first()?, pair.get(1)?].map(|digit| char::from(*digit).to_digit(16));
        *byte = u8::try_from(high? * 16 + low?).ok()?;
    }
    Some(bytes)
}

/// Two lower-case digits for each byte.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A line feed in a value, or a colon in the name of a namespace, would let two requests have one text.
fn plain(request: &PrivacyRequest) -> Result<(), String> {
    let identifiers = request.identifiers.iter().flat_map(|one| [one.namespace.as_str(), one.value.as_str()]);
    let texts = identifiers.chain([request.request_id.as_str()]).chain(request.verifier.as_deref());
    if texts.flat_map(str::chars).any(char::is_control) {
        return Err("the request has control characters, which cannot be signed; write it without".to_owned());
    }
    if request.identifiers.iter().any(|one| one.namespace.as_str().contains(':')) {
        return Err(
            "the name of a namespace has a colon, and no such namespace can be configured; write namespace and value apart"
                .to_owned(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::privacy::{PrivacyKind, PrivacyScope, RequestIdentifier};
    use kinfold_model::{Namespace, Timestamp};

    const SECRET: [u8; 32] = [7; 32];

    fn identifier(namespace: &str, value: &str) -> RequestIdentifier {
        RequestIdentifier { namespace: Namespace::new(namespace), value: value.to_owned() }
    }

    fn unsigned() -> PrivacyRequest {
        PrivacyRequest {
            request_id: "r-1".to_owned(),
            kind: PrivacyKind::Erase,
            scope: PrivacyScope::Person,
            identifiers: vec![identifier("phone", "+491711234567"), identifier("email", "ann@example.org")],
            time: Timestamp::from_millis(1_772_323_200_000).expect("in range"),
            verifier: Some("desk".to_owned()),
            signature: None,
        }
    }

    fn signed() -> PrivacyRequest {
        let request = unsigned();
        PrivacyRequest { signature: Some(sign(&request, &SECRET)), ..request }
    }

    fn export() -> ExportOrder<'static> {
        let time = unsigned().time;
        ExportOrder { request_id: "x-1", time, verifier: Some("desk"), identifier: "email:ann@example.org" }
    }

    fn desk() -> Verifiers {
        let mut verifiers = Verifiers::default();
        verifiers.add("desk", &public_key(&SECRET)).expect("is a key");
        verifiers
    }

    /// RFC 8032, 7.1, TEST 1 to 3: secret key, public key, message, signature.
    #[test]
    fn keys_and_signatures_are_those_of_rfc_8032() {
        let vectors = [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "r",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
        ];
        for (secret, public, message, signature) in vectors {
            let secret = from_hex::<32>(secret).expect("is hex");
            assert_eq!(to_hex(&public_key(&secret)), public);
            assert_eq!(sign_text(message, &secret), signature);
            let mut verifiers = Verifiers::default();
            verifiers.add("rfc", &from_hex(public).expect("is hex")).expect("is a key");
            let signed = Signed { verifier: Some("rfc"), signature: Some(signature) };
            assert_eq!(verifiers.check_text(signed, || message.to_owned()), Ok(()));
        }
    }

    #[test]
    fn what_is_signed_does_not_drift() {
        assert_eq!(
            signed_text(&signed()),
            "kinfold privacy request 1\nrequest_id: r-1\nkind: erase\nscope: person\ntime: 1772323200000\nverifier: desk\n\
             identifier: email:ann@example.org\nidentifier: phone:+491711234567\n"
        );
        assert_eq!(
            export_text(&export()),
            "kinfold privacy export 2\nrequest_id: x-1\ntime: 1772323200000\nverifier: desk\nidentifier: email:ann@example.org\n"
        );
    }

    #[test]
    fn a_request_that_a_verifier_has_signed_is_carried_out_in_whatever_order_its_identifiers_stand() {
        let mut request = signed();
        assert_eq!(desk().check(&request), Ok(()));
        request.identifiers.reverse();
        assert_eq!(desk().check(&request), Ok(()));
        request.signature = request.signature.map(|signature| signature.to_uppercase());
        assert_eq!(desk().check(&request), Ok(()));
    }

    #[test]
    fn each_reason_for_a_refusal_has_a_sentence_without_values() {
        let mut other = Verifiers::default();
        other.add("desk", &public_key(&[8; 32])).expect("is a key");
        let with = |signature: &str| PrivacyRequest { signature: Some(signature.to_owned()), ..unsigned() };
        let by = |verifier: &str| PrivacyRequest { verifier: Some(verifier.to_owned()), ..signed() };
        for (verifiers, request, expected) in [
            (Verifiers::default(), signed(), "no verifier is configured"),
            (desk(), unsigned(), "is not signed"),
            (desk(), PrivacyRequest { verifier: None, ..signed() }, "is not signed"),
            (desk(), by("somebody"), "its verifier is none of the configuration"),
            (desk(), with("ab"), "not 128 hex digits"),
            (desk(), with(&"g".repeat(128)), "not 128 hex digits"),
            (desk(), with(&"é".repeat(64)), "not 128 hex digits"),
            (desk(), with(&"0".repeat(128)), "does not fit"),
            (desk(), with(&"f".repeat(128)), "does not fit"),
            (other, signed(), "does not fit"),
        ] {
            let said = verifiers.check(&request).expect_err(expected);
            assert!(said.contains(expected), "{expected}: {said}");
            for value in ["r-1", "somebody", "ann@example.org", "+491711234567"] {
                assert!(!said.contains(value), "{said}");
            }
        }
    }

    #[test]
    fn a_request_of_which_any_member_was_changed_is_refused() {
        type Change = fn(&mut PrivacyRequest);
        let mut both = desk();
        both.add("door", &public_key(&SECRET)).expect("is a key");
        let changes: [(&str, Change); 9] = [
            ("the id", |request| request.request_id.push('0')),
            ("the kind", |request| request.kind = PrivacyKind::Lift),
            ("the scope", |request| request.scope = PrivacyScope::Identifier),
            ("the time", |request| request.time = request.time.plus_millis(1)),
            ("the verifier, who has the same key", |request| request.verifier = Some("door".to_owned())),
            ("a value", |request| request.identifiers[0].value.push('8')),
            ("a namespace", |request| request.identifiers[0].namespace = Namespace::new("card_token")),
            ("one more", |request| request.identifiers.push(identifier("cookie", "c"))),
            ("one less", |request| drop(request.identifiers.pop())),
        ];
        for (what, change) in changes {
            let mut request = signed();
            assert_eq!(both.check(&request), Ok(()));
            change(&mut request);
            assert!(both.check(&request).is_err_and(|said| said.contains("does not fit")), "{what}");
        }
    }

    #[test]
    fn no_two_requests_have_one_text() {
        type Change = fn(&mut PrivacyRequest);
        let changes: [Change; 4] = [
            |request| request.request_id = "r-1\nkind: erase".to_owned(),
            |request| request.verifier = Some("desk\r".to_owned()),
            |request| request.identifiers[0].value = "1\nidentifier: email:bea@example.org".to_owned(),
            |request| request.identifiers[0].namespace = Namespace::new("social:instagram"),
        ];
        for change in changes {
            let mut request = unsigned();
            change(&mut request);
            let request = PrivacyRequest { signature: Some(sign(&request, &SECRET)), ..request };
            let said = desk().check(&request).expect_err("could be read in two ways");
            assert!(said.contains("control characters") || said.contains("colon"), "{said}");
            assert!(Verifiers::none_needed().check(&request).is_err(), "the same everywhere");
        }
    }

    #[test]
    fn where_no_verifier_is_needed_whoever_asks_may() {
        assert_eq!(Verifiers::none_needed().check(&PrivacyRequest { verifier: None, ..unsigned() }), Ok(()));
        assert_eq!(Verifiers::none_needed().named().count(), 0);
    }

    #[test]
    fn a_signature_for_a_request_is_none_for_an_export_and_the_other_way_round() {
        let (order, now) = (export(), unsigned().time);
        let signature = sign_text(&export_text(&order), &SECRET);
        assert_eq!(desk().check_export(&order, Some(&signature), now), Ok(()));
        let request = signed();
        assert!(desk().check_export(&order, request.signature.as_deref(), now).is_err());
        assert!(desk().check(&PrivacyRequest { signature: Some(signature.clone()), ..unsigned() }).is_err());
    }

    #[test]
    fn an_order_to_export_of_which_any_member_was_changed_is_refused() {
        let (order, now) = (export(), unsigned().time);
        let signature = sign_text(&export_text(&order), &SECRET);
        let mut both = desk();
        both.add("door", &public_key(&SECRET)).expect("is a key");
        assert_eq!(both.check_export(&order, Some(&signature), now), Ok(()));
        for changed in [
            ExportOrder { request_id: "x-2", ..order },
            ExportOrder { time: order.time.plus_millis(1), ..order },
            ExportOrder { verifier: Some("door"), ..order },
            ExportOrder { identifier: "email:bea@example.org", ..order },
        ] {
            let said = both.check_export(&changed, Some(&signature), now).expect_err("it was changed");
            assert!(said.contains("does not fit") && !said.contains("example.org"), "{said}");
        }
        let two = ExportOrder { request_id: "x-1\ntime: 1", ..order };
        let signature = sign_text(&export_text(&two), &SECRET);
        let said = both.check_export(&two, Some(&signature), now).expect_err("could be read in two ways");
        assert!(said.contains("control characters"), "{said}");
        let said = both.check_export(&order, None, now).expect_err("nobody signed");
        assert!(said.contains("is not signed"), "{said}");
        let nobody = ExportOrder { verifier: None, ..order };
        assert_eq!(
            Verifiers::none_needed().check_export(&nobody, None, now.plus_millis(400 * DAY_MS)),
            Ok(())
        );
    }

    #[test]
    fn an_order_to_export_is_good_for_a_month() {
        let order = export();
        let signature = sign_text(&export_text(&order), &SECRET);
        for (after_ms, word) in [
            (-DAY_MS, None),
            (0, None),
            (EXPORT_DAYS * DAY_MS, None),
            (EXPORT_DAYS * DAY_MS + 1, Some("31 days ago")),
            (-DAY_MS - 1, Some("a day ahead")),
        ] {
            let said = desk().check_export(&order, Some(&signature), order.time.plus_millis(after_ms));
            match word {
                None => assert_eq!(said, Ok(()), "{after_ms}"),
                Some(word) => assert!(said.is_err_and(|said| said.contains(word)), "{after_ms}"),
            }
        }
    }

    #[test]
    fn bytes_that_verify_nothing_are_no_key() {
        let mut verifiers = Verifiers::default();
        // The neutral element, under which one signature fits every message.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert_eq!(verifiers.add("desk", &neutral), Err(PublicKeyError));
        // No point of the curve has this y.
        let mut nowhere = [0; 32];
        nowhere[0] = 2;
        assert_eq!(verifiers.add("desk", &nowhere), Err(PublicKeyError));
        assert_eq!(verifiers, Verifiers::default());
    }
}
