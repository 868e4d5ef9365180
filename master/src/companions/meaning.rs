//! Which methods a message probably means.

use imprint_isa::sends::Receiver;
use imprint_isa::special_selectors::SPECIAL_SELECTORS;
use imprint_isa::{BehaviorName, Name};
use imprint_wire::live::MethodName;

use super::search::{Certainty, Search, Sending, Visit, sides};

/// Of a message of which nothing is known all methods come where there are no more.
const FEW: usize = 4;
/// Classes of which there are instances everywhere: a message of which nothing is known may mean theirs.
const EVERYWHERE: [&str; 3] = ["SmallInteger", "ByteString", "WriteStream"];
/// So many special selectors are arithmetic.
const ARITHMETIC: usize = 16;

impl Search {
    /// The methods that a message probably means.
    pub(super) fn meant(&self, sending: &Sending) -> Vec<Visit> {
        let Sending { sent, sender, .. } = sending;
        let myself = &sending.myself;
        let my_class = BehaviorName::meta(myself.class.clone());
        // Where lookup begins, and whose instance the receiver is.
        let start = match &sent.receiver {
            Receiver::Unknown => None,
            Receiver::Class(class) => Some((BehaviorName::meta(class.clone()), None)),
            Receiver::Instance(class) => Some((BehaviorName::class(class.clone()), None)),
            Receiver::Super => self.map.above(sender).map(|it| (it, Some(myself.clone()))),
            Receiver::Myself => Some((myself.clone(), None)),
            Receiver::MyClass => Some((my_class, None)),
        };
        let found = start.and_then(|(start, receiver)| {
            let name = self.map.lookup(&start, &sent.selector)?;
            let certainty = sending.certainty.max(Certainty::Needed);
            Some((name, receiver.unwrap_or(start), certainty))
        });
        let Some(found) = found else {
            return match sending.certainty {
                Certainty::Possible => Vec::new(),
                _ => self.meant_by_anybody(sending),
            };
        };
        let is_open = sent.receiver == Receiver::Myself && sending.certainty == Certainty::Pushed;
        let overrides = match is_open {
            true => self.overrides(sending),
            false => Vec::new(),
        };
        std::iter::once(found).chain(overrides).collect()
    }

    /// What else a message to self may mean that the push itself sends.
    fn overrides(&self, sending: &Sending) -> Vec<Visit> {
        let all = self.map.implementors(&sending.sent.selector);
        let is_below = |name: &MethodName| {
            let Sending { sender, .. } = sending;
            name.behavior.meta == sender.meta
                && self.map.inherits(&name.behavior.class, &sender.class)
        };
        all.filter(is_below)
            .map(|name| of_itself(name, Certainty::Possible))
            .collect()
    }

    /// The methods that a message to a receiver means of which nothing is known.
    fn meant_by_anybody(&self, sending: &Sending) -> Vec<Visit> {
        let selector = &sending.sent.selector;
        let all = self.map.implementors(selector);
        let all: Vec<MethodName> = all.filter(|name| self.has_place(name)).collect();
        let is_heard = is_known_to_machine(selector) || all.iter().any(|name| self.is_here(name));
        // Nothing there answers to what nobody there understands.
        let is_sure = all.len() <= FEW || !is_heard;
        let certainty = match is_sure {
            true => sending.certainty.max(Certainty::Needed),
            false => Certainty::Possible,
        };
        // What the image understands already is new to the classes that come, and to few others.
        let is_new = |class: &&Name| self.classes.contains(*class);
        let live = self.live.iter().filter(is_new).flat_map(sides);
        let everywhere = EVERYWHERE.into_iter().map(BehaviorName::class);
        let found = live.chain(everywhere).filter_map(|start| {
            let name = self.map.lookup(&start, selector)?;
            Some((name, start, Certainty::Needed))
        });
        let brings_all = is_sure || sending.certainty == Certainty::Pushed;
        let all = all.into_iter().filter(|_| brings_all);
        found
            .chain(all.map(|name| of_itself(name, certainty)))
            .collect()
    }
}

/// A method that runs with a receiver of its own class.
fn of_itself(name: MethodName, certainty: Certainty) -> Visit {
    let myself = name.behavior.clone();
    (name, myself, certainty)
}

/// Whether the machine itself does it with numbers or with anything: then there may be no method, though
/// code that was exercised sends it.
fn is_known_to_machine(selector: &str) -> bool {
    let arithmetic = SPECIAL_SELECTORS[..ARITHMETIC].iter();
    let mut known = arithmetic
        .map(|(text, _)| *text)
        .chain(["==", "~~", "class"]);
    known.any(|text| text == selector)
}
