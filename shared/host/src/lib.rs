//! What a virtual machine gets from the world: a clock and readiness ([`LocalOutside`]), orders
//! from other threads ([`Waker`]), and the modules of primitives for files, sockets, the
//! environment, locale, digests and HTTP heads.
//!
//! ```text
//!   LocalOutside ── reactor() ──> Reactor <── register(&mut vm, &reactor): modules arm it
//!        │ wait, poll                ▲
//!        ▼                           │ waker(): other threads
//!      the machine                 Waker
//! ```
//!
//! It knows nothing of Smalltalk beyond what a primitive's arguments are. Readiness is the
//! Linux kernel's epoll.
//!
//! Reading order: [`outside`], [`reactor`], [`handles`], [`files`], [`sockets`], [`http`],
//! [`environment`], [`locale`], [`timezone`], [`digests`], [`checksums`].

pub mod checksums;
pub mod clock_text;
pub mod digests;
pub mod environment;
pub mod files;
pub mod handles;
pub mod http;
pub mod http_head;
pub mod locale;
pub mod outside;
pub mod ports;
mod pruned;
pub mod reactor;
pub mod sockets;
pub mod timezone;

#[cfg(test)]
mod testing;

use imprint_vm::Vm;
use imprint_vm::primitives::register as offer;

pub use environment::Environment;
pub use files::{Files, StandardFiles};
pub use outside::LocalOutside;
pub use ports::free_port;
pub use pruned::PrunedLog;
pub use reactor::{QueueFull, Reactor, Waker};
pub use sockets::Network;

/// Offers all modules of this crate to a machine. `reactor` is that of the [`LocalOutside`] which
/// the machine waits in, also where a master or slave has wrapped it.
pub fn register(vm: &mut Vm, reactor: &Reactor) {
    vm.extensions.insert(Files::new(reactor.clone()));
    vm.extensions.insert(Network::new(reactor.clone()));
    let modules = [
        ("FilePlugin", files::primitives::PRIMITIVES),
        ("FileAttributesPlugin", files::attributes::PRIMITIVES),
        ("SocketPlugin", sockets::primitives::PRIMITIVES),
        ("ImprintPlugin", http::PRIMITIVES),
    ];
    for (module, primitives) in modules {
        for (name, function) in primitives {
            offer(&mut vm.modules, module, name, *function);
        }
    }
    let others = [
        environment::PRIMITIVES,
        locale::PRIMITIVES,
        digests::PRIMITIVES,
        checksums::PRIMITIVES,
    ];
    for (module, name, function) in others.into_iter().flatten() {
        offer(&mut vm.modules, module, name, *function);
    }
}
