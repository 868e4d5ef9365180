//! The machine: its parts, and nothing of what they do.

use std::collections::VecDeque;
use std::time::Duration;

use imprint_heap::Heap;
use imprint_model::{BytecodeSets, Oop};

use crate::cache::SendCache;
use crate::crash::RecentPrimitives;
use crate::extensions::Extensions;
use crate::install::Names;
use crate::modules::Modules;
use crate::outside::{Event, Outside};
use crate::presence::Presence;
use crate::primitives;
use crate::revise::{Latecomers, Undo};
use crate::settings::VmSettings;
use crate::stack::Stack;
use crate::stop::Stop;
use crate::touched::Touched;

/// No object: what a root holds that holds nothing.
pub(crate) const NONE: Oop = Oop::from_bits(1);

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
    /// What can be found by name in the heap.
    pub names: Names,
    /// What ran, where somebody wants to know.
    pub touched: Touched,
    /// How to take back what was put over the code, last one last.
    pub(crate) undos: Vec<Undo>,
    /// Objects that came with fewer variables than they have by now.
    pub(crate) latecomers: Latecomers,
    /// The last primitives that left a trace.
    pub(crate) recent_primitives: RecentPrimitives,
    /// The frames.
    pub(crate) stack: Stack,
    /// What sends mean.
    pub(crate) cache: SendCache,
    /// Selector and number of arguments of the special sends, by position.
    pub(crate) special_selectors: [(Oop, u8); 32],
    /// The bytecode sets that the loop which runs can execute.
    pub(crate) loop_sets: BytecodeSets,
    /// Sends and backward jumps until the next look at the world.
    pub(crate) countdown: i32,
    /// Why the loop is being left.
    pub(crate) pending_stop: Option<Stop>,
    /// The newest context of the active page while its frames are given up, and its depth.
    pub(crate) divorced: Option<(Oop, usize)>,
    /// The depth at which a process is told that it is too deep.
    pub(crate) depth_limit: usize,
    /// The process (or bottom context) that the run waits for.
    pub(crate) target: Oop,
    /// The processes of runs that were stopped by their limits.
    pub(crate) late: Vec<Oop>,
    /// What waits in the roots while something else runs in between.
    pub(crate) set_aside: Vec<Oop>,
    /// The process that runs, where the image has no scheduler.
    pub(crate) lone_process: Oop,
    /// What happened while something else ended a run, or ran aside: it comes first in the next look.
    pub(crate) postponed: VecDeque<Event>,
    /// The process that is about to run.
    pub(crate) incoming: Oop,
    /// Whether frames of the active process are on the active page.
    pub(crate) is_running: bool,
    /// When the timer semaphore is to be signalled, in UTC microseconds since 1901.
    pub(crate) timer: Option<u64>,
    /// How long the machine has waited for pulls, and how long it had when this run began.
    pub(crate) standstill: Duration,
    pub(crate) fetching: Duration,
    pub(crate) standstill_before: Duration,
    /// Whether the last collection did not bring the space that a primitive wants.
    pub(crate) is_out_of_space: bool,
    /// The low space semaphore is signalled once less than this is left; 0 for never.
    pub(crate) low_space_bytes: usize,
    /// Position among the external objects of the semaphore that each collection signals; 0 for none.
    pub(crate) collection_semaphore: usize,
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
            touched: Touched::default(),
            undos: Vec::new(),
            latecomers: Latecomers::default(),
            recent_primitives: RecentPrimitives::default(),
            stack: Stack::new(settings.stack_pages, settings.page_words),
            cache: SendCache::new(),
            special_selectors: [(NONE, 0); 32],
            loop_sets: BytecodeSets {
                sista: true,
                v3: true,
            },
            countdown: settings.poll_interval,
            pending_stop: None,
            divorced: None,
            depth_limit: settings.depth_max,
            target: NONE,
            late: Vec::new(),
            set_aside: Vec::new(),
            lone_process: NONE,
            postponed: VecDeque::new(),
            incoming: NONE,
            is_running: false,
            timer: None,
            standstill: Duration::ZERO,
            fetching: Duration::ZERO,
            standstill_before: Duration::ZERO,
            is_out_of_space: false,
            low_space_bytes: 0,
            collection_semaphore: 0,
            settings,
        }
    }

    /// Forgets what sends mean: a method dictionary or a class has changed.
    pub fn flush_caches(&mut self) {
        self.cache.flush();
    }
}
