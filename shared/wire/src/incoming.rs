//! Connections as they come in: no more than there are places, and none that only sits there.
//!
//! ```text
//!   accept ── a place is free? ──no──> closed at once; the peer tries again later
//!                 │ yes
//!                 └──> Guest ── a call that was admitted, in time? ──no──> cut
//! ```
//!
//! The kernel looks after the rest: it asks peers of whom nothing is heard whether they are still there. (A
//! slave that computes drives no stream, so pings of HTTP/2 would take it for dead.)

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_stream::Stream;
use tonic::transport::server::Connected;

use crate::counted::Socket;

/// Who has made no call that was admitted by then is cut.
pub(crate) const FIRST_CALL_LIMIT: Duration = Duration::from_secs(10);
/// The kernel asks a peer of whom nothing was heard for so long.
const QUIET: Duration = Duration::from_secs(10);
/// Between two such questions.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// So many may stay without an answer; then the peer is gone.
const UNANSWERED_MAX: u32 = 3;
/// What was sent and is not acknowledged for so long is lost, in milliseconds.
const UNACKNOWLEDGED_MILLIS_MAX: u32 = 30_000;
/// Between an accept that failed and the next.
const BREATH: Duration = Duration::from_millis(50);

/// Has the kernel notice when the peer of a socket is gone, and sends small messages at once.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, QUIET)?;
    sockopt::set_tcp_keepintvl(stream, ASK_AGAIN)?;
    sockopt::set_tcp_keepcnt(stream, UNANSWERED_MAX)?;
    sockopt::set_tcp_user_timeout(stream, UNACKNOWLEDGED_MILLIS_MAX)?;
    Ok(())
}

/// A listening socket.
pub(crate) enum Door {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Door {
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Box<dyn Socket>>> {
        match self {
            Door::Tcp(listener) => listener.poll_accept(context).map_ok(|(stream, _)| {
                // A peer that is gone by now is met when it is read from.
                let _ = prepare(&stream);
                Box::new(stream) as Box<dyn Socket>
            }),
            Door::Unix(listener) => {
                let accepted = listener.poll_accept(context);
                accepted.map_ok(|(stream, _)| Box::new(stream) as Box<dyn Socket>)
            }
        }
    }
}

/// All who come in.
pub(crate) struct Incoming {
    door: Door,
    places: Arc<Semaphore>,
    /// After an accept that failed, for want of descriptors above all: others may end meanwhile.
    breath: Option<Pin<Box<Sleep>>>,
}

impl Incoming {
    pub fn new(door: Door, connections_max: usize) -> Incoming {
        let places = Arc::new(Semaphore::new(connections_max));
        Incoming {
            door,
            places,
            breath: None,
        }
    }
}

impl Stream for Incoming {
    type Item = io::Result<Guest>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(breath) = &mut self.breath {
                ready!(breath.as_mut().poll(context));
                self.breath = None;
            }
            let Ok(socket) = ready!(self.door.poll_accept(context)) else {
                self.breath = Some(Box::pin(tokio::time::sleep(BREATH)));
                continue;
            };
            // Where there is no place the socket is closed here.
            if let Ok(place) = self.places.clone().try_acquire_owned() {
                return Poll::Ready(Some(Ok(Guest::new(socket, place))));
            }
        }
    }
}

/// Whether a call of a connection was admitted.
#[derive(Clone, Default, Debug)]
pub(crate) struct Entry(Arc<AtomicBool>);

impl Entry {
    pub fn note_call(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn has_called(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection that has a place.
pub(crate) struct Guest {
    socket: Box<dyn Socket>,
    entry: Entry,
    /// Until it has called.
    limit: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Guest {
    fn new(socket: Box<dyn Socket>, place: OwnedSemaphorePermit) -> Guest {
        Guest {
            socket,
            entry: Entry::default(),
            limit: Some(Box::pin(tokio::time::sleep(FIRST_CALL_LIMIT))),
            _place: place,
        }
    }

    /// Whether it sits there for too long.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        if self.limit.is_some() && self.entry.has_called() {
            self.limit = None;
        }
        let limit = self.limit.as_mut();
        limit.is_some_and(|limit| limit.as_mut().poll(context).is_ready())
    }
}

impl Connected for Guest {
    type ConnectInfo = Entry;

    fn connect_info(&self) -> Entry {
        self.entry.clone()
    }
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_late(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Guest {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
