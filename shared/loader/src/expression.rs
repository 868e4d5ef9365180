//! Looking at parsed Smalltalk expressions as data: class definition messages and baselines are code, but
//! code of a fixed form, and are read here without running it.

use imprint_syntax::{ExprId, ExprKind, Literal, Tree};

/// One message of an expression: who gets it, its selector, its arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent<'tree> {
    pub(crate) receiver: ExprId,
    pub(crate) selector: &'tree str,
    pub(crate) arguments: &'tree [ExprId],
}

impl<'tree> Sent<'tree> {
    /// Keywords with their arguments; a unary or binary selector is one word without or with its argument.
    pub(crate) fn parts(self) -> impl Iterator<Item = (&'tree str, ExprId)> {
        self.selector
            .split_inclusive(':')
            .zip(self.arguments.iter().copied())
    }

    /// The argument of a keyword.
    pub(crate) fn argument(self, keyword: &str) -> Option<ExprId> {
        self.parts()
            .find(|(name, _)| *name == keyword)
            .map(|(_, argument)| argument)
    }
}

/// The messages of an expression: one for a send, several for a cascade, none for anything else.
pub(crate) fn messages<'tree>(tree: &'tree Tree<'_>, id: ExprId) -> Vec<Sent<'tree>> {
    let (receiver, messages) = match &tree.expr(id).kind {
        ExprKind::Send { receiver, message } => (*receiver, std::slice::from_ref(message)),
        ExprKind::Cascade { receiver, messages } => (*receiver, messages.as_slice()),
        _ => return Vec::new(),
    };
    let sent = |id| {
        let message = tree.message(id);
        Sent {
            receiver,
            selector: message.selector.as_ref(),
            arguments: tree.list(message.arguments),
        }
    };
    messages.iter().copied().map(sent).collect()
}

/// The name an expression is, if it is a bare name.
pub(crate) fn variable<'text>(tree: &Tree<'text>, id: ExprId) -> Option<&'text str> {
    match tree.expr(id).kind {
        ExprKind::Variable(name) => Some(name),
        _ => None,
    }
}

/// The text of a string or symbol literal.
pub(crate) fn text(tree: &Tree<'_>, id: ExprId) -> Option<String> {
    match &tree.expr(id).kind {
        ExprKind::Literal(literal) => literal_text(literal),
        _ => None,
    }
}

/// The texts of a literal array or brace array of strings and symbols; a single one counts as one.
pub(crate) fn texts(tree: &Tree<'_>, id: ExprId) -> Option<Vec<String>> {
    match &tree.expr(id).kind {
        ExprKind::Literal(Literal::Array(elements)) => elements.iter().map(literal_text).collect(),
        ExprKind::Brace(elements) => tree
            .list(*elements)
            .iter()
            .map(|&element| text(tree, element))
            .collect(),
        _ => text(tree, id).map(|single| vec![single]),
    }
}

/// The source of an expression.
pub(crate) fn source<'text>(tree: &Tree<'text>, id: ExprId) -> &'text str {
    tree.expr(id).span.text(tree.source)
}

fn literal_text(literal: &Literal<'_>) -> Option<String> {
    match literal {
        Literal::String(text) | Literal::Symbol(text) => Some(text.clone().into_owned()),
        _ => None,
    }
}
