//! What a slave gets for what it misses, in the order in which it can be installed.
//!
//! ```text
//!   a class         its superclasses first, the root before all
//!   a class side    its class, then the class sides above it, down from Class
//!   a method        its behaviour, then the bindings it names, then the method
//!   a closure       its receiver and the method it stands in, then itself
//! ```

use imprint_isa::draft_bytes::encode_placed;
use imprint_isa::draft_bytes::packed::Bundle;
use imprint_isa::{BehaviorName, Draft, Miss, Name, Placed, Ref};
use imprint_model::layout::behavior;
use imprint_model::{Ghost, Known, Oop};
use rustc_hash::FxHashSet;
use thiserror::Error;

use super::foresight::foresee;
use super::{Extractor, Place};

/// Closures whose receivers are closures and so on are followed this far.
const DEPTH_MAX: usize = 64;

/// Why a miss has no answer.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ExtractError {
    /// No object of the image has the id.
    #[error("the image has no object with the id {0}")]
    NoObject(u64),
    /// The image has no such class.
    #[error("the image has no class {0}")]
    NoClass(String),
    /// The image has no such method.
    #[error("the image has no method {0}")]
    NoMethod(String),
    /// The image has no such global.
    #[error("the image has no global {0}")]
    NoGlobal(String),
    /// The known object is one that each machine has of its own.
    #[error("each machine has its own of {0}")]
    NotShared(&'static str),
}

/// What one slave has been sent.
#[derive(Default)]
pub struct PullSession {
    /// Ids of what was sent, asked for or not.
    sent: FxHashSet<u64>,
    /// Class-table indices that were declared by name.
    declared: FxHashSet<u32>,
    /// Bytes of drafts that an answer may bring beyond what was asked for.
    prefetch_bytes: u64,
}

impl PullSession {
    /// A session with a slave that knows the vocabulary and nothing else.
    pub fn new(vocabulary: &[super::ClassIndices]) -> PullSession {
        let declared = vocabulary.iter().map(|(_, index, _)| *index).collect();
        PullSession {
            sent: FxHashSet::default(),
            declared,
            prefetch_bytes: 0,
        }
    }

    /// The same, with answers that bring drafts of so many bytes beyond what was asked for.
    pub fn with_prefetch(self, prefetch_bytes: u64) -> PullSession {
        PullSession {
            prefetch_bytes,
            ..self
        }
    }

    /// Notes that the slave has the object with this id.
    pub fn note_present(&mut self, id: u64) {
        self.sent.insert(id);
    }

    /// Notes that the slave knows where a class stands in the class table.
    pub fn note_declared(&mut self, index: u32) {
        self.declared.insert(index);
    }

    /// Whether the slave was sent what has this id, so that it has it or can get at it.
    pub fn has(&self, id: u64) -> bool {
        self.sent.contains(&id)
    }
}

