//! Margins: what is kept beside what was exercised.

use std::str::FromStr;

use imprint_isa::sends::sends;
use imprint_isa::{Draft, Name};
use imprint_model::Oop;
use imprint_vm::extract::{Extractor, Place};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::ShrinkError;
use crate::keep::Kept;

/// How much is kept beside what was exercised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Margin {
    /// Nothing.
    #[default]
    None,
    /// The implementors, in kept classes, of what kept methods send; transitively.
    Branches,
    /// All methods of kept classes.
    Class,
}

impl Margin {
    /// All of them, cheapest first.
    pub const ALL: [Margin; 3] = [Margin::None, Margin::Branches, Margin::Class];

    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Margin::None => "none",
            Margin::Branches => "branches",
            Margin::Class => "class",
        }
    }
}

impl FromStr for Margin {
    type Err = ShrinkError;

    fn from_str(text: &str) -> Result<Margin, ShrinkError> {
        let found = Margin::ALL.into_iter().find(|margin| margin.name() == text);
        found.ok_or_else(|| ShrinkError::NoMargin(text.to_string()))
    }
}

/// The methods that a margin adds to what is kept; `has` tells of an id whether it is.
pub fn expand(extractor: &Extractor<'_>, has: impl Fn(u64) -> bool, margin: Margin) -> Vec<Kept> {
    if margin == Margin::None {
        return Vec::new();
    }
    let mut growth = Growth::new(extractor, &has);
    if margin == Margin::Class {
        growth.take_all();
    } else {
        growth.spread();
    }
    growth.added
}

/// Kept methods, growing.
struct Growth<'a, 'b> {
    extractor: &'b Extractor<'a>,
    /// Methods of kept classes that are not kept, by selector.
    open: FxHashMap<Name, Vec<Oop>>,
    /// Methods whose sends are to be looked at.
    waiting: Vec<Oop>,
    seen: FxHashSet<Name>,
    added: Vec<Kept>,
}

impl<'a, 'b> Growth<'a, 'b> {
    fn new(extractor: &'b Extractor<'a>, has: &impl Fn(u64) -> bool) -> Growth<'a, 'b> {
        let index = extractor.index();
        let mut open: FxHashMap<Name, Vec<Oop>> = FxHashMap::default();
        let mut waiting = Vec::new();
        let mut methods: Vec<_> = index.places().collect();
        methods.sort_by_key(|(oop, _)| *oop);
        for (oop, place) in methods {
            let Place::Method(behavior, selector) = place else {
                continue;
            };
            let class = index.names().behavior(extractor.heap(), behavior);
            if has(extractor.id_of(oop)) {
                waiting.push(oop);
            } else if class.is_some_and(|class| has(extractor.id_of(class))) {
                open.entry(selector.clone()).or_default().push(oop);
            }
        }
        Growth {
            extractor,
            open,
            waiting,
            seen: FxHashSet::default(),
            added: Vec::new(),
        }
    }

    fn take_all(&mut self) {
        let mut all: Vec<Oop> = std::mem::take(&mut self.open)
            .into_values()
            .flatten()
            .collect();
        all.sort();
        for oop in all {
            self.add(oop, Margin::Class);
        }
    }

    fn spread(&mut self) {
        while let Some(oop) = self.waiting.pop() {
            let Draft::Method(method) = self.extractor.draft(oop).draft else {
                continue;
            };
            for selector in sends(&method) {
                if !self.seen.insert(selector.clone()) {
                    continue;
                }
                for implementor in self.open.remove(&selector).unwrap_or_default() {
                    self.add(implementor, Margin::Branches);
                    self.waiting.push(implementor);
                }
            }
        }
    }

    fn add(&mut self, oop: Oop, margin: Margin) {
        let because = format!("--margin {}", margin.name());
        self.added.push(Kept {
            placed: self.extractor.draft(oop),
            because,
        });
    }
}
