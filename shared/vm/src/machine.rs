//! The machine: its parts, and nothing of what they do.

use imprint_heap::Heap;

use crate::extensions::Extensions;
use crate::install::Names;
use crate::modules::Modules;
use crate::outside::Outside;
use crate::presence::Presence;
use crate::primitives;
use crate::settings::VmSettings;
use crate::stack::Stack;

/// A Smalltalk virtual machine over one heap, on one thread.
pub struct Vm {
    /// The object memory.
    pub heap: Heap,
    /// What it gets from the world.
    pub outside: Box<dyn Outside>,
    /// Its limits and switches.
    pub settings: VmSettings,
    /// Named primitives.
    pub modules: Modules,
    /// State of modules, by type.
    pub extensions: Extensions,
    /// The objects that came from a master.
    pub presence: Presence,
    /// What can be found by name.
    pub names: Names,
    /// The frames.
    pub(crate) stack: Stack,
}

impl Vm {
    /// A machine over `heap`, with the named primitives that it brings by itself.
    pub fn new(heap: Heap, outside: Box<dyn Outside>, settings: VmSettings) -> Vm {
        let mut modules = Modules::default();
        primitives::register_modules(&mut modules);
        Vm {
            heap,
            outside,
            modules,
            extensions: Extensions::default(),
            presence: Presence::default(),
            names: Names::default(),
            stack: Stack::new(settings.stack_pages, settings.page_words),
            settings,
        }
    }
}
