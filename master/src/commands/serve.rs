//! `master serve IMAGE`: the daemon.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use imprint_daemon::{Admin, Metrics, Signals};
use imprint_image::{Fingerprint, PristineImage};
use imprint_loader::Project;
use imprint_slave::ending::code;
use imprint_slave::live::begin_log;
use imprint_slave::security::admission;
use imprint_trace::{Marks, Trace};
use imprint_vm::CommandLine;
use imprint_wire::log::LogWriter;
use imprint_wire::message::Plan;
use imprint_wire::{Address, Listener, Services};
use tracing::info;

use crate::command_line::{Failure, Serve};
use crate::full_image::LiveImage;
use crate::project::LoadedSources;
use crate::scratch::Scratch;
use crate::serving::{Edition, Editions, Orders, PristineSource, ServedFile, Slaves, plan_of};
use crate::traces::{is_of, merged};

/// Streams may go on for this long after the daemon was asked to end.
const GRACE: Duration = Duration::from_secs(10);

/// Serves an image until it is asked to end.
///
/// # Errors
/// Where the image cannot be opened, or the address is taken or not allowed.
pub fn serve(serve: &Serve) -> Result<u8, Failure> {
    let address: Address = serve.listen.parse().context("cannot listen")?;
    let scratch = Scratch::new()?;
    let served = Served::prepare(serve, &scratch)?;
    let foreseen = match serve.trace.as_slice() {
        [] => Marks::default(),
        paths => foreseen(&served.first.path, &merged(paths)?)?,
    };
    let log = push_log(serve, &served.first)?;
    let first = served.first.clone();
    imprint_daemon::logging::start(&serve.daemon).context("cannot log")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start threads")?;
    runtime
        .block_on(async {
            let mut signals = Signals::listen().context("cannot listen for signals")?;
            let listener = Listener::bind_for(&address, admission()?, serve.burdens.into()).await;
            let listener = listener.context("cannot listen")?;
            let metrics = Metrics::new();
            let slaves = Slaves::default();
            let source = PristineSource::new(&metrics, slaves.clone(), move || {
                first.open(foreseen).expect("it opened a moment ago")
            });
            let file = ServedFile::new(Mutex::new(served.first.path.clone()));
            let editions = Editions {
                folder: scratch.path().to_path_buf(),
                project: served.project,
                options: serve.never.options(),
                shelves: source.shelves(),
                file: file.clone(),
                first: served.first,
                log,
            };
            let (stop, stopped) = tokio::sync::watch::channel(false);
            eprintln!(
                "serving {} on {}",
                serve.image.display(),
                listener.address()
            );
            if let Some(address) = serve.daemon.admin {
                let admin = Admin::bind(address, metrics.clone())
                    .await
                    .context("cannot listen")?;
                eprintln!("admin http://{}", admin.address());
                tokio::spawn(admin.serve(until(stopped.clone())));
            }
            let orders = Orders::new(file, metrics, slaves, stop.clone());
            let services = Services::new()
                .with_source(Arc::new(source))
                .with_control(Arc::new(orders))
                .with_live(Arc::new(editions.begin()));
            let served = tokio::spawn(listener.serve(services, until(stopped.clone())));
            tokio::select! {
                _ = signals.wished() => info!("asked to end by a signal"),
                () = until(stopped) => info!("asked to end by an order"),
            }
            let _ = stop.send(true);
            // Streams that are still open after the grace period are cut.
            let _ = tokio::time::timeout(GRACE, served).await;
            Ok::<u8, anyhow::Error>(code::DONE)
        })
        .map_err(Failure::from)
}

/// What is served: an image file, and what slaves may run of it.
struct Served {
    first: Edition,
    project: Project,
}

impl Served {
    /// Opens an image file, or builds the image of a project's folder.
    fn prepare(serve: &Serve, scratch: &Scratch) -> Result<Served> {
        let path = &serve.image;
        let (mut image, project) = if path.is_dir() {
            let sources = LoadedSources::project(path)?;
            let image = LiveImage::build(&sources, CommandLine::default())?;
            (image, sources.spec)
        } else {
            let image = LiveImage::open(path, CommandLine::default());
            (image.context("cannot serve the image")?, Project::default())
        };
        serve.never.withhold(&mut image)?;
        let differs = !serve.never.never.is_empty() || image.rehashed > 0;
        let path = if path.is_dir() || differs {
            let made = scratch.path().join("full.image");
            image.write(&made)?;
            made
        } else {
            path.clone()
        };
        let bytes = std::fs::read(&path).context("cannot serve the image")?;
        let mut plan = plan_of(&mut image, &project, &bytes)?;
        plan.options.extend(serve.never.options());
        let first = Edition { path, plan };
        Ok(Served { first, project })
    }
}

async fn until(mut stopped: tokio::sync::watch::Receiver<bool>) {
    // An error means that the sender is gone, which is as good as its word.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// Begins the log of what is pushed, where one is wanted.
fn push_log(serve: &Serve, first: &Edition) -> Result<Option<LogWriter>> {
    let Some(path) = &serve.push_log else {
        return Ok(None);
    };
    let bytes = std::fs::read(&first.path).context("cannot read the image")?;
    let log = begin_log(path, Fingerprint::of(&bytes).0);
    log.context("cannot write the log of pushes").map(Some)
}

/// What slaves of an image will miss, as a trace of it says.
fn foreseen(path: &Path, trace: &Trace) -> Result<Marks> {
    let image = PristineImage::open(path).map_err(|error| anyhow!(error))?;
    is_of(trace, image.fingerprint())?;
    Ok(trace.total())
}

/// Serves an image of this process to slaves of this machine while `work` runs on another thread.
///
/// # Errors
/// Where the socket cannot be bound, and what `work` answers.
pub fn serve_while<T: Send + 'static>(
    address: &Address,
    bytes: Vec<u8>,
    texts: Vec<u8>,
    plan: Plan,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = Listener::bind(address).await?;
        let source = PristineSource::of_bytes(bytes, texts, plan);
        let services = Services::new().with_source(Arc::new(source));
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let served = tokio::spawn(listener.serve(services, until(stopped)));
        let done = tokio::task::spawn_blocking(work).await;
        let _ = stop.send(true);
        let _ = tokio::time::timeout(GRACE, served).await;
        done.map_err(|_| anyhow!("the work failed"))?
    })
}
