//! What comes along with code that is pushed into a slim image: what that code names and the image has
//! lost, and what this names in turn.
//!
//! ```text
//!   the push ── reads ──> names, sends ── asks ──> the image: here, lost, without a class
//!      ▲                                              │
//!      └── companions, from the same library ◀────────┘  until nothing more is lost
//! ```
//!
//! A class comes where code names it: without its methods, but for those that something sends. Of a message
//! that method comes which lookup finds, where the receiver is plain to see: code is followed with the class
//! of its receiver. Else all implementors come in classes that are there: if the push itself sends it, if
//! there are few, or if nobody there understands it. Of other messages that companions send, those come of
//! classes that come, and of numbers, strings and streams, which are everywhere. So that no half of the
//! kernel comes along, little more comes of a method that is one of many or only fails: what it sends to
//! itself, or nothing; and no exceptions.
//!
//! Nothing of this is silent: a method that stays behind of a message that now has a name there gets a
//! tombstone, and a class or object that stays behind a place that says its name.

mod map;
mod meaning;
mod search;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use imprint_bootstrap::own_initialising;
use imprint_isa::{BehaviorName, Name};
use imprint_report::{count, plural};
use imprint_wire::live::{Holdings, Inventory, MethodName, Push, Wanted};

use crate::library::Library;
use crate::pushing::chore;
use search::Search;

/// No push brings more methods than this that nobody asked for.
const COMPANIONS_MAX: usize = 1500;

/// What the image says it lost.
pub type Lacks<'a> = dyn FnMut(&Inventory) -> Result<Holdings> + 'a;

/// What comes along.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Companions {
    /// Classes, without their methods.
    pub classes: BTreeSet<Name>,
    /// Methods.
    pub methods: BTreeSet<MethodName>,
    /// Classes that are there and lost all their variables: they initialise themselves anew.
    pub initialised: BTreeSet<Name>,
    /// Globals that hold no class, and whose object the image has lost.
    pub objects: BTreeSet<Name>,
}

impl Companions {
    /// What an image wants, as if it came along: a class comes with what initialises it.
    pub fn wanted(what: &Wanted) -> Companions {
        let mut wanted = Companions::default();
        match what {
            Wanted::Method(name) => wanted.methods.extend([name.clone()]),
            Wanted::Class(name) => {
                wanted.classes.insert(name.clone());
                wanted.methods.extend([initialiser_of(name)]);
            }
            // No code brings one back.
            Wanted::Object(_) => {}
        }
        wanted
    }

    /// Whether no code comes along.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.methods.is_empty()
    }

    fn extend(&mut self, more: Companions) {
        self.classes.extend(more.classes);
        self.methods.extend(more.methods);
        self.initialised.extend(more.initialised);
        self.objects.extend(more.objects);
    }

    /// What a user is told before it is sent.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.is_empty() {
            lines.push(format!(
                "with it come {} and {} that the image has lost:",
                plural(self.classes.len() as u64, "class", "classes"),
                plural(self.methods.len() as u64, "method", "methods"),
            ));
        }
        let mut behaviors: BTreeMap<BehaviorName, Vec<&str>> = BTreeMap::new();
        for class in &self.classes {
            behaviors
                .entry(BehaviorName::class(class.clone()))
                .or_default();
        }
        for method in &self.methods {
            let selectors = behaviors.entry(method.behavior.clone()).or_default();
            selectors.push(&method.selector);
        }
        for (behavior, selectors) in behaviors {
            let is_new = !behavior.meta && self.classes.contains(&behavior.class);
            let class = if is_new { "   class" } else { "" };
            let line = format!("    {behavior}{class}   {}", selectors.join(" "));
            lines.push(line.trim_end().to_string());
        }
        lines.extend(self.objects.iter().map(|name| {
            format!(
                "warning: the image has lost the object {name}{}",
                what_to_do_about(name)
            )
        }));
        lines
    }
}

/// What no code brings back, and what does: for the end of a sentence about an object by its name.
pub fn what_to_do_about(object: &str) -> String {
    format!(
        ", which no code can bring back: shrink again with   --keep '{object}'   or run the image with   \
         --master URL   of a master that serves the full image"
    )
}

/// What a class initialises itself by.
fn initialiser_of(class: &Name) -> MethodName {
    MethodName {
        behavior: BehaviorName::meta(class.clone()),
        selector: "initialize".into(),
    }
}

/// How much comes along.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// What code names and what it sends.
    Sends,
    /// Only what code must find by name to be installed.
    Names,
    /// Nothing: what stays behind is told when it is reached.
    Nothing,
}

impl Reach {
    /// As the command line says: code is pushed with all that it needs, or `alone`.
    pub fn of(is_alone: bool) -> Reach {
        match is_alone {
            true => Reach::Nothing,
            false => Reach::Sends,
        }
    }
}

/// What a library pushes, with what an image lost of all that it names; `lacks` asks that image.
///
/// # Errors
/// Where library or image cannot be asked, or too much would come along.
pub fn complete(
    library: &mut dyn Library,
    lacks: &mut Lacks<'_>,
    reach: Reach,
) -> Result<(Push, Companions)> {
    let first = library.push(&Companions::default())?;
    if first.methods.is_empty() && first.classes.is_empty() {
        return Ok((first, Companions::default()));
    }
    let mut search = Search::new(&library.outline()?, reach);
    search.begin(&first);
    let mut found = Companions::default();
    loop {
        search.ask(lacks)?;
        let more = search.next();
        let is_all = more.is_empty();
        if !is_all {
            search.read(&library.companions(&more)?);
        }
        found.extend(more);
        if is_all {
            break;
        }
        if found.methods.len() > COMPANIONS_MAX {
            bail!(
                "more than {} methods that the image has lost would come along; push with --alone \
                 what is to come, or shrink with --margin branches",
                count(COMPANIONS_MAX as u64)
            );
        }
    }
    let mut push = match found.is_empty() {
        true => first,
        false => library.push(&found)?,
    };
    let initialised = found.initialised.iter();
    push.chores
        .extend(initialised.map(|class| chore(own_initialising(class))));
    push.buried = search.left_behind(&push);
    push.places = search.places();
    Ok((push, found))
}
