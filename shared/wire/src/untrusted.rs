//! Bytes of a stranger, read as the messages of a stream: what fuzzing calls, with the bytes that it
//! begins with. The streams themselves read and write the same messages with the same functions.

use prost::Message;

use crate::bundles::{BundleReader, BundleWriter};
use crate::convert::{heard, said};
use crate::error::InvalidMessage;
use crate::message::{MasterMessage, SlaveMessage};
use crate::pb;

/// The bytes of what a slave says.
pub fn slave_bytes(message: SlaveMessage) -> Vec<u8> {
    pb::SlaveMessage::from(message).encode_to_vec()
}

/// The bytes of what a master says first on a stream.
pub fn master_bytes(message: MasterMessage) -> Vec<u8> {
    said(message, &mut BundleWriter::of(0)).encode_to_vec()
}

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