impl Extractor<'_> {
    /// What the slave needs that misses these; behind it, up to the session's budget, what it will
    /// miss next.
    ///
    /// # Errors
    /// [`ExtractError`] where this image has nothing of the kind; the session is as before.
    pub fn answer(
        &self,
        misses: &[Miss],
        session: &mut PullSession,
    ) -> Result<Bundle, ExtractError> {
        let roots = misses
            .iter()
            .map(|miss| self.root(miss))
            .collect::<Result<Vec<Oop>, _>>()?;
        let mut reply = Reply::of(*self, session);
        for root in roots {
            reply.bring(root, 0);
        }
        reply.answer.asked = reply.answer.placed.len();
        reply.prefetch();
        Ok(reply.answer)
    }

    /// Drafts that a slave will miss as far as ids say, for it to keep until it does; in answers of
    /// about so many bytes, and no more than so many. What cannot wait beside a heap is left to be
    /// missed.
    pub fn foretell(
        &self,
        ids: impl IntoIterator<Item = u64>,
        (answers_max, answer_bytes): (usize, usize),
        session: &mut PullSession,
    ) -> Vec<Bundle> {
        let mut answers: Vec<Bundle> = Vec::new();
        let mut reply = Reply::of(*self, session);
        let mut bytes = 0;
        for oop in ids.into_iter().filter_map(|id| self.oop_at(id)) {
            if answers.len() == answers_max || !reply.may_wait(oop) {
                continue;
            }
            let begin = reply.answer.placed.len();
            reply.bring(oop, 0);
            let brought = &reply.answer.placed[begin..];
            bytes += brought
                .iter()
                .map(|it| encode_placed(it).len())
                .sum::<usize>();
            if bytes >= answer_bytes {
                bytes = 0;
                answers.push(std::mem::take(&mut reply.answer));
            }
        }
        answers.push(reply.answer);
        answers.retain(|answer| !answer.placed.is_empty());
        answers
    }

    /// All classes and methods of some packages, for a slave that begins with them: the base
    /// library, say. `wanted` is asked with the name of a package.
    pub fn bundle(&self, wanted: impl Fn(&str) -> bool, session: &mut PullSession) -> Bundle {
        let mut reply = Reply::of(*self, session);
        let is_code = |place: &Place| matches!(place, Place::Behavior(_) | Place::Method(..));
        let mut code: Vec<(Oop, &Place)> = self
            .index
            .places()
            .filter(|(_, place)| is_code(place))
            .collect();
        code.sort_by_key(|(oop, _)| *oop);
        for (oop, place) in code {
            if wanted(&self.package_of_code(oop, place)) {
                reply.bring(oop, 0);
            }
        }
        reply.answer.asked = reply.answer.placed.len();
        reply.answer
    }

    /// The package of a class or method: of an extension that which made it.
    pub fn package_of_code(&self, oop: Oop, place: &Place) -> String {
        match place {
            Place::Behavior(name) => self.package_of_class(&name.class),
            Place::Method(behavior, _) => {
                let protocol = self.index.protocol(oop);
                let extension = protocol.strip_prefix('*').map(ToString::to_string);
                extension.unwrap_or_else(|| self.package_of_class(&behavior.class))
            }
            _ => String::new(),
        }
    }

    /// The package of a class; empty where there is none.
    pub fn package_of_class(&self, class: &str) -> String {
        let class = self.index.names().class_object(self.heap, class);
        class.map_or_else(String::new, |class| {
            self.index.package_of(self.heap, class).0.to_string()
        })
    }

    /// The object that a miss is about.
    fn root(&self, miss: &Miss) -> Result<Oop, ExtractError> {
        match miss {
            Miss::Object(ghost) => self.object_of(*ghost),
            Miss::Method {
                behavior,
                selector,
                ghost,
            } => self.method_of(behavior, selector, *ghost),
            Miss::ClassIndex(index) => self
                .heap
                .class_at(*index)
                .ok_or_else(|| ExtractError::NoClass(format!("number {index}"))),
            Miss::Class(name) => {
                let found = self.index.names().class_object(self.heap, name);
                found.ok_or_else(|| ExtractError::NoClass(name.to_string()))
            }
            Miss::Global(name) => self
                .index
                .names()
                .global(name)
                .ok_or_else(|| ExtractError::NoGlobal(name.to_string())),
            Miss::Known(known) => self.known_object(*known),
        }
    }

    fn object_of(&self, ghost: Ghost) -> Result<Oop, ExtractError> {
        self.oop_at(ghost.id)
            .ok_or(ExtractError::NoObject(ghost.id))
    }

    fn method_of(
        &self,
        behavior: &BehaviorName,
        selector: &Name,
        ghost: Ghost,
    ) -> Result<Oop, ExtractError> {
        let named = |oop: &Oop| matches!(self.index.place(*oop), Some(Place::Method(..)));
        let found = self.oop_at(ghost.id).filter(named);
        found.ok_or_else(|| ExtractError::NoMethod(format!("{behavior}>>{selector}")))
    }

    fn known_object(&self, known: Known) -> Result<Oop, ExtractError> {
        let oop = self.heap.known(known);
        let is_shared = match self.index.place(oop) {
            Some(Place::Behavior(_)) => true,
            Some(_) => false,
            None => known == Known::Smalltalk,
        };
        if is_shared {
            Ok(oop)
        } else {
            Err(ExtractError::NotShared(known.text()))
        }
    }
}

