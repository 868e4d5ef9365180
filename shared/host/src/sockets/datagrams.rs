//! UDP: datagrams, each with the address that it came from or goes to.

use std::net::SocketAddr;

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType};

use super::{Phase, Semaphores, Socket, address_of, open};
use crate::reactor::Reactor;

/// A datagram that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Datagram {
    /// Bytes that are in the buffer.
    pub count: usize,
    /// Whence it came; `None` where the system does not say.
    pub sender: Option<SocketAddr>,
    /// Whether the buffer was too small: what did not fit is lost.
    pub is_cut: bool,
}

impl Socket {
    /// A UDP socket.
    ///
    /// # Errors
    /// Where the system has none left, or not of this family.
    pub fn for_datagrams(
        family: AddressFamily,
        reactor: &Reactor,
        semaphores: Semaphores,
    ) -> Result<Socket, Errno> {
        let descriptor = open(family, SocketType::DGRAM)?;
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
                sender: sender.and_then(address_of),
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
    pub fn send_to(&mut self, bytes: &[u8], receiver: SocketAddr) -> Result<usize, Errno> {
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
