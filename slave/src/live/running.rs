//! The loop of a machine that takes orders between two of its safepoints, and the daemon beside it.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use anyhow::{Context, Result};
use imprint_host::Waker;
use imprint_vm::{Outcome, RunLimits, Supply, Vm, Wanted, revise};
use imprint_wire::live::{Holding, Holdings, Inventory, Outline, Push};
use imprint_wire::{Address, Listener, ServerLimits, Services};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::desk::{LOOK, LiveDesk, LiveOrder};
use super::pushes::Pushes;
use super::suppliers::Suppliers;
use super::supplying::supply;
use crate::crash::outlived;
use crate::security::admission;

/// A machine's side: orders that wait, and how they are carried out.
pub struct LiveRun {
    orders: Receiver<LiveOrder>,
    suppliers: Suppliers,
    /// The number of the last thing that was asked for.
    last_want: u64,
    hands: Hands,
}

/// What orders are carried out with.
struct Hands {
    pushes: Pushes,
    giver: Box<dyn Giver>,
}

/// Gives code of a machine's image away.
pub trait Giver {
    /// Packages, classes and methods by name, and classes without their methods, as a push.
    ///
    /// # Errors
    /// Why that is not possible, as a sentence.
    fn take(&self, vm: &Vm, names: &[String], definitions: &[String]) -> Result<Push, String>;

    /// All that can be taken.
    ///
    /// # Errors
    /// Why there is nothing, as a sentence.
    fn outline(&self, vm: &Vm) -> Result<Outline, String>;
}

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
    giver: Box<dyn Giver>,
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
    let suppliers = desk.suppliers();
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
        suppliers,
        last_want: 0,
        hands: Hands { pushes, giver },
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
        let suppliers = self.suppliers.clone();
        vm.extensions
            .insert(Supply::new(move || suppliers.is_any()));
        loop {
            match outcome {
                Outcome::Ordered(LOOK) => {
                    while let Ok(order) = self.orders.try_recv() {
                        self.hands.carry_out(vm, order);
                    }
                }
                Outcome::Wanted(wanted) => self.supply(vm, *wanted),
                other => return other,
            }
            outcome = vm.go_on(RunLimits::default());
        }
    }

    /// Has somebody push what was pruned, while the machine and its clocks stand still.
    fn supply(&mut self, vm: &mut Vm, wanted: Wanted) {
        let begin = Instant::now();
        self.last_want += 1;
        let hands = &mut self.hands;
        let is_supplied = supply(
            vm,
            &wanted,
            self.last_want,
            &self.suppliers,
            &self.orders,
            |vm, order| hands.carry_out(vm, order),
        );
        if !is_supplied {
            vm.go_without_supply(wanted);
        }
        vm.stand_still(begin.elapsed());
    }
}

impl Hands {
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
            LiveOrder::Take(names, definitions, reply) => {
                let _ = reply.send(self.giver.take(vm, &names, &definitions));
            }
            LiveOrder::Outline(reply) => {
                let _ = reply.send(self.giver.outline(vm));
            }
            LiveOrder::Lacks(inventory, reply) => {
                let _ = reply.send(Ok(holdings(vm, &inventory)));
            }
        }
    }
}

/// How it stands with what somebody names. Of an image that lost nothing everything is said to be here.
fn holdings(vm: &Vm, inventory: &Inventory) -> Holdings {
    let is_slim = vm.is_slim();
    let said = |holding: &dyn Fn() -> revise::Holding| match is_slim.then(holding) {
        None | Some(revise::Holding::Here) => Holding::Here,
        Some(revise::Holding::Lost) => Holding::Lost,
        Some(revise::Holding::WithoutClass) => Holding::WithoutClass,
    };
    let methods = inventory.methods.iter();
    let behaviors = inventory.behaviors.iter();
    let variables = inventory.class_variables.iter();
    let globals = inventory.globals.iter();
    Holdings {
        methods: methods
            .map(|it| said(&|| vm.holding_of_method(&it.behavior, &it.selector)))
            .collect(),
        behaviors: behaviors
            .map(|it| said(&|| vm.holding_of_behavior(it)))
            .collect(),
        class_variables: variables
            .map(|(class, name)| said(&|| vm.holding_of_variable(class, name)))
            .collect(),
        globals: globals
            .map(|name| said(&|| vm.holding_of_global(name)))
            .collect(),
    }
}