/// An answer under construction.
struct Reply<'a> {
    extractor: Extractor<'a>,
    session: &'a mut PullSession,
    answer: Bundle,
    /// Ids of methods and objects in this answer.
    taken: FxHashSet<u64>,
}

impl<'a> Reply<'a> {
    fn of(extractor: Extractor<'a>, session: &'a mut PullSession) -> Reply<'a> {
        Reply {
            extractor,
            session,
            answer: Bundle::default(),
            taken: FxHashSet::default(),
        }
    }

    /// Puts the draft of an object behind the drafts that it needs.
    fn bring(&mut self, oop: Oop, depth: usize) {
        if !oop.is_object() || depth > DEPTH_MAX {
            return;
        }
        match self.extractor.index.place(oop) {
            Some(Place::Behavior(name)) if name.meta => self.meta(oop),
            Some(Place::Behavior(_)) => self.class(oop),
            Some(Place::Binding(reference)) => self.binding(oop, &reference.clone()),
            Some(Place::Method(behavior, selector)) => {
                self.method(oop, &behavior.clone(), &selector.clone())
            }
            Some(Place::Known(known)) => self.alias(oop, Ref::Known(*known)),
            Some(Place::Scheduler) => self.alias(oop, Ref::Scheduler),
            Some(Place::Machine) => self.alias(oop, Ref::NIL),
            None if self.extractor.heap.is_symbol(oop) => self.symbol(oop),
            None => self.object(oop, depth),
        }
    }

    /// Puts behind the answer what its methods will miss next, and what those will, until the budget
    /// is spent: breadth first, since what is further away is less sure.
    fn prefetch(&mut self) {
        let mut left = self.session.prefetch_bytes;
        let mut at = 0;
        while let Some(placed) = self.answer.placed.get(at).filter(|_| left > 0) {
            at += 1;
            let Draft::Method(method) = &placed.draft else {
                continue;
            };
            for oop in foresee(&self.extractor, method) {
                let begin = self.answer.placed.len();
                if left > 0 && self.may_wait(oop) {
                    self.bring(oop, 0);
                }
                let brought = &self.answer.placed[begin..];
                let bytes: usize = brought.iter().map(|it| encode_placed(it).len()).sum();
                left = left.saturating_sub(bytes as u64);
            }
        }
    }

    /// Whether an object can wait beside the slave's heap: it has a draft that needs nothing but what
    /// has a name, and was not sent.
    fn may_wait(&self, oop: Oop) -> bool {
        let extractor = &self.extractor;
        if !oop.is_object() || self.session.has(extractor.id_of(oop)) {
            return false;
        }
        match extractor.index.place(oop) {
            Some(Place::Behavior(_) | Place::Method(..)) => true,
            Some(_) => false,
            None => {
                !extractor.heap.is_symbol(oop)
                    && extractor.home(oop) == oop
                    && extractor.prerequisites(oop).is_empty()
                    && oop != extractor.heap.known(Known::Smalltalk)
            }
        }
    }

    fn alias(&mut self, oop: Oop, reference: Ref) {
        self.answer
            .aliases
            .push((self.extractor.ghost_of(oop), reference));
    }

    fn symbol(&mut self, oop: Oop) {
        if let Some(text) = self.extractor.heap.string_text(oop) {
            self.alias(oop, Ref::symbol(text));
        }
    }

    /// A class that stands behind its superclasses.
    fn class(&mut self, oop: Oop) {
        let heap = self.extractor.heap;
        let mut chain = Vec::new();
        let mut at = oop;
        while at.is_object() && at != heap.nil() && !self.session.has(self.extractor.id_of(at)) {
            chain.push(at);
            at = heap.slot(at, behavior::SUPERCLASS);
        }
        for class in chain.into_iter().rev() {
            self.session.note_present(self.extractor.id_of(class));
            let placed = self.extractor.class(class);
            self.declare_name(&placed.draft.name.clone());
            self.push(placed.map(Draft::Class));
        }
    }

    /// A class side that stands behind its class and the class sides above it.
    fn meta(&mut self, oop: Oop) {
        let heap = self.extractor.heap;
        let mut chain = Vec::new();
        let mut at = oop;
        while self.is_meta(at) && !self.session.has(self.extractor.id_of(at)) {
            chain.push(at);
            at = heap.slot(at, behavior::SUPERCLASS);
        }
        if at.is_object() && at != heap.nil() && !self.is_meta(at) {
            self.class(at);
        }
        for meta in chain.into_iter().rev() {
            self.class(heap.slot(meta, self.extractor.index.names().family.this_class));
            self.session.note_present(self.extractor.id_of(meta));
            let placed = self.extractor.meta(meta);
            self.push(placed.map(Draft::Meta));
        }
    }

    fn is_meta(&self, oop: Oop) -> bool {
        matches!(self.extractor.index.place(oop), Some(Place::Behavior(name)) if name.meta)
    }

    fn binding(&mut self, oop: Oop, reference: &Ref) {
        let id = self.extractor.id_of(oop);
        if self.session.has(id) {
            self.alias(oop, reference.clone());
            return;
        }
        self.session.note_present(id);
        let placed = self.extractor.binding(oop, reference);
        self.push(placed.map(Draft::Object));
    }

    fn method(&mut self, oop: Oop, behavior: &BehaviorName, selector: &Name) {
        if let Some(class) = self
            .extractor
            .index
            .names()
            .behavior(self.extractor.heap, behavior)
        {
            self.bring(class, 0);
        }
        self.session.note_present(self.extractor.id_of(oop));
        if self.taken.insert(self.extractor.id_of(oop)) {
            let placed = self.extractor.method(oop, behavior, selector);
            self.push(placed.map(Draft::Method));
        }
    }

    fn object(&mut self, oop: Oop, depth: usize) {
        let home = self.extractor.home(oop);
        if home != oop && self.extractor.index.place(home).is_some() {
            return self.bring(home, depth + 1);
        }
        if !self.taken.insert(self.extractor.id_of(oop)) {
            return;
        }
        self.session.note_present(self.extractor.id_of(oop));
        for needed in self.extractor.prerequisites(oop) {
            self.bring(needed, depth + 1);
        }
        let mut placed = self.extractor.object(oop);
        if oop == self.extractor.heap.known(Known::Smalltalk) {
            placed.draft.root = Ref::Known(Known::Smalltalk);
        }
        self.push(placed.map(Draft::Object));
    }

    /// Puts a draft behind the bindings it names, and declares the classes of its locals.
    fn push(&mut self, placed: Placed<Draft>) {
        for reference in placed.draft.references() {
            self.precede(reference);
        }
        for local in placed.draft.locals() {
            if let Ref::Class(behavior) = &local.class {
                self.declare_name(&behavior.class);
            }
        }
        self.answer.placed.push(placed);
    }

    fn precede(&mut self, reference: &Ref) {
        let names = self.extractor.index.names();
        let binding = match reference {
            Ref::Global(name) => names.global(name),
            Ref::ClassVariable { class, name } => names.class_variable(class, name),
            _ => None,
        };
        if let Some(binding) = binding.filter(|oop| !self.session.has(self.extractor.id_of(*oop))) {
            self.binding(binding, reference);
        }
    }

    fn declare_name(&mut self, name: &Name) {
        let Some(entry) = self.extractor.index.names().class(name) else {
            return;
        };
        if self.session.declared.insert(entry.index) {
            self.answer
                .classes
                .push((name.clone(), entry.index, entry.meta_index));
        }
    }
}
