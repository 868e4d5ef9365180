//! Orders and reports.

use std::time::Duration;

use bytes::Bytes;

use super::names::{fingerprint, fingerprint_bytes, fingerprint_if_any};
use super::{all, each, required};
use crate::control::{Progress, RunOrder, Runnable, SnapshotOrder, SnapshotReport, StatusReport};
use crate::{InvalidMessage, pb};

/// Whole milliseconds; what exceeds the field is its maximum.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<StatusReport> for pb::StatusReport {
    fn from(report: StatusReport) -> pb::StatusReport {
        let figure = |(name, value)| pb::Figure { name, value };
        pb::StatusReport {
            program: report.program,
            version: report.version,
            state: report.state,
            image: report.image,
            fingerprint: fingerprint_bytes(report.fingerprint),
            uptime_millis: millis(report.uptime),
            figures: report.figures.into_iter().map(figure).collect(),
        }
    }
}

impl TryFrom<pb::StatusReport> for StatusReport {
    type Error = InvalidMessage;

    fn try_from(report: pb::StatusReport) -> Result<StatusReport, InvalidMessage> {
        let figure = |figure: pb::Figure| (figure.name, figure.value);
        Ok(StatusReport {
            program: report.program,
            version: report.version,
            state: report.state,
            image: report.image,
            fingerprint: fingerprint_if_any(&report.fingerprint)?,
            uptime: Duration::from_millis(report.uptime_millis),
            figures: report.figures.into_iter().map(figure).collect(),
        })
    }
}

impl From<RunOrder> for pb::RunOrder {
    fn from(order: RunOrder) -> pb::RunOrder {
        let what = match order.what {
            Runnable::Expression(text) => pb::run_order::What::Expression(text),
            Runnable::Tests { tests, packages } => pb::run_order::What::Tests(pb::TestSelection {
                tests: all(tests),
                packages,
            }),
        };
        pb::RunOrder {
            what: Some(what),
            limit_millis: order.limit.map_or(0, millis),
        }
    }
}

impl TryFrom<pb::RunOrder> for RunOrder {
    type Error = InvalidMessage;

    fn try_from(order: pb::RunOrder) -> Result<RunOrder, InvalidMessage> {
        let what = match required(order.what, "what to run")? {
            pb::run_order::What::Expression(text) => Runnable::Expression(text),
            pb::run_order::What::Tests(selection) => Runnable::Tests {
                tests: each(selection.tests)?,
                packages: selection.packages,
            },
        };
        let limit = order.limit_millis;
        Ok(RunOrder {
            what,
            limit: (limit > 0).then(|| Duration::from_millis(limit)),
        })
    }
}

impl From<Progress> for pb::Progress {
    fn from(progress: Progress) -> pb::Progress {
        let what = match progress {
            Progress::Event(event) => pb::progress::What::Event(event.into()),
            Progress::Finished { exit_code, text } => {
                pb::progress::What::Finished(pb::Finished { exit_code, text })
            }
        };
        pb::Progress { what: Some(what) }
    }
}

impl TryFrom<pb::Progress> for Progress {
    type Error = InvalidMessage;

    fn try_from(progress: pb::Progress) -> Result<Progress, InvalidMessage> {
        Ok(match required(progress.what, "progress")? {
            pb::progress::What::Event(event) => Progress::Event(event.try_into()?),
            pb::progress::What::Finished(finished) => Progress::Finished {
                exit_code: finished.exit_code,
                text: finished.text,
            },
        })
    }
}

impl From<SnapshotOrder> for pb::SnapshotOrder {
    fn from(order: SnapshotOrder) -> pb::SnapshotOrder {
        pb::SnapshotOrder {
            path: order.path,
            options: all(order.options),
        }
    }
}

impl TryFrom<pb::SnapshotOrder> for SnapshotOrder {
    type Error = InvalidMessage;

    fn try_from(order: pb::SnapshotOrder) -> Result<SnapshotOrder, InvalidMessage> {
        if order.path.is_empty() {
            return Err(InvalidMessage::Missing("path"));
        }
        Ok(SnapshotOrder {
            path: order.path,
            options: all(order.options),
        })
    }
}

impl From<SnapshotReport> for pb::SnapshotReport {
    fn from(report: SnapshotReport) -> pb::SnapshotReport {
        pb::SnapshotReport {
            path: report.path,
            bytes: report.bytes,
            fingerprint: Bytes::copy_from_slice(&report.fingerprint),
            warnings: report.warnings,
        }
    }
}

impl TryFrom<pb::SnapshotReport> for SnapshotReport {
    type Error = InvalidMessage;

    fn try_from(report: pb::SnapshotReport) -> Result<SnapshotReport, InvalidMessage> {
        Ok(SnapshotReport {
            path: report.path,
            bytes: report.bytes,
            fingerprint: fingerprint(&report.fingerprint)?,
            warnings: report.warnings,
        })
    }
}
