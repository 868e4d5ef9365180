//! The listening end: what a daemon offers, and where.
//!
//! ```text
//! Listener::bind(address) ─▶ serve(Services, stop) ── stop ─▶ no new streams, open ones end, done
//!
//! socket ── Incoming: places, time ── TLS ── HTTP/2 ── Gate: roles ── service
//! ```
//!
//! A pull stream is one task: decode, [`Session::answer`], encode. Whoever needs a thread of its
//! own for that (the owner of a heap) sends it the message and awaits a oneshot in `answer`.

use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

use crate::address::{HostPort, Scheme};
use crate::bundles::BundleWriter;
use crate::connection::root_cause;
use crate::control::{Progress, RunOrder, SnapshotOrder, SnapshotReport, StatusReport};
use crate::convert::said;
use crate::credentials::Admission;
use crate::guard::Gate;
use crate::incoming::{Door, FIRST_CALL_LIMIT, Incoming};
use crate::live_service::{Live, LiveService};
use crate::message::{MasterMessage, SlaveMessage};
use crate::pace::Pace;
use crate::pb::control_server::ControlServer;
use crate::pb::live_server::LiveServer;
use crate::pb::master_message::Message;
use crate::pb::source_server::SourceServer;
use crate::{Address, MESSAGE_BYTES_MAX, WireError, pb};

/// Only the owner may connect to a Unix socket.
const SOCKET_MODE: u32 = 0o600;

/// Where missing code and data come from.
pub trait Source: Send + Sync + 'static {
    /// A slave connected.
    fn open(&self) -> Box<dyn Session>;
}

/// One slave's stream; dropped when the stream ends, for whatever reason.
#[tonic::async_trait]
pub trait Session: Send {
    /// What to say to a message, in this order. After a refusal with sequence 0 the stream ends.
    async fn answer(&mut self, message: SlaveMessage) -> Vec<MasterMessage>;

    /// Drafts went out, in so many bytes.
    fn note_sent(&mut self, bytes: usize) {
        let _ = bytes;
    }
}

/// Orders to a daemon. An `Err` is a refusal, as a sentence for the user.
#[tonic::async_trait]
pub trait Control: Send + Sync + 'static {
    /// How it is.
    async fn status(&self) -> StatusReport;
    /// Begins to run something; the receiver yields what happens, [`Progress::Finished`] last.
    async fn run(&self, order: RunOrder) -> Result<mpsc::Receiver<Progress>, String>;
    /// Writes an image.
    async fn snapshot(&self, order: SnapshotOrder) -> Result<SnapshotReport, String>;
    /// Begins to end; what runs may go on for `grace`.
    async fn stop(&self, grace: Duration) -> Result<(), String>;
}

/// What a daemon offers.
#[derive(Clone, Default)]
pub struct Services {
    source: Option<Arc<dyn Source>>,
    control: Option<Arc<dyn Control>>,
    live: Option<Arc<dyn Live>>,
}

impl Services {
    /// Nothing yet.
    pub fn new() -> Services {
        Services::default()
    }

    /// Serves pulls too.
    pub fn with_source(mut self, source: Arc<dyn Source>) -> Services {
        self.source = Some(source);
        self
    }

    /// Takes orders too.
    pub fn with_control(mut self, control: Arc<dyn Control>) -> Services {
        self.control = Some(control);
        self
    }

    /// Takes other code for a running image too.
    pub fn with_live(mut self, live: Arc<dyn Live>) -> Services {
        self.live = Some(live);
        self
    }

    fn routes(self, limits: ServerLimits) -> Routes {
        let mut routes = Routes::default();
        if let Some(source) = self.source {
            let drafts_a_second_max = limits.drafts_a_second_max;
            let service = SourceService {
                source,
                drafts_a_second_max,
            };
            let service = SourceServer::new(service)
                .max_decoding_message_size(limits.message_bytes_max)
                .max_encoding_message_size(MESSAGE_BYTES_MAX);
            routes = routes.add_service(service);
        }
        if let Some(control) = self.control {
            let service = ControlServer::new(ControlService(control));
            let message_bytes_max = limits.message_bytes_max;
            routes = routes.add_service(service.max_decoding_message_size(message_bytes_max));
        }
        if let Some(live) = self.live {
            let service = LiveServer::new(LiveService(live))
                .max_decoding_message_size(limits.message_bytes_max)
                .max_encoding_message_size(MESSAGE_BYTES_MAX);
            routes = routes.add_service(service);
        }
        routes
    }
}

/// A bound socket on which nobody is served yet.
pub struct Listener {
    door: Door,
    address: Address,
    admission: Admission,
    limits: ServerLimits,
    _file: Option<SocketFile>,
}

