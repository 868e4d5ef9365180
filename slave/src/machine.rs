//! A machine around a heap, with everything this host can give it.

use std::io;

use imprint_heap::Heap;
use imprint_host::{LocalOutside, PrunedLog, Reactor, Waker};
use imprint_vm::install::Names;
use imprint_vm::{CommandLine, Outside, Vm, VmSettings};

/// A machine that waits in `outside`; `reactor` is that of the [`LocalOutside`] within it.
pub fn machine_with(
    heap: Heap,
    names: Names,
    outside: Box<dyn Outside>,
    reactor: &Reactor,
    command_line: CommandLine,
) -> Vm {
    let settings = VmSettings {
        command_line,
        ..crate::limits::machine_settings()
    };
    let mut vm = Vm::new(heap, outside, settings);
    vm.names = names;
    imprint_host::register(&mut vm, reactor);
    vm
}

/// A machine with no master and no compiler, what wakes it, and the log of what it reaches though it
/// was pruned.
///
/// # Errors
/// Where the system refuses the descriptors it waits on.
pub fn local_machine(
    heap: Heap,
    names: Names,
    command_line: CommandLine,
) -> io::Result<(Vm, Waker, PrunedLog)> {
    let outside = LocalOutside::new()?;
    let (reactor, waker, pruned) = (
        outside.reactor().clone(),
        outside.waker(),
        outside.pruned_log(),
    );
    Ok((
        machine_with(heap, names, Box::new(outside), &reactor, command_line),
        waker,
        pruned,
    ))
}
