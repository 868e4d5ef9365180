//! What the collector must see besides the heap, and collections themselves.

use imprint_heap::{Collection, CollectionReport, Heap, Roots, Safepoint};
use imprint_model::{Known, Oop};

use crate::cache::SendCache;
use crate::crash::RecentPrimitives;
use crate::install::Names;
use crate::machine::Vm;
use crate::presence::Presence;
use crate::revise::{Latecomers, Undo};
use crate::stack::Stack;
use crate::touched::Touched;

/// All places outside the heap where a machine holds oops.
pub(crate) struct MachineRoots<'a> {
    stack: &'a mut Stack,
    cache: &'a mut SendCache,
    presence: &'a mut Presence,
    names: &'a mut Names,
    touched: &'a mut Touched,
    undos: &'a mut Vec<Undo>,
    latecomers: &'a mut Latecomers,
    recent_primitives: &'a mut RecentPrimitives,
    special_selectors: &'a mut [(Oop, u8); 32],
    singles: [&'a mut Oop; 3],
    late: &'a mut Vec<Oop>,
    set_aside: &'a mut Vec<Oop>,
    divorced: &'a mut Option<(Oop, usize)>,
}

impl Roots for MachineRoots<'_> {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Oop)) {
        self.stack.visit(visitor);
        self.presence.visit(visitor);
        self.names.visit(visitor);
        self.touched.visit(visitor);
        self.undos.iter_mut().for_each(|undo| undo.visit(visitor));
        self.latecomers.visit(visitor);
        self.recent_primitives.visit(visitor);
        self.special_selectors
            .iter_mut()
            .for_each(|(selector, _)| visitor(selector));
        self.singles.iter_mut().for_each(|oop| visitor(oop));
        self.late.iter_mut().for_each(&mut *visitor);
        self.set_aside.iter_mut().for_each(&mut *visitor);
        if let Some((context, _)) = self.divorced {
            visitor(context);
        }
    }

    fn forget_moved(&mut self) {
        self.cache.flush();
    }
}

impl Vm {
    /// The heap, and the roots of everything else.
    pub(crate) fn split(&mut self) -> (&mut Heap, MachineRoots<'_>) {
        let roots = MachineRoots {
            stack: &mut self.stack,
            cache: &mut self.cache,
            presence: &mut self.presence,
            names: &mut self.names,
            touched: &mut self.touched,
            undos: &mut self.undos,
            latecomers: &mut self.latecomers,
            recent_primitives: &mut self.recent_primitives,
            special_selectors: &mut self.special_selectors,
            singles: [&mut self.target, &mut self.lone_process, &mut self.incoming],
            late: &mut self.late,
            set_aside: &mut self.set_aside,
            divorced: &mut self.divorced,
        };
        (&mut self.heap, roots)
    }

    /// Collects, between two runs or in the driver: nobody holds an oop but in the roots. Then
    /// whoever waits for finalisation, or for collections, is signalled.
    pub fn collect(&mut self, kind: Collection) -> CollectionReport {
        self.cache.forget_young(&self.heap);
        let (heap, mut roots) = self.split();
        let report = heap.collect(Safepoint::at_interpreter_loop(), kind, &mut roots);
        if report.kind == Collection::Full {
            self.cache.flush();
        }
        if self.heap.settings().zeal.is_some_and(|zeal| zeal.verify)
            && let Err(faults) = self.verify_strict_slots()
        {
            panic!("strict slots are damaged after a collection: {faults:?}");
        }
        if report.wants_finalization() {
            let semaphore = self.heap.known(Known::FinalizationSemaphore);
            self.signal_from_outside(semaphore);
        }
        if self.collection_semaphore > 0 {
            let semaphore = self.external_object(self.collection_semaphore);
            self.signal_from_outside(semaphore);
        }
        self.watch_low_space();
        report
    }

    /// Checks the heap and everything that refers to it, and the strict slots.
    ///
    /// # Errors
    /// What is wrong.
    pub fn verify(&mut self) -> Result<(), Vec<imprint_heap::Fault>> {
        let (heap, mut roots) = self.split();
        heap.verify(&mut roots)?;
        self.verify_strict_slots()
    }
}
