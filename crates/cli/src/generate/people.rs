//! Who there is. In: how many people, and a seed. Out: households of one to four with what they share (a family name,
//! a home, often a telephone, sometimes a tablet), and people with what they own.

use std::fmt::{self, Display};

use fastrand::Rng;

use super::names::{COUNTRIES, CULTURES, Country};
use super::phones::{Exchange, Phone};

/// Kiosks stand in shops; this many people share one.
const PEOPLE_PER_KIOSK: u32 = 500;
const DOMAINS: [&str; 3] = ["example.org", "example.com", "example.net"];
const NETWORKS: [&str; 3] = ["mastodon", "bluesky", "pixelfed"];

/// Everybody.
pub(super) struct People {
    pub(super) all: Vec<Person>,
    /// After so many of a hundred orders that are not their first people leave.
    churn: u8,
    seed: u64,
}

/// One person. What can be computed from the index is not stored.
pub(super) struct Person {
    pub(super) index: u32,
    household: u32,
    country: u8,
    city: u8,
    culture: u8,
    given: u8,
    family: u8,
    /// How often the address changed.
    emails: u8,
    /// How often the browser forgot its cookie.
    pub(super) cookies: u8,
    pub(super) phone: Option<Phone>,
    pub(super) is_customer: bool,
    pub(super) has_loyalty: bool,
    pub(super) has_card: bool,
    pub(super) is_social: bool,
    pub(super) has_tablet: bool,
    pub(super) is_subscribed: bool,
    /// Known only where people leave.
    has_bought: bool,
    /// Whoever left buys nothing any more.
    pub(super) has_left: bool,
}

/// Values that look random and are not, one kind apart from the other.
#[derive(Clone, Copy)]
pub(super) enum Opaque {
    Cookie(u8),
    Tablet,
    Device,
    Card,
}

impl People {
    /// Nobody of them ever leaves.
    pub(super) fn new(count: usize, seed: u64, rng: &mut Rng) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let mut all = Vec::with_capacity(count as usize);
        let mut exchange = Exchange::default();
        let mut household = 0;
        while (all.len() as u64) < u64::from(count) {
            let size = [1, 1, 2, 2, 3, 4][rng.usize(0..6)].min(count as usize - all.len());
            settle(&mut all, household, size, &mut exchange, rng);
            household += 1;
        }
        Self { all, churn: 0, seed }
    }

    /// The same, who leave after so many of a hundred orders on average; at most 33.
    pub(super) fn leaving(self, churn: u8) -> Self {
        Self { churn, ..self }
    }

    /// What somebody pays for an order that is offered at so many cents; and they leave or not, as models of purchases have it: not with the
    /// first order, and everybody with a probability of their own, three times that of all at most and small for most. So is what they
    /// spend their own, from a fifth of the price to twice that. Nothing is drawn, so that where nobody leaves everything is as it was.
    pub(super) fn buys(&mut self, who: usize, order: u64, cents: u32) -> u32 {
        const TAG: u64 = 0xa076_1d64_78bd_642f;
        let Some(person) = self.all.get_mut(who).filter(|_| self.churn > 0) else { return cents };
        let own = mix(mix(self.seed ^ TAG) ^ u64::from(person.index));
        let in_a_million = 3 * u64::from(self.churn) * (own % 101).pow(2);
        person.has_left |= person.has_bought && mix(own ^ order) % 1_000_000 < in_a_million;
        person.has_bought = true;
        let percent = 20 + u32::try_from(own >> 32).unwrap_or_default() % 181;
        cents * percent / 100
    }

    /// Somebody; some come more often than others.
    pub(super) fn draw(&self, rng: &mut Rng) -> usize {
        let count = self.all.len();
        rng.usize(0..count).min(rng.usize(0..count))
    }

    /// 64 bits that stand for a cookie, a device or a card.
    pub(super) fn opaque(&self, person: &Person, kind: Opaque) -> u64 {
        let (tag, owner) = match kind {
            Opaque::Cookie(version) => (u64::from(version) << 8, person.index),
            Opaque::Tablet => (1, person.household),
            Opaque::Device => (2, person.index),
            Opaque::Card => (3, person.index),
        };
        mix(mix(self.seed ^ tag.wrapping_mul(0xd6e8_feb8_6659_fd93)) ^ u64::from(owner))
    }
}

