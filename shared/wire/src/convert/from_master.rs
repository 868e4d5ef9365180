//! What a master says. A single method is its canonical bytes; what answers misses travels packed, and
//! so these messages are written and read with what the stream remembers.

use bytes::Bytes;
use imprint_isa::draft_bytes::{decode, encode};
use imprint_isa::{Draft, MethodDraft};

use super::names::{fingerprint, fingerprint_bytes, fingerprint_if_any};
use super::seed::{agreement_heard, agreement_said};
use super::{all, each, required};
use crate::bundles::{BundleReader, BundleWriter};
use crate::message::{Drafts, MasterMessage, Plan, Welcome};
use crate::{InvalidMessage, pb};
use pb::compiled::Result as Compiled;
use pb::master_message::Message;

/// What is said to a slave.
pub(crate) fn said(message: MasterMessage, bundles: &mut BundleWriter) -> pb::MasterMessage {
    let message = match message {
        MasterMessage::Welcome(welcome) => Message::Welcome(welcome.into()),
        MasterMessage::Drafts(drafts) => Message::Drafts(pb::Drafts {
            sequence: drafts.sequence,
            bundle: bundles.write(&drafts.bundle).into(),
        }),
        MasterMessage::Compiled { sequence, result } => Message::Compiled(pb::Compiled {
            sequence,
            result: Some(compiled(result)),
        }),
        MasterMessage::Text {
            sequence,
            text,
            line,
            stamp,
        } => Message::Text(pb::Text {
            sequence,
            text,
            line,
            stamp,
        }),
        MasterMessage::Agreement(agreement) => {
            Message::Agreement(agreement_said(agreement, bundles))
        }
        MasterMessage::KernelImage { sequence, image } => {
            Message::KernelImage(pb::KernelImage { sequence, image })
        }
        MasterMessage::Refused { sequence, reason } => {
            Message::Refused(pb::Refused { sequence, reason })
        }
    };
    pb::MasterMessage {
        message: Some(message),
    }
}

/// What a master said.
pub(crate) fn heard(
    message: pb::MasterMessage,
    bundles: &mut BundleReader,
) -> Result<MasterMessage, InvalidMessage> {
    Ok(match required(message.message, "message")? {
        Message::Welcome(welcome) => MasterMessage::Welcome(welcome.try_into()?),
        Message::Drafts(drafts) => MasterMessage::Drafts(Drafts {
            sequence: drafts.sequence,
            bundle: bundles.read(&drafts.bundle)?,
        }),
        Message::Compiled(answer) => MasterMessage::Compiled {
            sequence: answer.sequence,
            result: method(required(answer.result, "compiled method")?)?,
        },
        Message::Text(answer) => MasterMessage::Text {
            sequence: answer.sequence,
            text: answer.text,
            line: answer.line,
            stamp: answer.stamp,
        },
        Message::Agreement(agreement) => {
            MasterMessage::Agreement(agreement_heard(agreement, bundles)?)
        }
        Message::KernelImage(answer) => MasterMessage::KernelImage {
            sequence: answer.sequence,
            image: answer.image,
        },
        Message::Refused(answer) => MasterMessage::Refused {
            sequence: answer.sequence,
            reason: answer.reason,
        },
    })
}

fn compiled(result: Result<MethodDraft, String>) -> Compiled {
    match result {
        Ok(method) => Compiled::Draft(encode(&Draft::Method(method)).into()),
        Err(diagnostics) => Compiled::Diagnostics(diagnostics),
    }
}

fn method(result: Compiled) -> Result<Result<MethodDraft, String>, InvalidMessage> {
    match result {
        Compiled::Diagnostics(text) => Ok(Err(text)),
        Compiled::Draft(bytes) => match decode(&bytes)? {
            Draft::Method(method) => Ok(Ok(method)),
            _ => Err(InvalidMessage::Invalid("compiled method")),
        },
    }
}

impl From<Welcome> for pb::Welcome {
    fn from(welcome: Welcome) -> pb::Welcome {
        pb::Welcome {
            image_fingerprint: Bytes::copy_from_slice(&welcome.image_fingerprint),
            protocol: welcome.protocol,
            master_version: welcome.master_version,
            warnings: welcome.warnings,
            classes: all(welcome.classes),
            plan: Some(welcome.plan.into()),
            kernel_fingerprint: fingerprint_bytes(welcome.kernel_fingerprint),
        }
    }
}

impl TryFrom<pb::Welcome> for Welcome {
    type Error = InvalidMessage;

    fn try_from(welcome: pb::Welcome) -> Result<Welcome, InvalidMessage> {
        Ok(Welcome {
            image_fingerprint: fingerprint(&welcome.image_fingerprint)?,
            protocol: welcome.protocol,
            master_version: welcome.master_version,
            warnings: welcome.warnings,
            classes: each(welcome.classes)?,
            plan: welcome.plan.unwrap_or_default().try_into()?,
            kernel_fingerprint: fingerprint_if_any(&welcome.kernel_fingerprint)?,
        })
    }
}

impl From<Plan> for pb::Plan {
    fn from(plan: Plan) -> pb::Plan {
        pb::Plan {
            tests: all(plan.tests),
            entry: plan.entry,
            options: all(plan.options),
        }
    }
}

impl TryFrom<pb::Plan> for Plan {
    type Error = InvalidMessage;

    fn try_from(plan: pb::Plan) -> Result<Plan, InvalidMessage> {
        Ok(Plan {
            tests: each(plan.tests)?,
            entry: plan.entry,
            options: all(plan.options),
        })
    }
}
