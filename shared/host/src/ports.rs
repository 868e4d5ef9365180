//! Ports to listen on, for whoever must know one before anybody listens there.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports that the system gives to no connection by itself (Linux takes those from 32,768 on): what is free
/// here stays so until somebody wants just this one.
const PORTS: Range<u16> = 10_000..32_000;
/// Processes that start one after another begin so far from each other.
const APART: u32 = 7919;

static TURN: AtomicU32 = AtomicU32::new(0);

/// A port of this machine on which nobody listens now; another one each time.
///
/// # Errors
/// Where all are taken.
pub fn free_port() -> io::Result<u16> {
    let count = u32::from(PORTS.end - PORTS.start);
    let begin = std::process::id().wrapping_mul(APART);
    let mut turns = (0..count).map(|_| TURN.fetch_add(1, Ordering::Relaxed));
    let port = turns.find_map(|turn| {
        let offset = begin.wrapping_add(turn) % count;
        let port = PORTS.start + u16::try_from(offset).ok()?;
        let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        is_free.then_some(port)
    });
    port.ok_or_else(|| io::ErrorKind::AddrInUse.into())
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
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        }
    }
}
