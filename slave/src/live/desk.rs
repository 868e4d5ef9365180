//! The border to gRPC: what comes in is handed to the thread that owns the machine.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use imprint_host::Waker;
use imprint_vm::Event;
use imprint_wire::Live;
use imprint_wire::control::{Progress, RunOrder, SnapshotOrder, SnapshotReport, StatusReport};
use imprint_wire::live::{
    Holdings, Inventory, MethodName, Outline, Push, PushReport, RolledBack, Shown, Want,
};
use tokio::sync::{mpsc, oneshot, watch};

use super::suppliers::Suppliers;

/// Orders that wait; whoever gives more is refused.
const ORDERS_MAX: usize = 16;
/// The order that says to the machine: look into the queue.
pub(super) const LOOK: u64 = 0x11FE;

type Reply<T> = oneshot::Sender<Result<T, String>>;

/// Something for the thread that owns the machine.
pub(super) enum LiveOrder {
    Push(Box<Push>, Reply<PushReport>),
    Show(MethodName, Reply<Shown>),
    Rollback(u32, bool, Reply<RolledBack>),
    Take(Vec<String>, Vec<String>, Reply<Push>),
    Outline(Reply<Outline>),
    Lacks(Inventory, Reply<Holdings>),
}

/// Where orders to a running image are given; clones give them to the same machine.
#[derive(Clone)]
pub struct LiveDesk {
    orders: SyncSender<LiveOrder>,
    waker: Waker,
    image: String,
    program: &'static str,
    started: Instant,
    stop: watch::Sender<bool>,
    suppliers: Suppliers,
}

impl LiveDesk {
    /// A desk for the machine that `waker` wakes, and where its orders wait.
    pub(super) fn new(
        program: &'static str,
        image: String,
        waker: Waker,
        stop: watch::Sender<bool>,
    ) -> (LiveDesk, Receiver<LiveOrder>) {
        let (orders, receiver) = sync_channel(ORDERS_MAX);
        let desk = LiveDesk {
            orders,
            waker,
            image,
            program,
            started: Instant::now(),
            stop,
            suppliers: Suppliers::default(),
        };
        (desk, receiver)
    }

    /// Those who listen for what the image lost.
    pub(super) fn suppliers(&self) -> Suppliers {
        self.suppliers.clone()
    }

    async fn give<T>(&self, order: impl FnOnce(Reply<T>) -> LiveOrder) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        let given = self.orders.try_send(order(reply));
        given.map_err(|_| format!("{ORDERS_MAX} orders wait already; try again later"))?;
        // A full queue means that the machine is about to look anyway.
        let _ = self.waker.push(Event::Order(LOOK));
        let ended = || Err("the image has ended".to_string());
        answer.await.unwrap_or_else(|_| ended())
    }
}

#[tonic::async_trait]
impl Live for LiveDesk {
    async fn push(&self, push: Push) -> Result<PushReport, String> {
        self.give(|reply| LiveOrder::Push(Box::new(push), reply))
            .await
    }

    async fn show(&self, method: MethodName) -> Result<Shown, String> {
        self.give(|reply| LiveOrder::Show(method, reply)).await
    }

    async fn rollback(&self, number: u32, is_forced: bool) -> Result<RolledBack, String> {
        self.give(|reply| LiveOrder::Rollback(number, is_forced, reply))
            .await
    }

    async fn take(&self, names: Vec<String>, definitions: Vec<String>) -> Result<Push, String> {
        self.give(|reply| LiveOrder::Take(names, definitions, reply))
            .await
    }

    async fn outline(&self) -> Result<Outline, String> {
        self.give(LiveOrder::Outline).await
    }

    async fn lacks(&self, inventory: Inventory) -> Result<Holdings, String> {
        self.give(|reply| LiveOrder::Lacks(inventory, reply)).await
    }

    async fn wants(&self) -> Result<mpsc::Receiver<Want>, String> {
        self.suppliers.attach()
    }
}

#[tonic::async_trait]
impl imprint_wire::Control for LiveDesk {
    async fn status(&self) -> StatusReport {
        StatusReport {
            program: self.program.to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            state: "running".to_string(),
            image: self.image.clone(),
            fingerprint: None,
            uptime: self.started.elapsed(),
            figures: Vec::new(),
        }
    }

    async fn run(&self, _: RunOrder) -> Result<mpsc::Receiver<Progress>, String> {
        Err("this image runs already; push code into it instead".to_string())
    }

    async fn snapshot(&self, _: SnapshotOrder) -> Result<SnapshotReport, String> {
        Err("an image that runs alone is saved by itself: have it snapshot".to_string())
    }

    async fn stop(&self, _: Duration) -> Result<(), String> {
        let _ = self.waker.push(Event::Terminate);
        let _ = self.stop.send(true);
        Ok(())
    }
}
