//! `master ctl URL ...`: orders to a running daemon.

use imprint_slave::ctl::{self, Ctl};
use imprint_slave::ending::code;
use imprint_wire::WireError;

use crate::command_line::Failure;

/// Gives an order and shows the answer.
///
/// # Errors
/// Where nobody answers at the address, or the daemon refuses.
pub fn ctl(order: &Ctl) -> Result<u8, Failure> {
    ctl::ctl(order).map_err(|error| {
        let is_gone = matches!(error.downcast_ref(), Some(WireError::Unreachable { .. }));
        Failure {
            code: if is_gone {
                code::NO_MASTER
            } else {
                code::USAGE
            },
            error,
        }
    })
}
