//! Which messages are not sent but compiled in place: control flow over literal blocks.
//!
//! The conditions are those of Pharo's compiler: literal blocks with the right number of
//! arguments, no cascade, and a receiver that is no block (but for the loops, where it must be
//! one). `to:do:` is sent if its block assigns to the variable that is the limit.

use imprint_syntax::{BlockId, ExprId, ExprKind, Integer, Literal, Message, Sequence, Tree};

use crate::options::Options;

/// How a message is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// By a send.
    Send,
    IfTrue,
    IfFalse,
    IfTrueIfFalse,
    IfFalseIfTrue,
    IfNil,
    IfNotNil,
    IfNilIfNotNil,
    IfNotNilIfNil,
    And,
    Or,
    /// `whileTrue`, `whileTrue:`
    WhileTrue,
    /// `whileFalse`, `whileFalse:`
    WhileFalse,
    /// `to:do:`, `to:by:do:`
    ToDo,
    TimesRepeat,
    Repeat,
    /// `caseOf:`, `caseOf:otherwise:`
    Case,
}

impl Control {
    /// Whether the blocks in place are loops, whose temporaries begin as nil each time.
    /// The branches of a case count as such in Pharo's compiler.
    pub(crate) fn is_loop(self) -> bool {
        use Control::{Case, Repeat, TimesRepeat, ToDo, WhileFalse, WhileTrue};
        matches!(
            self,
            WhileTrue | WhileFalse | ToDo | TimesRepeat | Repeat | Case
        )
    }
}

/// How the message to `receiver` is compiled.
pub(crate) fn control_of(
    tree: &Tree<'_>,
    receiver: ExprId,
    message: &Message<'_>,
    options: &Options,
) -> Control {
    let call = Call {
        tree,
        receiver,
        arguments: tree.list(message.arguments),
    };
    let (control, holds) = match &*message.selector {
        "ifTrue:" => (Control::IfTrue, options.inline_if && call.is_choice()),
        "ifFalse:" => (Control::IfFalse, options.inline_if && call.is_choice()),
        "ifTrue:ifFalse:" => (
            Control::IfTrueIfFalse,
            options.inline_if && call.is_choice(),
        ),
        "ifFalse:ifTrue:" => (
            Control::IfFalseIfTrue,
            options.inline_if && call.is_choice(),
        ),
        "and:" => (Control::And, options.inline_and_or && call.is_choice()),
        "or:" => (Control::Or, options.inline_and_or && call.is_choice()),
        "ifNil:" => (
            Control::IfNil,
            options.inline_if_nil && call.is_nil_test(&[0]),
        ),
        "ifNotNil:" => (
            Control::IfNotNil,
            options.inline_if_nil && call.is_nil_test(&[1]),
        ),
        "ifNil:ifNotNil:" => (
            Control::IfNilIfNotNil,
            options.inline_if_nil && call.is_nil_test(&[0, 1]),
        ),
        "ifNotNil:ifNil:" => (
            Control::IfNotNilIfNil,
            options.inline_if_nil && call.is_nil_test(&[1, 0]),
        ),
        "whileTrue" | "whileTrue:" => (Control::WhileTrue, options.inline_while && call.is_while()),
        "whileFalse" | "whileFalse:" => {
            (Control::WhileFalse, options.inline_while && call.is_while())
        }
        "repeat" => (Control::Repeat, options.inline_repeat && call.is_while()),
        "timesRepeat:" => (
            Control::TimesRepeat,
            options.inline_times_repeat && call.is_choice(),
        ),
        "to:do:" | "to:by:do:" => (Control::ToDo, options.inline_to_do && call.is_counting()),
        "caseOf:" | "caseOf:otherwise:" => (Control::Case, options.inline_case && call.is_case()),
        _ => return Control::Send,
    };
    if holds { control } else { Control::Send }
}

/// The sign of a step of `to:by:do:`; `None` where it is no number, or zero.
pub(crate) fn step_is_positive(literal: &Literal<'_>) -> Option<bool> {
    let positive = match literal {
        Literal::Integer(Integer::Small(0)) => return None,
        Literal::Integer(integer) => is_positive(integer),
        Literal::Fraction { numerator, .. } | Literal::Scaled { numerator, .. } => {
            if *numerator == Integer::Small(0) {
                return None;
            }
            is_positive(numerator)
        }
        Literal::Float(value) if *value != 0.0 => *value > 0.0,
        _ => return None,
    };
    Some(positive)
}

fn is_positive(integer: &Integer) -> bool {
    match integer {
        Integer::Small(value) => *value > 0,
        Integer::Large { negative, .. } => !negative,
    }
}

