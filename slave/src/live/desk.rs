//! The border to gRPC: what comes in is handed to the thread that owns the machine.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use imprint_wire::Live;
use imprint_wire::live::{
    Holdings, Inventory, MethodName, Outline, Push, PushReport, RolledBack, Shown, Want,
};
use imprint_wire::upload::{InstallReport, UninstallReport, Upload};
use tokio::sync::{mpsc, oneshot};

use super::packages::Installing;
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
    Install(Box<Installing>, Reply<InstallReport>),
    Uninstall(String, Reply<UninstallReport>),
}

impl LiveOrder {
    /// Says why it cannot be carried out.
    pub fn refuse(self, why: String) {
        // Who gave an order may be gone: then nobody wants to know.
        match self {
            LiveOrder::Push(_, reply) => drop(reply.send(Err(why))),
            LiveOrder::Show(_, reply) => drop(reply.send(Err(why))),
            LiveOrder::Rollback(_, _, reply) => drop(reply.send(Err(why))),
            LiveOrder::Take(_, _, reply) => drop(reply.send(Err(why))),
            LiveOrder::Outline(reply) => drop(reply.send(Err(why))),
            LiveOrder::Lacks(_, reply) => drop(reply.send(Err(why))),
            LiveOrder::Install(_, reply) => drop(reply.send(Err(why))),
            LiveOrder::Uninstall(_, reply) => drop(reply.send(Err(why))),
        }
    }
}

/// Where orders to a running image are given; clones give them to the same machine.
#[derive(Clone)]
pub struct LiveDesk {
    orders: SyncSender<LiveOrder>,
    wake: Arc<dyn Fn() + Send + Sync>,
    suppliers: Suppliers,
}

/// The other end of a desk: where orders wait, and who listens for what an image lost.
pub struct LiveQueue {
    pub(super) orders: Receiver<LiveOrder>,
    pub(super) suppliers: Suppliers,
}

impl LiveDesk {
    /// A desk for the machine that `wake` lets look into the queue.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> (LiveDesk, LiveQueue) {
        let (orders, receiver) = sync_channel(ORDERS_MAX);
        let desk = LiveDesk {
            orders,
            wake: Arc::new(wake),
            suppliers: Suppliers::default(),
        };
        let queue = LiveQueue {
            orders: receiver,
            suppliers: desk.suppliers.clone(),
        };
        (desk, queue)
    }

    async fn give<T>(&self, order: impl FnOnce(Reply<T>) -> LiveOrder) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        let given = self.orders.try_send(order(reply));
        given.map_err(|_| format!("{ORDERS_MAX} orders wait already; try again later"))?;
        (self.wake)();
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

    async fn install(&self, upload: Upload) -> Result<InstallReport, String> {
        // To read them takes long: whoever carries calls has other things to do.
        let read = tokio::task::spawn_blocking(|| Installing::read(upload)).await;
        let installing = read.map_err(|error| error.to_string())??;
        self.give(|reply| LiveOrder::Install(Box::new(installing), reply))
            .await
    }

    async fn uninstall(&self, package: String) -> Result<UninstallReport, String> {
        self.give(|reply| LiveOrder::Uninstall(package, reply))
            .await
    }
}
