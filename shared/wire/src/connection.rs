//! The slave's end of a pull stream, for a thread that owns a virtual machine.
//!
//! The thread drives the stream itself: a runtime of its own sleeps with the machine and wakes in
//! [`Connection::receive`], so an answer costs no hop between threads. What is sent lies in a queue
//! of [`crate::QUEUE_LENGTH`] messages until the runtime is driven next: by `receive`, by
//! [`Connection::flush`], or by a `send` that finds the queue full.
//!
//! While an answer is awaited, pings of HTTP/2 find out that the way to the master is cut; the master sends
//! none, since a machine that computes for a minute drives nothing and would be taken for dead. The kernel
//! notices, at both ends, that a machine is gone.

use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

use crate::bundles::BundleReader;
use crate::convert::heard;
use crate::counted::{ByteCount, Counted, Socket};
use crate::credentials::{Credentials, Token};
use crate::distrust::distrust;
use crate::incoming::prepare;
use crate::message::{Hello, MasterMessage, SlaveMessage, Welcome};
use crate::pb::source_client::SourceClient;
use crate::{Address, MESSAGE_BYTES_MAX, QUEUE_LENGTH, WireError, pb};

/// How long one attempt to connect may take, and the first sign of life after it.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The first wait between attempts; each is twice as long as the one before.
const RETRY_FIRST: Duration = Duration::from_millis(20);
/// The longest wait between attempts.
const RETRY_LONGEST: Duration = Duration::from_secs(2);
/// Between two questions whether a silent peer is still there.
const PING_EVERY: Duration = Duration::from_secs(2);
/// Who has not answered such a question by then is gone.
const PING_LIMIT: Duration = Duration::from_secs(3);
/// Bytes that an answer to such a question has at most, wrapped up for TLS.
const PONG_BYTES: u64 = 64;
/// Turns that the tasks of a connection need to hand a message to the kernel.
const FLUSH_TURNS: usize = 8;

/// A pull stream.
pub struct Connection {
    runtime: Runtime,
    outgoing: mpsc::Sender<pb::SlaveMessage>,
    incoming: Streaming<pb::MasterMessage>,
    bundles: BundleReader,
    received: ByteCount,
    address: Address,
}

impl Connection {
    /// Opens a stream to the master at an address.
    ///
    /// # Errors
    /// Where the address is unfit or nobody answers there.
    pub fn connect(url: &str) -> Result<Connection, WireError> {
        Connection::open(&url.parse()?, &Credentials::default(), CONNECT_LIMIT)
    }

    /// Opens a stream, and tries again while nobody answers, until `give_up_after` has passed.
    /// Before each wait `on_wait` hears what went wrong and how long the wait is.
    ///
    /// # Errors
    /// As [`Connection::connect`]; the last failure.
    pub fn connect_retrying(
        url: &str,
        credentials: &Credentials,
        give_up_after: Duration,
        mut on_wait: impl FnMut(&WireError, Duration),
    ) -> Result<Connection, WireError> {
        let address: Address = url.parse()?;
        let end = Instant::now() + give_up_after;
        let mut pause = RETRY_FIRST;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let limit = left.clamp(RETRY_FIRST, CONNECT_LIMIT);
            let error = match Connection::open(&address, credentials, limit) {
                Err(error @ (WireError::Unreachable { .. } | WireError::Strange { .. })) => error,
                other => return other,
            };
            if Instant::now() + pause > end {
                return Err(error);
            }
            on_wait(&error, pause);
            std::thread::sleep(pause);
            pause = (pause * 2).min(RETRY_LONGEST);
        }
    }

    fn open(
        address: &Address,
        credentials: &Credentials,
        limit: Duration,
    ) -> Result<Connection, WireError> {
        let runtime = runtime()?;
        let (outgoing, queue) = mpsc::channel(QUEUE_LENGTH);
        let received = ByteCount::default();
        let incoming = runtime.block_on(async {
            let mut client = SourceClient::new(channel(address, credentials, &received).await?)
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX);
            let asked = client.pull(ReceiverStream::new(queue));
            Ok::<_, WireError>(first_answer(address, limit, asked).await?.into_inner())
        })?;
        Ok(Connection {
            runtime,
            outgoing,
            incoming,
            bundles: BundleReader::default(),
            received,
            address: address.clone(),
        })
    }

    /// Where the master is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Bytes that came over the socket by now: all that the master's answers cost, frames included.
    pub fn bytes_received(&self) -> u64 {
        self.received.bytes()
    }

    /// Queues a message; waits only while the queue is full.
    ///
    /// # Errors
    /// Where the stream has ended.
    pub fn send(&mut self, message: SlaveMessage) -> Result<(), WireError> {
        let sent = self.runtime.block_on(self.outgoing.send(message.into()));
        sent.map_err(|_| WireError::Ended)
    }

    /// Hands what is queued to the operating system.
    pub fn flush(&mut self) {
        self.runtime.block_on(async {
            for _ in 0..FLUSH_TURNS {
                tokio::task::yield_now().await;
            }
        });
    }

    /// The next message of the master; waits for it, until the deadline where there is one.
    ///
    /// # Errors
    /// Where the deadline passed, the stream broke or ended, or what came is no message.
    pub fn receive(&mut self, deadline: Option<Instant>) -> Result<MasterMessage, WireError> {
        let incoming = &mut self.incoming;
        let message = self
            .runtime
            .block_on(until(deadline, incoming.message()))
            .ok_or(WireError::TimedOut)??;
        let message = message.ok_or(WireError::Ended)?;
        Ok(heard(message, &mut self.bundles)?)
    }

    /// As [`Connection::receive`], but gives up where nothing came for so long but signs that the peer is
    /// there: an answer that is lost on a living stream would else be awaited for ever, and one that is long
    /// may take its time.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn receive_within(&mut self, silence: Duration) -> Result<MasterMessage, WireError> {
        let pings = silence.as_secs() / PING_EVERY.as_secs() + 2;
        loop {
            let before = self.bytes_received();
            match self.receive(Some(Instant::now() + silence)) {
                Err(WireError::TimedOut) if self.bytes_received() - before > pings * PONG_BYTES => {
                }
                other => return other,
            }
        }
    }

    /// Says hello and awaits the welcome.
    ///
    /// # Errors
    /// As [`Connection::receive`], and where the master refuses.
    pub fn greet(&mut self, hello: Hello, deadline: Option<Instant>) -> Result<Welcome, WireError> {
        self.send(SlaveMessage::Hello(hello))?;
        match self.receive(deadline)? {
            MasterMessage::Welcome(welcome) if welcome.protocol == crate::PROTOCOL => Ok(welcome),
            MasterMessage::Welcome(welcome) => Err(WireError::Refused(format!(
                "the master speaks protocol {}, this slave {}: use the same version of both",
                welcome.protocol,
                crate::PROTOCOL
            ))),
            MasterMessage::Refused { reason, .. } => Err(WireError::Refused(reason)),
            _ => Err(crate::InvalidMessage::Missing("welcome").into()),
        }
    }
}

