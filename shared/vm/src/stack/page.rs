//! Pages: which there are, whose they are, and where each stands while it does not run.

use imprint_model::Oop;

use super::{FRAME_WORDS, Frame, ROOM_WORDS, Registers};

/// Where the base frame of a page returns to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Link {
    /// To the newest frame of this page.
    Page(usize),
    /// To a context; nil where there is no sender.
    Context(Oop),
}

/// One page, as it stands while it does not run (or while the registers are saved).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// The top operand of the newest frame.
    sp: *mut Oop,
    /// The newest frame's record; null while the page is free.
    fp: *mut Frame,
    /// Where the base frame returns to.
    pub link: Link,
    /// Frames and contexts below the base frame.
    pub depth_below: usize,
    /// When it last began to run; the least is written out first.
    used_at: u64,
}

/// A frame, wherever it is: its record and the page that holds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FramePosition {
    /// The page.
    pub page: usize,
    record: *mut Frame,
}

/// The frame stack.
#[derive(Debug)]
pub(crate) struct Stack {
    zone: Box<[u64]>,
    start: *mut Oop,
    page_words: usize,
    pages: Vec<Page>,
    active: usize,
    clock: u64,
}

impl Stack {
    /// A stack of free pages; at least two, of at least four frames each.
    pub fn new(page_count: usize, page_words: usize) -> Stack {
        let page_count = page_count.max(2);
        let page_words = page_words.max(4 * ROOM_WORDS);
        let mut zone = vec![0u64; page_count * page_words].into_boxed_slice();
        let start = zone.as_mut_ptr().cast::<Oop>();
        let free = Page {
            sp: std::ptr::null_mut(),
            fp: std::ptr::null_mut(),
            link: Link::Context(Oop::small(0)),
            depth_below: 0,
            used_at: 0,
        };
        Stack {
            zone,
            start,
            page_words,
            pages: vec![free; page_count],
            active: 0,
            clock: 0,
        }
    }

    // === words ===

    /// A word of the zone by its index.
    #[inline(always)]
    pub fn word(&self, index: usize) -> Oop {
        debug_assert!(index < self.zone.len());
        // SAFETY: indices come from `index_of` of a pointer into the zone.
        unsafe { *self.start.wrapping_add(index) }
    }

    /// Replaces a word of the zone.
    #[inline(always)]
    pub fn set_word(&mut self, index: usize, oop: Oop) {
        debug_assert!(index < self.zone.len());
        // SAFETY: as for `word`.
        unsafe { self.start.wrapping_add(index).write(oop) }
    }

    /// The index of a word in the zone.
    #[inline(always)]
    pub fn index_of(&self, word: *const Oop) -> usize {
        (word as usize).wrapping_sub(self.start as usize) / 8
    }

    // === registers ===

    /// Writes the registers into the active page.
    #[inline(always)]
    pub fn save(&mut self, registers: &Registers) {
        let page = &mut self.pages[self.active];
        page.sp = registers.sp;
        page.fp = registers.fp;
        // SAFETY: S: fp points at a record.
        unsafe { (*registers.fp).pc = registers.pc };
    }

    /// The registers of the active page.
    #[inline(always)]
    pub fn load(&self) -> Registers {
        let page = &self.pages[self.active];
        // SAFETY: the active page is in use, so its fp points at a record.
        let record = unsafe { &*page.fp };
        Registers {
            pc: record.pc,
            sp: page.sp,
            fp: page.fp,
            base: record.base,
        }
    }

    /// Sets where the newest frame of the active page, its registers saved, goes on.
    pub fn set_pc(&mut self, pc: *const u8) {
        let position = self.newest(self.active);
        self.frame_mut(position).pc = pc;
    }

    // === pages ===

    /// The page that runs.
    pub fn active(&self) -> usize {
        self.active
    }

    /// A page.
    pub fn page(&self, index: usize) -> &Page {
        &self.pages[index]
    }

    /// A page, to be changed.
    pub fn page_mut(&mut self, index: usize) -> &mut Page {
        &mut self.pages[index]
    }

    /// The pages in use.
    pub fn pages_in_use(&self) -> Vec<usize> {
        (0..self.pages.len())
            .filter(|index| self.is_in_use(*index))
            .collect()
    }

    /// Whether the page holds frames.
    pub fn is_in_use(&self, index: usize) -> bool {
        !self.pages[index].fp.is_null()
    }

    /// A page that holds no frame.
    pub fn free_page(&self) -> Option<usize> {
        (0..self.pages.len()).find(|index| !self.is_in_use(*index))
    }

