//! Live code and what is said to it.

use imprint_isa::draft_bytes::{decode, encode};
use imprint_isa::{ClassDraft, Draft, MethodDraft};

use super::names::behavior;
use super::{all, each, required};
use crate::live::{
    Chore, Conflict, MethodName, Push, PushReport, Pushed, PushedClass, PushedMethod, Reshaped,
    RolledBack, Shown,
};
use crate::{InvalidMessage, pb};

impl From<MethodName> for pb::MethodName {
    fn from(name: MethodName) -> pb::MethodName {
        pb::MethodName {
            behavior: Some(name.behavior.into()),
            selector: name.selector.to_string(),
        }
    }
}

impl TryFrom<pb::MethodName> for MethodName {
    type Error = InvalidMessage;

    fn try_from(name: pb::MethodName) -> Result<MethodName, InvalidMessage> {
        if name.selector.is_empty() {
            return Err(InvalidMessage::Missing("selector"));
        }
        Ok(MethodName {
            behavior: behavior(name.behavior)?,
            selector: name.selector.into(),
        })
    }
}

/// A method's name that must be there.
pub(crate) fn method_name(part: Option<pb::MethodName>) -> Result<MethodName, InvalidMessage> {
    required(part, "method name")?.try_into()
}

fn class_bytes(draft: ClassDraft) -> Vec<u8> {
    encode(&Draft::Class(draft))
}

fn class_draft(bytes: &[u8]) -> Result<ClassDraft, InvalidMessage> {
    match decode(bytes)? {
        Draft::Class(draft) => Ok(draft),
        _ => Err(InvalidMessage::Invalid("class")),
    }
}

fn method_bytes(draft: MethodDraft) -> Vec<u8> {
    encode(&Draft::Method(draft))
}

fn method_draft(bytes: &[u8]) -> Result<MethodDraft, InvalidMessage> {
    match decode(bytes)? {
        Draft::Method(draft) => Ok(draft),
        _ => Err(InvalidMessage::Invalid("method")),
    }
}

