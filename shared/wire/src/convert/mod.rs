//! Between protobuf and plain values: `From` on the way out, `TryFrom` with a check on the way in.

mod control;
mod event;
mod from_master;
mod from_slave;
mod lacking;
mod live;
mod names;
mod seed;

pub(crate) use control::millis;
pub(crate) use from_master::{heard, said};
pub(crate) use live::method_name;

use crate::InvalidMessage;

/// The part that must be there.
fn required<T>(part: Option<T>, name: &'static str) -> Result<T, InvalidMessage> {
    part.ok_or(InvalidMessage::Missing(name))
}

/// Converts each item, or says which failed first.
fn each<T, U>(items: Vec<T>) -> Result<Vec<U>, InvalidMessage>
where
    U: TryFrom<T, Error = InvalidMessage>,
{
    items.into_iter().map(U::try_from).collect()
}

/// Converts each item.
fn all<T, U: From<T>>(items: Vec<T>) -> Vec<U> {
    items.into_iter().map(U::from).collect()
}

#[cfg(test)]
mod tests;
