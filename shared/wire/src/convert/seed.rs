//! Seeds, what is offered of them, and what comes of the offer.

use imprint_model::ClassIndex;

use super::names::{fingerprint, fingerprint_bytes};
use super::{all, each};
use crate::bundles::{BundleReader, BundleWriter};
use crate::message::{AgreedClass, Agreement, OfferedClass, Seed};
use crate::{InvalidMessage, pb};
use pb::{SeedKind, Standing};

impl From<Seed> for pb::Seed {
    fn from(seed: Seed) -> pb::Seed {
        let (kind, fingerprint) = match seed {
            Seed::Empty => (SeedKind::Empty, None),
            Seed::Kernel => (SeedKind::Kernel, None),
            Seed::Image(fingerprint) => (SeedKind::Image, Some(fingerprint)),
        };
        pb::Seed {
            kind: kind.into(),
            fingerprint: fingerprint_bytes(fingerprint),
        }
    }
}

impl TryFrom<pb::Seed> for Seed {
    type Error = InvalidMessage;

    fn try_from(seed: pb::Seed) -> Result<Seed, InvalidMessage> {
        match seed.kind() {
            SeedKind::Empty => Ok(Seed::Empty),
            SeedKind::Kernel => Ok(Seed::Kernel),
            SeedKind::Image => fingerprint(&seed.fingerprint).map(Seed::Image),
            SeedKind::Unspecified => Err(InvalidMessage::Invalid("seed")),
        }
    }
}

impl From<OfferedClass> for pb::OfferedClass {
    fn from(class: OfferedClass) -> pb::OfferedClass {
        pb::OfferedClass {
            name: class.name.to_string(),
            shape: class.shape,
            digest: class.digest,
            identities: class.identities,
        }
    }
}

impl TryFrom<pb::OfferedClass> for OfferedClass {
    type Error = InvalidMessage;

    fn try_from(class: pb::OfferedClass) -> Result<OfferedClass, InvalidMessage> {
        if class.name.is_empty() {
            return Err(InvalidMessage::Missing("class name"));
        }
        Ok(OfferedClass {
            name: class.name.into(),
            shape: class.shape,
            digest: class.digest,
            identities: class.identities,
        })
    }
}

/// An agreement on its way out.
pub(super) fn agreement_said(agreement: Agreement, bundles: &mut BundleWriter) -> pb::Agreement {
    pb::Agreement {
        sequence: agreement.sequence,
        classes: all(agreement.classes),
        numbers: bundles.write_plain(&agreement.numbers).into(),
    }
}

/// An agreement that came.
pub(super) fn agreement_heard(
    agreement: pb::Agreement,
    bundles: &mut BundleReader,
) -> Result<Agreement, InvalidMessage> {
    Ok(Agreement {
        sequence: agreement.sequence,
        classes: each(agreement.classes)?,
        numbers: bundles.read_plain(&agreement.numbers)?,
    })
}

impl From<AgreedClass> for pb::AgreedClass {
    fn from(class: AgreedClass) -> pb::AgreedClass {
        let standing = |standing: Standing| pb::AgreedClass {
            standing: standing.into(),
            ..pb::AgreedClass::default()
        };
        match class {
            AgreedClass::Same => standing(Standing::Same),
            AgreedClass::Absent => standing(Standing::Absent),
            AgreedClass::Other {
                indices,
                has_other_shape,
                parts,
            } => pb::AgreedClass {
                index: indices.0,
                meta_index: indices.1,
                has_other_shape,
                parts,
                ..standing(Standing::Other)
            },
        }
    }
}

impl TryFrom<pb::AgreedClass> for AgreedClass {
    type Error = InvalidMessage;

    fn try_from(class: pb::AgreedClass) -> Result<AgreedClass, InvalidMessage> {
        match class.standing() {
            Standing::Unspecified => Err(InvalidMessage::Invalid("standing of a class")),
            Standing::Same => Ok(AgreedClass::Same),
            Standing::Absent => Ok(AgreedClass::Absent),
            Standing::Other => {
                let limit = ClassIndex::LIMIT;
                if class.index >= limit || class.meta_index >= limit {
                    return Err(InvalidMessage::Invalid("class entry"));
                }
                if !class.parts.is_sorted_by(|one, next| one < next) {
                    return Err(InvalidMessage::Invalid("parts of a class"));
                }
                Ok(AgreedClass::Other {
                    indices: (class.index, class.meta_index),
                    has_other_shape: class.has_other_shape,
                    parts: class.parts,
                })
            }
        }
    }
}
