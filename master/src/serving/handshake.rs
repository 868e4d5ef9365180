//! What a master and a slave compare before anything is pulled: versions, place, and the code of the seed.
//!
//! ```text
//!   slave ── names and digests of its classes ──> which are the same, which differ, which are not here
//!         ── identities of the parts of those that differ ──> which parts are the same
//!                           <── this image's numbers of all parts that are agreed on
//! ```
//!
//! What is agreed on counts as sent: it waits beside the slave's heap like any draft that came ahead of
//! its time, and is never sent again. Where the two differ, this image is right.

use std::collections::{HashMap, HashSet};

use imprint_isa::Name;
use imprint_isa::draft_bytes::numbers::{Numbers, encode_numbers};
use imprint_vm::extract::{ClassParts, Extractor, PullSession};
use imprint_wire::message::{AgreedClass, Agreement, Hello, OfferedClass};

/// The code of an image as seeds are compared with it.
pub(super) struct Holdings(HashMap<Name, Held>);

struct Held {
    shape: u64,
    digest: u64,
    indices: (u32, u32),
    parts: Vec<HeldPart>,
}

struct HeldPart {
    id: u64,
    identity: u64,
    numbers: Numbers,
}

impl Held {
    fn of(class: ClassParts) -> Held {
        let parts = class.parts.into_iter().map(|part| HeldPart {
            id: part.id(),
            identity: part.identity,
            numbers: part.numbers,
        });
        Held {
            shape: class.shape,
            digest: class.digest,
            indices: class.indices,
            parts: parts.collect(),
        }
    }

    /// The parts that are here of those offered, each with its place in the offer.
    fn agreed(&self, identities: &[u64]) -> Vec<(u32, &HeldPart)> {
        let here: HashMap<u64, &HeldPart> = self
            .parts
            .iter()
            .map(|part| (part.identity, part))
            .collect();
        // Two parts of one identity are one draft, and it is agreed on once.
        let mut seen = HashSet::new();
        let places = (0..).zip(identities);
        places
            .filter(|(_, identity)| seen.insert(**identity))
            .filter_map(|(place, identity)| Some((place, *here.get(identity)?)))
            .collect()
    }
}

impl Holdings {
    /// Looks at all code of an image.
    pub fn of(extractor: &Extractor<'_>) -> Holdings {
        let classes = extractor.inventory().into_iter();
        Holdings(classes.map(|it| (it.name.clone(), Held::of(it))).collect())
    }

    /// What of an offer is here just so; notes in the session that the slave has it.
    pub fn agree(
        &self,
        sequence: u64,
        offered: &[OfferedClass],
        session: &mut PullSession,
    ) -> Agreement {
        let mut agreed: Vec<&HeldPart> = Vec::new();
        let class = |class: &OfferedClass| self.compare(class, &mut agreed, session);
        let classes = offered.iter().map(class).collect();
        for part in &agreed {
            session.note_present(part.id);
        }
        Agreement {
            sequence,
            classes,
            numbers: encode_numbers(agreed.iter().map(|part| &part.numbers)),
        }
    }

    fn compare<'a>(
        &'a self,
        offered: &OfferedClass,
        agreed: &mut Vec<&'a HeldPart>,
        session: &mut PullSession,
    ) -> AgreedClass {
        let Some(held) = self.0.get(&offered.name) else {
            return AgreedClass::Absent;
        };
        session.note_declared(held.indices.0);
        if held.digest == offered.digest {
            agreed.extend(&held.parts);
            return AgreedClass::Same;
        }
        let found = held.agreed(&offered.identities);
        agreed.extend(found.iter().map(|(_, part)| *part));
        AgreedClass::Other {
            indices: held.indices,
            has_other_shape: held.shape != offered.shape,
            parts: found.into_iter().map(|(place, _)| place).collect(),
        }
    }
}

/// Differences that can work, a sentence each.
pub(super) fn differences(hello: &Hello) -> Vec<String> {
    let version = env!("CARGO_PKG_VERSION").to_string();
    let rows = [
        (
            "version",
            &hello.slave_version,
            version,
            "use the same version of both",
        ),
        (
            "time zone",
            &hello.time_zone,
            imprint_host::timezone::name(),
            "tests of times may end otherwise; set TZ for both",
        ),
        (
            "locale",
            &hello.locale,
            imprint_host::locale::name(),
            "tests of texts may end otherwise; set LANG for both",
        ),
    ];
    rows.into_iter()
        .filter(|(_, theirs, ours, _)| !theirs.is_empty() && *theirs != ours)
        .map(|(what, theirs, ours, advice)| {
            format!("the master's {what} is {ours}, this slave's is {theirs}; {advice}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_and_can_work_is_told_with_both_sides() {
        let same = Hello {
            locale: imprint_host::locale::name(),
            time_zone: imprint_host::timezone::name(),
            ..Hello::empty(env!("CARGO_PKG_VERSION"))
        };
        assert_eq!(differences(&same), Vec::<String>::new());
        let other = Hello {
            locale: "tlh_KX".into(),
            time_zone: "Mars/Olympus".into(),
            ..Hello::empty("9.9.9")
        };
        let told = differences(&other);
        assert_eq!(told.len(), 3, "{told:?}");
        for (sentence, theirs) in told.iter().zip(["9.9.9", "Mars/Olympus", "tlh_KX"]) {
            assert!(sentence.contains(theirs), "{sentence}");
        }
    }
}
