//! What ran: the methods that entered the cache of sends since the last epoch began.
//!
//! A method is noted when a send first finds it, so it costs nothing while it runs. An epoch begins
//! with a flush of the cache, and with noting what is on all stacks ([`Vm::begin_epoch`]).

use imprint_model::Oop;
use rustc_hash::FxHashSet;

use crate::machine::Vm;

/// The methods that ran in this epoch, where they are noted at all.
#[derive(Default)]
pub struct Touched {
    is_on: bool,
    methods: FxHashSet<Oop>,
}

impl Touched {
    /// Whether methods are noted.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// The methods noted so far, in no order.
    pub fn methods(&self) -> impl Iterator<Item = Oop> + '_ {
        self.methods.iter().copied()
    }

    /// Shows every method to a visitor that may move it.
    pub(crate) fn visit(&mut self, visitor: &mut dyn FnMut(&mut Oop)) {
        let methods = std::mem::take(&mut self.methods);
        let visited = methods.into_iter().map(|mut method| {
            visitor(&mut method);
            method
        });
        self.methods = visited.collect();
    }
}

impl Vm {
    /// Notes that a method runs.
    #[inline]
    pub(crate) fn touch(&mut self, method: Oop) {
        if self.touched.is_on {
            self.touched.methods.insert(method);
        }
    }

    /// Begins to note what runs, from now on: what is on the stacks counts as running.
    pub fn begin_epoch(&mut self) {
        self.touched.is_on = true;
        self.touched.methods.clear();
        self.cache.flush();
        for method in self.methods_on_stacks() {
            self.touched.methods.insert(method);
        }
    }

    /// Ends noting, and answers what was noted.
    pub fn end_epochs(&mut self) -> Vec<Oop> {
        self.touched.is_on = false;
        std::mem::take(&mut self.touched.methods)
            .into_iter()
            .collect()
    }

    /// The home methods of all activations of all processes that are in frames.
    fn methods_on_stacks(&self) -> Vec<Oop> {
        let mut methods = Vec::new();
        for page in self.stack.pages_in_use() {
            let mut next = Some(self.stack.newest(page));
            while let Some(position) = next {
                methods.push(self.home_method(self.stack.frame(position).method));
                next = self.stack.older(position);
            }
        }
        methods
    }
}
