//! What a person did: an order, a reaction to a campaign.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use kinfold_model::touchpoint::{Engagement, Order};
use kinfold_model::{Amount, Refusal, RefusalKind};

use super::members::Members;
use crate::json::Json;
use crate::limits;
use crate::path::Path;
use crate::settings::UnknownMembers;

/// The member `order`.
///
/// # Errors
/// `bad_money`, also for a status that is none, `wrong_type` for an amount that is a JSON number, `out_of_range` for a refund of
/// more than the order was worth, and those of [`Members`].
pub(crate) fn order(object: Option<Json<'_>>, unknown: UnknownMembers) -> Result<Option<Order>, Refusal> {
    let Some(object) = object else { return Ok(None) };
    let path = Path::ROOT.member("order");
    let mut members = Members::of(object, &path)?;
    let order_id = members.require_text("order_id", limits::ID_BYTES_MAX)?.into_owned();
    let value: Amount = money(members.require("value", amount_text)?, &path.member("value"))?;
    let status = members.text("status", limits::NAME_BYTES_MAX)?;
    let order = Order {
        order_id,
        value,
        currency: money(
            members.require_text("currency", limits::MONEY_BYTES_MAX)?,
            &path.member("currency"),
        )?,
        items: members.integer("items", 0, limits::ITEMS_MAX)?.unwrap_or(0),
        status: status.map(|text| money(text, &path.member("status"))).transpose()?.unwrap_or_default(),
        refunded: refunded(&mut members, value, &path.member("refunded"))?,
    };
    members.close(unknown)?;
    Ok(Some(order))
}

/// What was paid back of a value. Nothing can be of an order that is a refund itself.
fn refunded(members: &mut Members<'_, '_>, value: Amount, path: &Path<'_>) -> Result<Amount, Refusal> {
    let Some(text) = amount_text(members, "refunded")? else { return Ok(Amount::default()) };
    let refunded: Amount = money(text, path)?;
    let nothing = Amount::default();
    if (nothing..=value.max(nothing)).contains(&refunded) {
        return Ok(refunded);
    }
    let complaint = "must be decimal text from \"0\" to the order's `value`, of which it was paid back";
    Err(Refusal::new(RefusalKind::OutOfRange, path.to_string(), complaint))
}

/// The member `engagement`; `None` when it states nothing.
///
/// # Errors
/// Those of [`Members`].
pub(crate) fn engagement(
    object: Option<Json<'_>>,
    unknown: UnknownMembers,
) -> Result<Option<Engagement>, Refusal> {
    let Some(object) = object else { return Ok(None) };
    let path = Path::ROOT.member("engagement");
    let mut members = Members::of(object, &path)?;
    let engagement = Engagement {
        campaign: members.text("campaign", limits::ID_BYTES_MAX)?.map(Cow::into_owned),
        action: members.text("action", limits::NAME_BYTES_MAX)?.map(Cow::into_owned),
        sentiment: members.number("sentiment", -1.0, 1.0)?,
    };
    members.close(unknown)?;
    Ok((engagement != Engagement::default()).then_some(engagement))
}

/// An amount is text: a JSON number passes through floats in most libraries, and floats lose cents.
fn amount_text<'a>(members: &mut Members<'a, '_>, name: &str) -> Result<Option<Cow<'a, str>>, Refusal> {
    members.text(name, limits::MONEY_BYTES_MAX).map_err(|refusal| match refusal.kind {
        RefusalKind::WrongType => {
            let complaint =
                "must be decimal text such as \"129.90\": money is text, because numbers lose cents";
            Refusal::new(RefusalKind::WrongType, refusal.member, complaint)
        }
        _ => refusal,
    })
}

fn money<T: FromStr<Err: Display>>(text: Cow<'_, str>, path: &Path<'_>) -> Result<T, Refusal> {
    text.parse().map_err(|error: T::Err| Refusal::new(RefusalKind::BadMoney, path.to_string(), error))
}
