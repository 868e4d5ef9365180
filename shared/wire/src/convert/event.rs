//! What happens on a slave.

use super::names::behavior;
use super::required;
use crate::message::{Event, Level, Marks, Outcome, TestFinished};
use crate::{InvalidMessage, pb};
use pb::event::What;

impl From<Event> for pb::Event {
    fn from(event: Event) -> pb::Event {
        let what = match event {
            Event::TestStarted(test) => What::TestStarted(test.into()),
            Event::TestFinished(finished) => What::TestFinished(finished.into()),
            Event::Marks(marks) => What::Marks(pb::Marks {
                epoch: marks.epoch,
                ids: marks.ids,
            }),
            Event::LogLine(level, text) => What::LogLine(pb::LogLine {
                level: pb::Level::from(level).into(),
                text,
            }),
            Event::Pruned(behavior, selector) => What::Pruned(pb::PrunedReached {
                behavior: Some(behavior.into()),
                selector: selector.to_string(),
            }),
        };
        pb::Event { what: Some(what) }
    }
}

impl TryFrom<pb::Event> for Event {
    type Error = InvalidMessage;

    fn try_from(event: pb::Event) -> Result<Event, InvalidMessage> {
        Ok(match required(event.what, "event")? {
            What::TestStarted(test) => Event::TestStarted(test.try_into()?),
            What::TestFinished(finished) => Event::TestFinished(finished.try_into()?),
            What::Marks(marks) => Event::Marks(Marks {
                epoch: marks.epoch,
                ids: marks.ids,
            }),
            What::LogLine(line) => Event::LogLine(line.level().try_into()?, line.text),
            What::Pruned(pruned) => {
                Event::Pruned(behavior(pruned.behavior)?, pruned.selector.into())
            }
        })
    }
}

impl From<TestFinished> for pb::TestFinished {
    fn from(finished: TestFinished) -> pb::TestFinished {
        pb::TestFinished {
            test: Some(finished.test.into()),
            outcome: pb::Outcome::from(finished.outcome).into(),
            text: finished.text,
            micros: finished.micros,
        }
    }
}

impl TryFrom<pb::TestFinished> for TestFinished {
    type Error = InvalidMessage;

    fn try_from(finished: pb::TestFinished) -> Result<TestFinished, InvalidMessage> {
        Ok(TestFinished {
            outcome: finished.outcome().try_into()?,
            test: required(finished.test, "test name")?.try_into()?,
            text: finished.text,
            micros: finished.micros,
        })
    }
}

impl From<Outcome> for pb::Outcome {
    fn from(outcome: Outcome) -> pb::Outcome {
        match outcome {
            Outcome::Passed => pb::Outcome::Passed,
            Outcome::Failed => pb::Outcome::Failed,
            Outcome::Errored => pb::Outcome::Errored,
            Outcome::Pruned => pb::Outcome::Pruned,
            Outcome::TimedOut => pb::Outcome::TimedOut,
            Outcome::Skipped => pb::Outcome::Skipped,
            Outcome::NeedsCompiler => pb::Outcome::NeedsCompiler,
        }
    }
}

impl TryFrom<pb::Outcome> for Outcome {
    type Error = InvalidMessage;

    fn try_from(outcome: pb::Outcome) -> Result<Outcome, InvalidMessage> {
        Ok(match outcome {
            pb::Outcome::Passed => Outcome::Passed,
            pb::Outcome::Failed => Outcome::Failed,
            pb::Outcome::Errored => Outcome::Errored,
            pb::Outcome::Pruned => Outcome::Pruned,
            pb::Outcome::TimedOut => Outcome::TimedOut,
            pb::Outcome::Skipped => Outcome::Skipped,
            pb::Outcome::NeedsCompiler => Outcome::NeedsCompiler,
            pb::Outcome::Unspecified => return Err(InvalidMessage::Invalid("outcome")),
        })
    }
}

impl From<Level> for pb::Level {
    fn from(level: Level) -> pb::Level {
        match level {
            Level::Error => pb::Level::Error,
            Level::Warning => pb::Level::Warning,
            Level::Information => pb::Level::Information,
        }
    }
}

impl TryFrom<pb::Level> for Level {
    type Error = InvalidMessage;

    fn try_from(level: pb::Level) -> Result<Level, InvalidMessage> {
        Ok(match level {
            pb::Level::Error => Level::Error,
            pb::Level::Warning => Level::Warning,
            pb::Level::Information => Level::Information,
            pb::Level::Unspecified => return Err(InvalidMessage::Invalid("level")),
        })
    }
}
