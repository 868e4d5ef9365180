//! Sources as pushes: what is chosen of a project, or what changed in it, compiled with no image at all; and
//! what is chosen of a running image, whose own definitions are such sources.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use imprint_bootstrap::{Difference, OwnWork, OwnedMethod, Sketch, own_work};
use imprint_host::clock_text;
use imprint_isa::{ClassDraft, Draft, MethodDraft, Name, Ref};
use imprint_loader::{ClassDefinition, Project};
use imprint_report::{count, duration};
use imprint_slave::origin;
use imprint_vm::Vm;
use imprint_wire::live::{
    Chore, Conflict, MethodName, Outline, Push, Pushed, PushedClass, PushedMethod, Reshaped,
};

use crate::companions::Companions;
use crate::image_sources::{ImageSources, text_of};
use crate::library::outline_of;
use crate::outside::SourceBook;
use crate::project::LoadedSources;

/// A project's sources with all that they stand on, and what the compiler must know of them.
pub struct SourceState {
    sources: LoadedSources,
    sketch: Sketch,
    /// Whose they are, as others are told.
    origin: String,
    /// All classes and methods, where they were asked for.
    everything: OnceCell<Difference>,
}

impl SourceState {
    /// Reads a project's folder.
    ///
    /// # Errors
    /// Where it cannot be read, or classes cannot be ordered.
    pub fn read(folder: &Path) -> Result<SourceState> {
        let sources = LoadedSources::project(folder)?;
        let sketch = Sketch::of(&sources.set.packages)?;
        Ok(SourceState::of(sources, sketch, folder))
    }

    fn of(sources: LoadedSources, sketch: Sketch, folder: &Path) -> SourceState {
        SourceState {
            sources,
            sketch,
            origin: origin::of(folder),
            everything: OnceCell::new(),
        }
    }

    /// The definitions of a running image; the texts of its methods are not read.
    ///
    /// # Errors
    /// Where its classes cannot be ordered.
    fn of_image(vm: &Vm) -> Result<SourceState> {
        let image = ImageSources::of(vm);
        let mut sketch = Sketch::of(&image.set.packages)?;
        for global in image.globals {
            sketch.add_global(global);
        }
        let sources = LoadedSources {
            set: image.set,
            spec: Project::default(),
            own_packages: Vec::new(),
        };
        Ok(SourceState::of(sources, sketch, Path::new(".")))
    }

    /// The packages of the project itself.
    pub fn own_packages(&self) -> &[String] {
        &self.sources.own_packages
    }

    /// What is meant by names of packages, classes and methods.
    ///
    /// # Errors
    /// Where there is no such thing in the sources.
    pub fn chosen(&self, names: &[String]) -> Result<Difference> {
        let all = self.everything()?;
        for name in names {
            let has_class = all.classes.iter().any(|it| is_class_meant(it, name));
            if !has_class && !all.methods.iter().any(|it| is_method_meant(it, name)) {
                bail!("there is no package, class or method {name} here");
            }
        }
        let meant = |class: &&ClassDefinition| names.iter().any(|it| is_class_meant(class, it));
        let classes = all.classes.iter().filter(meant);
        let meant = |method: &&OwnedMethod| names.iter().any(|it| is_method_meant(method, it));
        let methods = all.methods.iter().filter(meant);
        Ok(Difference {
            classes: classes.cloned().collect(),
            methods: methods.cloned().collect(),
            ..Difference::default()
        })
    }

    /// What is pushed with what comes along, superclasses first.
    ///
    /// # Errors
    /// Where classes cannot be ordered.
    pub fn joined(&self, difference: &Difference, companions: &Companions) -> Result<Difference> {
        let all = self.everything()?;
        let pushed: HashSet<&str> = difference.classes.iter().map(|it| &*it.name).collect();
        let comes = |class: &&ClassDefinition| {
            pushed.contains(&*class.name) || companions.classes.contains(&*class.name)
        };
        let classes = all.classes.iter().filter(comes).cloned();
        let comes = |owned: &&OwnedMethod| {
            let name = name_of(owned);
            companions.methods.contains(&name) && !difference.methods.contains(owned)
        };
        let methods = all.methods.iter().filter(comes);
        Ok(Difference {
            classes: classes.collect(),
            methods: difference.methods.iter().chain(methods).cloned().collect(),
            ..difference.clone()
        })
    }