impl From<Push> for pb::PushOrder {
    fn from(push: Push) -> pb::PushOrder {
        let class = |class: PushedClass| pb::PushedClass {
            draft: class_bytes(class.draft).into(),
            comment: class.comment,
        };
        let method = |method: PushedMethod| pb::PushedMethod {
            draft: method_bytes(method.draft).into(),
            source: method.source,
            stamp: method.stamp,
        };
        let assumed = push.assumed.into_iter().map(class_bytes);
        pb::PushOrder {
            title: push.title,
            origin: push.origin,
            forced: push.is_forced,
            classes: push.classes.into_iter().map(class).collect(),
            methods: push.methods.into_iter().map(method).collect(),
            removed: all(push.removed),
            assumed: assumed.map(Into::into).collect(),
            chores: all(push.chores),
            buried: all(push.buried),
            supplies: push.supplies,
            places: push.places.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<pb::PushOrder> for Push {
    type Error = InvalidMessage;

    fn try_from(order: pb::PushOrder) -> Result<Push, InvalidMessage> {
        let class = |class: pb::PushedClass| {
            let draft = class_draft(&class.draft)?;
            let comment = class.comment;
            Ok::<_, InvalidMessage>(PushedClass { draft, comment })
        };
        let method = |method: pb::PushedMethod| {
            Ok::<_, InvalidMessage>(PushedMethod {
                draft: method_draft(&method.draft)?,
                source: method.source,
                stamp: method.stamp,
            })
        };
        let assumed = order.assumed.iter();
        Ok(Push {
            title: order.title,
            origin: order.origin,
            is_forced: order.forced,
            classes: order
                .classes
                .into_iter()
                .map(class)
                .collect::<Result<_, _>>()?,
            methods: order
                .methods
                .into_iter()
                .map(method)
                .collect::<Result<_, _>>()?,
            removed: each(order.removed)?,
            assumed: assumed
                .map(|bytes| class_draft(bytes))
                .collect::<Result<_, _>>()?,
            chores: each(order.chores)?,
            buried: each(order.buried)?,
            supplies: order.supplies,
            places: order.places.into_iter().map(Into::into).collect(),
        })
    }
}

impl From<Chore> for pb::Chore {
    fn from(chore: Chore) -> pb::Chore {
        pb::Chore {
            needs: Some(chore.needs.into()),
            for_new_class: chore
                .for_new_class
                .map_or(String::new(), |it| it.to_string()),
            before_rollback: chore.is_before_rollback,
            expression: method_bytes(chore.expression).into(),
        }
    }
}

impl TryFrom<pb::Chore> for Chore {
    type Error = InvalidMessage;

    fn try_from(chore: pb::Chore) -> Result<Chore, InvalidMessage> {
        let class = chore.for_new_class;
        Ok(Chore {
            needs: method_name(chore.needs)?,
            for_new_class: (!class.is_empty()).then(|| class.into()),
            is_before_rollback: chore.before_rollback,
            expression: method_draft(&chore.expression)?,
        })
    }
}

impl From<PushReport> for pb::PushReport {
    fn from(report: PushReport) -> pb::PushReport {
        use pb::push_report::Result;
        let result = match report {
            PushReport::Pushed(pushed) => Result::Pushed(pushed.into()),
            PushReport::Conflicts(conflicts) => Result::Conflicts(pb::Conflicts {
                conflicts: all(conflicts),
            }),
            PushReport::Missing(names) => Result::Missing(pb::Missing { names }),
        };
        pb::PushReport {
            result: Some(result),
        }
    }
}

impl TryFrom<pb::PushReport> for PushReport {
    type Error = InvalidMessage;

    fn try_from(report: pb::PushReport) -> Result<PushReport, InvalidMessage> {
        use pb::push_report::Result;
        Ok(match required(report.result, "result of a push")? {
            Result::Pushed(pushed) => PushReport::Pushed(pushed.try_into()?),
            Result::Conflicts(found) => PushReport::Conflicts(each(found.conflicts)?),
            Result::Missing(missing) => PushReport::Missing(missing.names),
        })
    }
}

impl From<Pushed> for pb::Pushed {
    fn from(pushed: Pushed) -> pb::Pushed {
        pb::Pushed {
            number: pushed.number,
            new_classes: pushed.new_classes,
            reshaped: all(pushed.reshaped),
            methods: pushed.methods,
            removed: pushed.removed,
            losses: pushed.losses,
            micros: pushed.micros,
            warnings: pushed.warnings,
        }
    }
}

impl TryFrom<pb::Pushed> for Pushed {
    type Error = InvalidMessage;

    fn try_from(pushed: pb::Pushed) -> Result<Pushed, InvalidMessage> {
        Ok(Pushed {
            number: pushed.number,
            new_classes: pushed.new_classes,
            reshaped: each(pushed.reshaped)?,
            methods: pushed.methods,
            removed: pushed.removed,
            losses: pushed.losses,
            micros: pushed.micros,
            warnings: pushed.warnings,
        })
    }
}

impl From<Reshaped> for pb::Reshaped {
    fn from(reshaped: Reshaped) -> pb::Reshaped {
        pb::Reshaped {
            behavior: Some(reshaped.behavior.into()),
            added: reshaped.added,
            removed: reshaped.removed,
            instances: reshaped.instances,
            adapted: reshaped.adapted,
        }
    }
}

impl TryFrom<pb::Reshaped> for Reshaped {
    type Error = InvalidMessage;

    fn try_from(reshaped: pb::Reshaped) -> Result<Reshaped, InvalidMessage> {
        Ok(Reshaped {
            behavior: behavior(reshaped.behavior)?,
            added: reshaped.added,
            removed: reshaped.removed,
            instances: reshaped.instances,
            adapted: reshaped.adapted,
        })
    }
}

impl From<Conflict> for pb::Conflict {
    fn from(conflict: Conflict) -> pb::Conflict {
        pb::Conflict {
            method: Some(conflict.method.into()),
            number: conflict.number,
            origin: conflict.origin,
            when_micros: conflict.when_micros,
            source: conflict.source,
        }
    }
}

impl TryFrom<pb::Conflict> for Conflict {
    type Error = InvalidMessage;

    fn try_from(conflict: pb::Conflict) -> Result<Conflict, InvalidMessage> {
        Ok(Conflict {
            method: method_name(conflict.method)?,
            number: conflict.number,
            origin: conflict.origin,
            when_micros: conflict.when_micros,
            source: conflict.source,
        })
    }
}

impl From<Shown> for pb::ShowReport {
    fn from(shown: Shown) -> pb::ShowReport {
        pb::ShowReport {
            is_there: shown.is_there,
            source: shown.source,
            number: shown.number,
            origin: shown.origin,
            stamp: shown.stamp,
            when_micros: shown.when_micros,
        }
    }
}

impl From<pb::ShowReport> for Shown {
    fn from(report: pb::ShowReport) -> Shown {
        Shown {
            is_there: report.is_there,
            source: report.source,
            number: report.number,
            origin: report.origin,
            stamp: report.stamp,
            when_micros: report.when_micros,
        }
    }
}

impl From<RolledBack> for pb::RollbackReport {
    fn from(back: RolledBack) -> pb::RollbackReport {
        pb::RollbackReport {
            number: back.number,
            classes: back.classes,
            methods: back.methods,
            instances: back.instances,
        }
    }
}

impl From<pb::RollbackReport> for RolledBack {
    fn from(report: pb::RollbackReport) -> RolledBack {
        RolledBack {
            number: report.number,
            classes: report.classes,
            methods: report.methods,
            instances: report.instances,
        }
    }
}
