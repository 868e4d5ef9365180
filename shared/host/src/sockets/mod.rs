//! Module `SocketPlugin`: TCP and UDP sockets, non-blocking, for IPv4.
//!
//! ```text
//!                 bind, listen             a connection waits
//!   Unconnected ───────────────> Waiting ────────────────────> Connected (a listener: accept it)
//!        │                          ▲  connect, in progress
//!        └──────────────────────────┴──────────────────────────> Connected
//!   Connected ── end of input, an error ──> OtherEndClosed
//!   any ── close ──> ThisEndClosed          any ── destroy ──> the handle names nothing: Invalid
//!   a socket for datagrams is Connected from the beginning
//! ```
//!
//! Nothing changes behind the primitives' back: a state is found out by the call that asks for it,
//! and where the answer is "not yet", that call arms the socket's watch, so the semaphore is
//! signalled when asking again is worth while. Numbers and argument orders are those of the
//! module's declarations in the image (`Socket>>primSocket...`).
//!
//! Reading order: this file (what a socket is), [`datagrams`], [`primitives`], [`options`], [`resolver`].

mod datagrams;
pub mod options;
pub mod primitives;
pub mod resolver;

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketAddrAny, SocketFlags, SocketType, sockopt,
};

use crate::handles::Handles;
use crate::reactor::{Direction, Reactor, Watch};
use resolver::Resolver;

/// Most input that is thrown away when a socket is closed: unread input would make the system
/// reset the connection, and lose output that is still on its way.
const DISCARDED_BYTES_MAX: usize = 1 << 16;

/// What an image is told about a socket; the numbers are the module's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i8)]
pub enum Status {
    /// No socket.
    Invalid = -1,
    /// Neither connected nor waiting.
    Unconnected = 0,
    /// Listening, or connecting.
    Waiting = 1,
    /// Connected; of a listener: a connection can be accepted.
    Connected = 2,
    /// The other end closed.
    OtherEndClosed = 3,
    /// This end closed.
    ThisEndClosed = 4,
}

/// The state of the module in one machine.
pub struct Network {
    reactor: Reactor,
    sockets: Handles<Socket>,
    resolver: Resolver,
}

/// The external indices of a socket's semaphores.
#[derive(Clone, Copy, Debug)]
pub struct Semaphores {
    /// Signalled when the state may have changed.
    pub connection: usize,
    /// Signalled when there may be input.
    pub read: usize,
    /// Signalled when there may be room for output.
    pub write: usize,
}

/// One TCP or UDP socket.
pub struct Socket {
    descriptor: Arc<OwnedFd>,
    watch: Watch,
    reactor: Reactor,
    semaphores: Semaphores,
    phase: Phase,
    /// The system's number of the last error, 0 where there was none.
    error: i32,
}

/// Where a socket is in its life.
enum Phase {
    Unconnected,
    /// A listener for one connection, which it becomes, or for many, each accepted in turn.
    Listening {
        for_many: bool,
        accepted: Option<OwnedFd>,
    },
    Connecting,
    Connected,
    /// For datagrams; a peer that is named is a default, and no connection.
    Datagrams,
    OtherEndClosed,
    ThisEndClosed,
}

impl Network {
    /// No sockets yet.
    pub fn new(reactor: Reactor) -> Network {
        Network {
            resolver: Resolver::new(reactor.clone()),
            sockets: Handles::default(),
            reactor,
        }
    }

    /// A port that the image listens on for many connections: the lowest, where there are several.
    pub fn served_port(&self) -> Option<u16> {
        let listeners = self.sockets.things().filter(|socket| socket.serves());
        let ports = listeners.filter_map(|socket| Some(socket.local_address()?.port()));
        ports.min()
    }
}

impl Socket {
    /// A TCP socket.
    ///
    /// # Errors
    /// Where the system has none left, or not of this family.
    pub fn new(
        family: AddressFamily,
        reactor: &Reactor,
        semaphores: Semaphores,
    ) -> Result<Socket, Errno> {
        let descriptor = open(family, SocketType::STREAM)?;
        // An address that a connection of an earlier run still holds can be had at once.
        sockopt::set_socket_reuseaddr(&descriptor, true)?;
        Ok(Socket::around(
            descriptor,
            Phase::Unconnected,
            reactor,
            semaphores,
        ))
    }

    /// A connection that a listener gave.
    pub fn accepted(connection: OwnedFd, reactor: &Reactor, semaphores: Semaphores) -> Socket {
        Socket::around(connection, Phase::Connected, reactor, semaphores)
    }

    /// What the system knows it by.
    pub fn descriptor(&self) -> &OwnedFd {
        &self.descriptor
    }

    fn around(
        descriptor: OwnedFd,
        phase: Phase,
        reactor: &Reactor,
        semaphores: Semaphores,
    ) -> Socket {
        let descriptor = Arc::new(descriptor);
        Socket {
            watch: reactor.watch(Arc::clone(&descriptor)),
            descriptor,
            reactor: reactor.clone(),
            semaphores,
            phase,
            error: 0,
        }
    }