/// What one daemon bears at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerLimits {
    /// Connections at once; whoever comes then is turned away, and may try again.
    pub connections_max: usize,
    /// Bytes of a message from a peer.
    pub message_bytes_max: usize,
    /// Drafts that one slave gets in a second; who wants more waits.
    pub drafts_a_second_max: u32,
}

impl Default for ServerLimits {
    /// Far above what slaves need that mean no harm, and below what stops a daemon.
    fn default() -> ServerLimits {
        ServerLimits {
            connections_max: 512,
            message_bytes_max: MESSAGE_BYTES_MAX,
            drafts_a_second_max: 200_000,
        }
    }
}

/// Calls that a peer makes at once on one connection.
const CALLS_MAX: u32 = 16;
/// Bytes of the headers of a call.
const HEADER_BYTES_MAX: u32 = 16 << 10;

/// The file of a Unix socket; removed when nobody listens any more.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone already; there is nobody to tell.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Listens at an address, for everybody on this machine; port 0 takes a free one. Must be called
    /// within a runtime.
    ///
    /// # Errors
    /// Where the address is in use or the operating system refuses, or other machines could reach it.
    pub async fn bind(address: &Address) -> Result<Listener, WireError> {
        Listener::bind_for(address, Admission::default(), ServerLimits::default()).await
    }

    /// Listens at an address for those who are let in.
    ///
    /// # Errors
    /// As [`Listener::bind`], and where the address lets in whom nobody meant to.
    pub async fn bind_for(
        address: &Address,
        admission: Admission,
        limits: ServerLimits,
    ) -> Result<Listener, WireError> {
        admission.check(address)?;
        let bound = match address {
            Address::Tcp(place) => bind_tcp(place, &admission).await,
            Address::Unix(path) => bind_unix(path),
        };
        let (door, address, file) = bound.map_err(|error| refusal(address, &error))?;
        Ok(Listener {
            door,
            address,
            admission,
            limits,
            _file: file,
        })
    }

    /// Where it listens, with the port that was free.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Serves until `stop` is done and then until every open call has ended; a daemon that cannot
    /// wait for that drops this future.
    ///
    /// # Errors
    /// Where the transport fails as a whole.
    pub async fn serve(
        self,
        services: Services,
        stop: impl Future<Output = ()>,
    ) -> Result<(), WireError> {
        let mut server = Server::builder()
            .max_concurrent_streams(CALLS_MAX)
            .http2_max_header_list_size(HEADER_BYTES_MAX);
        if self.address.is_secure(false) {
            let config = tls_config(&self.admission);
            let unfit = |error: tonic::transport::Error| WireError::Runtime(root_cause(&error));
            server = server.tls_config(config).map_err(unfit)?;
        }
        let incoming = Incoming::new(self.door, self.limits.connections_max);
        let router = server
            .layer(Gate(Arc::new(self.admission)))
            .add_routes(services.routes(self.limits));
        let served = router.serve_with_incoming_shutdown(incoming, stop).await;
        served.map_err(|error| WireError::Lost(error.to_string()))
    }
}

/// What a daemon shows, and whose certificates it looks at. One that shows none is told so in a sentence,
/// behind the handshake.
fn tls_config(admission: &Admission) -> ServerTlsConfig {
    let mut config = ServerTlsConfig::new().timeout(FIRST_CALL_LIMIT);
    if let Some(identity) = &admission.identity {
        config = config.identity(identity.clone());
    }
    match &admission.authority {
        Some(authority) => config
            .client_ca_root(authority.clone())
            .client_auth_optional(true),
        None => config,
    }
}

type Bound = (Door, Address, Option<SocketFile>);

async fn bind_tcp(place: &HostPort, admission: &Admission) -> io::Result<Bound> {
    let listener = TcpListener::bind((place.host.as_str(), place.port)).await?;
    let scheme = match place.is_secure(admission.identity.is_some()) {
        true => Scheme::Https,
        false => Scheme::Http,
    };
    let address = Address::Tcp(HostPort {
        host: place.host.clone(),
        port: listener.local_addr()?.port(),
        scheme,
    });
    Ok((Door::Tcp(listener), address, None))
}

fn refusal(address: &Address, error: &io::Error) -> WireError {
    match error.kind() {
        io::ErrorKind::AddrInUse => WireError::InUse(address.to_string()),
        _ => WireError::Listen {
            address: address.to_string(),
            reason: error.to_string(),
        },
    }
}

/// Binds the path; a socket there that nobody listens on was left by a daemon that died.
fn bind_unix(path: &Path) -> io::Result<Bound> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    let is_socket = |metadata: &std::fs::Metadata| {
        std::os::unix::fs::FileTypeExt::is_socket(&metadata.file_type())
    };
    if std::fs::symlink_metadata(path)
        .as_ref()
        .is_ok_and(is_socket)
    {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    let file = SocketFile(path.to_path_buf());
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    let address = Address::Unix(path.to_path_buf());
    Ok((Door::Unix(listener), address, Some(file)))
}

