//! Traits, flattened: each class gets copies of the methods it takes from traits, and the traits go.
//!
//! A trait's method means the same as if it stood in the class that uses it, `super` included; so a copy
//! with the place of its source is all that a compiler needs, and no image need know of traits. The rules
//! are Pharo's:
//! - `TA + TB` takes from both; a method that both define, and the class does not, is a conflict.
//! - `TA - { #x }` leaves a method out, `TA @ { #alias -> #x }` takes it once more under another name. Both
//!   go with the last trait before them.
//! - What the class defines itself wins over its traits, and those over what it inherits.
//! - A method that only says `self explicitRequirement` is a wish, not a method.
//! - The class side takes from `#classTraits`, or from the class sides of the same traits.

use std::collections::{BTreeMap, BTreeSet};

use imprint_syntax::{ExprId, ExprKind, Tree, parse_doit};

use crate::definition::{MethodDefinition, Origin, PackageDefinition, TraitDefinition};
use crate::expression::{messages, text, variable};
use crate::pattern::selector_of;
use crate::problem::{Defect, Problem};

/// How deep traits may use traits.
const DEPTH_MAX: u32 = 32;

/// Flattens all traits of the packages, which are taken to be the whole world; `paths` are those of the
/// reading they come from. Answers what is wrong with their use.
pub fn flatten_traits(packages: &mut [PackageDefinition], paths: &[String]) -> Vec<Problem> {
    let mut library = Library::new(packages);
    for class in packages.iter_mut().flat_map(|package| &mut package.classes) {
        let user = User {
            name: &class.name,
            origin: class.origin,
        };
        let instance_side = library.provided(&user, &class.traits, Side::Instance, 0);
        let class_side = match class.class_traits.is_empty() {
            true => library.provided(&user, &class.traits, Side::Class, 0),
            false => library.provided(&user, &class.class_traits, Side::Class, 0),
        };
        let variables = library.variables(&class.traits);
        let missing = variables
            .into_iter()
            .filter(|name| !class.instance_variables.contains(name));
        let missing: Vec<String> = missing.collect();
        class.instance_variables.extend(missing);
        for (is_meta, provided) in [(false, instance_side), (true, class_side)] {
            adopt(
                &mut class.methods,
                &class.name,
                is_meta,
                provided,
                &mut library.faults,
            );
        }
        (class.traits, class.class_traits) = (String::new(), String::new());
    }
    remove_traits(packages, &library);
    library.problems(paths)
}

fn remove_traits(packages: &mut [PackageDefinition], library: &Library) {
    for package in packages {
        package.traits.clear();
        package
            .extensions
            .retain(|method| !library.traits.contains_key(&method.class_name));
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Instance,
    Class,
}

/// Who uses a trait: a class or another trait.
struct User<'name> {
    name: &'name str,
    origin: Origin,
}

/// A method that comes from a trait, under the selector it gets.
#[derive(Clone, PartialEq)]
struct Provided {
    from: String,
    method: MethodDefinition,
}

/// All traits by name, extensions included, and what is wrong with their use.
struct Library {
    traits: BTreeMap<String, TraitDefinition>,
    /// What traits have to give; none while it is being computed.
    computed: BTreeMap<(String, Side), Option<Vec<Provided>>>,
    faults: Vec<(Origin, Defect)>,
}