/// A message with its receiver, in its tree.
struct Call<'a> {
    tree: &'a Tree<'a>,
    receiver: ExprId,
    arguments: &'a [ExprId],
}

impl Call<'_> {
    fn takes(&self, expr: ExprId, count: usize) -> bool {
        self.tree
            .as_block(expr)
            .is_some_and(|block| self.tree.block(block).arguments.len() == count)
    }

    fn receiver_is_block(&self) -> bool {
        self.tree.as_block(self.receiver).is_some()
    }

    fn is_choice(&self) -> bool {
        !self.receiver_is_block()
            && self
                .arguments
                .iter()
                .all(|&argument| self.takes(argument, 0))
    }

    /// `most` says how many arguments each block may have at most.
    fn is_nil_test(&self, most: &[usize]) -> bool {
        let fits = |(&argument, &most): (&ExprId, &usize)| {
            (0..=most).any(|count| self.takes(argument, count))
        };
        !self.receiver_is_block() && self.arguments.iter().zip(most).all(fits)
    }

    fn is_while(&self) -> bool {
        self.takes(self.receiver, 0)
            && self
                .arguments
                .iter()
                .all(|&argument| self.takes(argument, 0))
    }

    fn is_counting(&self) -> bool {
        let (Some(&limit), Some(&body)) = (self.arguments.first(), self.arguments.last()) else {
            return false;
        };
        if self.receiver_is_block() || !self.takes(body, 1) {
            return false;
        }
        let block = self.tree.as_block(body);
        if let (ExprKind::Variable(name), Some(block)) = (&self.tree.expr(limit).kind, block)
            && assigns_in_block(self.tree, block, name)
        {
            return false;
        }
        match self.arguments {
            [_, step, _] => match &self.tree.expr(*step).kind {
                ExprKind::Literal(step) => step_is_positive(step).is_some(),
                _ => false,
            },
            _ => true,
        }
    }

    fn is_case(&self) -> bool {
        let ExprKind::Brace(cases) = self.tree.expr(self.arguments[0]).kind else {
            return false;
        };
        let cases = self.tree.list(cases);
        let has_otherwise = self
            .arguments
            .get(1)
            .is_none_or(|&other| self.takes(other, 0));
        has_otherwise
            && !cases.is_empty()
            && cases
                .iter()
                .all(|&case| case_parts(self.tree, case).is_some())
    }
}

/// Both blocks of `[ test ] -> [ result ]`, where it is that.
pub(crate) fn case_parts(tree: &Tree<'_>, case: ExprId) -> Option<(BlockId, BlockId)> {
    let ExprKind::Send { receiver, message } = tree.expr(case).kind else {
        return None;
    };
    let message = tree.message(message);
    let test = tree.as_block(receiver)?;
    let result = tree.as_block(*tree.list(message.arguments).first()?)?;
    let takes_none =
        tree.block(test).arguments.is_empty() && tree.block(result).arguments.is_empty();
    (message.selector == "->" && takes_none).then_some((test, result))
}

fn assigns_in_block(tree: &Tree<'_>, block: BlockId, name: &str) -> bool {
    assigns_in_body(tree, &tree.block(block).body, name)
}

fn assigns_in_body(tree: &Tree<'_>, body: &Sequence<'_>, name: &str) -> bool {
    body.statements
        .iter()
        .any(|statement| assigns(tree, statement.value, name))
}

fn assigns(tree: &Tree<'_>, expr: ExprId, name: &str) -> bool {
    let in_message = |message: &Message<'_>| {
        tree.list(message.arguments)
            .iter()
            .any(|&argument| assigns(tree, argument, name))
    };
    match &tree.expr(expr).kind {
        ExprKind::Assignment { target, value } => {
            target.text == name || assigns(tree, *value, name)
        }
        ExprKind::Send { receiver, message } => {
            assigns(tree, *receiver, name) || in_message(tree.message(*message))
        }
        ExprKind::Cascade { receiver, messages } => {
            assigns(tree, *receiver, name)
                || messages
                    .iter()
                    .any(|&message| in_message(tree.message(message)))
        }
        ExprKind::Block(block) => assigns_in_block(tree, *block, name),
        ExprKind::Return(value) => assigns(tree, *value, name),
        ExprKind::Brace(elements) => tree
            .list(*elements)
            .iter()
            .any(|&element| assigns(tree, element, name)),
        ExprKind::Variable(_) | ExprKind::Literal(_) | ExprKind::Error => false,
    }
}
