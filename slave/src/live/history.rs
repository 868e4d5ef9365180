//! Who pushed what, and which of it is in force.

use std::collections::HashMap;

use imprint_isa::Name;
use imprint_wire::live::{Chore, Conflict, MethodName, Push, PushedMethod, Shown};

/// So many pushes can be taken back.
pub const HISTORY_MAX: usize = 32;

/// A method as some push made it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Version {
    /// Number of the push.
    pub number: u32,
    /// Who pushed.
    pub origin: String,
    /// When, in microseconds since 1970, UTC.
    pub when_micros: u64,
    /// Its text.
    pub source: String,
    /// Who wrote it, and when.
    pub stamp: String,
    /// The identity of its draft; nothing where the push took the method out.
    pub identity: Option<[u8; 32]>,
}

/// A push that is in force and can be taken back.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Its number.
    pub number: u32,
    /// What it was.
    pub title: String,
    /// What it replaced.
    replaced: Vec<(MethodName, Option<Version>)>,
    replaced_classes: Vec<(Name, Option<[u8; 32]>)>,
    /// What the image does before it is taken back.
    pub chores: Vec<Chore>,
    /// The packages that it installed.
    pub packages: Vec<Name>,
}

/// All that is known of pushes.
#[derive(Clone, Default, Debug)]
pub struct History {
    versions: HashMap<MethodName, Version>,
    classes: HashMap<Name, [u8; 32]>,
    entries: Vec<Entry>,
    last_number: u32,
    /// Whether a push is in force that cannot be taken back any more.
    is_cut: bool,
}

/// What a push makes of a method.
fn version(push: &Push, number: u32, when_micros: u64, method: Option<&PushedMethod>) -> Version {
    Version {
        number,
        origin: push.origin.clone(),
        when_micros,
        source: method.map_or(String::new(), |method| method.source.clone()),
        stamp: method.map_or(String::new(), |method| method.stamp.clone()),
        identity: method.map(identity_of),
    }
}

/// The identity of a method's draft.
pub fn identity_of(method: &PushedMethod) -> [u8; 32] {
    let draft = imprint_isa::Draft::Method(method.draft.clone());
    *imprint_isa::draft_bytes::identity(&draft).as_bytes()
}

fn identity_of_class(class: &imprint_wire::live::PushedClass) -> [u8; 32] {
    let draft = imprint_isa::Draft::Class(class.draft.clone());
    *imprint_isa::draft_bytes::identity(&draft).as_bytes()
}

impl History {
    /// The pushes that can be taken back, last one last.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The number of the push that is in force; 0 for none.
    pub fn number(&self) -> u32 {
        self.entries.last().map_or(0, |entry| entry.number)
    }

    /// Whether all that is in force can be taken back.
    pub fn reaches_back(&self) -> bool {
        !self.is_cut
    }

    /// Where among [`History::entries`] the push of a number is.
    pub fn place_of(&self, number: u32) -> Option<usize> {
        self.entries.iter().position(|entry| entry.number == number)
    }

    /// What the last push made of a method.
    pub fn version(&self, name: &MethodName) -> Option<&Version> {
        self.versions.get(name)
    }

    /// Takes out of a push what is in force already; `is_intact` says whether a method is still as its push
    /// made it.
    pub fn strip(&self, push: &mut Push, is_intact: impl Fn(&MethodName, &Version) -> bool) {
        push.classes
            .retain(|class| self.classes.get(&class.draft.name) != Some(&identity_of_class(class)));
        push.methods.retain(|method| {
            let name = method.name();
            let standing = self.version(&name);
            !standing.is_some_and(|version| {
                version.identity == Some(identity_of(method))
                    && version.source == method.source
                    && is_intact(&name, version)
            })
        });
        push.removed.retain(|name| {
            let standing = self.version(name);
            !standing.is_some_and(|version| version.identity.is_none() && is_intact(name, version))
        });
    }

