//! Ports to listen on, for whoever must know one before anybody listens there.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports that the system gives to no connection by itself (Linux takes those from 32,768 on): what is free
/// here stays so until somebody wants just this one.
const PORTS: Range<u16> = 10_000..32_000;
const COUNT: u32 = (PORTS.end - PORTS.start) as u32;

/// Where this process begins: anywhere, so that those that ask at the same time get others.
static BEGIN: LazyLock<u32> = LazyLock::new(|| {
    let random = RandomState::new().hash_one(std::process::id());
    u32::try_from(random % u64::from(COUNT)).unwrap_or_default()
});
/// How many were tried so far.
static TURN: AtomicU32 = AtomicU32::new(0);

/// A port of this machine on which nobody listens now; another one each time.
///
/// # Errors
/// Where all are taken.
pub fn free_port() -> io::Result<u16> {
    let mut turns = (0..COUNT).map(|_| TURN.fetch_add(1, Ordering::Relaxed));
    let port = turns.find_map(|turn| {
        let offset = BEGIN.wrapping_add(turn) % COUNT;
        let port = PORTS.start + u16::try_from(offset).ok()?;
        (!is_taken(port)).then_some(port)
    });
    port.ok_or_else(|| io::ErrorKind::AddrInUse.into())
}

/// Whether somebody listens on a port of this machine now.
fn is_taken(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_and_another_each_time() {
        let (one, other) = (free_port().unwrap(), free_port().unwrap());
        assert_ne!(one, other);
        for port in [one, other] {
            assert!(PORTS.contains(&port));
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
            assert!(is_taken(port));
            drop(listener);
            assert!(!is_taken(port));
        }
    }
}
