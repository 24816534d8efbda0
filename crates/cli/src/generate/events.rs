//! What happens. In: a moment and everybody. Out: one record, as the source where it happened would report it.

use std::fmt::Display;

use fastrand::Rng;
use kinfold_model::keys::sha256_hex;
use kinfold_model::time::Timestamp;

use super::people::{Opaque, People, Person};
use super::record::{Head, Record, Said};
use super::{Generated, SOURCES};

const CAMPAIGNS: [&str; 6] =
    ["spring", "garden", "back_to_school", "winter_sale", "birthday", "new_arrivals"];
const TOPICS: [&str; 4] = ["garden", "kitchen", "sports", "books"];

/// An order of the webshop, which the CRM will report too.
pub(super) struct Order {
    person: usize,
    id: u64,
    cents: u32,
    items: u8,
    time: Timestamp,
}

/// One moment.
pub(super) struct Scene<'g> {
    pub(super) people: &'g mut People,
    pub(super) rng: &'g mut Rng,
    pub(super) sequence: u64,
    pub(super) time: Timestamp,
}

impl Scene<'_> {
    /// Something happens; an order of the webshop is given back beside its record.
    pub(super) fn play(&mut self) -> (Generated, Option<Order>) {
        let source = self.draw_source();
        // Not everybody is known to every source. Whoever is drawn in vain again and again visits the webshop.
        for _ in 0..8 {
            let who = self.people.draw(self.rng);
            if !is_known(&self.people.all[who], source) {
                continue;
            }
            return match source {
                "till" => (self.till(who), None),
                "crm" => (self.crm(who), None),
                "email" => (self.email(who), None),
                "social" => (self.social(who), None),
                "survey" => (self.survey(who), None),
                "callcentre" => (self.callcentre(who), None),
                _ => self.webshop(who),
            };
        }
        let who = self.people.draw(self.rng);
        self.webshop(who)
    }

    /// The CRM's word of an order that the webshop has reported.
    pub(super) fn crm_order(&mut self, order: &Order) -> Generated {
        let person = &self.people.all[order.person];
        let mut record = Record::new(&self.head("crm", order.time, "back_office", "order"));
        record.identifier("customer_id", person.customer_id());
        record.order(order.id, order.cents, person.country().currency, order.items);
        // Not drawn, so that a seed keeps the people and the rest of what it had without it.
        match order.id % 24 {
            0 => record.order_became("returned"),
            1 => record.order_became("cancelled"),
            _ => {}
        }
        generated("crm", record, person)
    }

    fn webshop(&mut self, who: usize) -> (Generated, Option<Order>) {
        if chance(self.rng, 2) {
            let person = &mut self.people.all[who];
            person.cookies = person.cookies.wrapping_add(1);
        }
        let kind = self.rng.u8(0..100);
        let kind = match kind {
            0..60 => "page_view",
            60..75 => "login",
            75..80 => "consent_banner",
            80..84 => "registration",
            _ if self.people.all[who].has_left => "page_view",
            _ => "order",
        };
        let head = self.head("webshop", self.time, "web", kind);
        let mut record = Record::new(&head);
        self.browser(who, &mut record);
        let shouts = chance(self.rng, 10);
        let person = &self.people.all[who];
        let jurisdiction = person.country().jurisdiction;
        if kind != "page_view" && kind != "consent_banner" {
            if person.is_customer {
                record.identifier("customer_id", person.customer_id());
            }
            email_as_typed(&mut record, person, shouts);
        }
        let mut order = None;
        match kind {
            "consent_banner" => {
                record.consent(&Said {
                    purpose: "analytics",
                    channel: None,
                    decision: decision(self.rng, 60),
                    jurisdiction,
                    wording: "banner-v2",
                });
            }
            "registration" => {
                record.attribute("given_name", person.given_name());
                record.attribute("family_name", person.family_name());
                record.attribute("language", person.country().language);
                record.attribute("newsletter_topic", TOPICS[self.rng.usize(0..TOPICS.len())]);
                record.consent(&Said {
                    purpose: "marketing",
                    channel: None,
                    decision: decision(self.rng, 70),
                    jurisdiction,
                    wording: "newsletter-v3",
                });
            }
            "order" => {
                let placed = self.place(who);
                let person = &self.people.all[who];
                record.order(placed.id, placed.cents, person.country().currency, placed.items);
                order = Some(placed).filter(|_| person.is_customer);
            }
            _ => {}
        }
        (generated("webshop", record, &self.people.all[who]), order)
    }

    /// Somebody buys, and perhaps for the last time.
    fn place(&mut self, who: usize) -> Order {
        let (cents, items) = (self.rng.u32(199..25_000), self.rng.u8(1..9));
        let cents = self.people.buys(who, self.sequence, cents);
        Order { person: who, id: self.sequence, cents, items, time: self.time }
    }

    /// The identifiers of the machine in front of which somebody sits: a kiosk, the family's tablet, or their own.
    fn browser(&mut self, who: usize, record: &mut Record) {
        let person = &self.people.all[who];
        match self.rng.u8(0..100) {
            0..3 => record.identifier("cookie", person.kiosk()),
            3..25 if person.has_tablet => {
                record.identifier("cookie", hex(self.people.opaque(person, Opaque::Tablet)));
            }
            25..35 => record.identifier("device_id", hex(self.people.opaque(person, Opaque::Device))),
            _ => record.identifier("cookie", hex(self.people.opaque(person, Opaque::Cookie(person.cookies)))),
        }
    }

    fn till(&mut self, who: usize) -> Generated {
        let order = self.place(who);
        let person = &self.people.all[who];
        let mut record = Record::new(&self.head("till", self.time, "shop", "order"));
        let shows_loyalty = person.has_loyalty && (!person.has_card || chance(self.rng, 70));
        if shows_loyalty {
            record.identifier("loyalty_id", person.loyalty_id());
        }
        if person.has_card && (!shows_loyalty || chance(self.rng, 60)) {
            let token = self.people.opaque(person, Opaque::Card);
            record.identifier("card_token", format_args!("tok_{token:016x}"));
        }
        record.order(order.id, order.cents, person.country().currency, order.items);
        generated("till", record, person)
    }

    fn crm(&mut self, who: usize) -> Generated {
        let changes_email = chance(self.rng, 6);
        if changes_email {
            self.people.all[who].change_email();
        }
        let shouts = chance(self.rng, 10);
        let person = &self.people.all[who];
        let kind = if changes_email { "email_changed" } else { "account_updated" };
        let mut record = Record::new(&self.head("crm", self.time, "back_office", kind));
        record.identifier("customer_id", person.customer_id());
        email_as_typed(&mut record, person, shouts);
        if let Some(phone) = person.phone {
            record.identifier("phone", phone.written());
        }
        if person.has_loyalty {
            record.identifier("loyalty_id", person.loyalty_id());
        }
        let (city, postal_code) = person.city();
        record.attribute("given_name", person.given_name());
        record.attribute("family_name", person.family_name());
        record.attribute("birth_date", person.birth_date());
        record.attribute("language", person.country().language);
        record.attribute("country", person.country().code);
        record.attribute("street", person.street());
        record.attribute("postal_code", postal_code);
        record.attribute("city", city);
        generated("crm", record, person)
    }

    fn email(&mut self, who: usize) -> Generated {
        let kind = match self.rng.u8(0..100) {
            0..65 => "open",
            65..97 => "click",
            _ => "unsubscribe",
        };
        self.people.all[who].is_subscribed = kind != "unsubscribe";
        let by_hash = chance(self.rng, 40);
        let campaign = CAMPAIGNS[self.rng.usize(0..CAMPAIGNS.len())];
        let person = &self.people.all[who];
        let mut record = Record::new(&self.head("email", self.time, "email", kind));
        if by_hash {
            record.identifier("email_sha256", sha256_hex(&person.email().to_string()));
        } else {
            record.identifier("email", person.email());
        }
        if kind == "unsubscribe" {
            record.consent(&Said {
                purpose: "marketing",
                channel: Some("email"),
                decision: "withdrawn",
                jurisdiction: person.country().jurisdiction,
                wording: "unsubscribe-v1",
            });
        }
        record.reaction(campaign, kind);
        generated("email", record, person)
    }

    fn social(&mut self, who: usize) -> Generated {
        let person = &self.people.all[who];
        let mut record = Record::new(&self.head("social", self.time, "social", "mention"));
        record.identifier("social", person.handle());
        if chance(self.rng, 20) {
            record.identifier("email", person.email());
        }
        record.sentiment("mention", self.rng.i8(-10..=10));
        generated("social", record, person)
    }

    fn survey(&mut self, who: usize) -> Generated {
        let person = &self.people.all[who];
        // The survey tool knows no ids for its answers.
        let head = Head { id: None, ..self.head("survey", self.time, "survey", "answer") };
        let mut record = Record::new(&head);
        record.identifier("email", person.email());
        record.attribute("language", person.country().language);
        record.sentiment("reply", self.rng.i8(-10..=10));
        generated("survey", record, person)
    }

    fn callcentre(&mut self, who: usize) -> Generated {
        let person = &self.people.all[who];
        let mut record = Record::new(&self.head("callcentre", self.time, "phone", "call"));
        if let Some(phone) = person.phone {
            record.identifier("phone", phone.written());
        }
        if person.is_customer && (person.phone.is_none() || chance(self.rng, 75)) {
            record.identifier("customer_id", person.customer_id());
        }
        if chance(self.rng, 8) {
            record.consent(&Said {
                purpose: "marketing",
                channel: Some("phone"),
                decision: decision(self.rng, 35),
                jurisdiction: person.country().jurisdiction,
                wording: "phone-script-v1",
            });
        }
        record.sentiment("call", self.rng.i8(-10..=10));
        generated("callcentre", record, person)
    }

    fn head(&self, source: &'static str, time: Timestamp, channel: &'static str, kind: &'static str) -> Head {
        Head { id: Some((source, self.sequence)), time, source, channel, kind }
    }

    fn draw_source(&mut self) -> &'static str {
        let mut left = self.rng.u8(0..100);
        for (source, share) in SOURCES {
            if left < share {
                return source;
            }
            left -= share;
        }
        SOURCES[0].0
    }
}

/// Whether the source has an identifier by which it could know this person, and hears of them. The till hears of who buys.
fn is_known(person: &Person, source: &str) -> bool {
    match source {
        "till" => !person.has_left && (person.has_loyalty || person.has_card),
        "crm" => person.is_customer,
        "email" => person.is_subscribed,
        "social" => person.is_social,
        "callcentre" => person.is_customer || person.phone.is_some(),
        _ => true,
    }
}

/// Now and then with capitals and blanks, as people type it into a form.
fn email_as_typed(record: &mut Record, person: &Person, shouts: bool) {
    if shouts {
        record.identifier("email", format_args!(" {} ", person.email().to_string().to_uppercase()));
    } else {
        record.identifier("email", person.email());
    }
}

fn decision(rng: &mut Rng, granted_percent: u8) -> &'static str {
    if chance(rng, granted_percent) { "granted" } else { "denied" }
}

fn chance(rng: &mut Rng, percent: u8) -> bool {
    rng.u8(0..100) < percent
}

fn hex(number: u64) -> impl Display {
    std::fmt::from_fn(move |f| write!(f, "{number:016x}"))
}

fn generated(source: &'static str, record: Record, person: &Person) -> Generated {
    Generated { source, record: record.finish(), person: person.index, sound: true }
}
