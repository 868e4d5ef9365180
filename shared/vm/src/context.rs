//! Frames as objects: contexts, and their marriage to frames.
//!
//! ```text
//!   single frame ── marry ──> married <── resume ── context in the heap ("divorced")
//!        │                     │    └── flush ──────────^
//!        └── return            └── return: widowed (dead: no sender, no pc)
//! ```
//!
//! A married context holds a token of its frame (a SmallInteger) in the sender slot; method,
//! closure and receiver are true, everything else is in the frame. Whoever leaves a married frame
//! makes the context dead at once, so a token always names a live frame. Reads and small writes go
//! through the frame; writing a sender, pc or stack pointer divorces the whole page first.

use imprint_heap::{Heap, NeedsSpace};
use imprint_model::layout::{association, context as slots, process, scheduler};
use imprint_model::{ClassIndex, Format, Known, MethodHeader, Oop};

use crate::machine::Vm;
use crate::stack::{BaseRecord, Frame, FramePosition, Link};

/// An activation, wherever it lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// In a frame.
    Frame(FramePosition),
    /// In a context alone.
    Heap(Oop),
}

/// A context at the first bytecode of a method, with no sender: where a process begins.
///
/// # Errors
/// Where there is no space for it.
pub fn bottom_context(heap: &mut Heap, method: Oop, receiver: Oop) -> Result<Oop, NeedsSpace> {
    let header = heap.method_header(method).unwrap_or_default();
    let size = slots::FIRST_TEMP + header.frame_slots();
    let oop = heap.allocate_old(ClassIndex::CONTEXT, Format::FIXED_AND_INDEXED, size)?;
    let temps = Oop::small(i32::from(header.temp_count));
    heap.store(oop, slots::PC, Oop::index(first_pc_index(header)));
    heap.store(oop, slots::STACK_POINTER, temps);
    heap.store(oop, slots::METHOD, method);
    heap.store(oop, slots::RECEIVER, receiver);
    Ok(oop)
}

/// The method at whose first bytecode the active process of an image stands, with nobody to return to:
/// its entry expression. `None` where the image was saved while something ran.
pub fn entry_method(heap: &Heap) -> Option<Oop> {
    let held = |oop: Oop, slot: usize| {
        let has = oop.is_object() && heap.pointer_slot_count(oop) > slot;
        has.then(|| heap.slot(oop, slot))
    };
    let scheduler = held(heap.known(Known::SchedulerBinding), association::VALUE)?;
    let active = held(scheduler, scheduler::ACTIVE_PROCESS)?;
    let context = held(active, process::SUSPENDED_CONTEXT)?;
    let method = held(context, slots::METHOD)?;
    let is_code = method.is_object() && heap.format(method).is_code();
    let header = is_code.then(|| heap.method_header(method))??;
    let is_at_start = heap.slot(context, slots::PC) == Oop::index(first_pc_index(header));
    let is_alone = heap.slot(context, slots::SENDER) == heap.nil();
    (is_at_start && is_alone).then_some(method)
}

/// The pc of the first bytecode, counted from 1 over the bytes of the method.
pub(crate) fn first_pc_index(header: MethodHeader) -> usize {
    8 * (1 + usize::from(header.literal_count)) + 1
}

impl Vm {
    /// The context of a frame, made where there is none. The registers are saved.
    ///
    /// # Errors
    /// Where there is no space for it.
    pub(crate) fn marry(&mut self, position: FramePosition) -> Result<Oop, NeedsSpace> {
        let frame = *self.stack.frame(position);
        if let Some(spouse) = frame.spouse() {
            return Ok(spouse);
        }
        let header = self.heap.method_header(frame.method).unwrap_or_default();
        let size = slots::FIRST_TEMP + header.frame_slots();
        let oop = self
            .heap
            .allocate(ClassIndex::CONTEXT, Format::FIXED_AND_INDEXED, size)?;
        let closure = frame.closure().unwrap_or(self.heap.nil());
        let receiver = self.stack.word(self.stack.words_of(position).start);
        self.heap
            .store(oop, slots::SENDER, self.stack.token(position));
        self.heap.store(
            oop,
            slots::STACK_POINTER,
            Oop::small(i32::from(header.temp_count)),
        );
        self.heap.store(oop, slots::METHOD, frame.method);
        self.heap.store(oop, slots::CLOSURE, closure);
        self.heap.store(oop, slots::RECEIVER, receiver);
        self.stack.frame_mut(position).context = oop;
        Ok(oop)
    }

