//! How a heap is sized, and how hard it is tested.

/// Which collector a heap has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Collector {
    /// Scavenged young space, mark-compact old space.
    #[default]
    Generational,
    /// Never collects: what eden cannot hold goes to old space until the limit. A bug that stays
    /// under it is not the collector's; and a builder of an image needs no more.
    Null,
}

/// Stress for tests: what is freed is poisoned, and the heap is verified after each collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Zeal {
    /// The virtual machine collects at every n-th safepoint; 0 leaves that to the need for space.
    pub every: u32,
    /// Freed memory is filled with a pattern that is no oop.
    pub poison: bool,
    /// The heap is verified after each collection; a fault is a panic.
    pub verify: bool,
}

impl Zeal {
    /// Poison and verify, with a collection at every n-th safepoint.
    pub const fn every(every: u32) -> Zeal {
        Zeal {
            every,
            poison: true,
            verify: true,
        }
    }
}

/// Sizes and modes of a heap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeapSettings {
    /// Bytes of eden; each survivor space has a fourth of it.
    pub eden_bytes: usize,
    /// Old space never grows above this.
    pub limit_bytes: usize,
    /// Old space may grow by this before a full collection is due, or by half, if that is more.
    pub headroom_bytes: usize,
    /// Stress for tests.
    pub zeal: Option<Zeal>,
    /// Which collector.
    pub collector: Collector,
}

impl Default for HeapSettings {
    fn default() -> HeapSettings {
        HeapSettings {
            eden_bytes: 3 << 20,
            limit_bytes: 4 << 30,
            headroom_bytes: 16 << 20,
            zeal: None,
            collector: Collector::Generational,
        }
    }
}

impl HeapSettings {
    /// Settings of a heap that is filled by code which holds oops meanwhile; see
    /// [`Heap::set_collector`](crate::Heap::set_collector) for when it is done.
    pub fn for_builder() -> HeapSettings {
        HeapSettings {
            collector: Collector::Null,
            ..HeapSettings::default()
        }
    }
}
