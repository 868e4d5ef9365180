//! What a method mentions by name, read off its code and its literals: nobody runs it.

use std::collections::BTreeSet;

use crate::draft::{Body, MethodDraft, Name, Ref};
use crate::sends::{Sent, sent};

/// The names in some methods.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mentions {
    /// Messages that are sent.
    pub sends: BTreeSet<Sent>,
    /// All symbols, of which a selector may be made.
    pub symbols: BTreeSet<Name>,
    /// Globals, classes among them, and classes that are literals.
    pub globals: BTreeSet<Name>,
    /// Classes of literals.
    pub literal_classes: BTreeSet<Name>,
    /// Variables of classes and pools, each with the name of its class.
    pub class_variables: BTreeSet<(Name, Name)>,
}

impl Mentions {
    /// What one method mentions.
    pub fn of(method: &MethodDraft) -> Mentions {
        let mut mentions = Mentions::default();
        mentions.add(method);
        mentions
    }

    /// Takes in what a method mentions.
    pub fn add(&mut self, method: &MethodDraft) {
        self.sends.extend(sent(method));
        // The last literal says where the method is at home, and not what it does.
        let own = method.code.literals.split_last();
        own.iter()
            .flat_map(|(_, literals)| literals.iter())
            .for_each(|reference| self.add_reference(reference));
        for local in &method.locals {
            if let (Ref::Class(behavior), false) = (&local.class, local.format.is_code()) {
                self.literal_classes.insert(behavior.class.clone());
            }
            match &local.body {
                Body::Slots(slots) => slots.iter().for_each(|it| self.add_reference(it)),
                Body::Code(code) => code.literals.iter().for_each(|it| self.add_reference(it)),
                Body::Bytes(_) => {}
            }
        }
    }

    fn add_reference(&mut self, reference: &Ref) {
        match reference {
            Ref::Symbol(text) => {
                self.symbols.insert(text.clone());
            }
            Ref::Global(name) => {
                self.globals.insert(name.clone());
            }
            Ref::Class(behavior) => {
                self.globals.insert(behavior.class.clone());
            }
            Ref::ClassVariable { class, name } => {
                self.class_variables.insert((class.clone(), name.clone()));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::Instruction;
    use crate::draft::{BehaviorName, CodeBody, LocalObject};
    use crate::encoder;
    use imprint_model::Format;

    #[test]
    fn sends_symbols_and_names_are_told_apart() {
        let instructions = [
            Instruction::PushReceiver,
            Instruction::PushInteger(1),
            Instruction::SendSpecial(0),
            Instruction::Send {
                literal: 0,
                arguments: 0,
            },
            Instruction::ReturnTop,
        ];
        let mut bytecodes = Vec::new();
        for instruction in instructions {
            encoder::encode(instruction, &mut bytecodes);
        }
        let variable = Ref::ClassVariable {
            class: "Foo".into(),
            name: "All".into(),
        };
        let literals = vec![
            Ref::symbol("sent"),
            Ref::symbol("spelled"),
            variable,
            Ref::Local(0),
            Ref::Global("Foo".into()),
        ];
        let method = MethodDraft {
            behavior: BehaviorName::class("Foo"),
            selector: "run".into(),
            protocol: "".into(),
            shape: 0,
            code: CodeBody {
                literals,
                bytecodes,
                ..CodeBody::default()
            },
            locals: vec![LocalObject::mutable(
                "ByteString",
                Format::ARRAY,
                Body::Slots(vec![Ref::Global("Bar".into())]),
            )],
        };
        let found = Mentions::of(&method);
        let texts = |names: &BTreeSet<Name>| names.iter().cloned().collect::<Vec<_>>().join(" ");
        let sends = found.sends.iter().map(|sent| sent.selector.clone());
        assert_eq!(sends.collect::<Vec<_>>().join(" "), "+ sent");
        assert_eq!(texts(&found.symbols), "sent spelled");
        assert_eq!(texts(&found.globals), "Bar");
        assert_eq!(texts(&found.literal_classes), "ByteString");
        assert_eq!(
            found.class_variables,
            BTreeSet::from([("Foo".into(), "All".into())])
        );
    }
}