struct SourceService {
    source: Arc<dyn Source>,
    drafts_a_second_max: u32,
}

type Answers = mpsc::Sender<Result<pb::MasterMessage, Status>>;

#[tonic::async_trait]
impl pb::source_server::Source for SourceService {
    type PullStream = ReceiverStream<Result<pb::MasterMessage, Status>>;

    async fn pull(
        &self,
        request: Request<Streaming<pb::SlaveMessage>>,
    ) -> Result<Response<Self::PullStream>, Status> {
        let (answers, stream) = mpsc::channel(ANSWERS_MAX);
        let session = self.source.open();
        let pace = Pace::new(self.drafts_a_second_max, Instant::now());
        tokio::spawn(converse(session, request.into_inner(), answers, pace));
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

/// One slave's stream from hello to end.
async fn converse(
    mut session: Box<dyn Session>,
    mut questions: Streaming<pb::SlaveMessage>,
    answers: Answers,
    mut pace: Pace,
) {
    let mut bundles = None;
    // An error of the transport is an end like any other: the slave is gone.
    while let Ok(Some(question)) = questions.message().await {
        let message = match SlaveMessage::try_from(question) {
            Ok(message) => message,
            Err(error) => {
                let refusal = Status::invalid_argument(error.to_string());
                let _ = answers.send(Err(refusal)).await;
                return;
            }
        };
        // What comes first decides, since later parts are read by what the earlier ones left behind.
        let bundles = bundles.get_or_insert_with(|| writer_for(&message));
        for answer in session.answer(message).await {
            let is_last = matches!(answer, MasterMessage::Refused { sequence: 0, .. });
            pace.note(&answer, Instant::now());
            let answer = said(answer, bundles);
            if let Some(Message::Drafts(drafts)) = &answer.message {
                session.note_sent(drafts.bundle.len());
            }
            let sent = answers.send_timeout(Ok(answer), UNREAD_LIMIT);
            if sent.await.is_err() || is_last {
                return;
            }
        }
        if let Some(wait) = pace.wait(Instant::now()) {
            tokio::time::sleep(wait).await;
        }
    }
}

/// The writer of a stream that begins with this message.
fn writer_for(message: &SlaveMessage) -> BundleWriter {
    BundleWriter::of(match message {
        SlaveMessage::Hello(hello) => hello.prefetch_bytes,
        _ => u64::MAX,
    })
}

/// Answers that wait for one slave to read them; no slave that means no harm has more than what a trace
/// foretells.
const ANSWERS_MAX: usize = 4;
/// A slave that reads no answer for so long has gone, whatever its connection says.
const UNREAD_LIMIT: Duration = Duration::from_secs(30);

struct ControlService(Arc<dyn Control>);

#[tonic::async_trait]
impl pb::control_server::Control for ControlService {
    type RunStream = std::pin::Pin<
        Box<dyn tokio_stream::Stream<Item = Result<pb::Progress, Status>> + Send + 'static>,
    >;

    async fn status(
        &self,
        _order: Request<pb::StatusOrder>,
    ) -> Result<Response<pb::StatusReport>, Status> {
        Ok(Response::new(self.0.status().await.into()))
    }

    async fn run(&self, order: Request<pb::RunOrder>) -> Result<Response<Self::RunStream>, Status> {
        let order = checked(order.into_inner())?;
        let progress = self.0.run(order).await.map_err(refused)?;
        let stream = tokio_stream::StreamExt::map(ReceiverStream::new(progress), |progress| {
            Ok(pb::Progress::from(progress))
        });
        Ok(Response::new(Box::pin(stream)))
    }

    async fn snapshot(
        &self,
        order: Request<pb::SnapshotOrder>,
    ) -> Result<Response<pb::SnapshotReport>, Status> {
        let order = checked(order.into_inner())?;
        let report = self.0.snapshot(order).await.map_err(refused)?;
        Ok(Response::new(report.into()))
    }

    async fn stop(
        &self,
        order: Request<pb::StopOrder>,
    ) -> Result<Response<pb::StopReport>, Status> {
        let grace = Duration::from_millis(order.into_inner().grace_millis);
        self.0.stop(grace).await.map_err(refused)?;
        Ok(Response::new(pb::StopReport {}))
    }
}

pub(crate) fn checked<T, U>(order: T) -> Result<U, Status>
where
    U: TryFrom<T, Error = crate::InvalidMessage>,
{
    U::try_from(order).map_err(|error| Status::invalid_argument(error.to_string()))
}

pub(crate) fn refused(sentence: String) -> Status {
    Status::failed_precondition(sentence)
}
