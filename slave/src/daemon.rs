//! A slave that stays up: it takes orders over gRPC and runs each in a machine of its own.
//!
//! ```text
//!   gRPC handlers ── order ──> queue ──> the thread that owns the machine ── progress ──> who ordered
//!        └── status                          └── the last run: what a snapshot is made of
//! ```
//!
//! Each run begins with a fresh seed, so one run leaves nothing behind in the next; but what is pushed stands,
//! in the run that goes on and in those to come (`live::runs`).

use std::path::PathBuf;
use std::sync::mpsc as blocking;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use imprint_daemon::metrics::{Counter, Gauge};
use imprint_daemon::{Admin, DaemonOptions, Metrics, Signals};
use imprint_wire::control::{
    Progress, RunOrder, Runnable, SnapshotOrder, SnapshotReport, StatusReport,
};
use imprint_wire::log::LogWriter;
use imprint_wire::message::Event;
use imprint_wire::{Address, Control, Listener, ServerLimits, Services};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::info;

use crate::commands::NoTexts;
use crate::crash::outlived;
use crate::ending::{code, sentence_of};
use crate::exercise::{Chosen, Exercised, Orders, exercise_in, open_session};
use crate::heap_snapshot::write_heap;
use crate::live::{Bell, LiveDesk, LiveQueue, LiveRun, Pushes, RunsPushes, begin_log};
use crate::remote::Line;
use crate::security::admission;
use crate::shrinking::Wanted;

/// Orders that wait; whoever gives more is refused.
const ORDERS_MAX: usize = 16;
/// Messages about a run that wait for who ordered it.
const PROGRESS_MAX: usize = 64;
/// What runs may go on for this long after the daemon was asked to end.
const GRACE: Duration = Duration::from_secs(10);
/// The option of a snapshot that asks for a Spur file.
pub const SPUR_OPTION: &str = "spur";
/// The option of a snapshot that asks for the heap as it is, in place of a slim image.
pub const HEAP_OPTION: &str = "heap";

/// Where it listens, and how it logs.
#[derive(Clone, Debug)]
pub struct Daemon {
    /// Where orders are taken.
    pub listen: String,
    /// Where pushes are written down; else nowhere.
    pub push_log: Option<PathBuf>,
    /// Logging and the admin endpoint.
    pub options: DaemonOptions,
}

/// Stays up until it is asked to end; `template` says what all runs have in common.
///
/// # Errors
/// Where the address is taken or not allowed, or the master is not there.
pub fn serve(daemon: &Daemon, template: Orders) -> Result<u8> {
    let address: Address = daemon.listen.parse().context("cannot listen")?;
    admission()?.check(&address).context("cannot listen")?;
    imprint_daemon::logging::start(&daemon.options).context("cannot log")?;
    // Nobody wants a slave that waits for orders it can never carry out.
    let line = Line::connect(&template.terms())?;
    let origin = line.welcome().image_fingerprint;
    drop(line);
    let log = daemon.push_log.as_deref();
    let log = log.map(|path| begin_log(path, origin)).transpose();
    let log = log.context("cannot write the log of pushes")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start threads")?;
    runtime.block_on(serve_at(daemon, &address, template, log))
}

async fn serve_at(
    daemon: &Daemon,
    address: &Address,
    template: Orders,
    log: Option<LogWriter>,
) -> Result<u8> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let listener = Listener::bind_for(address, admission()?, ServerLimits::default()).await;
    let listener = listener.context("cannot listen")?;
    let metrics = Metrics::new();
    eprintln!(
        "taking orders on {}, pulling from {}",
        listener.address(),
        template.master
    );
    let (stop, stopped) = watch::channel(false);
    if let Some(address) = daemon.options.admin {
        let admin = Admin::bind(address, metrics.clone())
            .await
            .context("cannot listen")?;
        eprintln!("admin http://{}", admin.address());
        tokio::spawn(admin.serve(until(stopped.clone())));
    }
    let (desk, live) = Desk::start(template, metrics, stop.clone(), log);
    let idle = desk.clone();
    let services = Services::new()
        .with_control(Arc::new(desk))
        .with_live(Arc::new(live));
    let served = tokio::spawn(listener.serve(services, until(stopped.clone())));
    tokio::select! {
        _ = signals.wished() => info!("asked to end by a signal"),
        () = until(stopped) => info!("asked to end by an order"),
    }
    let _ = stop.send(true);
    // What still runs after the grace period is cut.
    let _ = tokio::time::timeout(GRACE, async {
        let _ = served.await;
        idle.rest().await;
    })
    .await;
    Ok(code::DONE)
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is as good as its word.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// Something for the thread that owns the machine.
enum Order {
    Run {
        order: RunOrder,
        progress: mpsc::Sender<Progress>,
        /// Its place in the queue is taken from the beginning.
        last: mpsc::OwnedPermit<Progress>,
    },
    Snapshot {
        order: SnapshotOrder,
        reply: oneshot::Sender<Result<SnapshotReport, String>>,
    },
    /// Somebody pushed something; that waits in a queue of its own.
    Look,
}