    /// All classes and methods of the sources.
    pub fn outline(&self) -> Outline {
        outline_of(&self.sources.set)
    }

    fn everything(&self) -> Result<&Difference> {
        if let Some(everything) = self.everything.get() {
            return Ok(everything);
        }
        let everything = Difference::between(&[], &self.sources.set.packages)?;
        Ok(self.everything.get_or_init(|| everything))
    }

    /// What is otherwise here than in an earlier state.
    ///
    /// # Errors
    /// Where classes cannot be ordered.
    pub fn changes_since(&self, earlier: &SourceState) -> Result<Difference> {
        Ok(Difference::between(
            &earlier.sources.set.packages,
            &self.sources.set.packages,
        )?)
    }

    /// What differs, compiled; `base` is how things were before, where somebody knows.
    ///
    /// # Errors
    /// Every finding of what does not compile.
    pub fn push(
        &self,
        difference: &Difference,
        title: String,
        base: Option<&SourceState>,
    ) -> Result<Push> {
        let set = &self.sources.set;
        let classes = difference.class_drafts(&self.sketch)?;
        let drafts = difference.method_drafts(&self.sketch, set)?;
        refuse_undeclared(&drafts)?;
        let stamp = stamp();
        let methods = difference.methods.iter().zip(drafts);
        let methods = methods.map(|(owned, draft)| PushedMethod {
            draft,
            source: owned.method.source.clone(),
            stamp: stamp.clone(),
        });
        let comments = difference.classes.iter().zip(&classes);
        let comments = comments.map(|(class, draft)| PushedClass {
            draft: draft.clone(),
            comment: class.comment.clone(),
        });
        let removed = difference.removed.iter();
        let work = own_work(difference, set, &self.sketch);
        Ok(Push {
            title,
            origin: self.origin.clone(),
            is_forced: false,
            classes: comments.collect(),
            methods: methods.collect(),
            removed: removed
                .map(|(behavior, selector)| MethodName {
                    behavior: behavior.clone(),
                    selector: selector.clone(),
                })
                .collect(),
            assumed: self.assumed(difference, base),
            chores: work.into_iter().map(chore).collect(),
            buried: Vec::new(),
            supplies: 0,
            places: Vec::new(),
        })
    }

    /// The classes that a push is about and all that they inherit from, as they are now; and all that
    /// inherit from those whose shape may change.
    fn assumed(&self, difference: &Difference, base: Option<&SourceState>) -> Vec<ClassDraft> {
        let sketch = &base.unwrap_or(self).sketch;
        let mut wanted: Vec<Name> = Vec::new();
        let defined = difference.classes.iter();
        let defined: Vec<Name> = defined.map(|it| it.name.as_str().into()).collect();
        wanted.extend(sketch.names().with_descendants(&defined));
        let extended = difference.methods.iter().map(|it| it.behavior().class);
        let gone = difference.removed.iter().map(|(it, _)| it.class.clone());
        wanted.extend(defined.iter().cloned().chain(extended).chain(gone));
        let mut at = 0;
        while let Some(name) = wanted.get(at) {
            let superclass = sketch.class(name).and_then(|it| it.superclass.clone());
            let next = superclass.filter(|name| !wanted.contains(name));
            wanted.extend(next);
            at += 1;
        }
        // The class side of each ends in class Class.
        wanted.extend(
            [
                "Class",
                "ClassDescription",
                "Behavior",
                "Object",
                "ProtoObject",
            ]
            .map(Name::from),
        );
        let all = sketch.classes().iter();
        all.filter(|draft| wanted.contains(&draft.name))
            .cloned()
            .collect()
    }

