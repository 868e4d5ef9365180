//! Who pulled: call sites, by what their misses cost on the wire.
//!
//! Kept as an extension of the machine, and only where somebody put one in. A call site is the code that
//! ran when something was missed; of its pulls the largest says by which way it was reached.

use rustc_hash::FxHashMap;

use crate::machine::Vm;
use crate::naming::Activation;

/// Activations that are noted of the stack of a pull.
const STACK_MAX: usize = 12;

/// What came because of one call site.
#[derive(Clone, Default, Debug)]
pub struct PullSite {
    /// Bytes of its pulls.
    pub bytes: u64,
    /// How many there were.
    pub pulls: u64,
    /// What the largest brought.
    pub title: String,
    /// The stack at the largest, innermost first; empty where no code ran.
    pub stack: Vec<Activation>,
    bytes_largest: u64,
}

/// All call sites of a run.
#[derive(Default, Debug)]
pub struct PullSites {
    sites: FxHashMap<Option<Activation>, PullSite>,
}

impl PullSites {
    /// The sites, in no order.
    pub fn sites(&self) -> impl Iterator<Item = &PullSite> {
        self.sites.values()
    }

    fn note(&mut self, bytes: u64, title: String, stack: Vec<Activation>) {
        let site = self.sites.entry(stack.first().cloned()).or_default();
        site.bytes += bytes;
        site.pulls += 1;
        if site.bytes_largest <= bytes {
            site.bytes_largest = bytes;
            site.title = title;
            site.stack = stack;
        }
    }
}

impl Vm {
    /// Notes that a miss of the running process was answered over the wire.
    pub(crate) fn note_pull(&mut self, bytes: u64, title: impl FnOnce() -> String) {
        if bytes == 0 || self.extensions.get::<PullSites>().is_none() {
            return;
        }
        let stack = if self.is_running {
            self.activations(self.active_process_or_nil(), STACK_MAX)
        } else {
            Vec::new()
        };
        if let Some(sites) = self.extensions.get_mut::<PullSites>() {
            sites.note(bytes, title(), stack);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imprint_isa::BehaviorName;

    fn activation(selector: &str, offset: u32) -> Activation {
        Activation {
            behavior: BehaviorName::class("Foo"),
            selector: selector.into(),
            path: vec![],
            offset,
        }
    }

    #[test]
    fn pulls_of_one_place_are_one_site_with_the_stack_of_the_largest() {
        let mut sites = PullSites::default();
        let caller = |selector| vec![activation("bar", 3), activation(selector, 9)];
        sites.note(10, "Small".into(), caller("one"));
        sites.note(90, "Large".into(), caller("two"));
        sites.note(20, "Middle".into(), caller("one"));
        sites.note(5, "Elsewhere".into(), vec![activation("bar", 4)]);
        let mut found: Vec<_> = sites.sites().collect();
        found.sort_by_key(|site| site.bytes);
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].bytes, found[1].pulls), (120, 3));
        assert_eq!(found[1].title, "Large");
        assert_eq!(found[1].stack, caller("two"));
    }
}
