//! The loop of a machine that takes orders between two of its safepoints, and the daemon beside it.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use anyhow::{Context, Result};
use imprint_host::Waker;
use imprint_vm::{Outcome, RunLimits, Vm};
use imprint_wire::{Address, Listener, ServerLimits, Services};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::desk::{LOOK, LiveDesk, LiveOrder};
use super::pushes::Pushes;
use crate::crash::outlived;
use crate::security::admission;

/// A machine's side: orders that wait, and how they are carried out.
pub struct LiveRun {
    orders: Receiver<LiveOrder>,
    pushes: Pushes,
    take: Taker,
}

/// Gives code of the machine's image away.
pub type Taker = Box<dyn FnMut(&mut Vm, &[String]) -> Result<imprint_wire::live::Push, String>>;

/// The daemon beside a machine; it ends with this.
pub struct Served {
    runtime: Option<Runtime>,
    stop: watch::Sender<bool>,
    /// Where it listens.
    pub address: Address,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Listens for orders to the machine that `waker` wakes.
///
/// # Errors
/// Where the address is taken or not allowed.
pub fn serve_beside(
    program: &'static str,
    image: &str,
    listen: &str,
    waker: Waker,
    pushes: Pushes,
    take: Taker,
) -> Result<(LiveRun, Served)> {
    let address: Address = listen.parse().context("cannot listen")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let (stop, stopped) = watch::channel(false);
    let (desk, orders) = LiveDesk::new(program, image.to_string(), waker, stop.clone());
    let listener = runtime
        .block_on(Listener::bind_for(
            &address,
            admission()?,
            ServerLimits::default(),
        ))
        .context("cannot listen")?;
    let address = listener.address().clone();
    let desk = Arc::new(desk);
    let services = Services::new().with_control(desk.clone()).with_live(desk);
    runtime.spawn(listener.serve(services, until(stopped)));
    let served = Served {
        runtime: Some(runtime),
        stop,
        address,
    };
    let run = LiveRun {
        orders,
        pushes,
        take,
    };
    Ok((run, served))
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is as good as its word.
    let _ = stopped.wait_for(|stop| *stop).await;
}

impl LiveRun {
    /// Carries out what waits and lets the machine go on, until it ends otherwise.
    pub fn go_on(&mut self, vm: &mut Vm, mut outcome: Outcome) -> Outcome {
        while matches!(outcome, Outcome::Ordered(LOOK)) {
            while let Ok(order) = self.orders.try_recv() {
                self.carry_out(vm, order);
            }
            outcome = vm.go_on(RunLimits::default());
        }
        outcome
    }

    fn carry_out(&mut self, vm: &mut Vm, order: LiveOrder) {
        // Who gave an order may be gone: then nobody wants to know.
        match order {
            LiveOrder::Push(push, reply) => {
                let done = outlived(|| self.pushes.push(vm, *push));
                let _ = reply.send(done.flatten());
            }
            LiveOrder::Show(name, reply) => {
                let _ = reply.send(Ok(self.pushes.show(vm, &name)));
            }
            LiveOrder::Rollback(number, is_forced, reply) => {
                let done = outlived(|| self.pushes.rollback(vm, number, is_forced));
                let _ = reply.send(done.flatten());
            }
            LiveOrder::Take(names, reply) => {
                let _ = reply.send((self.take)(vm, &names));
            }
        }
    }
}