    /// The frame of a married context.
    pub(crate) fn frame_of(&self, context: Oop) -> Option<FramePosition> {
        let token = self.heap.slot(context, slots::SENDER);
        if !token.is_small_integer() {
            return None;
        }
        let position = self.stack.position(token)?;
        (self.stack.frame(position).context == context).then_some(position)
    }

    /// Where the activation of a context lives.
    pub(crate) fn place_of(&self, context: Oop) -> Place {
        match self.frame_of(context) {
            Some(position) => Place::Frame(position),
            None => Place::Heap(context),
        }
    }

    /// Where the active frame lives. The registers are saved.
    pub(crate) fn active_place(&self) -> Place {
        Place::Frame(self.stack.newest(self.stack.active()))
    }

    /// The sender of an activation.
    pub(crate) fn sender(&self, place: Place) -> Option<Place> {
        let context = match place {
            Place::Frame(position) => match self.stack.older(position) {
                Some(older) => return Some(Place::Frame(older)),
                None => match self.stack.page(position.page).link {
                    Link::Page(page) => return Some(Place::Frame(self.stack.newest(page))),
                    Link::Context(context) => context,
                },
            },
            Place::Heap(context) => self.heap.slot(context, slots::SENDER),
        };
        self.is_context(context).then(|| self.place_of(context))
    }

    /// Whether an oop is a context.
    #[inline]
    pub fn is_context(&self, oop: Oop) -> bool {
        oop.is_object() && self.heap.class_index_of(oop) == ClassIndex::CONTEXT
    }

    /// The code of an activation.
    pub(crate) fn method_of(&self, place: Place) -> Oop {
        match place {
            Place::Frame(position) => self.stack.frame(position).method,
            Place::Heap(context) => self.heap.slot(context, slots::METHOD),
        }
    }

    /// The closure of an activation, or nil.
    pub(crate) fn closure_of(&self, place: Place) -> Oop {
        match place {
            Place::Frame(position) => self
                .stack
                .frame(position)
                .closure()
                .unwrap_or(self.heap.nil()),
            Place::Heap(context) => self.heap.slot(context, slots::CLOSURE),
        }
    }

    /// A temporary or operand of an activation, from 0; `None` beyond the top.
    pub(crate) fn value_of(&self, place: Place, index: usize) -> Option<Oop> {
        match place {
            Place::Frame(position) => {
                let mut words = self.stack.words_of(position);
                words.nth(index + 1).map(|word| self.stack.word(word))
            }
            Place::Heap(context) => {
                let is_below = index < self.live_values(context);
                is_below.then(|| self.heap.slot(context, slots::FIRST_TEMP + index))
            }
        }
    }

    /// Replaces a temporary or operand; answers whether there is one.
    pub(crate) fn set_value_of(&mut self, place: Place, index: usize, value: Oop) -> bool {
        match place {
            Place::Frame(position) => match self.stack.words_of(position).nth(index + 1) {
                Some(word) => {
                    self.stack.set_word(word, value);
                    true
                }
                None => false,
            },
            Place::Heap(context) => {
                let is_below = index < self.live_values(context);
                if is_below {
                    self.heap.store(context, slots::FIRST_TEMP + index, value);
                }
                is_below
            }
        }
    }

    /// Temporaries and operands that a context in the heap holds.
    fn live_values(&self, context: Oop) -> usize {
        let count = self
            .heap
            .slot(context, slots::STACK_POINTER)
            .as_small_integer()
            .unwrap_or(0);
        let room = self.heap.slot_count(context) - slots::FIRST_TEMP;
        usize::try_from(count).unwrap_or(0).min(room)
    }

    /// The context of an activation, made where there is none.
    ///
    /// # Errors
    /// Where there is no space for it.
    pub(crate) fn context_of(&mut self, place: Place) -> Result<Oop, NeedsSpace> {
        match place {
            Place::Frame(position) => self.marry(position),
            Place::Heap(context) => Ok(context),
        }
    }

    /// Number of temporaries and operands of a context.
    pub fn context_size(&self, context: Oop) -> usize {
        match self.place_of(context) {
            Place::Frame(position) => self.stack.words_of(position).len() - 1,
            Place::Heap(context) => self.live_values(context),
        }
    }

    /// The pc as contexts hold it: 1-based from the first byte of the code object.
    pub(crate) fn pc_of(&self, place: Place) -> Oop {
        match place {
            Place::Frame(position) => {
                let frame = self.stack.frame(position);
                Oop::index(
                    frame.pc as usize - frame.method.bits() as usize - Heap::HEADER_BYTES + 1,
                )
            }
            Place::Heap(context) => self.heap.slot(context, slots::PC),
        }
    }

