//! What a machine can say of itself when it is about to die: for the report of a crash.
//!
//! Written in sections, the safest first, so that what is damaged spoils only what comes after it.

use std::io::{self, Write};

use imprint_heap::Collection;
use imprint_model::Oop;
use imprint_model::layout::process;

use crate::machine::Vm;

/// Most lines of one stack, most processes.
const LINES_MAX: usize = 200;
const PROCESSES_MAX: usize = 200;
/// How many of the last primitives are remembered.
const RECENT: usize = 32;

/// The methods of the last primitives that looked at frames, called modules, or failed; those that
/// only compute leave no trace, so that they cost nothing.
#[derive(Debug)]
pub(crate) struct RecentPrimitives {
    methods: [Oop; RECENT],
    next: usize,
}

impl Default for RecentPrimitives {
    fn default() -> RecentPrimitives {
        RecentPrimitives {
            methods: [crate::machine::NONE; RECENT],
            next: 0,
        }
    }
}

impl RecentPrimitives {
    /// Remembers that the primitive of `method` is about to be called, or failed.
    #[inline]
    pub(crate) fn note(&mut self, method: Oop) {
        self.methods[self.next % RECENT] = method;
        self.next = self.next.wrapping_add(1);
    }

    /// Lets the collector see and replace them.
    pub(crate) fn visit(&mut self, visitor: &mut dyn FnMut(&mut Oop)) {
        self.methods.iter_mut().for_each(visitor);
    }

    /// From the newest to the oldest.
    fn newest_first(&self) -> impl Iterator<Item = Oop> + '_ {
        let places = (0..RECENT).map(|back| self.next.wrapping_sub(1 + back) % RECENT);
        places
            .map(|place| self.methods[place])
            .filter(|oop| oop.is_object())
    }
}

impl Vm {
    /// Writes what is known of this machine: its memory, the stack of the active process, the last
    /// primitives, the stacks of all other processes. Changes nothing.
    ///
    /// # Errors
    /// Where `out` cannot be written.
    pub fn write_crash_report(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write_parameters(out)?;
        let active = self.active_process_or_nil();
        writeln!(out, "\nactive process")?;
        self.write_process(out, active)?;
        writeln!(out, "\nlast primitives, newest first")?;
        for method in self.recent_primitives.newest_first() {
            writeln!(out, "  {}", self.method_name(method))?;
        }
        writeln!(out, "\nother processes")?;
        let others = self.all_processes().into_iter().filter(|p| *p != active);
        for other in others.take(PROCESSES_MAX) {
            self.write_process(out, other)?;
        }
        out.flush()
    }

    fn write_parameters(&self, out: &mut dyn Write) -> io::Result<()> {
        let usage = self.heap.usage();
        let settings = &self.settings;
        writeln!(
            out,
            "image             {}",
            settings.command_line.image_path
        )?;
        writeln!(out, "old space         {} bytes", usage.old_bytes)?;
        writeln!(out, "committed         {} bytes", usage.old_committed_bytes)?;
        writeln!(out, "young space       {} bytes", usage.young_bytes)?;
        writeln!(out, "eden              {} bytes", usage.eden_bytes)?;
        writeln!(out, "memory limit      {} bytes", usage.limit_bytes)?;
        writeln!(out, "depth limit       {}", settings.depth_max)?;
        writeln!(out, "stack pages       {}", settings.stack_pages)?;
        writeln!(out, "caches            {}", settings.caches)?;
        writeln!(out, "zeal              {:?}", self.heap.settings().zeal)?;
        for (name, kind) in [
            ("scavenges", Collection::Scavenge),
            ("full collections", Collection::Full),
        ] {
            let pauses = self.heap.pauses(kind);
            writeln!(
                out,
                "{name:17} {}, p99 {:?}, longest {:?}, all {:?}",
                pauses.count(),
                pauses.percentile(0.99),
                pauses.longest(),
                pauses.total(),
            )?;
        }
        out.flush()
    }

    /// All objects of class Process that have something to run.
    fn all_processes(&self) -> Vec<Oop> {
        let Some(class) = self.process_class() else {
            return Vec::new();
        };
        let index = self.heap.header(class).hash();
        let mut processes = self.heap.instances_of(index);
        processes.retain(|oop| self.is_process(*oop) && !self.is_ended(*oop));
        processes
    }

    fn write_process(&self, out: &mut dyn Write, oop: Oop) -> io::Result<()> {
        let state = if self.is_running && oop == self.active_process_or_nil() {
            "active"
        } else if self.is_process(oop) && self.heap.slot(oop, process::MY_LIST) == self.heap.nil() {
            "suspended"
        } else {
            "waiting or ready"
        };
        let priority = self.priority_of(oop);
        writeln!(out, "process {oop:?}, priority {priority}, {state}")?;
        for line in self.stack_lines(oop, LINES_MAX) {
            writeln!(out, "  {line}")?;
        }
        out.flush()
    }
}