    /// The text of a method in the sources.
    pub fn source_of(&self, name: &MethodName) -> Option<&str> {
        let all = self.sources.set.packages.iter().flat_map(|package| {
            let own = package.classes.iter().flat_map(|class| &class.methods);
            own.chain(&package.extensions)
        });
        let mut found = all.filter(|method| {
            *method.class_name == *name.behavior.class
                && method.is_meta == name.behavior.meta
                && *method.selector == *name.selector
        });
        found.next_back().map(|method| method.source.as_str())
    }
}

/// What a running image gives away, as pushed from its own definitions: packages, classes and methods, and
/// `definitions` of classes without their methods; `book` has their texts.
///
/// # Errors
/// Where it has no such thing, or no text of a method.
pub fn given_by(
    vm: &Vm,
    book: &SourceBook,
    names: &[String],
    definitions: &[String],
) -> Result<Push> {
    if names.is_empty() && definitions.is_empty() {
        bail!("say which packages, classes or methods are to be taken");
    }
    let state = SourceState::of_image(vm)?;
    let definitions = definitions.iter().map(|it| it.as_str().into());
    let companions = Companions {
        classes: definitions.collect(),
        ..Companions::default()
    };
    let mut difference = state.joined(&state.chosen(names)?, &companions)?;
    let mut stamps = Vec::with_capacity(difference.methods.len());
    for owned in &mut difference.methods {
        let Some((text, stamp)) = text_of(vm, book, owned) else {
            bail!("the image has no text of {}", owned.method.full_name());
        };
        owned.method.source = text;
        stamps.push(stamp);
    }
    let mut push = state.push(&difference, names.join(", "), None)?;
    for (method, stamp) in push.methods.iter_mut().zip(stamps) {
        if !stamp.is_empty() {
            method.stamp = stamp;
        }
    }
    Ok(push)
}

/// All that a running image could give away.
pub fn outline_of_image(vm: &Vm) -> Outline {
    outline_of(&ImageSources::of(vm).set)
}

/// A running image is no place for names that may be defined later.
fn refuse_undeclared(drafts: &[MethodDraft]) -> Result<()> {
    for draft in drafts {
        let whole = Draft::Method(draft.clone());
        for reference in whole.references() {
            if let Ref::Undeclared(name) = reference {
                bail!("{whole} names {name}, which nothing defines");
            }
        }
    }
    Ok(())
}

/// What the image itself does, as it is sent.
pub fn chore(work: OwnWork) -> Chore {
    let (behavior, selector) = work.needs;
    Chore {
        needs: MethodName { behavior, selector },
        for_new_class: work.for_new_class,
        is_before_rollback: work.is_before_rollback,
        expression: work.expression,
    }
}

fn name_of(owned: &OwnedMethod) -> MethodName {
    MethodName {
        behavior: owned.behavior(),
        selector: owned.method.selector.as_str().into(),
    }
}

/// Whether a name is that of a class or its package.
fn is_class_meant(class: &ClassDefinition, name: &str) -> bool {
    class.name == name || class.package == name
}

/// Whether a name is that of a method, or of what it belongs to.
fn is_method_meant(owned: &OwnedMethod, name: &str) -> bool {
    let method = &owned.method;
    owned.package == name
        || method.class_name == name
        || MethodName::parse(name).is_some_and(|it| it.to_string() == method.full_name())
}

/// Who wrote what is pushed, and when: as Smalltalk's changes say it.
fn stamp() -> String {
    let user = std::env::var("USER").unwrap_or_else(|_| "somebody".to_string());
    format!(
        "{user} {}",
        clock_text::date_and_time(clock_text::now_micros())
    )
}

