//! What is wrong with a text, as a value. Parser and compiler answer lists of these; showing
//! them is the matter of `render`.

use crate::Span;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// No code can be made of this text.
    Error,
    /// Code is made, but it is probably not what was meant.
    Warning,
}

/// One finding in a source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// One sentence, lower-case, without full stop.
    pub message: String,
    /// What it is about.
    pub span: Span,
}

impl Diagnostic {
    /// A finding that keeps code from being made.
    #[must_use]
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            span,
        }
    }

    /// A finding that leaves the code usable.
    #[must_use]
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            message: message.into(),
            span,
        }
    }

    /// Whether this keeps code from being made.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The same finding in a text that begins `base` bytes earlier, as a method inside its file.
    #[must_use]
    pub fn shifted(mut self, base: u32) -> Self {
        self.span = self.span.shifted(base);
        self
    }
}