    /// Takes the address.
    ///
    /// # Errors
    /// Where it cannot be had.
    pub fn bind(&mut self, address: SocketAddr) -> Result<(), Errno> {
        let result = rustix::net::bind(&self.descriptor, &address);
        self.noted(result)
    }

    /// Waits for connections.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn listen(&mut self, backlog: i32) -> Result<(), Errno> {
        let result = rustix::net::listen(&self.descriptor, backlog.max(1));
        self.noted(result)?;
        self.phase = Phase::Listening {
            for_many: backlog > 1,
            accepted: None,
        };
        self.arm(Direction::Readable, self.semaphores.connection);
        Ok(())
    }

    /// Begins to connect.
    ///
    /// # Errors
    /// Where the system refuses at once.
    pub fn connect(&mut self, address: SocketAddr) -> Result<(), Errno> {
        match rustix::net::connect(&self.descriptor, &address) {
            Ok(()) if self.is_for_datagrams() => return Ok(()),
            Ok(()) => self.phase = Phase::Connected,
            Err(Errno::INPROGRESS | Errno::INTR) => self.phase = Phase::Connecting,
            Err(error) => return self.noted(Err(error)),
        }
        self.arm(Direction::Writable, self.semaphores.connection);
        Ok(())
    }

    /// Finds the state out; where it may still change, the connection semaphore is signalled
    /// when it does.
    pub fn status(&mut self) -> Status {
        match self.phase {
            Phase::Listening { .. } => self.look_for_connection(),
            Phase::Connecting => self.look_for_end_of_connecting(),
            Phase::Connected => {
                self.look_for_input();
            }
            _ => {}
        }
        match &self.phase {
            Phase::Unconnected => Status::Unconnected,
            Phase::Listening { accepted: None, .. } | Phase::Connecting => Status::Waiting,
            Phase::Listening { .. } | Phase::Connected | Phase::Datagrams => Status::Connected,
            Phase::OtherEndClosed => Status::OtherEndClosed,
            Phase::ThisEndClosed => Status::ThisEndClosed,
        }
    }

    fn look_for_connection(&mut self) {
        let Phase::Listening { for_many, accepted } = &mut self.phase else {
            return;
        };
        if accepted.is_some() {
            return;
        }
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        match rustix::net::accept_with(&self.descriptor, flags) {
            Ok(connection) if *for_many => *accepted = Some(connection),
            Ok(connection) => self.become_connection(connection),
            // The other end may have gone meanwhile: the next one will do.
            Err(Errno::AGAIN | Errno::CONNABORTED | Errno::INTR) => {
                self.arm(Direction::Readable, self.semaphores.connection);
            }
            Err(error) => {
                self.error = error.raw_os_error();
                self.arm(Direction::Readable, self.semaphores.connection);
            }
        }
    }

    /// A listener for one connection is replaced by it.
    fn become_connection(&mut self, connection: OwnedFd) {
        self.reactor.forget(self.watch);
        self.descriptor = Arc::new(connection);
        self.watch = self.reactor.watch(Arc::clone(&self.descriptor));
        self.phase = Phase::Connected;
    }

    fn look_for_end_of_connecting(&mut self) {
        if !self.is_ready(PollFlags::OUT) {
            self.arm(Direction::Writable, self.semaphores.connection);
            return;
        }
        match sockopt::socket_error(&self.descriptor) {
            Ok(Ok(())) => self.phase = Phase::Connected,
            Ok(Err(error)) | Err(error) => {
                self.error = error.raw_os_error();
                self.phase = Phase::Unconnected;
            }
        }
    }

    /// Whether there is input. Input that came before the end is read first.
    fn look_for_input(&mut self) -> bool {
        let mut byte = [0; 1];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match rustix::net::recv(&self.descriptor, &mut byte, flags) {
            Ok((_, 0)) => self.phase = Phase::OtherEndClosed,
            Ok(_) => return true,
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => self.break_off(error),
        }
        false
    }

    fn break_off(&mut self, error: Errno) {
        self.error = error.raw_os_error();
        self.phase = Phase::OtherEndClosed;
    }

    fn is_ready(&self, flags: PollFlags) -> bool {
        let mut descriptors = [PollFd::new(&self.descriptor, flags)];
        matches!(poll(&mut descriptors, Some(&Timespec::default())), Ok(1))
    }

    /// The connection that waits at a listener; afterwards it waits for the next.
    pub fn take_connection(&mut self) -> Option<OwnedFd> {
        self.look_for_connection();
        let Phase::Listening { accepted, .. } = &mut self.phase else {
            return None;
        };
        let connection = accepted.take();
        self.arm(Direction::Readable, self.semaphores.connection);
        connection
    }

    /// Whether there is input; where there is none yet, the read semaphore is signalled when
    /// there is, or when the connection ends.
    pub fn has_input(&mut self) -> bool {
        let has_input = match self.phase {
            Phase::Connected => self.look_for_input(),
            Phase::Datagrams => self.is_ready(PollFlags::IN),
            _ => return false,
        };
        if !has_input && matches!(self.phase, Phase::Connected | Phase::Datagrams) {
            self.arm(Direction::Readable, self.semaphores.read);
        }
        has_input
    }

    /// Reads what is there, and answers how much that was.
    pub fn receive(&mut self, buffer: &mut [u8]) -> usize {
        if self.is_for_datagrams() {
            return self
                .receive_from(buffer)
                .map_or(0, |datagram| datagram.count);
        }
        if buffer.is_empty() || !matches!(self.phase, Phase::Connected) {
            return 0;
        }
        match rustix::net::recv(&self.descriptor, buffer, RecvFlags::DONTWAIT) {
            Ok((_, 0)) => self.phase = Phase::OtherEndClosed,
            Ok((_, count)) => return count,
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => self.break_off(error),
        }
        0
    }

    /// Whether there is room for output; where there is none, the write semaphore is signalled
    /// when there is. After the other end closed its output it may still read ours.
    pub fn has_room(&mut self) -> bool {
        if !self.may_send() {
            return false;
        }
        let has_room = self.is_ready(PollFlags::OUT);
        if !has_room {
            self.arm(Direction::Writable, self.semaphores.write);
        }
        has_room
    }

    fn may_send(&self) -> bool {
        match self.phase {
            Phase::Connected | Phase::Datagrams => true,
            Phase::OtherEndClosed => self.error == 0,
            _ => false,
        }
    }

    /// Writes as much as the system takes, and answers how much that was.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        if !self.may_send() {
            return 0;
        }
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match rustix::net::send(&self.descriptor, bytes, flags) {
            Ok(count) => return count,
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) if self.is_for_datagrams() => self.error = error.raw_os_error(),
            Err(error) => self.break_off(error),
        }
        0
    }

    /// Ends the connection in good order: what was sent still arrives.
    pub fn close(&mut self) {
        if matches!(self.phase, Phase::Connected | Phase::OtherEndClosed) {
            // A refusal means that it has ended already.
            let _ = rustix::net::shutdown(&self.descriptor, Shutdown::Write);
            self.discard_input();
        }
        self.end();
    }

    fn discard_input(&self) {
        let mut buffer = [0; 4096];
        let mut rest = DISCARDED_BYTES_MAX;
        while rest > 0 {
            match rustix::net::recv(&self.descriptor, &mut buffer, RecvFlags::DONTWAIT) {
                Ok((_, count)) if count > 0 => rest = rest.saturating_sub(count),
                _ => return,
            }
        }
    }

    /// Ends the connection with no regard for what is on its way: when the socket is destroyed,
    /// the other end sees a reset.
    pub fn abort(&mut self) {
        let _ = sockopt::set_socket_linger(&self.descriptor, Some(Duration::ZERO));
        self.end();
    }

    /// Wakes whoever waits for this socket. The descriptor is given back when the image destroys
    /// the socket.
    fn end(&mut self) {
        self.phase = Phase::ThisEndClosed;
        self.reactor.forget(self.watch);
        for semaphore in [self.semaphores.connection, self.semaphores.read] {
            self.reactor.report(imprint_vm::Event::Signal(semaphore));
        }
    }

    /// The last error's number in the system.
    pub fn error(&self) -> i32 {
        self.error
    }

    /// Whether it listens for many connections, as a server does.
    fn serves(&self) -> bool {
        matches!(self.phase, Phase::Listening { for_many: true, .. })
    }

    /// The address at this end.
    pub fn local_address(&self) -> Option<SocketAddr> {
        rustix::net::getsockname(&self.descriptor)
            .ok()
            .and_then(address_of)
    }

    /// Whether its addresses are those of IPv6; it has one from the beginning, if of zeros.
    pub fn is_version_6(&self) -> bool {
        self.local_address()
            .is_some_and(|address| address.is_ipv6())
    }

    /// The address at the other end.
    pub fn remote_address(&self) -> Option<SocketAddr> {
        rustix::net::getpeername(&self.descriptor)
            .ok()
            .flatten()
            .and_then(address_of)
    }

    fn arm(&mut self, direction: Direction, semaphore: usize) {
        // A socket can always be waited for; where the system has no memory left for it, the
        // image's own time limit ends the wait.
        let _ = self.reactor.arm(self.watch, direction, semaphore);
    }

    fn noted(&mut self, result: Result<(), Errno>) -> Result<(), Errno> {
        if let Err(error) = result {
            self.error = error.raw_os_error();
        }
        result
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.reactor.forget(self.watch);
    }
}

fn open(family: AddressFamily, kind: SocketType) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(family, kind, flags, None)
}

fn address_of(address: SocketAddrAny) -> Option<SocketAddr> {
    SocketAddr::try_from(address).ok()
}

#[cfg(test)]
mod tests;
