//! Class definitions that are written as messages: `Object subclass: #Foo instanceVariableNames: ...` in
//! all its spellings, `Trait named: ...`, and Pharo's fluent `Object << #Foo slots: { ... }; package: 'X'`.

use imprint_syntax::{ExprId, ExprKind, Tree, parse_doit};

use crate::definition::{ClassDefinition, ClassKind, TraitDefinition};
use crate::expression::{Sent, messages, source, text, texts, variable};

/// What a definition message says.
#[derive(Debug)]
pub(crate) enum Defined {
    /// A class.
    Class(Box<ClassDefinition>),
    /// A trait.
    Trait(Box<TraitDefinition>),
    /// `Foo class instanceVariableNames: 'a b'`
    ClassSide {
        /// The class.
        class_name: String,
        /// Instance variables of its metaclass.
        variables: Vec<String>,
    },
    /// `Foo comment: '...'`
    Comment {
        /// The class.
        class_name: String,
        /// Its comment.
        comment: String,
    },
}

/// Reads an expression; none if it defines nothing.
pub(crate) fn read(expression: &str) -> Option<Defined> {
    let (tree, diagnostics) = parse_doit(expression);
    let [statement] = tree.body.statements.as_slice() else {
        return None;
    };
    if diagnostics.iter().any(imprint_syntax::Diagnostic::is_error) {
        return None;
    }
    let sent = messages(&tree, statement.value);
    let first = *sent.first()?;
    fluent(&tree, &sent)
        .or_else(|| comment(&tree, first))
        .or_else(|| class_side(&tree, first))
        .or_else(|| trait_named(&tree, first))
        .or_else(|| subclass(&tree, first))
}

fn comment(tree: &Tree<'_>, sent: Sent<'_>) -> Option<Defined> {
    let argument = sent
        .argument("comment:")
        .filter(|_| sent.selector == "comment:")?;
    let class_name = variable(tree, sent.receiver)?.to_owned();
    Some(Defined::Comment {
        class_name,
        comment: text(tree, argument)?,
    })
}

fn class_side(tree: &Tree<'_>, sent: Sent<'_>) -> Option<Defined> {
    let variables = sent
        .argument("instanceVariableNames:")
        .or_else(|| sent.argument("slots:"))?;
    let metaclass = *messages(tree, sent.receiver).first()?;
    if metaclass.selector != "class" || sent.arguments.is_empty() {
        return None;
    }
    let class_name = variable(tree, metaclass.receiver)?.to_owned();
    Some(Defined::ClassSide {
        class_name,
        variables: variables_of(tree, variables)?,
    })
}

fn trait_named(tree: &Tree<'_>, sent: Sent<'_>) -> Option<Defined> {
    if variable(tree, sent.receiver) != Some("Trait") {
        return None;
    }
    let name = text(tree, sent.argument("named:")?)?;
    let class = with_options(
        tree,
        sent,
        ClassDefinition {
            name,
            ..ClassDefinition::default()
        },
        "named:",
    )?;
    Some(Defined::Trait(Box::new(as_trait(class))))
}

fn subclass(tree: &Tree<'_>, sent: Sent<'_>) -> Option<Defined> {
    let (keyword, name) = sent.parts().next()?;
    let kind = subclass_kind(keyword)?;
    let superclass = Some(source(tree, sent.receiver))
        .filter(|name| *name != "nil")
        .map(str::to_owned);
    let name = text(tree, name)?;
    let class = ClassDefinition {
        name,
        superclass,
        kind,
        ..ClassDefinition::default()
    };
    let class = with_options(tree, sent, class, keyword)?;
    Some(Defined::Class(Box::new(class)))
}

fn subclass_kind(keyword: &str) -> Option<ClassKind> {
    Some(match keyword {
        "subclass:" => ClassKind::Normal,
        "variableSubclass:" => ClassKind::Variable,
        "variableByteSubclass:" => ClassKind::Bytes,
        "variableDoubleByteSubclass:" => ClassKind::DoubleBytes,
        "variableWordSubclass:" => ClassKind::Words,
        "variableDoubleWordSubclass:" => ClassKind::DoubleWords,
        "weakSubclass:" => ClassKind::Weak,
        "ephemeronSubclass:" => ClassKind::Ephemeron,
        "immediateSubclass:" => ClassKind::Immediate,
        _ => return None,
    })
}

/// `Object << #Foo slots: { #a }; package: 'X'`: the first message goes to `Object << #Foo`, and so do the
/// others of the cascade. `Trait << #TFoo` makes a trait, `Object << Foo class` its class side.
fn fluent(tree: &Tree<'_>, sent: &[Sent<'_>]) -> Option<Defined> {
    let first = *sent.first()?;
    let (shift, options) = match first.selector {
        "<<" => (first, &sent[1..]),
        _ => (*messages(tree, first.receiver).first()?, sent),
    };
    let named = *shift.arguments.first().filter(|_| shift.selector == "<<")?;
    let superclass = source(tree, shift.receiver);
    let name = text(tree, named)?;
    let superclass = Some(superclass.to_owned()).filter(|name| name != "nil");
    let mut class = ClassDefinition {
        name,
        superclass,
        ..ClassDefinition::default()
    };
    for option in options {
        class = with_options(tree, *option, class, "")?;
    }
    match class.superclass.as_deref() {
        Some("Trait") => Some(Defined::Trait(Box::new(as_trait(class)))),
        _ => Some(Defined::Class(Box::new(class))),
    }
}