    /// Slot `index` of a context, read through its frame where it has one. The registers are saved.
    ///
    /// # Errors
    /// Where the sender's context has no space.
    pub fn context_slot(&mut self, context: Oop, index: usize) -> Result<Oop, NeedsSpace> {
        let Place::Frame(position) = self.place_of(context) else {
            return Ok(self.heap.slot(context, index));
        };
        let place = Place::Frame(position);
        match index {
            slots::SENDER => match self.sender(place) {
                Some(sender) => self.context_of(sender),
                None => Ok(self.heap.nil()),
            },
            slots::PC => Ok(self.pc_of(place)),
            slots::STACK_POINTER => Ok(Oop::index(self.stack.words_of(position).len() - 1)),
            _ if index >= slots::FIRST_TEMP => Ok(self
                .value_of(place, index - slots::FIRST_TEMP)
                .unwrap_or(self.heap.nil())),
            _ => Ok(self.heap.slot(context, index)),
        }
    }

    /// Replaces slot `index` of a context. Frames may be given up, so registers must be saved
    /// before and loaded after.
    ///
    /// # Errors
    /// Where contexts of frames that are given up have no space; nothing changed then.
    pub fn set_context_slot(
        &mut self,
        context: Oop,
        index: usize,
        value: Oop,
    ) -> Result<(), NeedsSpace> {
        if let Place::Frame(position) = self.place_of(context) {
            let is_value = index >= slots::FIRST_TEMP;
            if is_value
                && self.set_value_of(Place::Frame(position), index - slots::FIRST_TEMP, value)
            {
                return Ok(());
            }
            self.divorce_page(position.page)?;
        }
        self.heap.store(context, index, value);
        self.remarry_active();
        Ok(())
    }

    /// Writes what the frame of a context holds into it. Registers must be saved before and loaded
    /// after.
    ///
    /// # Errors
    /// Where contexts of frames have no space; nothing changed then.
    pub fn settle_context(&mut self, context: Oop) -> Result<(), NeedsSpace> {
        if let Place::Frame(position) = self.place_of(context) {
            self.divorce_page(position.page)?;
            self.remarry_active();
        }
        Ok(())
    }

    /// A copy of a context, which is married to no frame. The registers are saved.
    ///
    /// # Errors
    /// Where there is no space.
    pub fn clone_context(&mut self, context: Oop) -> Result<Oop, NeedsSpace> {
        let count = self.heap.slot_count(context);
        let slots: Result<Vec<Oop>, NeedsSpace> = (0..count)
            .map(|index| self.context_slot(context, index))
            .collect();
        let slots = slots?;
        let copy = self.heap.clone_shallow(context)?;
        for (index, value) in slots.into_iter().enumerate() {
            self.heap.store(copy, index, value);
        }
        Ok(copy)
    }

    // === from frames to contexts ===

    /// Writes pages into contexts and frees them; if the active one is among them, its newest
    /// context waits in `divorced` for [`Vm::remarry_active`].
    ///
    /// # Errors
    /// Where they have no space; nothing changed then.
    pub(crate) fn divorce_pages(&mut self, pages: &[usize]) -> Result<(), NeedsSpace> {
        let largest =
            Heap::bytes_for(slots::FIRST_TEMP + imprint_model::method_header::LARGE_FRAME_SLOTS);
        let frames: usize = pages
            .iter()
            .map(|page| self.stack.frame_count(*page) + 1)
            .sum();
        self.heap.reserve(frames * largest)?;
        pages.iter().try_for_each(|page| self.divorce(*page))
    }

    /// As [`Vm::divorce_pages`], for one.
    ///
    /// # Errors
    /// Where there is no space; nothing changed then.
    pub(crate) fn divorce_page(&mut self, page: usize) -> Result<(), NeedsSpace> {
        self.divorce_pages(&[page])
    }

    /// Space was reserved.
    fn divorce(&mut self, page: usize) -> Result<(), NeedsSpace> {
        let mut sender = match self.stack.page(page).link {
            Link::Page(below) => self.marry(self.stack.newest(below))?,
            Link::Context(context) => context,
        };
        let depth = self.stack.page(page).depth_below + self.stack.frame_count(page);
        for position in self.frames_oldest_first(page) {
            let context = self.marry(position)?;
            self.write_frame(position, context, sender);
            sender = context;
        }
        self.stack.release(page);
        for above in self.stack.pages_in_use() {
            if self.stack.page(above).link == Link::Page(page) {
                self.stack.page_mut(above).link = Link::Context(sender);
            }
        }
        if page == self.stack.active() {
            self.divorced = Some((sender, depth));
        }
        Ok(())
    }

