//! A machine that stands still for what it lost, until somebody who listens has pushed it.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use imprint_isa::BehaviorName;
use imprint_vm::revise::Holding;
use imprint_vm::{Vm, Wanted};
use imprint_wire::live::{self, MethodName, Want};
use tokio::sync::mpsc::Sender;
use tracing::{info, warn};

use super::desk::LiveOrder;
use super::suppliers::Suppliers;

/// The machine stands still for so long at most, for each of those that it asks.
const SUPPLY_LIMIT: Duration = Duration::from_secs(5);
/// Between two looks whether who was asked is still there.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Asks for what was pruned, and carries out orders until it came or nobody has it. Answers whether it
/// came.
pub(super) fn supply(
    vm: &mut Vm,
    wanted: &Wanted,
    number: u64,
    suppliers: &Suppliers,
    orders: &Receiver<LiveOrder>,
    mut carry_out: impl FnMut(&mut Vm, LiveOrder),
) -> bool {
    let want = Want {
        number,
        what: in_words(wanted),
    };
    for supplier in suppliers.all() {
        if supplier.try_send(want.clone()).is_err() {
            continue;
        }
        while let Some(order) = next_order(orders, &supplier, Instant::now() + SUPPLY_LIMIT) {
            let is_answer = matches!(&order, LiveOrder::Push(push, _) if push.supplies == number);
            carry_out(vm, order);
            if is_answer {
                break;
            }
        }
        if is_here(vm, wanted) {
            info!("{} was lost, and is supplied", want.what);
            return true;
        }
    }
    warn!("{} was lost, and nobody supplies it", want.what);
    false
}

/// The next order, as long as who was asked is there and time is left.
fn next_order(
    orders: &Receiver<LiveOrder>,
    asked: &Sender<Want>,
    deadline: Instant,
) -> Option<LiveOrder> {
    loop {
        match orders.recv_timeout(LOOK_EVERY) {
            Ok(order) => return Some(order),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) if asked.is_closed() => return None,
            Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn in_words(wanted: &Wanted) -> live::Wanted {
    match wanted {
        Wanted::Method(behavior, selector) => live::Wanted::Method(MethodName {
            behavior: behavior.clone(),
            selector: selector.clone(),
        }),
        Wanted::Class(name) => live::Wanted::Class(name.clone()),
        Wanted::Object(name) => live::Wanted::Object(name.clone()),
    }
}

fn is_here(vm: &Vm, wanted: &Wanted) -> bool {
    let holding = match wanted {
        // No push brings one.
        Wanted::Object(_) => return false,
        Wanted::Method(behavior, selector) => vm.holding_of_method(behavior, selector),
        Wanted::Class(name) => vm.holding_of_behavior(&BehaviorName::meta(name.clone())),
    };
    holding == Holding::Here
}
