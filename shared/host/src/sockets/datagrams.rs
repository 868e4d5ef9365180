//! UDP: datagrams, each with the address that it came from or goes to.

use std::net::SocketAddrV4;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketType};

use super::{Phase, Semaphores, Socket, open, version_4};
use crate::reactor::Reactor;

/// A datagram that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Datagram {
    /// Bytes that are in the buffer.
    pub count: usize,
    /// Whence it came; `None` where the system does not say.
    pub sender: Option<SocketAddrV4>,
    /// Whether the buffer was too small: what did not fit is lost.
    pub is_cut: bool,
}

impl Socket {
    /// A UDP socket for IPv4.
    ///
    /// # Errors
    /// Where the system has none left.
    pub fn for_datagrams(reactor: &Reactor, semaphores: Semaphores) -> Result<Socket, Errno> {
        let descriptor = open(SocketType::DGRAM)?;
        Ok(Socket::around(
            descriptor,
            Phase::Datagrams,
            reactor,
            semaphores,
        ))
    }

    /// Whether it is for datagrams.
    pub fn is_for_datagrams(&self) -> bool {
        matches!(self.phase, Phase::Datagrams)
    }

    /// The datagram that came first; `None` where there is none.
    pub fn receive_from(&mut self, buffer: &mut [u8]) -> Option<Datagram> {
        // With TRUNC the system tells the whole length also of what does not fit.
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        match rustix::net::recvfrom(&self.descriptor, &mut *buffer, flags) {
            Ok((_, length, sender)) => Some(Datagram {
                count: length.min(buffer.len()),
                sender: sender.and_then(version_4),
                is_cut: length > buffer.len(),
            }),
            Err(Errno::AGAIN | Errno::INTR) => None,
            Err(error) => {
                self.error = error.raw_os_error();
                None
            }
        }
    }

    /// Sends a datagram, and answers how much of it went: all or nothing.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn send_to(&mut self, bytes: &[u8], receiver: SocketAddrV4) -> Result<usize, Errno> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match rustix::net::sendto(&self.descriptor, bytes, flags, &receiver) {
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(error) => {
                self.error = error.raw_os_error();
                Err(error)
            }
            sent => sent,
        }
    }
}
