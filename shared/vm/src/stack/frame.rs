//! The record of one activation.

use imprint_model::Oop;

/// What the machine knows of an activation besides its values.
///
/// `pc` and `base` are addresses; a collection moves methods, so pcs are rebased there.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Frame {
    /// The code: a method or a block.
    pub method: Oop,
    /// Where it goes on. Of the newest frame it is true only while the registers are saved.
    pub pc: *const u8,
    /// The word of its receiver; temporaries follow.
    pub base: *mut Oop,
    /// The context married to it, [`Frame::SINGLE`] or [`Frame::SINGLE_BASE`].
    pub context: Oop,
    /// The closure, or [`Frame::NO_CLOSURE`] in a method.
    pub closure: Oop,
}

/// Words of a record.
pub(crate) const FRAME_WORDS: usize = size_of::<Frame>() / 8;

impl Frame {
    /// No context, and the caller's record is next to this one: it may return the quick way.
    pub const SINGLE: Oop = Oop::from_bits(0);
    /// No context, and this is the base frame of its page.
    pub const SINGLE_BASE: Oop = Oop::from_bits(1);
    /// This is a method's frame.
    pub const NO_CLOSURE: Oop = Oop::from_bits(0);

    /// The married context.
    #[inline(always)]
    pub fn spouse(&self) -> Option<Oop> {
        if self.context.bits() > 1 {
            Some(self.context)
        } else {
            None
        }
    }

    /// The closure of a block's frame.
    #[inline(always)]
    pub fn closure(&self) -> Option<Oop> {
        if self.closure == Frame::NO_CLOSURE {
            None
        } else {
            Some(self.closure)
        }
    }
}
