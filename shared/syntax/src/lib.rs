//! imprint-syntax: the text of a Smalltalk method, or of an expression sequence, to a tree.
//!
//! Pharo's syntax, all of it. Parsing never fails and never panics: it answers a tree and what
//! is wrong with the text, as many findings as there are faulty statements. The tree of a faulty
//! text holds `ExprKind::Error` nodes and is fit for looking at, not for compiling.
//!
//! Reading order: `tree` (what comes out), `lexer`, `parser`, `recovery`, `expression`,
//! `literal`, `number`;
//! `diagnostic` and `render` for what is shown to people; `outline` for tests.
//!
//! It knows nothing of files, packages or classes (that is the loader's), nor of what names mean
//! (that is the compiler's).

mod diagnostic;
mod expression;
mod lexer;
mod literal;
mod number;
mod outline;
mod parser;
mod recovery;
mod render;
mod span;
mod tree;

pub use diagnostic::{Diagnostic, Severity};
pub use outline::outline;
pub use parser::{parse_doit, parse_method};
pub use render::SourceText;
pub use span::Span;
pub use tree::{
    Block, BlockId, Expr, ExprId, ExprKind, ExprList, Form, Integer, Literal, Message, MessageId,
    Name, Pragma, PragmaArgument, Sequence, Statement, Tree,
};
