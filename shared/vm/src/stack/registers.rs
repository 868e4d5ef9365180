//! The machine's registers: copies of where the active frame stands, kept in locals of the loop.
//!
//! Handlers are inlined into the loop, so these stay in registers of the processor as long as no
//! call takes their address; whoever leaves the loop saves them into the stack first.

use imprint_model::Oop;

use super::{Frame, ROOM_WORDS};

/// pc, sp, fp and the base of the active frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registers {
    /// The bytecode to be executed, or being executed.
    pub pc: *const u8,
    /// The top operand.
    pub sp: *mut Oop,
    /// The record of the active frame.
    pub fp: *mut Frame,
    /// The word of its receiver.
    pub base: *mut Oop,
}

impl Registers {
    /// The byte at `offset` from the pc.
    #[inline(always)]
    pub fn byte(&self, offset: usize) -> u8 {
        // SAFETY: S: the pc lies within verified code, whose instructions are not cut short.
        unsafe { *self.pc.wrapping_add(offset) }
    }

    /// Goes on `length` bytes further.
    #[inline(always)]
    pub fn advance(&mut self, length: usize) {
        self.pc = self.pc.wrapping_add(length);
    }

    /// Goes on at a signed distance.
    #[inline(always)]
    pub fn jump(&mut self, distance: isize) {
        self.pc = self.pc.wrapping_offset(distance);
    }

    /// Pushes an operand.
    #[inline(always)]
    pub fn push(&mut self, oop: Oop) {
        self.sp = self.sp.wrapping_add(1);
        // SAFETY: S: room for all operands of the frame was there when it was made.
        unsafe { self.sp.write(oop) }
    }

    /// Pops the top operand.
    #[inline(always)]
    pub fn pop(&mut self) -> Oop {
        let top = self.top();
        self.sp = self.sp.wrapping_sub(1);
        top
    }

    /// The top operand.
    #[inline(always)]
    pub fn top(&self) -> Oop {
        // SAFETY: S: sp lies in the page.
        unsafe { *self.sp }
    }

    /// Replaces the top operand.
    #[inline(always)]
    pub fn set_top(&mut self, oop: Oop) {
        // SAFETY: S: sp lies in the page.
        unsafe { self.sp.write(oop) }
    }

    /// Forgets the `count` top operands.
    #[inline(always)]
    pub fn drop(&mut self, count: usize) {
        self.sp = self.sp.wrapping_sub(count);
    }

    /// The operand `depth` below the top.
    #[inline(always)]
    pub fn operand(&self, depth: usize) -> Oop {
        // SAFETY: S: verified code has pushed what it works on.
        unsafe { *self.sp.wrapping_sub(depth) }
    }

    /// Pops two operands and pushes one.
    #[inline(always)]
    pub fn replace_two(&mut self, oop: Oop) {
        self.sp = self.sp.wrapping_sub(1);
        self.set_top(oop);
    }

    /// The receiver of the active frame.
    #[inline(always)]
    pub fn receiver(&self) -> Oop {
        // SAFETY: S: base lies in the page.
        unsafe { *self.base }
    }

    /// A temporary (arguments come first).
    #[inline(always)]
    pub fn temp(&self, index: usize) -> Oop {
        // SAFETY: S, and verified code names temporaries that it has.
        unsafe { *self.base.wrapping_add(1 + index) }
    }

    /// Replaces a temporary.
    #[inline(always)]
    pub fn set_temp(&mut self, index: usize, oop: Oop) {
        // SAFETY: as for `temp`.
        unsafe { self.base.wrapping_add(1 + index).write(oop) }
    }

    /// The code of the active frame.
    #[inline(always)]
    pub fn method(&self) -> Oop {
        self.frame().method
    }

    /// The record of the active frame.
    #[inline(always)]
    pub fn frame(&self) -> &Frame {
        // SAFETY: S: fp points at a record, and nobody writes one while it is read here.
        unsafe { &*self.fp }
    }

    /// Whether the page has room for one frame more.
    #[inline(always)]
    pub fn has_room(&self) -> bool {
        (self.fp as usize).wrapping_sub(self.sp as usize) > ROOM_WORDS * 8
    }

    /// Makes a frame of `method` whose receiver and arguments are the top operands, `temps` more
    /// temporaries holding `nil`. The caller has seen that there is room, and goes on at
    /// `return_pc`.
    #[inline(always)]
    pub fn push_frame(
        &mut self,
        method: Oop,
        arguments: usize,
        temps: usize,
        nil: Oop,
        pc: *const u8,
    ) {
        let base = self.sp.wrapping_sub(arguments);
        for _ in 0..temps {
            self.push(nil);
        }
        let record = Frame {
            method,
            pc,
            base,
            context: Frame::SINGLE,
            closure: Frame::NO_CLOSURE,
        };
        self.push_record(record);
    }

    /// The most temporaries that [`Registers::push_small_frame`] makes.
    pub const FEW_TEMPS: usize = 4;

    /// As [`Registers::push_frame`], for few temporaries: as many words as there can be are
    /// written, which is quicker than to count.
    #[inline(always)]
    pub fn push_small_frame(
        &mut self,
        method: Oop,
        arguments: usize,
        temps: usize,
        nil: Oop,
        pc: *const u8,
    ) {
        debug_assert!(temps <= Registers::FEW_TEMPS);
        for index in 1..=Registers::FEW_TEMPS {
            // SAFETY: S: more words than these are free above the operands.
            unsafe { self.sp.wrapping_add(index).write(nil) }
        }
        let base = self.sp.wrapping_sub(arguments);
        self.sp = self.sp.wrapping_add(temps);
        self.push_record(Frame {
            method,
            pc,
            base,
            context: Frame::SINGLE,
            closure: Frame::NO_CLOSURE,
        });
    }

    /// Makes the frame of a closure whose word and arguments are the top operands; what the block
    /// copied and its temporaries are pushed afterwards by the caller.
    #[inline(always)]
    pub fn push_block_frame(
        &mut self,
        block: Oop,
        closure: Oop,
        receiver: Oop,
        arguments: usize,
        pc: *const u8,
    ) {
        let base = self.sp.wrapping_sub(arguments);
        // SAFETY: S: the closure's word is an operand.
        unsafe { base.write(receiver) };
        let record = Frame {
            method: block,
            pc,
            base,
            context: Frame::SINGLE,
            closure,
        };
        self.push_record(record);
    }

    #[inline(always)]
    fn push_record(&mut self, record: Frame) {
        let caller = self.fp;
        self.fp = self.fp.wrapping_sub(1);
        // SAFETY: S: the caller's record is one; only its pc is written.
        unsafe { (*caller).pc = self.pc };
        // SAFETY: room for a record was there when the caller's frame was made, or was asked for.
        unsafe { self.fp.write(record) };
        self.base = record.base;
        self.pc = record.pc;
    }

    /// Leaves the active frame for its caller in the same page, which finds `value` in place of
    /// the operands.
    #[inline(always)]
    pub fn pop_frame(&mut self, value: Oop) {
        self.sp = self.base;
        self.set_top(value);
        self.fp = self.fp.wrapping_add(1);
        let (base, pc) = {
            let caller = self.frame();
            (caller.base, caller.pc)
        };
        self.base = base;
        self.pc = pc;
    }
}