/// What a push did, a line for each thing that changed; its companions were told before.
pub fn lines(push: &Push, companions: &Companions, done: &Pushed) -> Vec<String> {
    let took = duration(std::time::Duration::from_micros(done.micros));
    let mut lines = Vec::new();
    let is_own = |class: &&String| !companions.classes.contains(class.as_str());
    for class in done.new_classes.iter().filter(is_own) {
        lines.push(format!("{class}   new class"));
    }
    for reshaped in done
        .reshaped
        .iter()
        .filter(|it| has_own_change(it, &done.reshaped))
    {
        lines.push(reshaped_line(reshaped, &done.reshaped));
    }
    let own: Vec<MethodName> = push.methods.iter().map(PushedMethod::name).collect();
    let own = own.iter().filter(|it| !companions.methods.contains(it));
    let own: Vec<&MethodName> = own.collect();
    let entered = done.methods.saturating_sub(companions.methods.len() as u32);
    match own.as_slice() {
        [] => {}
        [method] => lines.push(format!("{method}   pushed")),
        _ if entered == 1 => lines.push("1 method   pushed".to_string()),
        _ => lines.push(format!("{} methods   pushed", count(entered.into()))),
    }
    for name in &push.removed {
        lines.push(format!("{name}   taken out"));
    }
    if lines.is_empty() {
        lines.push(format!("{}   pushed", push.title));
    }
    if let Some(last) = lines.last_mut() {
        last.push_str(&format!("   push #{}   {took}", done.number));
    }
    lines.extend(
        done.losses
            .iter()
            .map(|loss| format!("lost by force: {loss}")),
    );
    lines.extend(done.warnings.iter().map(|it| format!("warning: {it}")));
    lines
}

/// Whether the variables of a behaviour changed, and not only those that it inherits.
fn has_own_change(reshaped: &Reshaped, all: &[Reshaped]) -> bool {
    // The first that has a change stands for those that inherit it.
    let same = |it: &&Reshaped| it.added == reshaped.added && it.removed == reshaped.removed;
    let first = all.iter().find(same);
    first.is_some_and(|first| first.behavior == reshaped.behavior)
}

fn reshaped_line(reshaped: &Reshaped, all: &[Reshaped]) -> String {
    let same = all
        .iter()
        .filter(|it| it.added == reshaped.added && it.removed == reshaped.removed);
    let (mut instances, mut adapted) = (0, 0);
    for each in same {
        instances += each.instances;
        adapted += each.adapted;
    }
    let added = reshaped
        .added
        .iter()
        .map(|name| format!("+ instance variable '{name}'"));
    let removed = reshaped
        .removed
        .iter()
        .map(|name| format!("- instance variable '{name}'"));
    let mut changes: Vec<String> = added.chain(removed).collect();
    if changes.is_empty() {
        changes.push("variables in another order".to_string());
    }
    format!(
        "{}  {}   {} migrated, {} adapted",
        reshaped.behavior,
        changes.join("  "),
        counted(instances, "instance"),
        counted(adapted, "method")
    )
}

fn counted(number: u32, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(number.into()))
}

/// What is said of methods that somebody else changed; `url` is where.
pub fn conflict_lines(conflicts: &[Conflict], url: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for conflict in conflicts {
        let when = clock_text::time_of_day(conflict.when_micros);
        let who = match conflict.number {
            0 => "changed by the image itself".to_string(),
            number => format!(
                "changed there at {when} by push #{number} of {}",
                conflict.origin
            ),
        };
        lines.push(format!("{}   conflict: {who}", conflict.method));
    }
    if let Some(first) = conflicts.first() {
        lines.push(format!(
            "    show both with   master diff '{}' --to {url}   install with   --force",
            first.method
        ));
    }
    lines
}

/// Reads `Class>>selector`.
///
/// # Errors
/// Where it is something else.
pub fn method_named(text: &str) -> Result<MethodName> {
    MethodName::parse(text).with_context(|| {
        format!("'{text}' names no method; say 'Class>>selector' or 'Class class>>selector'")
    })
}
