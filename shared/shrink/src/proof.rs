//! The rules of the proof: a slim image runs with no source; what it misses fails it, and each
//! finding names what mends it.

use imprint_isa::{BehaviorName, Miss};
use imprint_vm::extract::{Extractor, Place};
use imprint_vm::install::Names;

/// What a miss during the proof means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What was missed, in a user's words.
    pub missing: String,
    /// The `--keep` that mends it; `None` where no pattern names it.
    pub keep: Option<String>,
}

impl Finding {
    /// The sentence for the user.
    pub fn sentence(&self) -> String {
        let mend = match &self.keep {
            Some(keep) => {
                format!("Keep it with   --keep '{keep}'   or add a test that reaches it.")
            }
            None => "Add a test that reaches it.".to_string(),
        };
        format!(
            "{} was not exercised, so it is not in this image.\n    {mend}",
            self.missing
        )
    }

    fn named(name: String) -> Finding {
        Finding {
            missing: name.clone(),
            keep: Some(name),
        }
    }
}

/// What a miss means, as far as a slim image can say it; `full` tells what a ghost stands for.
pub fn judge(miss: &Miss, names: &Names, full: Option<&Extractor<'_>>) -> Finding {
    match miss {
        Miss::Method {
            behavior, selector, ..
        } => Finding::named(format!("{behavior}>>{selector}")),
        Miss::Class(name) | Miss::Global(name) => Finding::named(name.to_string()),
        Miss::ClassIndex(index) => match names.behavior_at(*index) {
            Some(behavior) => class_finding(behavior),
            None => full.map_or_else(anything, |full| of_index(full, *index)),
        },
        Miss::Known(known) => Finding::named(known.text().to_string()),
        Miss::Object(ghost) => {
            let oop = full.and_then(|full| full.oop_at(ghost.id).map(|oop| (full, oop)));
            oop.map_or_else(anything, |(full, oop)| of_object(full, oop))
        }
    }
}

fn class_finding(behavior: &BehaviorName) -> Finding {
    Finding {
        missing: behavior.to_string(),
        keep: Some(behavior.class.to_string()),
    }
}

fn of_index(full: &Extractor<'_>, index: u32) -> Finding {
    full.index()
        .names()
        .behavior_at(index)
        .map_or_else(anything, class_finding)
}

fn of_object(full: &Extractor<'_>, oop: imprint_model::Oop) -> Finding {
    match full.index().place(oop) {
        Some(Place::Behavior(name)) => class_finding(name),
        Some(Place::Method(behavior, selector)) => {
            Finding::named(format!("{behavior}>>{selector}"))
        }
        _ => {
            let class = full
                .index()
                .names()
                .behavior_at(full.heap().class_index_of(oop));
            let missing = class.map_or("an object".to_string(), |class| {
                format!("an object of class {class}")
            });
            Finding {
                missing,
                keep: None,
            }
        }
    }
}

fn anything() -> Finding {
    Finding {
        missing: "an object".to_string(),
        keep: None,
    }
}

/// Whether what a test said means that it needs a compiler, which no slim image has.
pub fn needs_compiler(error: &str) -> bool {
    ["no compiler", "needs a compiler"]
        .iter()
        .any(|sign| error.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use imprint_model::Ghost;

    #[test]
    fn a_finding_names_the_keep_that_mends_it() {
        let ghost = Ghost { id: 3, hash: 1 };
        let behavior = BehaviorName::meta("Foo");
        let miss = Miss::Method {
            behavior,
            selector: "bar:".into(),
            ghost,
        };
        let finding = judge(&miss, &Names::default(), None);
        assert_eq!(
            finding.sentence(),
            "Foo class>>bar: was not exercised, so it is not in this image.\n    \
             Keep it with   --keep 'Foo class>>bar:'   or add a test that reaches it."
        );
    }

    #[test]
    fn a_class_is_named_by_its_index() {
        let mut names = Names::default();
        names.declare(&"Foo".into(), 2000, 2001);
        let finding = judge(&Miss::ClassIndex(2001), &names, None);
        assert_eq!(finding.missing, "Foo class");
        assert_eq!(finding.keep.as_deref(), Some("Foo"));
    }
}
