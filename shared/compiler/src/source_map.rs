//! From a program counter back to the text: which piece of the source an instruction stands for.
//!
//! A map is made along with the code, so the way to ask about installed code is to compile its
//! source again (`lib::source_map`). Code is named by the path of literal indices that leads to it from
//! the method: `[]` is the method, `[3]` the block in its literal 3, `[3, 0]` a block in that one.

use imprint_syntax::Span;

/// The pieces of source behind a method and its blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceMap {
    codes: Vec<CodeMap>,
}

/// The pieces of source behind the bytecodes of one method or block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeMap {
    /// Indices of literals, 0-based, from the method to this code.
    pub path: Vec<u16>,
    /// The whole method or block.
    pub span: Span,
    /// Offset of an instruction among the bytecodes, and its piece of source, by offset.
    pub places: Vec<(u32, Span)>,
}

impl SourceMap {
    pub(crate) fn push(&mut self, code: CodeMap) {
        self.codes.push(code);
    }

    /// All code, blocks after the code that holds them.
    #[must_use]
    pub fn codes(&self) -> &[CodeMap] {
        &self.codes
    }

    /// What the instruction at `offset` (0-based, in the bytecodes of the code at `path`) stands
    /// for. A context's pc, counted from 1 and from the start of the code object, points behind
    /// the instruction that it waits for: `pc - first bytecode - 1` is an offset inside it.
    #[must_use]
    pub fn span_at(&self, path: &[u16], offset: u32) -> Option<Span> {
        let code = self.codes.iter().find(|code| code.path == path)?;
        let behind = code.places.partition_point(|&(start, _)| start <= offset);
        match behind.checked_sub(1) {
            Some(index) => Some(code.places[index].1),
            None => Some(code.span),
        }
    }
}
