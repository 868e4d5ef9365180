//! Making frames away from the hot path: on a page that may be full, and beyond the limit of depth.

use imprint_model::layout::{block_closure, closure};
use imprint_model::{ClassIndex, Oop};

use crate::cache::Entry;
use crate::handlers::closure::{first_pc, header_of};
use crate::machine::Vm;
use crate::stack::{BaseRecord, Link};
use crate::stop::Stop;
use crate::v3::{self, closures::Block};

/// What a new frame runs; receiver and arguments are on the stack.
struct Activation {
    method: Oop,
    closure: Option<Oop>,
    pc: *const u8,
    arguments: usize,
    /// The receiver, where it is not the word below the arguments.
    receiver: Option<Oop>,
    /// Values that follow the arguments.
    more: Vec<Oop>,
}

impl Vm {
    /// Sees to it that one frame more can be made: on this page, or on a free one.
    ///
    /// # Errors
    /// [`Stop::NeedsPage`] where the driver must write a page into contexts first.
    pub(crate) fn make_room(&mut self) -> Result<(), Stop> {
        if self.stack.has_room() || self.stack.free_page().is_some() {
            return Ok(());
        }
        Err(Stop::NeedsPage)
    }

    /// Makes the frame of a method on a new page.
    pub(crate) fn enter_method_on_new_page(
        &mut self,
        entry: &Entry,
        arguments: usize,
    ) -> Result<(), Stop> {
        self.make_room()?;
        if self.is_too_deep() {
            return self.recursion_too_deep(arguments);
        }
        let activation = self.method_activation(entry, arguments);
        self.begin_page(&activation);
        Ok(())
    }

    fn method_activation(&self, entry: &Entry, arguments: usize) -> Activation {
        Activation {
            method: entry.method,
            closure: None,
            pc: entry.pc,
            arguments,
            receiver: None,
            more: vec![self.heap.nil(); usize::from(entry.temps)],
        }
    }

    /// Runs a closure that lies on the stack with the arguments it wants; the registers are saved,
    /// with the pc where it returns to.
    pub(crate) fn activate_closure(&mut self, oop: Oop, arguments: usize) -> Result<(), Stop> {
        let block = self.block_inside_method(oop);
        if self.stack.has_room() {
            let mut r = self.stack.load();
            match block {
                Some(block) => v3::closures::activate(self, &mut r, oop, block, arguments),
                None => crate::handlers::closure::activate(self, &mut r, oop, arguments),
            }
            self.stack.save(&r);
            return Ok(());
        }
        self.make_room()?;
        if self.is_too_deep() {
            return self.recursion_too_deep(arguments);
        }
        let activation = match block {
            Some(block) => self.block_activation(oop, block, arguments),
            None => self.closure_activation(oop, arguments),
        };
        self.begin_page(&activation);
        Ok(())
    }

    fn block_inside_method(&self, closure: Oop) -> Option<Block> {
        let is_inside = self.heap.class_index_of(closure) == ClassIndex::BLOCK_CLOSURE;
        is_inside
            .then(|| v3::closures::block_of(self, closure))
            .flatten()
    }

    fn block_activation(&self, oop: Oop, block: Block, arguments: usize) -> Activation {
        let copied = block_closure::FIRST_COPIED..self.heap.slot_count(oop);
        Activation {
            method: block.method,
            closure: Some(oop),
            pc: block.pc,
            arguments,
            receiver: Some(block.receiver),
            more: copied.map(|index| self.heap.slot(oop, index)).collect(),
        }
    }

    fn closure_activation(&self, oop: Oop, arguments: usize) -> Activation {
        let block = self.heap.slot(oop, closure::COMPILED_BLOCK);
        let header = header_of(self, block);
        let copied = closure::FIRST_COPIED..self.heap.slot_count(oop);
        let mut more: Vec<Oop> = copied.map(|index| self.heap.slot(oop, index)).collect();
        let rest = usize::from(header.temp_count).saturating_sub(arguments);
        more.resize(rest.max(more.len()), self.heap.nil());
        Activation {
            method: block,
            closure: Some(oop),
            pc: first_pc(block, header),
            arguments,
            receiver: Some(self.heap.slot(oop, closure::RECEIVER)),
            more,
        }
    }

    /// Moves receiver and arguments to a free page and makes the frame there.
    fn begin_page(&mut self, activation: &Activation) {
        let old = self.stack.active();
        let page = self
            .stack
            .free_page()
            .expect("whoever makes a frame made room");
        let first = self.stack.top_index(old) - activation.arguments;
        let operands = first..=self.stack.top_index(old);
        let mut words: Vec<Oop> = operands.map(|index| self.stack.word(index)).collect();
        if let Some(receiver) = activation.receiver {
            words[0] = receiver;
        }
        words.extend(&activation.more);
        let depth_below = self.depth();
        self.stack.drop_words(old, activation.arguments + 1);
        let record = BaseRecord {
            method: activation.method,
            pc: activation.pc,
            context: None,
            closure: activation.closure,
            link: Link::Page(old),
            depth_below,
        };
        self.stack.begin(page, record, &words);
    }

    /// Frames and contexts of the active process.
    pub(crate) fn depth(&self) -> usize {
        let page = self.stack.active();
        self.stack.page(page).depth_below + self.stack.frame_count(page)
    }

    /// Whether the process has reached its limit. The limit is lifted a little while somebody
    /// handles that, and comes back when the stack has shrunk.
    fn is_too_deep(&mut self) -> bool {
        let depth = self.depth();
        if depth < self.settings.depth_max {
            self.depth_limit = self.settings.depth_max;
        }
        depth >= self.depth_limit
    }

    /// The context that called once too often is told, in place of the call.
    fn recursion_too_deep(&mut self, arguments: usize) -> Result<(), Stop> {
        let context = self.marry(self.stack.newest(self.stack.active()))?;
        let selector = self.heap.intern("recursionTooDeep")?;
        self.depth_limit += self.settings.depth_max / 4 + 1000;
        let page = self.stack.active();
        let first = self.stack.top_index(page) - arguments;
        let operands: Vec<Oop> = (first..=self.stack.top_index(page))
            .map(|index| self.stack.word(index))
            .collect();
        self.stack.drop_words(page, arguments + 1);
        self.stack.push(page, context);
        let class_index = self.heap.class_index_of(context);
        match self.find(selector, class_index, 0) {
            Ok(found) => {
                let activation = self.method_activation(&found.entry, found.arguments);
                self.begin_page(&activation);
                Ok(())
            }
            Err(stop) => {
                self.stack.drop_words(page, 1);
                operands
                    .into_iter()
                    .for_each(|oop| self.stack.push(page, oop));
                self.depth_limit = self.settings.depth_max;
                Err(stop)
            }
        }
    }
}
