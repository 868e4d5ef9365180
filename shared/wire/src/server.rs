//! The listening end: what a daemon offers, and where.
//!
//! ```text
//! Listener::bind(address) ─▶ serve(Services, stop) ── stop ─▶ no new streams, open ones end, done
//! ```
//!
//! A pull stream is one task: decode, [`Session::answer`], encode. Whoever needs a thread of its
//! own for that (the owner of a heap) sends it the message and awaits a oneshot in `answer`.

use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use crate::bundles::BundleWriter;
use crate::control::{Progress, RunOrder, SnapshotOrder, SnapshotReport, StatusReport};
use crate::convert::said;
use crate::message::{MasterMessage, SlaveMessage};
use crate::pb::control_server::ControlServer;
use crate::pb::source_server::SourceServer;
use crate::{Address, MESSAGE_BYTES_MAX, QUEUE_LENGTH, WireError, pb};

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

    fn routes(self) -> Routes {
        let mut routes = Routes::default();
        if let Some(source) = self.source {
            let service = SourceServer::new(SourceService(source))
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX);
            routes = routes.add_service(service);
        }
        if let Some(control) = self.control {
            routes = routes.add_service(ControlServer::new(ControlService(control)));
        }
        routes
    }
}

/// A bound socket on which nobody is served yet.
pub struct Listener {
    socket: Socket,
    address: Address,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// The file of a Unix socket; removed when nobody listens any more.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone already; there is nobody to tell.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Listens at an address; port 0 takes a free one. Must be called within a runtime.
    ///
    /// # Errors
    /// Where the address is in use or the operating system refuses.
    pub async fn bind(address: &Address) -> Result<Listener, WireError> {
        let socket = match address {
            Address::Tcp(socket) => TcpListener::bind(socket).await.map(Socket::Tcp),
            Address::Unix(path) => bind_unix(path),
        };
        let socket = socket.map_err(|error| refusal(address, &error))?;
        let address = match &socket {
            Socket::Tcp(listener) => listener.local_addr().map(Address::Tcp),
            Socket::Unix(..) => Ok(address.clone()),
        };
        let address = address.map_err(|error| WireError::Runtime(error.to_string()))?;
        Ok(Listener { socket, address })
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
        let router = Server::builder().add_routes(services.routes());
        let served = match self.socket {
            Socket::Tcp(listener) => {
                let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                router.serve_with_incoming_shutdown(incoming, stop).await
            }
            Socket::Unix(listener, _file) => {
                let incoming = UnixListenerStream::new(listener);
                router.serve_with_incoming_shutdown(incoming, stop).await
            }
        };
        served.map_err(|error| WireError::Lost(error.to_string()))
    }
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
fn bind_unix(path: &Path) -> io::Result<Socket> {
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
    Ok(Socket::Unix(listener, file))
}

struct SourceService(Arc<dyn Source>);

type Answers = mpsc::Sender<Result<pb::MasterMessage, Status>>;

#[tonic::async_trait]
impl pb::source_server::Source for SourceService {
    type PullStream = ReceiverStream<Result<pb::MasterMessage, Status>>;

    async fn pull(
        &self,
        request: Request<Streaming<pb::SlaveMessage>>,
    ) -> Result<Response<Self::PullStream>, Status> {
        let (answers, stream) = mpsc::channel(QUEUE_LENGTH);
        let session = self.0.open();
        tokio::spawn(converse(session, request.into_inner(), answers));
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

/// One slave's stream from hello to end.
async fn converse(
    mut session: Box<dyn Session>,
    mut questions: Streaming<pb::SlaveMessage>,
    answers: Answers,
) {
    let mut bundles = BundleWriter::default();
    // An error of the transport is an end like any other: the slave is gone.
    while let Ok(Some(question)) = questions.message().await {
        let message = match SlaveMessage::try_from(question) {
            Ok(message) => message,
            Err(error) => {
                let _ = answers
                    .send(Err(Status::invalid_argument(error.to_string())))
                    .await;
                return;
            }
        };
        for answer in session.answer(message).await {
            let is_last = matches!(answer, MasterMessage::Refused { sequence: 0, .. });
            if answers.send(Ok(said(answer, &mut bundles))).await.is_err() || is_last {
                return;
            }
        }
    }
}

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

fn checked<T, U>(order: T) -> Result<U, Status>
where
    U: TryFrom<T, Error = crate::InvalidMessage>,
{
    U::try_from(order).map_err(|error| Status::invalid_argument(error.to_string()))
}

fn refused(sentence: String) -> Status {
    Status::failed_precondition(sentence)
}