    /// What a push would replace that somebody else pushed, or that the image changed since.
    pub fn conflicts(
        &self,
        push: &Push,
        is_intact: impl Fn(&MethodName, &Version) -> bool,
    ) -> Vec<Conflict> {
        let entered = push.methods.iter().map(PushedMethod::name);
        let names = entered.chain(push.removed.iter().cloned());
        let conflict = |method: MethodName| {
            let version = self.version(&method)?;
            let is_ours = version.origin == push.origin;
            let intact = is_intact(&method, version);
            (!is_ours || !intact).then(|| Conflict {
                number: if intact { version.number } else { 0 },
                origin: version.origin.clone(),
                when_micros: version.when_micros,
                source: if intact {
                    version.source.clone()
                } else {
                    String::new()
                },
                method,
            })
        };
        names.filter_map(conflict).collect()
    }

    /// The number of the next push.
    pub fn next_number(&self) -> u32 {
        self.last_number + 1
    }

    /// Nothing is in force any more; numbers go on where they are.
    pub fn begin_anew(&mut self) {
        *self = History {
            last_number: self.last_number,
            ..History::default()
        };
    }

    /// The methods that pushes made and that are in force.
    pub fn standing(&self) -> impl Iterator<Item = (&MethodName, &Version)> {
        let all = self.versions.iter();
        all.filter(|(_, version)| version.identity.is_some())
    }

    /// Notes that a push was done under a number.
    pub fn note(&mut self, push: &Push, number: u32, when_micros: u64) {
        self.last_number = self.last_number.max(number);
        let mut replaced = Vec::new();
        let entered = push.methods.iter().map(|it| (it.name(), Some(it)));
        let gone = push.removed.iter().map(|name| (name.clone(), None));
        for (name, method) in entered.chain(gone) {
            let made = version(push, number, when_micros, method);
            replaced.push((name.clone(), self.versions.insert(name, made)));
        }
        let mut replaced_classes = Vec::new();
        for class in &push.classes {
            let name = class.draft.name.clone();
            let identity = identity_of_class(class);
            replaced_classes.push((name.clone(), self.classes.insert(name, identity)));
        }
        let chores = push.chores.iter().filter(|chore| chore.is_before_rollback);
        self.entries.push(Entry {
            number,
            title: push.title.clone(),
            replaced,
            replaced_classes,
            chores: chores.cloned().collect(),
            packages: Vec::new(),
        });
        let superfluous = self.entries.len().saturating_sub(HISTORY_MAX);
        self.entries.drain(..superfluous);
        self.is_cut |= superfluous > 0;
    }

    /// Notes that the last push was packages that were installed.
    pub fn note_packages(&mut self, packages: Vec<Name>) {
        if let Some(entry) = self.entries.last_mut() {
            entry.packages = packages;
        }
    }

    /// How many of the last pushes installed this package and nothing else; and whether one before them
    /// installed it too.
    pub fn pushes_of(&self, package: &str) -> (usize, bool) {
        let is_of_it = |entry: &&Entry| matches!(&*entry.packages, [name] if **name == *package);
        let on_top = self.entries.iter().rev().take_while(is_of_it).count();
        let below = &self.entries[..self.entries.len() - on_top];
        let names = below.iter().flat_map(|entry| &entry.packages);
        (on_top, names.into_iter().any(|name| **name == *package))
    }

    /// Nothing of what was pushed can be taken back any more, from the push of a number on; of methods and
    /// classes that are gone nothing is known.
    pub fn cut(
        &mut self,
        number: u32,
        has_method: impl Fn(&MethodName) -> bool,
        has_class: impl Fn(&Name) -> bool,
    ) {
        self.entries.clear();
        self.is_cut = true;
        self.last_number = self.last_number.max(number);
        self.versions.retain(|name, _| has_method(name));
        self.classes.retain(|name, _| has_class(name));
    }

    /// Forgets the last push: it was taken back.
    pub fn forget_last(&mut self) {
        let Some(entry) = self.entries.pop() else {
            return;
        };
        for (name, version) in entry.replaced {
            match version {
                Some(version) => self.versions.insert(name, version),
                None => self.versions.remove(&name),
            };
        }
        for (name, identity) in entry.replaced_classes {
            match identity {
                Some(identity) => self.classes.insert(name, identity),
                None => self.classes.remove(&name),
            };
        }
    }

