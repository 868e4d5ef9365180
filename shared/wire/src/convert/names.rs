//! Names, ghosts, fingerprints: what messages in both directions hold.

use bytes::Bytes;
use imprint_isa::BehaviorName;
use imprint_model::Ghost;

use crate::message::{ClassEntry, TestName};
use crate::{Fingerprint, InvalidMessage, pb};

impl From<BehaviorName> for pb::Behavior {
    fn from(behavior: BehaviorName) -> pb::Behavior {
        pb::Behavior {
            class_name: behavior.class.to_string(),
            meta: behavior.meta,
        }
    }
}

impl TryFrom<pb::Behavior> for BehaviorName {
    type Error = InvalidMessage;

    fn try_from(behavior: pb::Behavior) -> Result<BehaviorName, InvalidMessage> {
        if behavior.class_name.is_empty() {
            return Err(InvalidMessage::Missing("class name"));
        }
        Ok(BehaviorName {
            class: behavior.class_name.into(),
            meta: behavior.meta,
        })
    }
}

/// A behaviour that must be there.
pub(super) fn behavior(part: Option<pb::Behavior>) -> Result<BehaviorName, InvalidMessage> {
    super::required(part, "behavior")?.try_into()
}

impl From<Ghost> for pb::Ghost {
    fn from(ghost: Ghost) -> pb::Ghost {
        pb::Ghost {
            id: ghost.id,
            hash: ghost.hash,
        }
    }
}

/// A ghost that must be there; both parts fit in its word.
pub(super) fn ghost(part: Option<pb::Ghost>) -> Result<Ghost, InvalidMessage> {
    let ghost = super::required(part, "ghost")?;
    Ghost::new(ghost.id, ghost.hash).ok_or(InvalidMessage::Invalid("ghost"))
}

impl From<TestName> for pb::TestName {
    fn from(test: TestName) -> pb::TestName {
        pb::TestName {
            class_name: test.class.to_string(),
            selector: test.selector.to_string(),
        }
    }
}

impl TryFrom<pb::TestName> for TestName {
    type Error = InvalidMessage;

    fn try_from(test: pb::TestName) -> Result<TestName, InvalidMessage> {
        if test.class_name.is_empty() || test.selector.is_empty() {
            return Err(InvalidMessage::Missing("test name"));
        }
        Ok(TestName {
            class: test.class_name.into(),
            selector: test.selector.into(),
        })
    }
}

impl From<ClassEntry> for pb::ClassEntry {
    fn from(entry: ClassEntry) -> pb::ClassEntry {
        pb::ClassEntry {
            name: entry.name.to_string(),
            index: entry.index,
            meta_index: entry.meta_index,
        }
    }
}

impl TryFrom<pb::ClassEntry> for ClassEntry {
    type Error = InvalidMessage;

    fn try_from(entry: pb::ClassEntry) -> Result<ClassEntry, InvalidMessage> {
        let limit = imprint_model::ClassIndex::LIMIT;
        if entry.name.is_empty() || entry.index >= limit || entry.meta_index >= limit {
            return Err(InvalidMessage::Invalid("class entry"));
        }
        Ok(ClassEntry {
            name: entry.name.into(),
            index: entry.index,
            meta_index: entry.meta_index,
        })
    }
}

impl From<(String, String)> for pb::Setting {
    fn from((name, value): (String, String)) -> pb::Setting {
        pb::Setting { name, value }
    }
}

impl From<pb::Setting> for (String, String) {
    fn from(setting: pb::Setting) -> (String, String) {
        (setting.name, setting.value)
    }
}

/// 32 bytes.
pub(super) fn fingerprint(bytes: &[u8]) -> Result<Fingerprint, InvalidMessage> {
    Fingerprint::try_from(bytes).map_err(|_| InvalidMessage::Invalid("fingerprint"))
}

/// 32 bytes or none.
pub(super) fn fingerprint_if_any(bytes: &[u8]) -> Result<Option<Fingerprint>, InvalidMessage> {
    if bytes.is_empty() {
        Ok(None)
    } else {
        fingerprint(bytes).map(Some)
    }
}

/// The bytes of a fingerprint; none for none.
pub(super) fn fingerprint_bytes(fingerprint: Option<Fingerprint>) -> Bytes {
    fingerprint.map_or_else(Bytes::new, |bytes| Bytes::copy_from_slice(&bytes))
}
