//! Collections: when they happen, what they visit, what they report.
//!
//! A scavenge copies what lives in young space. A full collection begins with a scavenge that
//! tenures everything, so that marking and sliding deal with old space alone.

use crate::heap::Heap;
use crate::pauses::PauseBegin;
use crate::settings::Collector;
use imprint_model::Oop;
use std::time::Instant;

/// Leave to move objects: made by the interpreter loop where no oop is held in a Rust variable.
#[derive(Debug)]
pub struct Safepoint(());

impl Safepoint {
    /// For the loop of the virtual machine (and tests) alone: whoever calls it holds no oop but in
    /// what its [`Roots`] visit.
    #[doc(hidden)]
    pub fn at_interpreter_loop() -> Safepoint {
        Safepoint(())
    }
}

/// Where oops live outside the heap: stacks, caches, tables of ids.
pub trait Roots {
    /// Calls `visitor` with every oop; the collector replaces those whose object moved. May be
    /// called several times in one collection.
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Oop));

    /// Old objects may have moved or become others: drop what is keyed by address.
    fn forget_moved(&mut self);

    /// Young objects moved: drop what is keyed by the address of one.
    fn forget_young(&mut self) {}
}

/// No roots outside the heap; for builders and tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRoots;

impl Roots for NoRoots {
    fn visit(&mut self, _visitor: &mut dyn FnMut(&mut Oop)) {}
    fn forget_moved(&mut self) {}
}

impl Roots for Vec<Oop> {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Oop)) {
        self.iter_mut().for_each(visitor);
    }
    fn forget_moved(&mut self) {}
}

/// What is collected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Collection {
    /// Young space; a full collection where one is due.
    Scavenge,
    /// Everything.
    Full,
}

/// What a collection did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CollectionReport {
    /// What was collected in the end.
    pub kind: Collection,
    /// Bytes that stayed in young space.
    pub survived_bytes: usize,
    /// Bytes that moved to old space.
    pub tenured_bytes: usize,
    /// Bytes of old space that were freed.
    pub freed_bytes: usize,
    /// Bytes in use in old space now.
    pub old_bytes: usize,
    /// Bytes of old space given back to the system.
    pub given_back_bytes: usize,
    /// Weak slots whose object died.
    pub weak_slots_cleared: usize,
    /// Ephemerons that were put into the queue of mourners.
    pub mourners: usize,
    /// The limit is exceeded by what lives: the virtual machine must end.
    pub is_out_of_memory: bool,
}

impl CollectionReport {
    pub(crate) fn new(kind: Collection) -> CollectionReport {
        CollectionReport {
            kind,
            survived_bytes: 0,
            tenured_bytes: 0,
            freed_bytes: 0,
            old_bytes: 0,
            given_back_bytes: 0,
            weak_slots_cleared: 0,
            mourners: 0,
            is_out_of_memory: false,
        }
    }

    /// Whether the finalisation semaphore is to be signalled.
    pub fn wants_finalization(&self) -> bool {
        self.mourners > 0 || self.weak_slots_cleared > 0
    }
}

impl Heap {
    /// Collects. Objects move; every oop outside `roots` and the heap is stale afterwards. Under
    /// the null collector nothing happens.
    pub fn collect(
        &mut self,
        _safepoint: Safepoint,
        kind: Collection,
        roots: &mut dyn Roots,
    ) -> CollectionReport {
        if self.settings.collector == Collector::Null {
            return CollectionReport::new(kind);
        }
        let is_full = kind == Collection::Full || self.is_full_collection_due();
        let mut report = CollectionReport::new(if is_full { Collection::Full } else { kind });
        self.spill_bytes = 0;
        if self.old.ensure(&self.reserve, self.young.used()).is_err() {
            report.is_out_of_memory = true;
            return report;
        }
        let begin = PauseBegin::now();
        self.timed_scavenge(is_full, roots, &mut report);
        if is_full {
            self.timed_full(roots, &mut report);
            self.full_pauses.record(&begin);
        } else {
            self.scavenge_pauses.record(&begin);
        }
        report.old_bytes = self.old.space.used();
        report.is_out_of_memory = is_full && !self.old.is_below_limit(self.wanted_bytes);
        self.wanted_bytes = 0;
        self.check_after_collection(roots);
        report
    }

    /// Whether the next collection will be a full one.
    pub fn is_full_collection_due(&self) -> bool {
        let wanted = self.old.space.used().saturating_add(self.wanted_bytes);
        wanted > self.old.threshold || wanted > self.old.limit_bytes
    }

    fn timed_scavenge(
        &mut self,
        is_full: bool,
        roots: &mut dyn Roots,
        report: &mut CollectionReport,
    ) {
        let begun = Instant::now();
        self.scavenge(is_full, roots, report);
        roots.forget_young();
        self.collections.scavenges += 1;
        self.collections.tenured_bytes += report.tenured_bytes as u64;
        self.collections.scavenge_micros += begun.elapsed().as_micros() as u64;
    }

    fn timed_full(&mut self, roots: &mut dyn Roots, report: &mut CollectionReport) {
        let begun = Instant::now();
        let marks = self.mark(roots, report);
        self.compact(marks, roots, report);
        roots.forget_moved();
        self.reclaim_reserve();
        self.set_threshold();
        self.old.threshold = self.old.threshold.saturating_add(self.wanted_bytes);
        self.collections.fulls += 1;
        self.collections.full_micros += begun.elapsed().as_micros() as u64;
    }

    fn check_after_collection(&self, roots: &mut dyn Roots) {
        let is_checked = self.settings.zeal.is_some_and(|zeal| zeal.verify);
        if !is_checked {
            return;
        }
        if let Err(faults) = self.verify(roots) {
            panic!(
                "the heap is damaged after a collection: {:?}",
                &faults[..faults.len().min(5)]
            );
        }
    }

    /// Whether freed memory is to be poisoned.
    pub(crate) fn poisons(&self) -> bool {
        self.settings.zeal.is_some_and(|zeal| zeal.poison)
    }

    /// Lets `visit` see and replace every reference that is kept outside the objects, but not the
    /// class table and the symbols, which some collections hold weakly.
    pub(crate) fn visit_own_roots(&mut self, mut visit: impl FnMut(&mut Oop)) {
        visit(&mut self.nil);
        visit(&mut self.false_object);
        visit(&mut self.true_object);
        visit(&mut self.special_objects);
        self.mourners.iter_mut().for_each(visit);
    }
}