/// Where orders are given; clones give them to the same thread.
#[derive(Clone)]
struct Desk {
    orders: blocking::SyncSender<Order>,
    state: Arc<Mutex<String>>,
    master: String,
    metrics: Metrics,
    started: Instant,
    stop: watch::Sender<bool>,
}

/// The state in which no order is carried out.
const IDLE: &str = "waiting for orders";

impl Desk {
    fn start(
        template: Orders,
        metrics: Metrics,
        stop: watch::Sender<bool>,
        log: Option<LogWriter>,
    ) -> (Desk, LiveDesk) {
        let (orders, receiver) = blocking::sync_channel(ORDERS_MAX);
        let (bell, looked_after) = (Bell::default(), orders.clone());
        let rung = bell.clone();
        let (live, queue) = LiveDesk::new(move || {
            rung.ring();
            // Where the queue is full, its orders come first and then what was pushed.
            let _ = looked_after.try_send(Order::Look);
        });
        let desk = Desk {
            orders,
            state: Arc::new(Mutex::new(IDLE.to_string())),
            master: template.master.clone(),
            metrics,
            started: Instant::now(),
            stop,
        };
        let (done, state) = (Done::new(&desk.metrics), desk.state.clone());
        std::thread::spawn(move || {
            let mut worker = Worker {
                template,
                last: None,
                pushes: pushes_of(queue, log, bell),
                done,
                state,
            };
            while let Ok(order) = receiver.recv() {
                worker.carry_out(order);
                worker.take_pushes();
            }
        });
        (desk, live)
    }