    /// What the last push says of a method.
    pub fn shown(&self, name: &MethodName) -> Shown {
        let Some(version) = self.version(name) else {
            return Shown::default();
        };
        Shown {
            is_there: version.identity.is_some(),
            source: Some(version.source.clone()).filter(|text| !text.is_empty()),
            number: version.number,
            origin: version.origin.clone(),
            stamp: version.stamp.clone(),
            when_micros: version.when_micros,
        }
    }

    /// The methods that a push at this place among the entries made, and the versions that they had.
    pub fn methods_of(&self, place: usize) -> impl Iterator<Item = &MethodName> {
        let entry = self.entries.get(place);
        entry
            .into_iter()
            .flat_map(|entry| entry.replaced.iter().map(|(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imprint_isa::{BehaviorName, CodeBody, MethodDraft};

    fn method(selector: &str, source: &str) -> PushedMethod {
        PushedMethod {
            draft: MethodDraft {
                behavior: BehaviorName::class("Foo"),
                selector: selector.into(),
                protocol: "".into(),
                shape: 0,
                code: CodeBody {
                    bytecodes: source.as_bytes().to_vec(),
                    ..CodeBody::default()
                },
                locals: Vec::new(),
            },
            source: source.to_string(),
            stamp: String::new(),
        }
    }

    fn push(origin: &str, methods: &[(&str, &str)]) -> Push {
        Push {
            origin: origin.to_string(),
            methods: methods
                .iter()
                .map(|(name, text)| method(name, text))
                .collect(),
            ..Push::default()
        }
    }

    fn names(push: &Push) -> Vec<&str> {
        push.methods.iter().map(|it| &*it.draft.selector).collect()
    }

    #[test]
    fn what_is_in_force_already_is_not_pushed_again() {
        let mut history = History::default();
        assert_eq!(history.next_number(), 1);
        history.note(&push("me", &[("a", "1"), ("b", "2")]), 1, 0);
        let mut again = push("me", &[("a", "1"), ("b", "3"), ("c", "4")]);
        history.strip(&mut again, |_, _| true);
        assert_eq!(names(&again), ["b", "c"]);
        let mut changed_there = push("me", &[("a", "1")]);
        history.strip(&mut changed_there, |_, _| false);
        assert_eq!(names(&changed_there), ["a"]);
    }

    #[test]
    fn what_somebody_else_pushed_is_a_conflict_until_it_is_taken_back() {
        let mut history = History::default();
        history.note(&push("me", &[("a", "1")]), 1, 10);
        assert!(
            history
                .conflicts(&push("me", &[("a", "2")]), |_, _| true)
                .is_empty()
        );
        history.note(&push("you", &[("a", "2"), ("b", "1")]), 2, 20);
        let conflicts = history.conflicts(&push("me", &[("a", "3"), ("c", "1")]), |_, _| true);
        assert_eq!(conflicts.len(), 1);
        let found = (conflicts[0].number, conflicts[0].source.as_str());
        assert_eq!(found, (2, "2"));
        assert_eq!(history.shown(&conflicts[0].method).when_micros, 20);
        history.forget_last();
        assert_eq!(history.number(), 1);
        assert!(
            history
                .conflicts(&push("me", &[("a", "3")]), |_, _| true)
                .is_empty()
        );
        let changed = history.conflicts(&push("me", &[("a", "3")]), |_, _| false);
        assert_eq!(changed[0].number, 0, "the image changed it itself");
        assert_eq!(history.next_number(), 3, "numbers go on");
    }

    #[test]
    fn only_so_many_pushes_are_kept() {
        let mut history = History::default();
        for number in 1..=HISTORY_MAX as u32 + 3 {
            history.note(&push("me", &[("a", "1")]), number, 0);
        }
        assert!(!history.reaches_back());
        assert_eq!(history.entries().len(), HISTORY_MAX);
        assert_eq!(history.place_of(3), None);
        assert_eq!(history.place_of(4), Some(0));
    }
}
