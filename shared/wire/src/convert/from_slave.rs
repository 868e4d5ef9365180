//! What a slave says.

use imprint_isa::{CompileRequest, Miss, Name, Surroundings};
use imprint_model::Known;

use super::names::{behavior, fingerprint_bytes, fingerprint_if_any, ghost};
use super::{all, each, required};
use crate::message::{CodePosition, Hello, SlaveMessage};
use crate::{InvalidMessage, pb};
use pb::miss::What;
use pb::slave_message::Message;

impl From<SlaveMessage> for pb::SlaveMessage {
    fn from(message: SlaveMessage) -> pb::SlaveMessage {
        let message = match message {
            SlaveMessage::Hello(hello) => Message::Hello(hello.into()),
            SlaveMessage::Misses { sequence, misses } => Message::Misses(pb::Misses {
                sequence,
                misses: all(misses),
            }),
            SlaveMessage::Compile { sequence, request } => {
                Message::Compile(compile(sequence, request))
            }
            SlaveMessage::MethodSource {
                sequence,
                behavior,
                selector,
                position,
            } => Message::MethodSource(pb::MethodSource {
                sequence,
                behavior: Some(behavior.into()),
                selector: selector.to_string(),
                position: position.map(pb::CodePosition::from),
            }),
            SlaveMessage::Event(event) => Message::Event(event.into()),
            SlaveMessage::Offer { sequence, classes } => Message::Offer(pb::Offer {
                sequence,
                classes: all(classes),
            }),
            SlaveMessage::KernelWanted { sequence } => {
                Message::KernelWanted(pb::KernelWanted { sequence })
            }
        };
        pb::SlaveMessage {
            message: Some(message),
        }
    }
}

impl TryFrom<pb::SlaveMessage> for SlaveMessage {
    type Error = InvalidMessage;

    fn try_from(message: pb::SlaveMessage) -> Result<SlaveMessage, InvalidMessage> {
        Ok(match required(message.message, "message")? {
            Message::Hello(hello) => SlaveMessage::Hello(hello.try_into()?),
            Message::Misses(asked) => SlaveMessage::Misses {
                sequence: sequence(asked.sequence)?,
                misses: each(asked.misses)?,
            },
            Message::Compile(asked) => SlaveMessage::Compile {
                sequence: sequence(asked.sequence)?,
                request: asked.try_into()?,
            },
            Message::MethodSource(asked) => SlaveMessage::MethodSource {
                sequence: sequence(asked.sequence)?,
                behavior: behavior(asked.behavior)?,
                selector: asked.selector.into(),
                position: asked.position.map(CodePosition::try_from).transpose()?,
            },
            Message::Event(event) => SlaveMessage::Event(event.try_into()?),
            Message::Offer(offer) => SlaveMessage::Offer {
                sequence: sequence(offer.sequence)?,
                classes: each(offer.classes)?,
            },
            Message::KernelWanted(wanted) => SlaveMessage::KernelWanted {
                sequence: sequence(wanted.sequence)?,
            },
        })
    }
}

impl From<CodePosition> for pb::CodePosition {
    fn from(position: CodePosition) -> pb::CodePosition {
        pb::CodePosition {
            path: position.path.into_iter().map(u32::from).collect(),
            offset: position.offset,
        }
    }
}

impl TryFrom<pb::CodePosition> for CodePosition {
    type Error = InvalidMessage;

    fn try_from(position: pb::CodePosition) -> Result<CodePosition, InvalidMessage> {
        let literal = |number| u16::try_from(number);
        let path = position
            .path
            .into_iter()
            .map(literal)
            .collect::<Result<_, _>>();
        Ok(CodePosition {
            path: path.map_err(|_| InvalidMessage::Invalid("code position"))?,
            offset: position.offset,
        })
    }
}

/// The number of a question; 0 is none.
fn sequence(number: u64) -> Result<u64, InvalidMessage> {
    if number == 0 {
        return Err(InvalidMessage::Invalid("sequence"));
    }
    Ok(number)
}

impl From<Hello> for pb::Hello {
    fn from(hello: Hello) -> pb::Hello {
        pb::Hello {
            protocol: hello.protocol,
            word_bytes: hello.word_bytes,
            bytecode_set: hello.bytecode_set,
            slave_version: hello.slave_version,
            seed: Some(hello.seed.into()),
            locale: hello.locale,
            time_zone: hello.time_zone,
            prefetch_bytes: hello.prefetch_bytes,
            image_fingerprint: fingerprint_bytes(hello.image_fingerprint),
        }
    }
}