    /// The page in use that has not run for the longest time, `except` the ones named.
    pub fn oldest_page(&self, except: usize) -> Option<usize> {
        (0..self.pages.len())
            .filter(|index| self.is_in_use(*index) && *index != except)
            .min_by_key(|index| self.pages[*index].used_at)
    }

    /// Makes a page in use the one that runs.
    pub fn activate(&mut self, index: usize) {
        debug_assert!(self.is_in_use(index));
        self.clock += 1;
        self.active = index;
        self.pages[index].used_at = self.clock;
    }

    /// Frees a page.
    pub fn release(&mut self, index: usize) {
        self.pages[index].fp = std::ptr::null_mut();
    }

    /// Whether the active page, its registers saved, has room for one frame more.
    pub fn has_room(&self) -> bool {
        self.load().has_room()
    }

    /// Begins a free page with one frame of `method`: `words` are its receiver, temporaries and
    /// operands. It becomes the active page.
    pub fn begin(&mut self, page: usize, record: BaseRecord, words: &[Oop]) -> FramePosition {
        debug_assert!(!self.is_in_use(page));
        assert!(words.len() + FRAME_WORDS < self.page_words - ROOM_WORDS);
        let base = self.start.wrapping_add(page * self.page_words);
        for (index, word) in words.iter().enumerate() {
            // SAFETY: the words fit in the page, as asserted.
            unsafe { base.wrapping_add(index).write(*word) };
        }
        let fp = self.base_record(page);
        let frame = Frame {
            method: record.method,
            pc: record.pc,
            base,
            context: record.context.unwrap_or(Frame::SINGLE_BASE),
            closure: record.closure.unwrap_or(Frame::NO_CLOSURE),
        };
        // SAFETY: the last words of a page hold its base record.
        unsafe { fp.write(frame) };
        let entry = &mut self.pages[page];
        entry.fp = fp;
        entry.sp = base.wrapping_add(words.len() - 1);
        entry.link = record.link;
        entry.depth_below = record.depth_below;
        self.activate(page);
        FramePosition { page, record: fp }
    }

    #[inline(always)]
    fn base_record(&self, page: usize) -> *mut Frame {
        self.start
            .wrapping_add((page + 1) * self.page_words - FRAME_WORDS)
            .cast()
    }

    // === frames ===

    /// The newest frame of a page in use.
    pub fn newest(&self, page: usize) -> FramePosition {
        debug_assert!(self.is_in_use(page));
        FramePosition {
            page,
            record: self.pages[page].fp,
        }
    }

    /// The frame that called this one in the same page.
    pub fn older(&self, position: FramePosition) -> Option<FramePosition> {
        if position.record == self.base_record(position.page) {
            return None;
        }
        Some(FramePosition {
            page: position.page,
            record: position.record.wrapping_add(1),
        })
    }

    /// The frame that this one called in the same page.
    pub fn newer(&self, position: FramePosition) -> Option<FramePosition> {
        if position.record == self.pages[position.page].fp {
            return None;
        }
        Some(FramePosition {
            page: position.page,
            record: position.record.wrapping_sub(1),
        })
    }

    /// Whether a frame was made before another one of the same page.
    pub fn is_older(&self, position: FramePosition, other: FramePosition) -> bool {
        position.page == other.page && position.record > other.record
    }

    /// Whether this is the base frame of its page.
    pub fn is_base(&self, position: FramePosition) -> bool {
        position.record == self.base_record(position.page)
    }

    /// Whether the frame of these registers, which are those of the active page, is its base frame.
    #[inline(always)]
    pub fn is_active_base(&self, registers: &Registers) -> bool {
        registers.fp == self.base_record(self.active)
    }

    /// The record of a frame.
    pub fn frame(&self, position: FramePosition) -> &Frame {
        // SAFETY: positions are made of records of pages in use, and are not kept across a return.
        unsafe { &*position.record }
    }

    /// The record of a frame, to be changed.
    pub fn frame_mut(&mut self, position: FramePosition) -> &mut Frame {
        // SAFETY: as for `frame`.
        unsafe { &mut *position.record }
    }

    /// Number of frames of a page in use.
    pub fn frame_count(&self, page: usize) -> usize {
        let bytes = (self.base_record(page) as usize) - (self.pages[page].fp as usize);
        bytes / size_of::<Frame>() + 1
    }

    /// Indices of the words of a frame: receiver, temporaries, operands.
    pub fn words_of(&self, position: FramePosition) -> std::ops::Range<usize> {
        let first = self.index_of(self.frame(position).base);
        let end = match self.newer(position) {
            Some(newer) => self.index_of(self.frame(newer).base),
            None => self.index_of(self.pages[position.page].sp) + 1,
        };
        first..end
    }