/// Applies the keywords of a message, but for the one that was read already.
fn with_options(
    tree: &Tree<'_>,
    sent: Sent<'_>,
    class: ClassDefinition,
    done: &str,
) -> Option<ClassDefinition> {
    let mut class = class;
    for (keyword, argument) in sent.parts().filter(|(keyword, _)| *keyword != done) {
        with_option(tree, keyword, argument, &mut class)?;
    }
    Some(class)
}

fn with_option(
    tree: &Tree<'_>,
    keyword: &str,
    argument: ExprId,
    class: &mut ClassDefinition,
) -> Option<()> {
    match keyword {
        "instanceVariableNames:" | "slots:" => {
            class.instance_variables = variables_of(tree, argument)?
        }
        "classVariableNames:" | "classVariables:" | "sharedVariables:" => {
            class.class_variables = variables_of(tree, argument)?;
        }
        "poolDictionaries:" | "sharedPools:" => class.pools = variables_of(tree, argument)?,
        "classInstanceVariableNames:" => {
            class.class_instance_variables = variables_of(tree, argument)?
        }
        "category:" | "package:" => class.package = text(tree, argument)?,
        "tag:" => class.tag = text(tree, argument)?,
        "comment:" => class.comment = text(tree, argument)?,
        "uses:" | "traits:" => class.traits = composition(tree, argument),
        "layout:" | "type:" => class.kind = kind_named(tree, argument)?,
        _ => return None,
    }
    Some(())
}

fn kind_named(tree: &Tree<'_>, argument: ExprId) -> Option<ClassKind> {
    let name = variable(tree, argument)
        .map(str::to_owned)
        .or_else(|| text(tree, argument))?;
    ClassKind::from_name(&name)
}

fn composition(tree: &Tree<'_>, argument: ExprId) -> String {
    match &tree.expr(argument).kind {
        ExprKind::Brace(elements) if elements.is_empty() => String::new(),
        _ => source(tree, argument).to_owned(),
    }
}

/// Variables as a string of words, or as an array of names.
fn variables_of(tree: &Tree<'_>, argument: ExprId) -> Option<Vec<String>> {
    let texts = texts(tree, argument)?;
    Some(
        texts
            .iter()
            .flat_map(|text| text.split_whitespace())
            .map(str::to_owned)
            .collect(),
    )
}

fn as_trait(class: ClassDefinition) -> TraitDefinition {
    TraitDefinition {
        name: class.name,
        instance_variables: class.instance_variables,
        class_instance_variables: class.class_instance_variables,
        traits: class.traits,
        package: class.package,
        tag: class.tag,
        comment: class.comment,
        ..TraitDefinition::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(expression: &str) -> ClassDefinition {
        match read(expression) {
            Some(Defined::Class(class)) => *class,
            other => panic!("{expression}: {other:?}"),
        }
    }

    #[test]
    fn the_classic_message_is_read_in_its_spellings() {
        let foo = class(
            "Object subclass: #Foo\n\tinstanceVariableNames: 'a b'\n\tclassVariableNames: 'C'\n\t\
             poolDictionaries: 'P'\n\tcategory: 'Kit-Core'",
        );
        assert_eq!(
            (foo.name.as_str(), foo.superclass.as_deref()),
            ("Foo", Some("Object"))
        );
        assert_eq!(
            (&foo.instance_variables[..], foo.package.as_str()),
            (&["a".into(), "b".into()][..], "Kit-Core")
        );
        let bytes = class(
            "ArrayedCollection variableByteSubclass: #B instanceVariableNames: '' package: 'K'",
        );
        assert_eq!(bytes.kind, ClassKind::Bytes);
        let used =
            class("Object subclass: #U uses: TFoo + TBar instanceVariableNames: '' package: 'K'");
        assert_eq!(used.traits, "TFoo + TBar");
        assert_eq!(
            class("nil subclass: #Root instanceVariableNames: '' category: 'K'").superclass,
            None
        );
    }

    #[test]
    fn the_fluent_form_is_a_cascade() {
        let foo = class(
            "Object << #Foo\n slots: { #a. #b }; sharedVariables: { #C }; layout: WeakLayout; tag: 'T'; package: 'P'",
        );
        assert_eq!(
            (foo.instance_variables.len(), foo.kind, foo.tag.as_str()),
            (2, ClassKind::Weak, "T")
        );
        assert!(matches!(
            read("Trait << #TFoo package: 'P'"),
            Some(Defined::Trait(_))
        ));
        assert!(matches!(
            read("Trait named: #TFoo uses: {} category: 'P'"),
            Some(Defined::Trait(_))
        ));
    }

    #[test]
    fn class_sides_and_comments_are_definitions_too() {
        assert!(matches!(
            read("Foo class instanceVariableNames: 'x'"),
            Some(Defined::ClassSide { .. })
        ));
        assert!(matches!(
            read("Foo comment: 'I am'"),
            Some(Defined::Comment { .. })
        ));
    }

    #[test]
    fn other_expressions_define_nothing() {
        for expression in [
            "Foo new",
            "Foo initialize. Bar initialize",
            "Object subclass: 3",
            "((",
            "",
            "3",
        ] {
            assert!(read(expression).is_none(), "{expression}");
        }
    }
}