impl TryFrom<pb::Hello> for Hello {
    type Error = InvalidMessage;

    fn try_from(hello: pb::Hello) -> Result<Hello, InvalidMessage> {
        Ok(Hello {
            protocol: hello.protocol,
            word_bytes: hello.word_bytes,
            bytecode_set: hello.bytecode_set,
            slave_version: hello.slave_version,
            seed: required(hello.seed, "seed")?.try_into()?,
            locale: hello.locale,
            time_zone: hello.time_zone,
            prefetch_bytes: hello.prefetch_bytes,
            image_fingerprint: fingerprint_if_any(&hello.image_fingerprint)?,
        })
    }
}

impl From<Miss> for pb::Miss {
    fn from(miss: Miss) -> pb::Miss {
        let what = match miss {
            Miss::Object(ghost) => What::Object(ghost.into()),
            Miss::Method {
                behavior,
                selector,
                ghost,
            } => What::Method(pb::MissingMethod {
                behavior: Some(behavior.into()),
                selector: selector.to_string(),
                ghost: Some(ghost.into()),
            }),
            Miss::ClassIndex(index) => What::ClassIndex(index),
            Miss::Class(name) => What::ClassName(name.to_string()),
            Miss::Known(known) => What::Known(known.index() as u32),
            Miss::Global(name) => What::Global(name.to_string()),
        };
        pb::Miss { what: Some(what) }
    }
}

impl TryFrom<pb::Miss> for Miss {
    type Error = InvalidMessage;

    fn try_from(miss: pb::Miss) -> Result<Miss, InvalidMessage> {
        Ok(match required(miss.what, "miss")? {
            What::Object(part) => Miss::Object(ghost(Some(part))?),
            What::Method(method) => Miss::Method {
                behavior: behavior(method.behavior)?,
                selector: method.selector.into(),
                ghost: ghost(method.ghost)?,
            },
            What::ClassIndex(index) => Miss::ClassIndex(index),
            What::ClassName(name) => Miss::Class(name.into()),
            What::Known(index) => Miss::Known(
                Known::from_index(index as usize).ok_or(InvalidMessage::Invalid("known object"))?,
            ),
            What::Global(name) => Miss::Global(name.into()),
        })
    }
}

fn compile(sequence: u64, request: CompileRequest) -> pb::Compile {
    let texts = |names: Vec<Name>| names.iter().map(ToString::to_string).collect();
    let here = request.surroundings;
    let class_variable = |(class, name): (Name, Name)| pb::ClassVariable {
        class_name: class.to_string(),
        name: name.to_string(),
    };
    let global = |(name, is_class): (Name, bool)| pb::GlobalName {
        name: name.to_string(),
        is_class,
    };
    pb::Compile {
        sequence,
        behavior: Some(request.behavior.into()),
        instance_variables: texts(here.instance_variables),
        source: request.source,
        protocol: request.protocol,
        is_expression: request.is_expression,
        shape: here.shape,
        lineage: texts(here.lineage),
        class_variables: here
            .class_variables
            .into_iter()
            .map(class_variable)
            .collect(),
        globals: here.globals.into_iter().map(global).collect(),
    }
}

impl TryFrom<pb::Compile> for CompileRequest {
    type Error = InvalidMessage;

    fn try_from(asked: pb::Compile) -> Result<CompileRequest, InvalidMessage> {
        let class_variable =
            |it: pb::ClassVariable| (Name::from(it.class_name), Name::from(it.name));
        let global = |it: pb::GlobalName| (Name::from(it.name), it.is_class);
        Ok(CompileRequest {
            behavior: behavior(asked.behavior)?,
            source: asked.source,
            protocol: asked.protocol,
            is_expression: asked.is_expression,
            surroundings: Surroundings {
                shape: asked.shape,
                instance_variables: all(asked.instance_variables),
                lineage: all(asked.lineage),
                class_variables: asked
                    .class_variables
                    .into_iter()
                    .map(class_variable)
                    .collect(),
                globals: asked.globals.into_iter().map(global).collect(),
            },
        })
    }
}
