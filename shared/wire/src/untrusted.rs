//! Bytes of a stranger, read as the messages of a stream: what fuzzing calls. The streams themselves
//! read the same messages with the same functions.

use prost::Message;

use crate::bundles::BundleReader;
use crate::convert::heard;
use crate::error::InvalidMessage;
use crate::message::{MasterMessage, SlaveMessage};
use crate::pb;

/// Reads what a slave says; `None` where it is no message at all.
///
/// # Errors
/// Where the message makes no sense.
pub fn read_slave_message(bytes: &[u8]) -> Option<Result<SlaveMessage, InvalidMessage>> {
    let message = pb::SlaveMessage::decode(bytes).ok()?;
    Some(SlaveMessage::try_from(message))
}

/// Reads what a master says first on a stream; `None` where it is no message at all.
///
/// # Errors
/// Where the message makes no sense.
pub fn read_master_message(bytes: &[u8]) -> Option<Result<MasterMessage, InvalidMessage>> {
    let message = pb::MasterMessage::decode(bytes).ok()?;
    Some(heard(message, &mut BundleReader::default()))
}