    /// The word that a married context keeps in its sender slot.
    pub fn token(&self, position: FramePosition) -> Oop {
        Oop::index(self.index_of(position.record.cast_const().cast()))
    }

    /// The frame of a token.
    pub fn position(&self, token: Oop) -> Option<FramePosition> {
        let index = usize::try_from(token.as_small_integer()?).ok()?;
        let page = index / self.page_words;
        if page >= self.pages.len() || !self.is_in_use(page) {
            return None;
        }
        let record = self.start.wrapping_add(index).cast::<Frame>();
        let is_live = record >= self.pages[page].fp
            && record <= self.base_record(page)
            && (self.base_record(page) as usize - record as usize)
                .is_multiple_of(size_of::<Frame>());
        is_live.then_some(FramePosition { page, record })
    }

    /// Pops frames of a page until `position` is its newest, with its operands as they would be on
    /// return, and pushes nothing.
    pub fn cut_back(&mut self, position: FramePosition) {
        let end = self.words_of(position).end;
        let page = &mut self.pages[position.page];
        page.fp = position.record;
        page.sp = self.start.wrapping_add(end - 1);
    }

    /// Takes away the frames between the newest one of a page, its registers saved, and `target`,
    /// an older one of the same page, which becomes its caller. Answers where the newest is now.
    pub fn close_up(&mut self, target: FramePosition) -> FramePosition {
        let newest = self.newest(target.page);
        debug_assert!(newest.record < target.record);
        let mut frame = *self.frame(newest);
        let words = self.words_of(newest);
        let first = self.words_of(target).end;
        for (offset, index) in words.clone().enumerate() {
            let word = self.word(index);
            self.set_word(first + offset, word);
        }
        frame.base = self.start.wrapping_add(first);
        let moved = FramePosition {
            page: target.page,
            record: target.record.wrapping_sub(1),
        };
        let page = &mut self.pages[target.page];
        page.sp = self.start.wrapping_add(first + words.len() - 1);
        page.fp = moved.record;
        *self.frame_mut(moved) = frame;
        moved
    }

    /// Pushes a word on a page that does not run (or whose registers are saved).
    pub fn push(&mut self, page: usize, oop: Oop) {
        let entry = &mut self.pages[page];
        entry.sp = entry.sp.wrapping_add(1);
        // SAFETY: S: room for all operands of the frame was there when it was made.
        unsafe { entry.sp.write(oop) };
    }

    /// Forgets the `count` top words of a page whose registers are saved.
    pub fn drop_words(&mut self, page: usize, count: usize) {
        let entry = &mut self.pages[page];
        entry.sp = entry.sp.wrapping_sub(count);
    }

    /// Index of the top word of a page whose registers are saved.
    pub fn top_index(&self, page: usize) -> usize {
        self.index_of(self.pages[page].sp)
    }

    // === collection ===

    /// Shows all oops in frames to a visitor that may move what they name.
    pub fn visit(&mut self, visitor: &mut dyn FnMut(&mut Oop)) {
        for page in self.pages_in_use() {
            if let Link::Context(context) = &mut self.pages[page].link {
                visitor(context);
            }
            self.visit_words(page, visitor);
            self.visit_frames(page, visitor);
        }
    }

    fn visit_words(&mut self, page: usize, visitor: &mut dyn FnMut(&mut Oop)) {
        for index in page * self.page_words..=self.top_index(page) {
            let mut oop = self.word(index);
            visitor(&mut oop);
            self.set_word(index, oop);
        }
    }

    fn visit_frames(&mut self, page: usize, visitor: &mut dyn FnMut(&mut Oop)) {
        let mut next = Some(self.newest(page));
        while let Some(position) = next {
            let frame = self.frame_mut(position);
            let offset = (frame.pc as usize).wrapping_sub(frame.method.bits() as usize);
            visitor(&mut frame.method);
            frame.pc = (frame.method.bits() as usize).wrapping_add(offset) as *const u8;
            if frame.context.bits() > 1 {
                visitor(&mut frame.context);
            }
            if frame.closure != Frame::NO_CLOSURE {
                visitor(&mut frame.closure);
            }
            next = self.older(position);
        }
    }
}

/// What a base frame is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BaseRecord {
    /// The code.
    pub method: Oop,
    /// Where it goes on.
    pub pc: *const u8,
    /// The context it is married to from the start.
    pub context: Option<Oop>,
    /// The closure.
    pub closure: Option<Oop>,
    /// Where it returns to.
    pub link: Link,
    /// Frames and contexts below it.
    pub depth_below: usize,
}