    /// Makes the newest context of a page that was given up the active frame again.
    pub(crate) fn remarry_active(&mut self) {
        if let Some((context, depth)) = self.divorced.take() {
            self.begin_with_context(context, depth.saturating_sub(1));
        }
    }

    fn frames_oldest_first(&self, page: usize) -> Vec<FramePosition> {
        let mut frames = vec![self.stack.newest(page)];
        while let Some(older) = self.stack.older(frames[frames.len() - 1]) {
            frames.push(older);
        }
        frames.reverse();
        frames
    }

    /// Writes all that a frame holds into its context.
    fn write_frame(&mut self, position: FramePosition, context: Oop, sender: Oop) {
        let pc = self.pc_of(Place::Frame(position));
        let words = self.stack.words_of(position);
        let room = self.heap.slot_count(context) - slots::FIRST_TEMP;
        let count = (words.len() - 1).min(room);
        debug_assert_eq!(count, words.len() - 1, "verified code fits its context");
        for index in 0..count {
            let value = self.stack.word(words.start + 1 + index);
            self.heap.store(context, slots::FIRST_TEMP + index, value);
        }
        self.heap.store(context, slots::SENDER, sender);
        self.heap.store(context, slots::PC, pc);
        self.heap
            .store(context, slots::STACK_POINTER, Oop::index(count));
    }

    /// Makes a context dead: its activation is over.
    #[inline(always)]
    pub(crate) fn make_dead(&mut self, context: Oop) {
        self.heap.store_nil(context, slots::SENDER);
        self.heap.store_nil(context, slots::PC);
    }

    // === from contexts to frames ===

    /// Whether a context in the heap can go on: it has code, a pc within it, and room for what it
    /// holds. Programs may write anything there; what makes no sense is as good as dead.
    pub(crate) fn is_alive(&self, context: Oop) -> bool {
        self.frame_of(context).is_some() || self.can_go_on(context).unwrap_or(false)
    }

    fn can_go_on(&self, context: Oop) -> Option<bool> {
        let pc = self.heap.slot(context, slots::PC).as_small_integer()?;
        let method = self.heap.slot(context, slots::METHOD);
        if !method.is_object() || !self.heap.format(method).is_code() {
            return None;
        }
        let header = self.heap.method_header(method)?;
        let values = usize::from(header.temp_count)..=header.frame_slots();
        Some(self.is_pc(method, pc) && values.contains(&self.live_values(context)))
    }

    /// Whether the machine can go on when a program writes a value into a slot of a context. Of one that
    /// waits nothing is asked before somebody returns to it; the one that runs must stay fit to: a pc at an
    /// instruction, no fewer values than it has, and its own code.
    pub(crate) fn can_go_on_with(&self, context: Oop, index: usize, value: Oop) -> bool {
        let place = self.place_of(context);
        if place != self.active_place() {
            return true;
        }
        let method = self.method_of(place);
        match index {
            slots::PC => value
                .as_small_integer()
                .is_some_and(|pc| self.is_pc(method, pc)),
            slots::STACK_POINTER => {
                let header = self.heap.method_header(method).unwrap_or_default();
                let values = self.context_size(context)..=header.frame_slots();
                let count = value
                    .as_small_integer()
                    .and_then(|count| usize::try_from(count).ok());
                count.is_some_and(|count| values.contains(&count))
            }
            slots::METHOD => value == method,
            _ => true,
        }
    }

    /// Begins a free page with the activation of a context in the heap that is alive, and makes it
    /// the active one. A page must be free.
    pub(crate) fn begin_with_context(&mut self, context: Oop, depth_below: usize) {
        let page = self
            .stack
            .free_page()
            .expect("whoever resumes a context made room");
        let method = self.heap.slot(context, slots::METHOD);
        let closure = self.heap.slot(context, slots::CLOSURE);
        let pc = self
            .heap
            .slot(context, slots::PC)
            .as_small_integer()
            .unwrap_or(1);
        let mut words = vec![self.heap.slot(context, slots::RECEIVER)];
        let values = 0..self.live_values(context);
        words.extend(values.map(|index| self.heap.slot(context, slots::FIRST_TEMP + index)));
        let record = BaseRecord {
            method,
            pc: (method.bits() as usize + Heap::HEADER_BYTES + pc as usize - 1) as *const u8,
            context: Some(context),
            closure: (closure != self.heap.nil()).then_some(closure),
            link: Link::Context(self.heap.slot(context, slots::SENDER)),
            depth_below,
        };
        let position = self.stack.begin(page, record, &words);
        debug_assert_ne!(context, Frame::SINGLE);
        self.heap
            .store(context, slots::SENDER, self.stack.token(position));
    }
}