impl Library {
    fn new(packages: &[PackageDefinition]) -> Self {
        let definitions = packages.iter().flat_map(|package| &package.traits);
        let mut traits: BTreeMap<String, TraitDefinition> = definitions
            .map(|definition| (definition.name.clone(), definition.clone()))
            .collect();
        for method in packages.iter().flat_map(|package| &package.extensions) {
            if let Some(definition) = traits.get_mut(&method.class_name) {
                definition.methods.push(method.clone());
            }
        }
        Self {
            traits,
            computed: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    /// Methods of a composition for one side of its user; a conflict shows as two for one selector.
    fn provided(
        &mut self,
        user: &User<'_>,
        composition: &str,
        side: Side,
        depth: u32,
    ) -> Vec<Provided> {
        let Some(uses) = trait_uses(composition).filter(|_| depth < DEPTH_MAX) else {
            let (user_name, text) = (user.name.to_owned(), composition.to_owned());
            self.note(
                user,
                Defect::BadComposition {
                    user: user_name,
                    text,
                },
            );
            return Vec::new();
        };
        let mut all: Vec<Provided> = Vec::new();
        for used in uses {
            let methods = self.methods_of(user, &used.name, side, depth);
            for new in used.applied_to(methods) {
                if !all.contains(&new) {
                    all.push(new);
                }
            }
        }
        all
    }

    /// What a trait has to give to a user. Computed once; a trait that is asked for while it is being
    /// computed uses itself.
    fn methods_of(&mut self, user: &User<'_>, name: &str, side: Side, depth: u32) -> Vec<Provided> {
        let key = (name.to_owned(), side);
        match self.computed.get(&key) {
            Some(Some(methods)) => return methods.clone(),
            Some(None) => {
                let (user_name, text) = (user.name.to_owned(), name.to_owned());
                self.note(
                    user,
                    Defect::BadComposition {
                        user: user_name,
                        text,
                    },
                );
                return Vec::new();
            }
            None => {}
        }
        let Some(definition) = self.traits.get(name).cloned() else {
            let (user_name, name) = (user.name.to_owned(), name.to_owned());
            self.note(
                user,
                Defect::MissingTrait {
                    user: user_name,
                    name,
                },
            );
            return Vec::new();
        };
        self.computed.insert(key.clone(), None);
        let methods = self.compute(&definition, side, depth);
        self.computed.insert(key, Some(methods.clone()));
        methods
    }

    /// A trait's own methods, and those of its traits that it does not define.
    fn compute(&mut self, definition: &TraitDefinition, side: Side, depth: u32) -> Vec<Provided> {
        let is_meta = side == Side::Class;
        let from = &definition.name;
        let own = definition
            .methods
            .iter()
            .filter(|method| method.is_meta == is_meta && !is_wish(method));
        let own = own.map(|method| Provided {
            from: from.clone(),
            method: method.clone(),
        });
        let mut all: Vec<Provided> = own.collect();
        let composition = match side {
            Side::Class if !definition.class_traits.is_empty() => &definition.class_traits,
            _ => &definition.traits,
        };
        let user = User {
            name: from,
            origin: definition.origin,
        };
        let mut inherited = self.provided(&user, composition, side, depth + 1);
        let defines = |selector: &str| all.iter().any(|known| known.method.selector == selector);
        inherited.retain(|method| !defines(&method.method.selector));
        all.append(&mut inherited);
        all
    }

    /// Slots that a composition brings.
    fn variables(&self, composition: &str) -> Vec<String> {
        let uses = trait_uses(composition).unwrap_or_default();
        let used = uses.iter().filter_map(|used| self.traits.get(&used.name));
        used.flat_map(|definition| &definition.instance_variables)
            .cloned()
            .collect()
    }

    fn note(&mut self, user: &User<'_>, defect: Defect) {
        // Both sides of a class tell of the same fault.
        if !self.faults.iter().any(|(_, known)| *known == defect) {
            self.faults.push((user.origin, defect));
        }
    }

    fn problems(self, paths: &[String]) -> Vec<Problem> {
        let path = |file: u32| usize::try_from(file).ok().and_then(|file| paths.get(file));
        let problem = |(origin, defect): (Origin, Defect)| Problem {
            path: path(origin.file).cloned().unwrap_or_default(),
            line: origin.line,
            defect,
        };
        self.faults.into_iter().map(problem).collect()
    }
}

/// Adds to a class's methods what it does not define itself.
fn adopt(
    methods: &mut Vec<MethodDefinition>,
    class_name: &str,
    is_meta: bool,
    provided: Vec<Provided>,
    faults: &mut Vec<(Origin, Defect)>,
) {
    if provided.is_empty() {
        return;
    }
    let own = methods.iter().filter(|method| method.is_meta == is_meta);
    let own: BTreeSet<String> = own.map(|method| method.selector.clone()).collect();
    let mut taken: BTreeMap<String, Provided> = BTreeMap::new();
    for new in provided
        .into_iter()
        .filter(|new| !own.contains(&new.method.selector))
    {
        match taken.get(&new.method.selector) {
            Some(known) if known.method != new.method => {
                let conflict = Defect::TraitConflict {
                    method: MethodDefinition {
                        class_name: class_name.to_owned(),
                        is_meta,
                        ..new.method
                    }
                    .full_name(),
                    one: known.from.clone(),
                    other: new.from,
                };
                faults.push((known.method.origin, conflict));
            }
            Some(_) => {}
            None => {
                taken.insert(new.method.selector.clone(), new);
            }
        }
    }
    let adopted = taken
        .into_values()
        .map(|Provided { method, .. }| MethodDefinition {
            class_name: class_name.to_owned(),
            is_meta,
            ..method
        });
    methods.extend(adopted);
}

fn is_wish(method: &MethodDefinition) -> bool {
    let body = selector_of(&method.source).map_or("", |(_, end)| &method.source[end..]);
    let words = body
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.eq(["self", "explicitRequirement"])
}

/// One trait in a composition.
#[derive(Debug, Default, PartialEq)]
struct TraitUse {
    name: String,
    excluded: Vec<String>,
    /// New selector, old selector.
    aliases: Vec<(String, String)>,
}

impl TraitUse {
    fn applied_to(&self, methods: Vec<Provided>) -> Vec<Provided> {
        let named = |selector: &str| {
            methods
                .iter()
                .find(|provided| provided.method.selector == selector)
        };
        let aliased = self
            .aliases
            .iter()
            .filter_map(|(new, old)| named(old).map(|provided| renamed(provided, new)));
        let mut all: Vec<Provided> = aliased.collect();
        let kept = methods
            .iter()
            .filter(|provided| !self.excluded.contains(&provided.method.selector));
        all.extend(kept.cloned());
        all
    }
}

/// The method under another selector. Its pattern is rewritten, so places in the pattern are lost; those in
/// the body are not.
fn renamed(provided: &Provided, selector: &str) -> Provided {
    let method = &provided.method;
    let end = selector_of(&method.source).map_or(0, |(_, end)| end);
    let (pattern, body) = method.source.split_at(end);
    let arguments = argument_names(pattern);
    let pattern = match arguments.as_slice() {
        [] => selector.to_owned(),
        [argument] if !selector.ends_with(':') => format!("{selector} {argument}"),
        _ => {
            let parts = selector.split_inclusive(':').zip(&arguments);
            parts
                .map(|(keyword, argument)| format!("{keyword} {argument}"))
                .collect::<Vec<_>>()
                .join(" ")
        }
    };
    let length = crate::definition::narrow(pattern.len());
    let origin = Origin {
        pattern_length: length,
        body_offset: method.origin.file_offset(crate::definition::narrow(end)),
        ..method.origin
    };
    let source = [pattern.as_str(), body].concat();
    let method = MethodDefinition {
        selector: selector.to_owned(),
        source,
        origin,
        ..method.clone()
    };
    Provided {
        from: provided.from.clone(),
        method,
    }
}

fn argument_names(pattern: &str) -> Vec<String> {
    let (tree, _) = imprint_syntax::parse_method(pattern);
    tree.arguments
        .iter()
        .map(|argument| argument.text.to_owned())
        .collect()
}

/// The traits of a composition expression; none if it is no such expression.
fn trait_uses(composition: &str) -> Option<Vec<TraitUse>> {
    if composition.trim().is_empty() {
        return Some(Vec::new());
    }
    let (tree, diagnostics) = parse_doit(composition);
    let [statement] = tree.body.statements.as_slice() else {
        return None;
    };
    if diagnostics.iter().any(imprint_syntax::Diagnostic::is_error) {
        return None;
    }
    let mut uses = Vec::new();
    collect(&tree, statement.value, &mut uses)?;
    Some(uses)
}

/// The parser limits the depth of trees, and so of this recursion.
fn collect(tree: &Tree<'_>, id: ExprId, uses: &mut Vec<TraitUse>) -> Option<()> {
    if let Some(name) = variable(tree, id) {
        uses.push(TraitUse {
            name: name.to_owned(),
            ..TraitUse::default()
        });
        return Some(());
    }
    let sent = *messages(tree, id).first()?;
    collect(tree, sent.receiver, uses)?;
    match (sent.selector, sent.arguments) {
        ("classTrait" | "class" | "classSide", []) => {}
        ("+", &[argument]) => collect(tree, argument, uses)?,
        ("-", &[argument]) => uses.last_mut()?.excluded.extend(selectors(tree, argument)?),
        ("@", &[argument]) => uses.last_mut()?.aliases.extend(aliases(tree, argument)?),
        _ => return None,
    }
    Some(())
}

fn selectors(tree: &Tree<'_>, id: ExprId) -> Option<Vec<String>> {
    crate::expression::texts(tree, id)
}

fn aliases(tree: &Tree<'_>, id: ExprId) -> Option<Vec<(String, String)>> {
    let ExprKind::Brace(elements) = &tree.expr(id).kind else {
        return None;
    };
    let alias = |&element: &ExprId| {
        let sent = *messages(tree, element).first()?;
        let old = *sent.arguments.first().filter(|_| sent.selector == "->")?;
        Some((text(tree, sent.receiver)?, text(tree, old)?))
    };
    tree.list(*elements).iter().map(alias).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::{SourceFile, read_packages};

    /// Class `C` that uses a composition of `TA` and `TB`, flattened: its methods and what is wrong.
    fn flatten(class: &str, traits: &[(&str, &str)]) -> (Vec<String>, Vec<String>, Vec<String>) {
        let mut files = vec![("P/C.class.st", class)];
        files.extend(traits);
        let mut reading =
            read_packages(files.iter().map(|&(path, text)| SourceFile { path, text }));
        assert_eq!(reading.problems, []);
        let problems = flatten_traits(&mut reading.packages, &reading.paths);
        let package = &reading.packages[0];
        assert!(package.traits.is_empty());
        let class = &package.classes[0];
        let sources = class
            .methods
            .iter()
            .map(|method| format!("{} {}", method.is_meta, method.source));
        (
            sources.collect(),
            class.instance_variables.clone(),
            problems.iter().map(ToString::to_string).collect(),
        )
    }

    const TA: (&str, &str) = (
        "P/TA.trait.st",
        "Trait { #name : #TA, #instVars : [ 'a' ] }\nTA >> foo: x [ ^ x + 1 ]\nTA >> bar [ ^ 2 ]\n\
         TA >> wish [ ^ self explicitRequirement ]\nTA classTrait >> make [ ^ self new ]",
    );
    const TB: (&str, &str) = (
        "P/TB.trait.st",
        "Trait { #name : #TB, #traits : 'TA' }\nTB >> bar [ ^ 3 ]",
    );

    #[test]
    fn a_class_gets_what_it_does_not_define() {
        let class = "Class { #name : #C, #superclass : #Object, #traits : 'TA', #instVars : [ 'c' ] }\nC >> bar [ ^ 1 ]";
        let (sources, variables, problems) = flatten(class, &[TA]);
        assert_eq!(
            sources,
            [
                "false bar ^ 1",
                "false foo: x ^ x + 1",
                "true make ^ self new"
            ]
        );
        assert_eq!(variables, ["c", "a"]);
        assert_eq!(problems, [""; 0]);
    }

    #[test]
    fn methods_are_left_out_or_taken_under_another_name() {
        let class = "Class { #name : #C, #superclass : #Object, #traits : 'TA - { #bar } @ { #baz: -> #foo: }' }";
        let (sources, _, problems) = flatten(class, &[TA]);
        assert_eq!(
            sources,
            [
                "false baz: x ^ x + 1",
                "false foo: x ^ x + 1",
                "true make ^ self new"
            ]
        );
        assert_eq!(problems, [""; 0]);
    }

    #[test]
    fn a_trait_overrides_the_traits_it_uses_and_one_method_from_two_ways_is_no_conflict() {
        let class = "Class { #name : #C, #superclass : #Object, #traits : 'TB + (TA - #(bar))' }";
        let (sources, _, problems) = flatten(class, &[TA, TB]);
        assert_eq!(
            sources,
            [
                "false bar ^ 3",
                "false foo: x ^ x + 1",
                "true make ^ self new"
            ]
        );
        assert_eq!(problems, [""; 0]);
    }

    #[test]
    fn conflicts_missing_traits_and_circles_are_told() {
        let class = "Class { #name : #C, #superclass : #Object, #traits : 'TA + TB + TC' }";
        let (_, _, problems) = flatten(class, &[TA, TB]);
        assert_eq!(
            problems,
            [
                "P/C.class.st:1: C uses the trait TC, which is not there; load its package too",
                "P/TA.trait.st:3: C>>bar comes from both TA and TB; define it in the class, or leave one out with -",
            ]
        );
        let circle = ("P/TD.trait.st", "Trait { #name : #TD, #traits : 'TD' }");
        let (_, _, problems) = flatten(
            "Class { #name : #C, #superclass : #Object, #traits : 'TD' }",
            &[circle],
        );
        assert_eq!(
            problems,
            [
                "P/TD.trait.st:1: TD uses 'TD', which is no composition of traits; write TA + TB - { #x } @ { #y -> #x }"
            ]
        );
    }

    #[test]
    fn places_in_a_renamed_method_s_body_stay_right() {
        let class =
            "Class { #name : #C, #superclass : #Object, #traits : 'TA @ { #renamed: -> #foo: }' }";
        let files = [("P/C.class.st", class), TA];
        let mut reading =
            read_packages(files.iter().map(|&(path, text)| SourceFile { path, text }));
        flatten_traits(&mut reading.packages, &reading.paths);
        let methods = &reading.packages[0].classes[0].methods;
        let method = methods
            .iter()
            .find(|method| method.selector == "renamed:")
            .expect("renamed");
        let offset = u32::try_from(method.source.find("+ 1").expect("in the body")).expect("small");
        assert!(TA.1[method.origin.file_offset(offset) as usize..].starts_with("+ 1"));
    }
}