    fn state(&self) -> String {
        let state = self.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn give(&self, order: Order) -> Result<(), String> {
        self.orders
            .try_send(order)
            .map_err(|_| format!("{ORDERS_MAX} orders wait already; try again later"))
    }

    /// Comes back when nothing runs.
    async fn rest(&self) {
        while self.state() != IDLE {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tonic::async_trait]
impl Control for Desk {
    async fn status(&self) -> StatusReport {
        StatusReport {
            program: "slave".to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            state: self.state(),
            image: format!("pulled from {}", self.master),
            fingerprint: None,
            uptime: self.started.elapsed(),
            figures: self.metrics.figures(),
        }
    }

    async fn run(&self, order: RunOrder) -> Result<mpsc::Receiver<Progress>, String> {
        let (progress, receiver) = mpsc::channel(PROGRESS_MAX);
        let last = progress.clone().try_reserve_owned();
        let last = last.map_err(|_| "nobody waits for the end of the run".to_string())?;
        self.give(Order::Run {
            order,
            progress,
            last,
        })?;
        Ok(receiver)
    }

    async fn snapshot(&self, order: SnapshotOrder) -> Result<SnapshotReport, String> {
        let (reply, answer) = oneshot::channel();
        self.give(Order::Snapshot { order, reply })?;
        answer
            .await
            .unwrap_or_else(|_| Err("the slave is ending".to_string()))
    }

    async fn stop(&self, _: Duration) -> Result<(), String> {
        // The daemon ends when this is heard; a receiver always waits for it.
        let _ = self.stop.send(true);
        Ok(())
    }
}

fn pushes_of(queue: LiveQueue, log: Option<LogWriter>, bell: Bell) -> RunsPushes {
    // Texts are told by the line to the master, beside the master's own.
    let mut pushes = Pushes::new(Box::new(|_| 0)).for_many();
    if let Some(log) = log {
        pushes = pushes.logged_in(log);
    }
    RunsPushes::new(LiveRun::new(queue, pushes, Box::new(NoTexts)), bell)
}

/// Counts of what was done, as `/metrics` shows them.
struct Done {
    runs: Counter,
    tests: Counter,
    failures: Counter,
    pulled: Counter,
    last_run: Gauge,
}

impl Done {
    fn new(metrics: &Metrics) -> Done {
        Done {
            runs: metrics.counter("imprint_runs_total", "Orders to run that were carried out"),
            tests: metrics.counter("imprint_tests_total", "Tests that ended"),
            failures: metrics.counter("imprint_failed_runs_total", "Runs that did not end well"),
            pulled: metrics.counter("imprint_pulled_bytes_total", "Bytes of answers to misses"),
            last_run: metrics.gauge("imprint_last_run_millis", "How long the last run took"),
        }
    }
}

/// The owner of the machine.
struct Worker {
    template: Orders,
    last: Option<Exercised>,
    pushes: RunsPushes,
    done: Done,
    state: Arc<Mutex<String>>,
}

impl Worker {
    /// Carries out what was pushed while nothing runs.
    fn take_pushes(&self) {
        let done = outlived(|| self.pushes.between(|| open_session(&self.template)));
        if let Err(defect) = done {
            tracing::error!("{defect}");
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Run {
                order,
                progress,
                last,
            } => {
                self.enter(match &order.what {
                    Runnable::Expression(_) => "running an expression",
                    Runnable::Tests { .. } => "running tests",
                });
                let ran = outlived(|| self.run(order, &progress));
                self.pushes.end();
                let (exit_code, text) = match ran {
                    Ok(Ok(ended)) => ended,
                    Ok(Err(error)) => {
                        (crate::commands::code_of(&error).into(), sentence_of(&error))
                    }
                    Err(defect) => (code::DEFECT.into(), defect),
                };
                self.enter(IDLE);
                last.send(Progress::Finished { exit_code, text });
            }
            Order::Snapshot { order, reply } => {
                self.enter("writing an image");
                let report =
                    outlived(|| self.snapshot(&order).map_err(|error| sentence_of(&error)));
                self.enter(IDLE);
                let _ = reply.send(report.flatten());
            }
            Order::Look => {}
        }
    }

    fn enter(&self, state: &str) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state.to_string();
    }

    fn run(&mut self, order: RunOrder, progress: &mpsc::Sender<Progress>) -> Result<(u32, String)> {
        let start = Instant::now();
        // What the last run holds, its sockets above all, must be gone before this one begins.
        self.last = None;
        let orders = self.orders(order);
        let mut session = open_session(&orders)?;
        self.pushes.begin(&mut session)?;
        let run = exercise_in(session, &orders, None, |finished| {
            self.done.tests.add(1);
            // Who does not read what comes is not waited for; the end tells all of it again.
            let _ = progress.try_send(Progress::Event(Event::TestFinished(finished.clone())));
        })?;
        self.done.runs.add(1);
        run.session.tell_heap();
        let pulled = run.report.pulled.as_ref();
        self.done.pulled.add(pulled.map_or(0, |it| it.counts.bytes));
        self.done
            .last_run
            .set(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX));
        self.done.failures.add(u64::from(run.failure.is_some()));
        let text = match (&run.report.tests, &run.answer) {
            (Some(_), _) => {
                let text = format!("{}\n{}", run.report.rows(false), run.report.details());
                text.trim_end().to_string()
            }
            (None, Some(answer)) => answer.clone(),
            (None, None) => run.reason.clone().unwrap_or_default(),
        };
        let exit_code = run.failure.unwrap_or(code::DONE).into();
        self.last = Some(run);
        Ok((exit_code, text))
    }

    fn orders(&self, order: RunOrder) -> Orders {
        let template = self.template.clone();
        match order.what {
            Runnable::Expression(expression) => Orders {
                expression: Some(expression),
                tests: Chosen::None,
                may_serve: false,
                ..template
            },
            Runnable::Tests { tests, packages } => Orders {
                tests: Chosen::Of {
                    packages,
                    names: tests,
                },
                timeout: order.limit.unwrap_or(template.timeout),
                ..template
            },
        }
    }

    fn snapshot(&mut self, order: &SnapshotOrder) -> Result<SnapshotReport> {
        let run = self
            .last
            .as_mut()
            .ok_or_else(|| anyhow!("nothing was run yet, so there is nothing to snapshot"))?;
        let path = PathBuf::from(&order.path);
        let asks_for = |option: &str| order.options.iter().any(|(name, _)| name == option);
        let (fingerprint, bytes) = if asks_for(HEAP_OPTION) {
            write_heap(&mut run.session.vm, &path)?
        } else {
            let wanted = Wanted {
                path,
                is_spur: asks_for(SPUR_OPTION),
                proof: None,
            };
            let fingerprint = run.snapshot(&wanted)?;
            let slim = run.report.slim.as_ref();
            (fingerprint, slim.map_or(0, |slim| slim.counts.bytes))
        };
        let failed = run
            .failure
            .map(|_| "the run that it is made of did not end well");
        Ok(SnapshotReport {
            path: order.path.clone(),
            bytes,
            fingerprint: fingerprint.0,
            warnings: failed.map(str::to_string).into_iter().collect(),
        })
    }
}