/// The first answer of a peer: what does not come, or breaks, comes from no daemon.
pub(crate) async fn first_answer<T>(
    address: &Address,
    limit: Duration,
    asked: impl Future<Output = Result<T, tonic::Status>>,
) -> Result<T, WireError> {
    let answer = match tokio::time::timeout(limit, asked).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(status)) => match distrust(&status, address) {
            Some(error) => return Err(error),
            None => WireError::from(status),
        },
        Err(_) => WireError::TimedOut,
    };
    Err(answer.before_any_answer(address))
}

/// What the future yields, or nothing where the deadline passed first.
async fn until<F: Future>(deadline: Option<Instant>, future: F) -> Option<F::Output> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline.into(), future).await.ok(),
        None => Some(future.await),
    }
}

/// A runtime that the calling thread drives.
pub(crate) fn runtime() -> Result<Runtime, WireError> {
    let built = Builder::new_current_thread().enable_all().build();
    built.map_err(|error| WireError::Runtime(error.to_string()))
}

/// A channel on which each call shows a token, where there is one.
pub(crate) type ShownChannel = InterceptedService<Channel, Token>;

/// A channel to a daemon, and a count of what comes through it.
pub(crate) async fn channel(
    address: &Address,
    credentials: &Credentials,
    received: &ByteCount,
) -> Result<ShownChannel, WireError> {
    let tls = credentials.tls(address)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    // Of a Unix socket the name is not looked up: the connector opens the socket in any case.
    let authority = match address {
        Address::Tcp(place) => place.authority(),
        Address::Unix(_) => "localhost".to_string(),
    };
    let mut endpoint = endpoint(format!("{scheme}://{authority}"))?;
    if let Some(tls) = tls {
        let unfit = |error: tonic::transport::Error| WireError::Runtime(root_cause(&error));
        endpoint = endpoint.tls_config(tls).map_err(unfit)?;
    }
    let (target, received) = (address.clone(), received.clone());
    let connector = tower::service_fn(move |_| open_socket(target.clone(), received.clone()));
    let connected = endpoint.connect_with_connector(connector).await;
    let channel = connected.map_err(|error| {
        distrust(&error, address).unwrap_or_else(|| WireError::Unreachable {
            address: address.to_string(),
            reason: root_cause(&error),
        })
    })?;
    Ok(InterceptedService::new(channel, credentials.token()))
}

async fn open_socket(address: Address, received: ByteCount) -> io::Result<TokioIo<Counted>> {
    let socket: Box<dyn Socket> = match address {
        Address::Tcp(place) => {
            let stream = TcpStream::connect((place.host.as_str(), place.port)).await?;
            prepare(&stream)?;
            Box::new(stream)
        }
        Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
    };
    Ok(TokioIo::new(Counted::new(socket, received)))
}

fn endpoint(uri: String) -> Result<Endpoint, WireError> {
    let endpoint = Endpoint::from_shared(uri.clone()).map_err(|_| WireError::Address(uri))?;
    Ok(endpoint
        .connect_timeout(CONNECT_LIMIT)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_LIMIT))
}

/// What lies under the layers of an error.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
