//! The loop of a machine that takes orders between two of its safepoints, and the daemon beside it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use imprint_host::Waker;
use imprint_vm::{Event, Outcome, RunLimits, Supply, Vm, Wanted, revise};
use imprint_wire::live::{Holding, Holdings, Inventory, Outline, Push};
use imprint_wire::{Address, Listener, ServerLimits, Services};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::alone::AloneDesk;
use super::desk::{LOOK, LiveDesk, LiveOrder, LiveQueue};
use super::pushes::{Pushes, Texts};
use super::suppliers::Suppliers;
use super::supplying::supply;
use crate::crash::outlived;
use crate::security::{admission, trusted_keys};

/// A machine's side: orders that wait, and how they are carried out.
pub struct LiveRun {
    orders: Receiver<LiveOrder>,
    /// Orders that were taken out of the queue already.
    taken: VecDeque<LiveOrder>,
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
    // They are read again whenever packages come, since they may change meanwhile.
    trusted_keys()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let (stop, stopped) = watch::channel(false);
    let machine = waker.clone();
    let (desk, queue) = LiveDesk::new(move || {
        // A full queue means that the machine is about to look anyway.
        let _ = machine.push(Event::Order(LOOK));
    });
    let control = AloneDesk {
        waker,
        image: image.to_string(),
        program,
        started: Instant::now(),
        stop: stop.clone(),
    };
    let listener = runtime
        .block_on(Listener::bind_for(
            &address,
            admission()?,
            ServerLimits::default(),
        ))
        .context("cannot listen")?;
    let address = listener.address().clone();
    let services = Services::new()
        .with_control(Arc::new(control))
        .with_live(Arc::new(desk));
    runtime.spawn(listener.serve(services, until(stopped)));
    let served = Served {
        runtime: Some(runtime),
        stop,
        address,
    };
    Ok((LiveRun::new(queue, pushes, giver), served))
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is as good as its word.
    let _ = stopped.wait_for(|stop| *stop).await;
}

impl LiveRun {
    /// What carries out the orders of a queue.
    pub fn new(queue: LiveQueue, pushes: Pushes, giver: Box<dyn Giver>) -> LiveRun {
        LiveRun {
            orders: queue.orders,
            taken: VecDeque::new(),
            suppliers: queue.suppliers,
            last_want: 0,
            hands: Hands { pushes, giver },
        }
    }

    /// Carries out what waits and lets the machine go on, until it ends otherwise.
    pub fn go_on(&mut self, vm: &mut Vm, outcome: Outcome) -> Outcome {
        let begun = vm.standstill();
        self.go_on_within(vm, outcome, &RunLimits::default(), begun)
    }

    /// As [`LiveRun::go_on`], of a run with limits; its deadline is later by as long as the clocks have stood
    /// still since they had for `begun`.
    pub fn go_on_within(
        &mut self,
        vm: &mut Vm,
        mut outcome: Outcome,
        limits: &RunLimits,
        begun: Duration,
    ) -> Outcome {
        let suppliers = self.suppliers.clone();
        vm.extensions
            .insert(Supply::new(move || suppliers.is_any()));
        loop {
            match outcome {
                Outcome::Ordered(LOOK) => self.look(vm),
                Outcome::Wanted(wanted) => self.supply(vm, *wanted),
                other => return other,
            }
            let still = vm.standstill() - begun;
            outcome = vm.go_on(RunLimits {
                deadline: limits.deadline.map(|deadline| deadline + still),
                ..limits.clone()
            });
        }
    }

    /// Carries out what waits.
    pub fn look(&mut self, vm: &mut Vm) {
        while self.look_once(vm) {}
    }

    /// Carries out the next order; answers whether there was one.
    pub fn look_once(&mut self, vm: &mut Vm) -> bool {
        let next = self.next_order();
        let is_any = next.is_some();
        if let Some(order) = next {
            self.hands.carry_out(vm, order);
        }
        is_any
    }

    /// Whether somebody ordered something.
    pub fn has_orders(&mut self) -> bool {
        self.taken.extend(self.orders.try_recv());
        !self.taken.is_empty()
    }

    fn next_order(&mut self) -> Option<LiveOrder> {
        let taken = self.taken.pop_front();
        taken.or_else(|| self.orders.try_recv().ok())
    }

    /// Puts all that was pushed into another machine.
    ///
    /// # Errors
    /// What does not fit there.
    pub fn renew(&mut self, vm: &mut Vm) -> Result<(), String> {
        self.hands.pushes.renew(vm)
    }

    /// The texts of what is pushed.
    pub fn texts(&self) -> Texts {
        self.hands.pushes.texts()
    }

    /// Carries out what waits as far as that needs no machine, since there is none for this reason.
    pub fn do_without(&mut self, why: &str) {
        while let Some(order) = self.next_order() {
            match order {
                LiveOrder::Rollback(number, _, reply) => {
                    let _ = reply.send(self.hands.pushes.forget(number));
                }
                other => other.refuse(why.to_string()),
            }
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
            LiveOrder::Install(installing, reply) => {
                let done = outlived(|| self.pushes.install(vm, *installing));
                let _ = reply.send(done.flatten());
            }
            LiveOrder::Uninstall(package, reply) => {
                let done = outlived(|| self.pushes.uninstall(vm, &package));
                let _ = reply.send(done.flatten());
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
