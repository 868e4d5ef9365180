//! What a master says. Drafts and references are their canonical bytes.

use bytes::Bytes;
use imprint_isa::draft_bytes::{
    decode, decode_placed, decode_reference, encode, encode_placed, encode_reference,
};
use imprint_isa::{Draft, MethodDraft, Placed, Ref};
use imprint_model::Ghost;

use super::names::{fingerprint, ghost};
use super::{all, each, required};
use crate::message::{Drafts, MasterMessage, Plan, Welcome};
use crate::{InvalidMessage, pb};
use pb::compiled::Result as Compiled;
use pb::master_message::Message;

impl From<MasterMessage> for pb::MasterMessage {
    fn from(message: MasterMessage) -> pb::MasterMessage {
        let message = match message {
            MasterMessage::Welcome(welcome) => Message::Welcome(welcome.into()),
            MasterMessage::Drafts(drafts) => Message::Drafts(drafts.into()),
            MasterMessage::Compiled { sequence, result } => Message::Compiled(pb::Compiled {
                sequence,
                result: Some(compiled(result)),
            }),
            MasterMessage::Text { sequence, text } => Message::Text(pb::Text { sequence, text }),
            MasterMessage::Refused { sequence, reason } => {
                Message::Refused(pb::Refused { sequence, reason })
            }
        };
        pb::MasterMessage {
            message: Some(message),
        }
    }
}

impl TryFrom<pb::MasterMessage> for MasterMessage {
    type Error = InvalidMessage;

    fn try_from(message: pb::MasterMessage) -> Result<MasterMessage, InvalidMessage> {
        Ok(match required(message.message, "message")? {
            Message::Welcome(welcome) => MasterMessage::Welcome(welcome.try_into()?),
            Message::Drafts(drafts) => MasterMessage::Drafts(drafts.try_into()?),
            Message::Compiled(answer) => MasterMessage::Compiled {
                sequence: answer.sequence,
                result: method(required(answer.result, "compiled method")?)?,
            },
            Message::Text(answer) => MasterMessage::Text {
                sequence: answer.sequence,
                text: answer.text,
            },
            Message::Refused(answer) => MasterMessage::Refused {
                sequence: answer.sequence,
                reason: answer.reason,
            },
        })
    }
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

impl From<Drafts> for pb::Drafts {
    fn from(drafts: Drafts) -> pb::Drafts {
        let bytes = |placed: &Placed<Draft>| Bytes::from(encode_placed(placed));
        let alias = |(ghost, reference): &(Ghost, Ref)| pb::Alias {
            ghost: Some((*ghost).into()),
            reference: encode_reference(reference).into(),
        };
        pb::Drafts {
            sequence: drafts.sequence,
            placed: drafts.placed.iter().map(bytes).collect(),
            aliases: drafts.aliases.iter().map(alias).collect(),
            classes: all(drafts.classes),
        }
    }
}

impl TryFrom<pb::Drafts> for Drafts {
    type Error = InvalidMessage;

    fn try_from(drafts: pb::Drafts) -> Result<Drafts, InvalidMessage> {
        let placed = drafts.placed.iter().map(|bytes| decode_placed(bytes));
        let alias = |alias: pb::Alias| -> Result<(Ghost, Ref), InvalidMessage> {
            Ok((ghost(alias.ghost)?, decode_reference(&alias.reference)?))
        };
        Ok(Drafts {
            sequence: drafts.sequence,
            placed: placed.collect::<Result<_, _>>()?,
            aliases: drafts
                .aliases
                .into_iter()
                .map(alias)
                .collect::<Result<_, _>>()?,
            classes: each(drafts.classes)?,
        })
    }
}
