//! Switches of the compiler, as a `<compilerOptions: #(+ optionInlineIf - ...)>` pragma sets them
//! for one method. All but `long_instance_variables` are on from the start.

use crate::Site;
use imprint_syntax::{Literal, PragmaArgument, Tree};

/// What the compiler may do with a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) inline_if: bool,
    pub(crate) inline_if_nil: bool,
    pub(crate) inline_and_or: bool,
    pub(crate) inline_while: bool,
    pub(crate) inline_to_do: bool,
    pub(crate) inline_times_repeat: bool,
    pub(crate) inline_repeat: bool,
    pub(crate) inline_case: bool,
    pub(crate) constant_blocks: bool,
    /// A closure knows the context it was made in only if code of its own asks for it.
    pub(crate) optional_outer: bool,
    pub(crate) special_sends: bool,
    /// Instance variables by the forms that may meet a context.
    pub(crate) long_instance_variables: bool,
}

impl Options {
    /// The switches for `tree`, its pragmas followed in order.
    pub(crate) fn of(tree: &Tree<'_>, site: &Site) -> Self {
        let mut options = Self::all(true);
        options.long_instance_variables = site.is_context;
        options.constant_blocks = site.has_constant_blocks;
        for pragma in &tree.pragmas {
            if pragma.selector == "compilerOptions:"
                && let [PragmaArgument::Literal(Literal::Array(words))] =
                    pragma.arguments.as_slice()
            {
                options.follow(words);
            }
        }
        options
    }

    fn all(on: bool) -> Self {
        Self {
            inline_if: on,
            inline_if_nil: on,
            inline_and_or: on,
            inline_while: on,
            inline_to_do: on,
            inline_times_repeat: on,
            inline_repeat: on,
            inline_case: on,
            constant_blocks: on,
            optional_outer: on,
            special_sends: on,
            long_instance_variables: on,
        }
    }

    /// `+ name` switches on, `- name` off.
    fn follow(&mut self, words: &[Literal<'_>]) {
        for pair in words.chunks_exact(2) {
            if let [Literal::Symbol(sign), Literal::Symbol(name)] = pair {
                self.set(name, sign == "+");
            }
        }
    }

    fn set(&mut self, name: &str, on: bool) {
        match name {
            "optionInlineIf" => self.inline_if = on,
            "optionInlineIfNil" => self.inline_if_nil = on,
            "optionInlineAndOr" => self.inline_and_or = on,
            "optionInlineWhile" => self.inline_while = on,
            "optionInlineToDo" => self.inline_to_do = on,
            "optionInlineTimesRepeat" => self.inline_times_repeat = on,
            "optionInlineRepeat" => self.inline_repeat = on,
            "optionInlineCase" => self.inline_case = on,
            "optionInlineNone" => self.inline_none(on),
            "optionConstantBlockClosure" => self.constant_blocks = on,
            "optionBlockClosureOptionalOuter" => self.optional_outer = on,
            "optionOptimiseSpecialSends" => self.special_sends = on,
            "optionLongIvarAccessBytecodes" => self.long_instance_variables = on,
            _ => {}
        }
    }

    fn inline_none(&mut self, none: bool) {
        let kept = *self;
        *self = Self::all(!none);
        self.constant_blocks = kept.constant_blocks;
        self.optional_outer = kept.optional_outer;
        self.special_sends = kept.special_sends;
        self.long_instance_variables = kept.long_instance_variables;
    }
}
