//! A bare echo over one bidirectional gRPC stream: tonic and nothing of ours, for comparison.
//!
//! The server is a process of its own, this same program, started with [`SERVER_VARIABLE`] set.

use std::convert::Infallible;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::body::Body;
use tonic::codegen::http::{Request as HttpRequest, Response as HttpResponse, uri::PathAndQuery};
use tonic::codegen::{BoxFuture, Service};
use tonic::server::{NamedService, StreamingService};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::machine::Failed;

/// Names the socket on which this process is to be an echo server.
pub const SERVER_VARIABLE: &str = "IMPRINT_BENCH_ECHO";
/// Bytes of a miss of one method, as they are asked for.
pub const QUESTION_BYTES: usize = 40;
/// The first bytes of a question say how long the answer is to be.
const LENGTH_BYTES: usize = 4;
const PATH: &str = "/bench.Echo/Say";
const QUEUE: usize = 64;
const START_LIMIT: Duration = Duration::from_secs(20);

/// Serves on a socket until the process is killed.
///
/// # Errors
/// Where the socket cannot be bound.
pub fn serve(socket: &Path) -> Result<(), Failed> {
    // As many threads as a master has.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let incoming = UnixListenerStream::new(UnixListener::bind(socket)?);
        let server = Server::builder().add_service(Echo);
        server.serve_with_incoming(incoming).await?;
        Ok(())
    })
}

/// The service.
#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "bench.Echo";
}

impl Service<HttpRequest<Body>> for Echo {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<Bytes, Bytes>::default());
            Ok(grpc.streaming(Say, request).await)
        })
    }
}

struct Say;

impl StreamingService<Bytes> for Say {
    type Response = Bytes;
    type ResponseStream = ReceiverStream<Result<Bytes, Status>>;
    type Future =
        Pin<Box<dyn Future<Output = Result<Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        Box::pin(async move {
            let (answers, stream) = mpsc::channel(QUEUE);
            let mut questions = request.into_inner();
            tokio::spawn(async move {
                while let Ok(Some(question)) = questions.message().await {
                    if answers.send(Ok(answer_to(&question))).await.is_err() {
                        return;
                    }
                }
            });
            Ok(Response::new(ReceiverStream::new(stream)))
        })
    }
}

fn answer_to(question: &[u8]) -> Bytes {
    let length = question.first_chunk::<LENGTH_BYTES>();
    let length = length.map_or(0, |bytes| u32::from_le_bytes(*bytes));
    Bytes::from(vec![b'x'; length as usize])
}

/// An open stream to an echo.
pub struct EchoStream {
    _server: EchoServer,
    runtime: Runtime,
    questions: mpsc::Sender<Bytes>,
    answers: Streaming<Bytes>,
    question: Bytes,
    answer_bytes: usize,
}

impl EchoStream {
    /// An echo whose questions and answers have these sizes.
    ///
    /// # Errors
    /// Where the server cannot be started or reached.
    pub fn start(
        socket: &Path,
        question_bytes: usize,
        answer_bytes: usize,
    ) -> Result<EchoStream, Failed> {
        let server = EchoServer::start(socket)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (questions, queue) = mpsc::channel(QUEUE);
        let answers = runtime.block_on(open(socket.to_path_buf(), queue))?;
        let mut question = vec![b'x'; question_bytes.max(LENGTH_BYTES)];
        question[..LENGTH_BYTES].copy_from_slice(&(answer_bytes as u32).to_le_bytes());
        Ok(EchoStream {
            _server: server,
            runtime,
            questions,
            answers,
            question: Bytes::from(question),
            answer_bytes,
        })
    }

    /// How long one round trip takes.
    ///
    /// # Errors
    /// Where the server is gone or answers something else.
    pub fn time(&mut self) -> Result<Duration, Failed> {
        let begin = Instant::now();
        // Sent and received as a slave does it: each drives the runtime by itself.
        let sent = self.questions.send(self.question.clone());
        self.runtime.block_on(sent)?;
        let answer = self.runtime.block_on(self.answers.message())?;
        let took = begin.elapsed();
        match answer {
            Some(answer) if answer.len() == self.answer_bytes => Ok(took),
            other => Err(format!("the echo answers {:?}", other.map(|it| it.len())).into()),
        }
    }
}

async fn open(
    socket: PathBuf,
    questions: mpsc::Receiver<Bytes>,
) -> Result<Streaming<Bytes>, Failed> {
    let endpoint = Endpoint::from_static("http://localhost");
    let connector = tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(socket).await?)) }
    });
    let channel: Channel = endpoint.connect_with_connector(connector).await?;
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await?;
    let path = PathAndQuery::from_static(PATH);
    let codec = ProstCodec::<Bytes, Bytes>::default();
    let request = Request::new(ReceiverStream::new(questions));
    Ok(client.streaming(request, path, codec).await?.into_inner())
}

/// The server's process, killed in the end.
struct EchoServer(Child);

impl EchoServer {
    fn start(socket: &Path) -> Result<EchoServer, Failed> {
        let child = Command::new(std::env::current_exe()?)
            .env(SERVER_VARIABLE, socket)
            .stdin(Stdio::null())
            .spawn()?;
        let server = EchoServer(child);
        let end = Instant::now() + START_LIMIT;
        while std::os::unix::net::UnixStream::connect(socket).is_err() {
            if Instant::now() > end {
                return Err("the echo does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