impl Person {
    pub(super) fn country(&self) -> &'static Country {
        &COUNTRIES[usize::from(self.country)]
    }

    pub(super) fn given_name(&self) -> &'static str {
        self.given_pair().0
    }

    pub(super) fn family_name(&self) -> &'static str {
        self.family_pair().0
    }

    /// City and postal code.
    pub(super) fn city(&self) -> (&'static str, &'static str) {
        self.country().cities[usize::from(self.city)]
    }

    pub(super) fn street(&self) -> impl Display {
        let streets = self.country().streets;
        let number = self.household % 120 + 1;
        let street = streets[self.household as usize % streets.len()];
        fmt::from_fn(move |f| write!(f, "{street} {number}"))
    }

    pub(super) fn birth_date(&self) -> impl Display {
        let bits = mix(u64::from(self.index));
        let (year, month, day) = (1940 + bits % 66, 1 + (bits >> 8) % 12, 1 + (bits >> 16) % 28);
        fmt::from_fn(move |f| write!(f, "{year}-{month:02}-{day:02}"))
    }

    /// The current address, normalised.
    pub(super) fn email(&self) -> impl Display {
        let (given, family, index) = (self.given_pair().1, self.family_pair().1, self.index);
        let domain = DOMAINS[(index as usize + usize::from(self.emails)) % DOMAINS.len()];
        let changes = self.emails;
        fmt::from_fn(move |f| {
            lower(f, given)?;
            f.write_str(".")?;
            lower(f, family)?;
            match changes {
                0 => write!(f, "{index}@{domain}"),
                changes => write!(f, "{index}.{changes}@{domain}"),
            }
        })
    }

    pub(super) fn change_email(&mut self) {
        self.emails = self.emails.wrapping_add(1);
    }

    pub(super) fn customer_id(&self) -> impl Display {
        let number = 100_000 + u64::from(self.index);
        fmt::from_fn(move |f| write!(f, "C-{number}"))
    }

    pub(super) fn loyalty_id(&self) -> impl Display {
        let number = 7_000_000 + u64::from(self.index);
        fmt::from_fn(move |f| write!(f, "L{number}"))
    }

    /// `network:handle`.
    pub(super) fn handle(&self) -> impl Display {
        let (given, index) = (self.given_pair().1, self.index);
        let network = NETWORKS[index as usize % NETWORKS.len()];
        fmt::from_fn(move |f| {
            write!(f, "{network}:")?;
            lower(f, given)?;
            write!(f, "_{index}")
        })
    }

    /// The kiosk in the shop where this person buys.
    pub(super) fn kiosk(&self) -> impl Display {
        let (code, kiosk) = (self.country().code, self.index / PEOPLE_PER_KIOSK);
        fmt::from_fn(move |f| write!(f, "kiosk-{code}-{kiosk:04}"))
    }

    fn given_pair(&self) -> (&'static str, &'static str) {
        CULTURES[usize::from(self.culture)].given[usize::from(self.given)]
    }

    fn family_pair(&self) -> (&'static str, &'static str) {
        CULTURES[usize::from(self.culture)].family[usize::from(self.family)]
    }
}

/// Adds one household.
fn settle(all: &mut Vec<Person>, household: u32, size: usize, exchange: &mut Exchange, rng: &mut Rng) {
    let country = draw_country(rng);
    let home = COUNTRIES[usize::from(country)].culture;
    let culture = if rng.u8(0..100) < 65 { home } else { one_of(8, rng) };
    let (city, family) = (one_of(5, rng), one_of(10, rng));
    let shared = if size > 1 && rng.u8(0..100) < 60 { exchange.next(country) } else { None };
    let has_tablet = size > 1 && rng.u8(0..100) < 30;
    for _ in 0..size {
        let phone = shared.or_else(|| if rng.u8(0..100) < 80 { exchange.next(country) } else { None });
        all.push(Person {
            index: u32::try_from(all.len()).expect("there are no more people than u32 counts"),
            household,
            country,
            city,
            culture,
            given: one_of(10, rng),
            family: if rng.u8(0..100) < 85 { family } else { one_of(10, rng) },
            emails: 0,
            cookies: 0,
            phone,
            is_customer: rng.u8(0..100) < 75,
            has_loyalty: rng.u8(0..100) < 45,
            has_card: rng.u8(0..100) < 85,
            is_social: rng.u8(0..100) < 30,
            has_tablet,
            is_subscribed: rng.u8(0..100) < 60,
            has_bought: false,
            has_left: false,
        });
    }
}

fn draw_country(rng: &mut Rng) -> u8 {
    let mut left = rng.u8(0..100);
    for (country, index) in COUNTRIES.iter().zip(0..) {
        if left < country.share {
            return index;
        }
        left -= country.share;
    }
    0
}

fn one_of(count: u8, rng: &mut Rng) -> u8 {
    rng.u8(0..count)
}

fn lower(f: &mut fmt::Formatter<'_>, ascii: &str) -> fmt::Result {
    ascii.chars().try_for_each(|letter| fmt::Write::write_char(f, letter.to_ascii_lowercase()))
}

/// The finaliser of `SplitMix64`: near numbers give far ones, and no two the same.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
