//! The tree of one method or expression sequence. Nodes lie in vectors and name each other by
//! index, text is borrowed from the source: making a tree allocates little, dropping it less.
//!
//! The tree says what was written, not what it means: whether a name is a temporary or a global
//! is found by the compiler. Parentheses leave no trace.

use std::borrow::Cow;

use crate::Span;

/// A node of the tree, valid in the tree that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExprId(pub(crate) u32);

/// A message (selector and arguments) of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(pub(crate) u32);

/// A block of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockId(pub(crate) u32);

impl ExprId {
    /// Position of the node among all expressions, for tables beside the tree.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl BlockId {
    /// Position of the block among all blocks, in the order in which they close.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A run of expressions in the tree.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExprList {
    pub(crate) start: u32,
    pub(crate) length: u32,
}

impl ExprList {
    /// How many there are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.length as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.length == 0
    }
}

/// What was parsed: a method, or an expression sequence to run once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A pattern and a body; without `^` it answers the receiver.
    Method,
    /// A body alone; it answers the value of its last statement.
    DoIt,
}

/// A parsed text.
#[derive(Clone, Debug)]
pub struct Tree<'s> {
    /// The text it was made of.
    pub source: &'s str,
    /// Method or expression sequence.
    pub form: Form,
    /// The selector of the pattern; `DoIt` for an expression sequence.
    pub selector: Cow<'s, str>,
    /// Where the pattern stands.
    pub pattern: Span,
    /// The arguments of the pattern.
    pub arguments: Vec<Name<'s>>,
    /// The pragmas, in order.
    pub pragmas: Vec<Pragma<'s>>,
    /// Temporaries and statements.
    pub body: Sequence<'s>,
    /// Where comments stand, quotes included.
    pub comments: Vec<Span>,
    pub(crate) exprs: Vec<Expr<'s>>,
    pub(crate) messages: Vec<Message<'s>>,
    pub(crate) blocks: Vec<Block<'s>>,
    pub(crate) expr_lists: Vec<ExprId>,
}

/// A name as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'s> {
    /// Its text.
    pub text: &'s str,
    /// Its place.
    pub span: Span,
}

/// Temporaries and statements of a method or block.
#[derive(Clone, Debug, Default)]
pub struct Sequence<'s> {
    /// What stands between bars.
    pub temporaries: Vec<Name<'s>>,
    /// The statements, in order.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// Whether `^` stands before it.
    pub is_return: bool,
    /// What is computed.
    pub value: ExprId,
    /// The statement with its `^`.
    pub span: Span,
}

/// An expression and its place.
#[derive(Clone, Debug)]
pub struct Expr<'s> {
    /// What it is.
    pub kind: ExprKind<'s>,
    /// Where it stands.
    pub span: Span,
    /// How many nodes the longest way down passes; the parser keeps it below a limit.
    pub(crate) depth: u16,
}

/// The kinds of expression.
#[derive(Clone, Debug)]
pub enum ExprKind<'s> {
    /// A name that is read; also `self`, `super`, `thisContext` and `thisProcess`.
    Variable(&'s str),
    /// A constant; also `nil`, `true` and `false`.
    Literal(Literal<'s>),
    /// `target := value`.
    Assignment {
        /// The name that is written.
        target: Name<'s>,
        /// What it gets.
        value: ExprId,
    },
    /// A message to a receiver.
    Send {
        /// Who gets it.
        receiver: ExprId,
        /// What is sent.
        message: MessageId,
    },
    /// Several messages to one receiver; at least two.
    Cascade {
        /// Who gets them all.
        receiver: ExprId,
        /// What is sent, in order.
        messages: Vec<MessageId>,
    },
    /// A block.
    Block(BlockId),
    /// `{ a. b }`.
    Brace(ExprList),
    /// `^ a` as an element of a brace array; elsewhere a return is a statement.
    Return(ExprId),
    /// What could not be read; there is a diagnostic about it.
    Error,
}

/// A selector with its arguments.
#[derive(Clone, Debug)]
pub struct Message<'s> {
    /// The whole selector.
    pub selector: Cow<'s, str>,
    /// Where its first word stands.
    pub selector_span: Span,
    /// The arguments.
    pub arguments: ExprList,
}

/// A block as it was written.
#[derive(Clone, Debug)]
pub struct Block<'s> {
    /// Its arguments.
    pub arguments: Vec<Name<'s>>,
    /// Its temporaries and statements.
    pub body: Sequence<'s>,
    /// From bracket to bracket.
    pub span: Span,
}

/// `<selector: argument>`.
#[derive(Clone, Debug)]
pub struct Pragma<'s> {
    /// The whole selector.
    pub selector: Cow<'s, str>,
    /// One for each keyword, one for a binary selector, none for a name.
    pub arguments: Vec<PragmaArgument<'s>>,
    /// From `<` to `>`.
    pub span: Span,
}

/// What stands behind a keyword of a pragma.
#[derive(Clone, Debug, PartialEq)]
pub enum PragmaArgument<'s> {
    /// A constant.
    Literal(Literal<'s>),
    /// A name, only behind `error:`.
    Variable(Name<'s>),
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal<'s> {
    /// `nil`
    Nil,
    /// `true`
    True,
    /// `false`
    False,
    /// A whole number of any size.
    Integer(Integer),
    /// `1e-2`: reduced, denominator above 1.
    Fraction {
        /// Above the line, with the sign.
        numerator: Integer,
        /// Below the line.
        denominator: Integer,
    },
    /// `1.5`, `1e-3` with a point, `16r1.8`.
    Float(f64),
    /// `1.50s2`: reduced.
    Scaled {
        /// Above the line, with the sign.
        numerator: Integer,
        /// Below the line.
        denominator: Integer,
        /// Digits shown after the point.
        scale: u32,
    },
    /// `$a`
    Character(char),
    /// `'text'`, quotes undone.
    String(Cow<'s, str>),
    /// `#name`, without the hash.
    Symbol(Cow<'s, str>),
    /// `#[1 2]`
    ByteArray(Vec<u8>),
    /// `#(1 2)`
    Array(Vec<Literal<'s>>),
}

/// A whole number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Integer {
    /// One that fits.
    Small(i64),
    /// One that does not.
    Large {
        /// Whether it is below zero.
        negative: bool,
        /// Its absolute value, least byte first, no zero byte at the end.
        magnitude: Vec<u8>,
    },
}

impl<'s> Tree<'s> {
    /// The expression with this id.
    #[must_use]
    pub fn expr(&self, id: ExprId) -> &Expr<'s> {
        &self.exprs[id.0 as usize]
    }

    /// The message with this id.
    #[must_use]
    pub fn message(&self, id: MessageId) -> &Message<'s> {
        &self.messages[id.0 as usize]
    }

    /// The block with this id.
    #[must_use]
    pub fn block(&self, id: BlockId) -> &Block<'s> {
        &self.blocks[id.0 as usize]
    }

    /// The expressions of a list.
    #[must_use]
    pub fn list(&self, list: ExprList) -> &[ExprId] {
        &self.expr_lists[list.start as usize..(list.start + list.length) as usize]
    }

    /// How many expressions there are; ids are below.
    #[must_use]
    pub fn expr_count(&self) -> usize {
        self.exprs.len()
    }

    /// How many blocks there are; ids are below.
    #[must_use]
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// The block an expression is, if it is one.
    #[must_use]
    pub fn as_block(&self, id: ExprId) -> Option<BlockId> {
        match self.expr(id).kind {
            ExprKind::Block(block) => Some(block),
            _ => None,
        }
    }
}
